"""Converts single values of a file to a text, number, bool, duration or path."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from enum import Enum
from types import NoneType

A_PATH = "a path"

_DIGITS = "[0-9]+(?:_[0-9]+)*"
WHOLE = re.compile(rf"[-+]?{_DIGITS}|0o[0-7]+|0x[0-9a-fA-F]+")
REAL = re.compile(
    rf"[-+]?(?:\.[0-9]+|{_DIGITS}(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
"""Numbers as in YAML 1.2 (section 10.3.2, "Core Schema"); beyond that, `_` may stand between digits."""

_LONGEST = 100
_SWITCHES = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>ns|us|µs|ms|s|min|m|h|d)")
_MILLISECOND, _SECOND = 10**6, 10**9
_NANOSECONDS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": _MILLISECOND, "s": _SECOND} | {
    unit: seconds * _SECOND for unit, seconds in (("m", 60), ("min", 60), ("h", 3_600), ("d", 86_400))
}
# Only its name tells in which unit a parameter counts time.
_IN_SECONDS = re.compile(r"(^|_)(timeout|interval|delay|duration|period|cool_?down|seconds|secs)$")
_IN_MILLISECONDS = re.compile(r"_(ms|millis|milliseconds)$")


class UnfitError(ValueError):
    """A value does not fit. The message, if there is one, says what is expected."""


def number(text: str) -> int | float:
    """The number that a text is, in a file as in a variable. Raises a `ValueError` if it is none."""
    if WHOLE.fullmatch(text):
        return int(text.replace("_", ""), {"0o": 8, "0x": 16}.get(text[:2], 10))
    if REAL.fullmatch(text):
        return float(text.lower().replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    raise ValueError


def unit_of(name: str) -> int | None:
    """The unit, in nanoseconds, in which a parameter of this name counts time. None if it doesn't count time."""
    if _IN_MILLISECONDS.search(name):
        return _MILLISECOND
    return _SECOND if _IN_SECONDS.search(name) else None


def member_of(kind: type[Enum], value: object) -> Enum:
    """The member of an `Enum` with this name or value. Raises a `ValueError` if there is none."""
    for member in kind:
        if value is member or (type(value) is type(member.value) and value == member.value):
            return member
        if isinstance(value, str) and value.lower() in (member.name.lower(), str(member.value).lower()):
            return member
    raise ValueError


def _null(value: object, _: int | None) -> None:
    if value is not None:
        raise ValueError


def _text(value: object, _: int | None) -> str:
    if isinstance(value, str):
        return value
    raise UnfitError("a text; put it in quotes" if isinstance(value, (bool, int, float)) else "")


def _bool(value: object, _: int | None) -> bool:
    if isinstance(value, bool):
        return value
    switched = _SWITCHES.get(value.strip().lower()) if isinstance(value, str) else None
    if switched is None:
        raise ValueError
    return switched


def _int(value: object, unit: int | None) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and WHOLE.fullmatch(value.strip()) and len(value) <= _LONGEST:
        return int(number(value.strip()))
    duration = _duration(value, unit)
    if not duration.is_integer():
        raise ValueError
    return int(duration)


def _float(value: object, unit: int | None) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    for convert in (number, float):  # Python knows more, such as `inf`
        with suppress(ValueError):
            return float(convert(value.strip() if isinstance(value, str) else ""))
    return _duration(value, unit)


def _time_span(value: object, _: int | None) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return timedelta(seconds=value)
    return timedelta(seconds=_duration(value, _SECOND))


def _duration(value: object, unit: int | None) -> float:
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or unit is None:
        raise ValueError
    return float(match["number"]) * _NANOSECONDS[match["unit"]] / unit


def _path(value: object, _: int | None) -> os.PathLike[str]:
    if isinstance(value, os.PathLike):
        return value
    if not isinstance(value, str):
        raise ValueError
    from pathlib import Path

    return Path(os.path.expanduser(value))


SCALARS: tuple[tuple[type, str, str, Callable[[object, int | None], object]], ...] = (
    (NoneType, "null", "null", _null),
    (str, "a text", "string", _text),
    (bool, "true or false", "boolean", _bool),
    (int, "a whole number", "integer", _int),
    (float, "a number", "number", _float),
    (timedelta, "a duration such as 500ms, 30s or 1h", "number", _time_span),
    (os.PathLike, A_PATH, "string", _path),
)
"""The types of single values: name in messages, type in JSON, and conversion. A conversion gets a value and the unit,
in nanoseconds, in which the parameter counts time, and raises a `ValueError` if the value does not fit. The first type
that fits an annotation is used: bool stands before int."""
