"""What the standard library's `logging` and telemetry have of each other: events of log records, ids in log records."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping
from time import monotonic
from traceback import walk_tb

from one_logger.api.context import current_span
from one_logger.api.timed_span import get_recorder
from one_logger.core import NOOP_SPAN, Attributes, Event, OneLoggerError
from one_logger.core.spi import check_number, error_text

__all__ = ["EventHandler", "TraceContextFilter"]

_FRAMES = 16
_ARRAYS = ("__array__", "__dlpack__", "__cuda_array_interface__", "device")


class EventHandler(logging.Handler):
    """A log handler that makes an event of the current span of each log record.

    The event is called `log`. Its attributes are `level`, `logger`, `message`, and of an exception `exception.type`,
    `exception.message` and `exception.stacktrace` (its innermost frames, without source lines, as no file is read for
    it). It is no error: the span's status stays as it is.

    Outside a span, log records are passed over. So are those of the logger `one_logger`, and those that an exporter
    makes while it exports. No lock is held, and a log call never raises because of this handler.

    Args:
        level: The lowest level, as of every handler.
        max_per_second: How many records become events in a second. What is left out is counted by the attribute
            `left_out` of the next event.
        max_characters: The longest message. The rest is cut.

    Raises:
        OneLoggerError: `max_per_second` or `max_characters` is no number above zero.
    """

    def __init__(
        self, level: int | str = logging.NOTSET, *, max_per_second: int = 100, max_characters: int = 1_024
    ) -> None:
        check_number("max_per_second", max_per_second, 1, "a number of log records", whole=True)
        check_number("max_characters", max_characters, 1, "a number of characters", whole=True)
        super().__init__(level)
        self._max_per_second = max_per_second
        self._max_characters = max_characters
        self._second = 0
        self._count = 0
        self._left_out = 0

    def handle(self, record: logging.LogRecord) -> bool:
        """Make an event of the record, unless a filter is against it. Holds no lock, as recording needs none."""
        passed = self.filter(record)
        if isinstance(passed, logging.LogRecord):  # from Python 3.12 on a filter may change it
            record = passed
        if passed:
            self.emit(record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Make an event of the record."""
        span = current_span()
        if span is NOOP_SPAN or record.name.partition(".")[0] == "one_logger" or not self._has_room():
            return
        about = {"level": record.levelname, "logger": record.name, "message": self._cut(_message(record))}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            kind = type(error)
            builtin = kind.__module__ == "builtins"
            about["exception.type"] = kind.__qualname__ if builtin else f"{kind.__module__}.{kind.__qualname__}"
            about["exception.message"] = self._cut(error_text(error))
            about["exception.stacktrace"] = _frames(error)
        left_out, self._left_out = self._left_out, 0
        try:
            get_recorder().event(span, Event("log", {**about, "left_out": left_out or None}))
        except OneLoggerError:  # the strategy has it raised; the recorder has told the exporters
            return

    def _has_room(self) -> bool:
        """Whether there is room in this second. Threads that count at the same time may pass some more."""
        second = int(monotonic())
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        if self._count <= self._max_per_second:
            return True
        self._left_out += 1
        return False

    def _cut(self, text: str) -> str:
        return text if len(text) <= self._max_characters else text[: self._max_characters] + "..."


class TraceContextFilter(logging.Filter):
    """A log filter that stops nothing, and gives each log record the ids of the current span.

    They are its attributes `trace_id` and `span_id`: 32 and 16 hexadecimal digits, as exporters write them, and empty
    outside a span. Add it to a handler, whose format may then have `%(trace_id)s`.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the ids."""
        context = current_span().context
        known = context.span_id != 0
        record.trace_id = f"{context.trace_id:032x}" if known else ""
        record.span_id = f"{context.span_id:016x}" if known else ""
        return True


def _message(record: logging.LogRecord) -> str:
    """The record's message. What is on an accelerator is not read for it."""
    args: object = record.args
    if isinstance(args, Mapping):
        args = {name: _readable(value) for name, value in args.items()}
    elif args:
        args = tuple(map(_readable, record.args or ()))
    try:
        message = str(_readable(record.msg))
        return message % args if args else message
    except Exception as error:
        return f"{record.msg!s:.100} ({type(error).__name__}: {error_text(error)})"


def _readable(value: object) -> object:
    """The value, or what is exported of it if it is an array."""
    if any(hasattr(type(value), name) for name in _ARRAYS):
        return Attributes({"value": value})["value"]
    return value


def _frames(error: BaseException) -> str:
    """The innermost frames of an exception's traceback, as Python prints them."""
    frames = deque(walk_tb(error.__traceback__), maxlen=_FRAMES)
    return "".join(
        f'  File "{frame.f_code.co_filename}", line {line}, in {frame.f_code.co_name}\n' for frame, line in frames
    )
