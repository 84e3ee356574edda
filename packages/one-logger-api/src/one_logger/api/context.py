"""The current span, and how it reaches other threads and processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar

from one_logger.core import NOOP_SPAN, NoOpSpan, Span, SpanContext

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

SUPPRESSED = NoOpSpan()
"""As the current span of a context: nothing is recorded there. For the telemetry of an exporter itself."""

CURRENT_SPAN: ContextVar[Span | None] = ContextVar("one_logger_current_span", default=None)
"""For recorders. The span may have ended, in another thread for example; `current_span` returns an open one."""

REMOTE_PARENT: ContextVar[SpanContext | None] = ContextVar("one_logger_remote_parent", default=None)
"""The parent of root spans, where `carry_context` has brought one from another process."""

ARRIVED: list[ContextVar[SpanContext | None]] = []
"""For recorders: holds `REMOTE_PARENT` from when a call first came from another process. Until then it has no value,
and to see that a list is empty takes a fifth of the time."""


def current_span() -> Span:
    """The open span of this thread, asyncio task or context. `NOOP_SPAN` if there is none."""
    span = CURRENT_SPAN.get()
    if span is not None and span.end_unix_ns is not None:
        span = span.open_ancestor
    return NOOP_SPAN if span is None else span


def carry_context(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap `function` so that it runs with the span that is current now, wherever it is called.

    That may be in a thread, in a pool of threads or processes, or in another process. The result may be called any
    number of times, also at the same time. It can be pickled if `function` can, as it is for a pool of processes. In
    the other process, the root spans of the call become children of the span.

    Args:
        function: A function or a coroutine function.
    """
    from functools import wraps
    from inspect import iscoroutinefunction

    span, remote = CURRENT_SPAN.get(), REMOTE_PARENT.get()
    if span is not None and span.end_unix_ns is not None and span is not SUPPRESSED:
        span = span.open_ancestor
    if not iscoroutinefunction(function):
        return _Carried(function, span, remote)  # type: ignore[return-value]  # it is called like the function

    @wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> object:
        with _Place(span, remote):
            return await function(*args, **kwargs)

    return run  # type: ignore[return-value]  # R is the coroutine


class _Place:
    """A block in which the current span is another one."""

    __slots__ = ("_before", "_remote", "_span")

    _before: tuple[Span | None, SpanContext | None]

    def __init__(self, span: Span | None, remote: SpanContext | None) -> None:
        self._span, self._remote = span, remote

    def __enter__(self) -> None:
        self._before = CURRENT_SPAN.get(), REMOTE_PARENT.get()
        CURRENT_SPAN.set(self._span)
        REMOTE_PARENT.set(self._remote)

    def __exit__(self, *_: object) -> None:
        # Set, not reset by token: a token is refused in any context but its own.
        CURRENT_SPAN.set(self._before[0])
        REMOTE_PARENT.set(self._before[1])


class _Carried:
    """A function that is called with a span of elsewhere as the current one, also in another process."""

    def __init__(self, function: Callable[..., object], span: Span | None, remote: SpanContext | None) -> None:
        from functools import update_wrapper

        if remote is not None and not ARRIVED:
            ARRIVED.append(REMOTE_PARENT)
        update_wrapper(self, function)
        self._function, self._span, self._remote = function, span, remote

    def __call__(self, *args: object, **kwargs: object) -> object:
        with _Place(self._span, self._remote):
            return self._function(*args, **kwargs)

    def __reduce__(self) -> tuple[object, ...]:
        return _Carried, (self._function, None, _context_of(self._span, self._remote))


def _context_of(span: Span | None, remote: SpanContext | None) -> SpanContext | None:
    """What is to be the parent in another process. Of a span that is not exported it is one around it, or nothing."""
    context = None if span is None else span.context
    return remote if context is None or not context.span_id else context


def child_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment for a subprocess, so that its root spans are children of the current span.

    Sets `TRACEPARENT` (OpenTelemetry, "Environment Variables as Context Propagation Carriers") in a copy. If there is
    no current span, the copy is unchanged.

    Args:
        environment: What to copy. None: `os.environ`.
    """
    copy = dict(os.environ if environment is None else environment)
    context = _context_of(current_span(), REMOTE_PARENT.get())
    if context is not None:
        copy["TRACEPARENT"] = context.traceparent
    return copy
