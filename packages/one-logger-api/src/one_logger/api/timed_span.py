"""What instrumented code calls: spans as context managers and decorators, events and errors on the current span."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum

from one_logger.api.compiled_code import no_error, no_recorder, no_span, nothing, replace_in_compiled_code
from one_logger.api.config import OneLoggerConfig
from one_logger.api.context import CURRENT_SPAN, current_span
from one_logger.api.provider import OneLoggerProvider
from one_logger.api.recorder import NOOP_RECORDER, NoOpRecorder, Recorder
from one_logger.core import NOOP_SPAN, ErrorEvent, Event, OneLoggerError, Span
from one_logger.core.spi import diagnostics, error_text, is_foreign

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = [
    "OneLoggerConfig",
    "OneLoggerProvider",
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


class timed_span:  # noqa: N801 - reads as the statement that it is
    """A span around a block, a function or a coroutine function.

    As a context manager, `with` or `async with`, it returns the span, and stops it when the block ends in any way. An
    exception that leaves the block is recorded as an error of the span and goes on unchanged: a telemetry error never
    replaces it. (`GeneratorExit`, and `SystemExit` without an error, are no errors.)

    As a decorator, it makes a span for each call. The recorder is looked up at the call, not before.

    Use one object for one `with` at a time. Its arguments are evaluated even if nothing is recorded. So set what is
    expensive to compute on the span, if `is_recording()`.

    Args:
        name: A `str`, or an `Enum` whose value is one.
        span_attributes: Attributes of the work.
        start_event_attributes: Attributes of the start itself.
    """

    __module__ = "one_logger.api"  # where pickle and dill find it: by the name of this module they find the class
    _current = CURRENT_SPAN.get

    __slots__ = ("_name", "_recorder", "_span", "_span_attributes", "_start_event_attributes")

    def __init__(
        self,
        name: str | Enum,
        span_attributes: Mapping[str, object] | None = None,
        start_event_attributes: Mapping[str, object] | None = None,
    ) -> None:
        self._name = name
        self._span_attributes = span_attributes
        self._start_event_attributes = start_event_attributes

    def __enter__(self) -> Span:
        recorder = self._recorder = _provider._recorder
        if recorder is NOOP_RECORDER:
            return NOOP_SPAN
        before = self._current()
        try:
            span = self._span = recorder.start(self._name, self._span_attributes, self._start_event_attributes)
            span.holder = self
            return span
        except BaseException:
            # The job was interrupted here: nobody else knows of the span.
            started = self._current()
            if started is not None and started is not before and started.end_unix_ns is None:
                recorder.stop(started)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            recorder = self._recorder
            if recorder is NOOP_RECORDER:
                return
            span = self._span
            span.holder = None
            if exception is not None:
                failed = span if span.end_unix_ns is None else span.open_ancestor
                if failed is not None and _is_error(exception):
                    recorder.error(failed, f"{span.name[:200]} raised {type(exception).__name__}", exception)
            if span.end_unix_ns is None:  # it may have been stopped inside the block
                recorder.stop(span)
        except BaseException as error:
            self._stop()
            # PROPAGATE_EXCEPTIONS asks telemetry errors to be raised, but the application's exception comes first.
            if exception is None or is_foreign(error):
                raise
            diagnostics.report("telemetry error while an exception passed", error_text(error))

    def _stop(self) -> None:
        """Stop the span, if it is open: the job was interrupted somewhere in here."""
        span = getattr(self, "_span", NOOP_SPAN)
        if span.end_unix_ns is None:
            with suppress(OneLoggerError):
                self._recorder.stop(span)

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, exception, traceback)

    def __call__(self, function: F) -> F:
        """Decorate a function or a coroutine function.

        Raises:
            OneLoggerError: It is a generator function: its span would be current in the code that iterates over it.
        """
        from functools import wraps
        from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction

        if isgeneratorfunction(function) or isasyncgenfunction(function):
            raise OneLoggerError(
                f"timed_span cannot decorate {function.__qualname__}, a generator function; "
                "use `with timed_span(...)` around the work in it, or around the loop over it."
            )
        name, span_attributes, start_event_attributes = self._name, self._span_attributes, self._start_event_attributes
        if iscoroutinefunction(function):

            @wraps(function)
            async def timed_coroutine(*args: object, **kwargs: object) -> object:
                with timed_span(name, span_attributes, start_event_attributes):
                    return await function(*args, **kwargs)

            return timed_coroutine  # type: ignore[return-value]  # wraps() keeps the signature

        @wraps(function)
        def timed_function(*args: object, **kwargs: object) -> object:
            with timed_span(name, span_attributes, start_event_attributes):
                return function(*args, **kwargs)

        return timed_function  # type: ignore[return-value]  # wraps() keeps the signature


# dill pickles a decorated function with all global names of this module, and a context variable can't be pickled.
del CURRENT_SPAN


def _is_error(exception: BaseException) -> bool:
    if isinstance(exception, SystemExit):
        return exception.code not in (None, 0)
    return not isinstance(exception, GeneratorExit)


for _function, _replacement in (
    (timed_span.__init__, nothing),
    (timed_span.__enter__, no_span),
    (timed_span.__exit__, nothing),
    (current_span, no_span),
    (get_recorder, no_recorder),
    (record_event, nothing),
    (record_error, no_error),
):
    replace_in_compiled_code(_function, _replacement)
