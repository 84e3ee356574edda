"""The current span, and how it reaches other threads and processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar

from one_logger.core import NOOP_SPAN, NoOpSpan, Span

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

SUPPRESSED = NoOpSpan()
"""As the current span of a context: nothing is recorded there. For the telemetry of an exporter itself."""

CURRENT_SPAN: ContextVar[Span | None] = ContextVar("one_logger_current_span", default=None)
"""For recorders. The span may have ended, in another thread for example; `current_span` returns an open one."""


def current_span() -> Span:
    """The open span of this thread, asyncio task or context. `NOOP_SPAN` if there is none."""
    span = CURRENT_SPAN.get()
    if span is not None and span.end_unix_ns is not None:
        span = span.open_ancestor
    return NOOP_SPAN if span is None else span


def carry_context(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap `function` so that it runs with the span that is current now wherever it is called: in a thread or a pool.

    The result may be called any number of times, also at the same time.

    Args:
        function: A function or a coroutine function.
    """
    from functools import wraps
    from inspect import iscoroutinefunction

    carried = CURRENT_SPAN.get()
    if iscoroutinefunction(function):

        @wraps(function)
        async def run_async(*args: P.args, **kwargs: P.kwargs) -> object:
            before = CURRENT_SPAN.get()
            CURRENT_SPAN.set(carried)
            try:
                return await function(*args, **kwargs)
            finally:
                CURRENT_SPAN.set(before)

        return run_async  # type: ignore[return-value]  # R is the coroutine

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        before = CURRENT_SPAN.get()
        CURRENT_SPAN.set(carried)
        try:
            return function(*args, **kwargs)
        finally:
            # Set, not reset by token: a token is refused in any context but its own.
            CURRENT_SPAN.set(before)

    return run


def child_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment for a subprocess, so that its root spans are children of the current span.

    Sets `TRACEPARENT` (OpenTelemetry, "Environment Variables as Context Propagation Carriers") in a copy. If there is
    no current span, the copy is unchanged.

    Args:
        environment: What to copy. None: `os.environ`.
    """
    copy = dict(os.environ if environment is None else environment)
    context = current_span().context
    if context.span_id:  # also of a span that is not exported: the context is then that of one around it
        copy["TRACEPARENT"] = context.traceparent
    return copy
