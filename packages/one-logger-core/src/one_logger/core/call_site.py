"""Where in the job's code a mistake was made. Nothing looks for it before it is known to be one."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from types import FrameType

_BETWEEN = frozenset(("asyncio", "concurrent", "contextlib", "functools", "logging", "one_logger", "threading"))
"""Packages that may stand between the job's call and us. Where nothing else is on the stack, the call is our own."""


def located(message: str) -> tuple[str, dict[str, object]]:
    """A sentence with file and line of the job's call that has led here, and these as attributes.

    The attributes have OpenTelemetry's names (semantic conventions, "Source code attributes"). In a thread of our own
    there is no such call: the sentence is then returned as it is.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in _BETWEEN:
            code, line = frame.f_code, frame.f_lineno
            end = "" if message.endswith(".") else "."
            return f"{message}{end} Called at {code.co_filename}:{line}, in {code.co_qualname}.", {
                "code.file.path": code.co_filename,
                "code.line.number": line,
                "code.function.name": code.co_qualname,
            }
        frame = frame.f_back
    return message, {}
