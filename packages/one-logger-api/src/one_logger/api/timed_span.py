"""What instrumented code calls: spans as context managers and decorators, events and errors on the current span."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from one_logger.api.compiled_code import no_error, no_recorder, no_span, nothing, replace_in_compiled_code
from one_logger.api.config import OneLoggerConfig
from one_logger.api.context import current_span
from one_logger.api.provider import OneLoggerProvider
from one_logger.api.recorder import NoOpRecorder, Recorder
from one_logger.api.timing import TimedSpan, no_block, timed_span
from one_logger.core import ErrorEvent, Event

__all__ = [
    "OneLoggerConfig",
    "OneLoggerProvider",
    "TimedSpan",
    "configure_one_logger",
    "current_span",
    "get_recorder",
    "record_error",
    "record_event",
    "timed_span",
]

_provider = OneLoggerProvider.instance()


def configure_one_logger(config: OneLoggerConfig, recorder: Recorder) -> None:
    """The same as `OneLoggerProvider.instance().configure(config, recorder)`."""
    _provider.configure(config, recorder)


def get_recorder() -> Recorder:
    """The recorder of this process. It records nothing if none is configured or telemetry is disabled."""
    return _provider._recorder


def record_event(name: str | Enum, attributes: Mapping[str, object] | None = None) -> None:
    """Record an event on the current span.

    Args:
        name: A `str`, or an `Enum` whose value is one.
        attributes: Its attributes.
    """
    recorder = _provider._recorder
    if not isinstance(recorder, NoOpRecorder):
        recorder.event(None, Event(name, attributes))


def record_error(
    message: str, exception: BaseException | None = None, attributes: Mapping[str, object] | None = None
) -> ErrorEvent:
    """Record an error of the application on the current span, and return the error's event.

    Args:
        message: What went wrong.
        exception: The exception. None: the one being handled, if the call is in an `except` block.
        attributes: More attributes.
    """
    return _provider._recorder.error(None, message, exception, attributes)


for _function, _replacement in (
    (timed_span, no_block),
    (TimedSpan.__enter__, no_span),
    (TimedSpan.__exit__, nothing),
    (current_span, no_span),
    (get_recorder, no_recorder),
    (record_event, nothing),
    (record_error, no_error),
):
    replace_in_compiled_code(_function, _replacement)
