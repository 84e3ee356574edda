"""Spans of work that is suspended and goes on later: generators, and what a function returns to be awaited."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from one_logger.api.context import CURRENT_SPAN
from one_logger.api.timing import TimedSpan
from one_logger.core import NOOP_SPAN, Span
from one_logger.core.spi import diagnostics

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from asyncio import Future


class _Inside:
    """What is current while suspended work runs. Between its steps, what was current before is so again."""

    __slots__ = ("_inside", "_outside")

    def __init__(self, inside: Span | None) -> None:
        self._inside = inside
        self._outside: Span | None = None

    def __enter__(self) -> None:
        self._outside = CURRENT_SPAN.get()
        CURRENT_SPAN.set(self._inside)

    def __exit__(self, *_: object) -> None:
        self._inside = CURRENT_SPAN.get()  # spans may have been started in a step, and be open in the next one
        CURRENT_SPAN.set(self._outside)
        self._outside = None


class _StartedSpan(TimedSpan):
    """A span that was started elsewhere. If nobody comes to its end, it is stopped when this object is collected."""

    __slots__ = ()

    def __enter__(self) -> Span:
        return self._span

    def __del__(self) -> None:
        if self._span.end_unix_ns is None:
            self.__exit__(None, None, None)


def begun(start: Callable[[], TimedSpan]) -> tuple[AbstractContextManager[object], AbstractContextManager[object]]:
    """A block for the work as a whole, whose span is started here, and one for each of its steps."""
    timed, outside = start(), CURRENT_SPAN.get()
    if timed.__enter__() is NOOP_SPAN:
        return nullcontext(), nullcontext()
    inside = _Inside(CURRENT_SPAN.get())
    CURRENT_SPAN.set(outside)
    return timed.hand_over(_StartedSpan()), inside


def timed_later(result: object, timed: TimedSpan, span: Span) -> object:
    """What a function has returned to be awaited, with the function's span lasting until it is done."""
    if isinstance(result, Coroutine):
        inside = _Inside(CURRENT_SPAN.get())
        coroutine = _finished(result, _handed_over(timed, span), inside)
        for name in ("__name__", "__qualname__"):  # Python says them of a coroutine that nobody has awaited
            setattr(coroutine, name, getattr(result, name, type(result).__name__))
        return coroutine
    from asyncio import isfuture  # which has been imported if this is one

    if isfuture(result):
        result.add_done_callback(partial(_is_done, _handed_over(timed, span)))
        return result
    diagnostics.report(
        f"{span.name} returns an awaitable",
        f"What the function of the span {span.name[:100]!r} returns, a {type(result).__name__}, is awaited later. The "
        "span ends before, as timed_span can follow coroutines, tasks and futures only. "
        "Write `with timed_span(...)` around the await.",
    )
    return result


def _handed_over(timed: TimedSpan, span: Span) -> _StartedSpan:
    if CURRENT_SPAN.get() is span:
        CURRENT_SPAN.set(span.open_ancestor)
    return timed.hand_over(_StartedSpan())


async def _finished(coroutine: Coroutine[object, object, object], timed: _StartedSpan, inside: _Inside) -> object:
    with timed, inside:
        return await coroutine


def _is_done(timed: _StartedSpan, future: Future[object]) -> None:
    # exception() would count as looking at it: asyncio then no longer warns of an error that nobody has looked at.
    error: BaseException | None = None if future.cancelled() else getattr(future, "_exception", None)
    timed.__exit__(None if error is None else type(error), error, None)
