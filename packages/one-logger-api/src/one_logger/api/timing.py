"""Spans around blocks and functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum

from one_logger.api.context import CURRENT_SPAN
from one_logger.api.provider import OneLoggerProvider
from one_logger.api.recorder import NOOP_RECORDER, Recorder, Root
from one_logger.core import NOOP_SPAN, OneLoggerError, Span, SpanContext
from one_logger.core.spi import diagnostics, error_text, is_foreign

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, TypeGuard, TypeVar, overload

    F = TypeVar("F", bound=Callable[..., Any])
    T = TypeVar("T", bound="TimedSpan")
    Attributes = Mapping[str, object] | None
    Arguments = tuple[str | Enum | None, Attributes, Attributes, Span | SpanContext | Root | None, bool]

_provider = OneLoggerProvider.instance()


class TimedSpan:
    """What `timed_span` returns: a span around a block, `with` or `async with`, and a decorator."""

    __slots__ = ("_name", "_recorder", "_span", "_span_attributes", "_start_event_attributes")

    _name: str | Enum  # or None, which the recorder says is no name
    _parent_span: Span | SpanContext | Root | None = None
    _is_current: bool = True
    _recorder: Recorder
    _span: Span
    _span_attributes: Mapping[str, object] | None
    _start_event_attributes: Mapping[str, object] | None

    def __enter__(self) -> Span:
        recorder = self._recorder = _provider._recorder
        if recorder is NOOP_RECORDER:
            return NOOP_SPAN
        before = CURRENT_SPAN.get()
        try:
            span = self._span = recorder.start(self._name, self._span_attributes, self._start_event_attributes)
            span.holder = self
            return span
        except BaseException:
            _stop_after_interruption(recorder, before)
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
        """Decorate a function. See `timed_span`.

        Raises:
            OneLoggerError: It cannot be decorated; the error says what to write instead.
        """
        from one_logger.api.decoration import decorated

        return decorated(function, self)

    def arguments(self) -> Arguments:
        """What it was made with. For decorators."""
        return self._name, self._span_attributes, self._start_event_attributes, self._parent_span, self._is_current

    def hand_over(self, other: T) -> T:
        """Leave it to another object to stop the span. For decorators."""
        other._recorder, other._span = self._recorder, self._span
        self._span.holder = None
        self._recorder = NOOP_RECORDER
        return other


def _stop_after_interruption(recorder: Recorder, before: Span | None) -> None:
    """Stop the span that a call of `start` has made before it was interrupted: nobody else knows of it."""
    started = CURRENT_SPAN.get()
    if started is not None and started is not before and started.end_unix_ns is None:
        recorder.stop(started)


class _PlacedSpan(TimedSpan):
    """A `TimedSpan` with what most do without, in a class of its own, as it takes longer."""

    __slots__ = ("_before", "_is_current", "_parent_span")

    _before: Span | None

    def __enter__(self) -> Span:
        recorder = self._recorder = _provider._recorder
        if recorder is NOOP_RECORDER:
            return NOOP_SPAN
        before = self._before = CURRENT_SPAN.get()
        try:
            span = self._span = recorder.start(
                self._name,
                self._span_attributes,
                self._start_event_attributes,
                parent_span=self._parent_span,
                current=self._is_current,
            )
            span.holder = self
            return span
        except BaseException:
            _stop_after_interruption(recorder, before)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        moved = self._recorder is not NOOP_RECORDER and self._is_current and CURRENT_SPAN.get() is self._span
        try:
            super().__exit__(kind, exception, traceback)
        finally:
            if moved:  # the parent is not what was current: after the block, that is to be so again
                CURRENT_SPAN.set(self._before)


if TYPE_CHECKING:

    @overload
    def timed_span(name: F, /) -> F: ...
    @overload
    def timed_span(
        name: str | Enum | None = None,
        span_attributes: Mapping[str, object] | None = None,
        start_event_attributes: Mapping[str, object] | None = None,
        *,
        parent_span: Span | SpanContext | Root | None = None,
        current: bool = True,
    ) -> TimedSpan: ...


def timed_span(
    name: F | str | Enum | None = None,
    span_attributes: Mapping[str, object] | None = None,
    start_event_attributes: Mapping[str, object] | None = None,
    parent_span: Span | SpanContext | Root | None = None,
    current: bool = True,
) -> F | TimedSpan:
    """A span around a block or a function.

    As a context manager, `with` or `async with`, it returns the span, and stops it when the block ends in any way. An
    exception that leaves the block is recorded as an error of the span and goes on unchanged: a telemetry error never
    replaces it. (`GeneratorExit`, a cancellation, and `SystemExit` without an error, are no errors.)

    As a decorator, `@timed_span` or `@timed_span(...)`, it makes a span for each call, until the work is done:

    - of a coroutine function, or of a function that returns a coroutine, a task or a future, until that is done;
    - of a generator function, also an asynchronous one, from the first step until it ends, is closed, or is collected.
      The span is current only while the generator's own code runs.

    The recorder is looked up at the call, not before.

    Use one object for one `with` at a time. Its arguments are evaluated even if nothing is recorded. So set what is
    expensive to compute on the span, if `is_recording()`.

    Args:
        name: A `str`, or an `Enum` whose value is one. A decorator without one takes the function's qualified name.
        span_attributes: Attributes of the work.
        start_event_attributes: Attributes of the start itself.
        parent_span: As for `Recorder.start`: the parent, if it is not the current span.
        current: Whether the span is the current one in its block. If not, it is what `with` returns, and nothing else.

    Raises:
        OneLoggerError: What is to be decorated cannot be; the error says what to write instead.
    """
    if type(name) is not str and _is_to_be_decorated(name):
        return timed_span(None, span_attributes, start_event_attributes, parent_span=parent_span, current=current)(name)
    if parent_span is None and current:
        timed = TimedSpan()  # without an `__init__`, which would take longer
    else:
        timed = _PlacedSpan()
        timed._parent_span = parent_span
        timed._is_current = current
    timed._name = name  # type: ignore[assignment]  # the recorder says what is wrong with one of another type
    timed._span_attributes = span_attributes
    timed._start_event_attributes = start_event_attributes
    return timed


def no_block(*_: object, **__: object) -> TimedSpan:
    """In place of `timed_span` in compiled code: see `compiled_code`."""
    return TimedSpan()


def _is_to_be_decorated(name: object) -> TypeGuard[F]:
    """Whether what stands in the place of a name is what `@timed_span`, without parentheses, was written over."""
    return not isinstance(name, (str, Enum)) and (callable(name) or hasattr(type(name), "__get__"))


_ORDERLY_ENDS = {
    "asyncio.exceptions.CancelledError",
    "builtins.GeneratorExit",
    "greenlet.GreenletExit",
    "trio.Cancelled",
}
"""Exceptions by which a task, a generator or a greenlet is told to end. By name: none of these is imported for it."""


def _is_error(exception: BaseException) -> bool:
    if isinstance(exception, Exception):
        return True
    if isinstance(exception, SystemExit):
        return exception.code not in (None, 0)
    if isinstance(exception, BaseExceptionGroup):
        return any(map(_is_error, exception.exceptions))
    return not any(f"{kind.__module__}.{kind.__qualname__}" in _ORDERLY_ENDS for kind in type(exception).__mro__)
