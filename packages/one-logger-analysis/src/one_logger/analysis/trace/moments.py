"""Points in time as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_UNITS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|s|m|h|d)\s*")
_OFFSET = re.compile(rf"([+-]?)\s*((?:{_PART.pattern})+)")


class MomentError(ValueError):
    """A text is no point in time. The message says what one looks like."""


def moment(text: str, first_unix_nano: int, last_unix_nano: int) -> int:
    """The point in time that a text means, in nanoseconds since 1970-01-01T00:00:00Z.

    Args:
        text: A duration since the run's start (`90s`, `1h30m`), before its end (`-5m`), or a time in ISO 8601, of UTC
            unless it says otherwise.
        first_unix_nano: When the run started.
        last_unix_nano: When it ended.

    Raises:
        MomentError: It is none of these.
    """
    if match := _OFFSET.fullmatch(text.strip()):
        offset = sum(round(float(number) * _UNITS[unit]) for number, unit in _PART.findall(match[2]))
        return last_unix_nano - offset if match[1] == "-" else first_unix_nano + offset
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise MomentError(
            f"{text!r} is no point in time. Give a time since the run's start (90s, 1h30m), before its end (-5m), "
            "or a date and time (2026-11-25T14:30:00)."
        ) from None
    since = (time if time.tzinfo else time.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
