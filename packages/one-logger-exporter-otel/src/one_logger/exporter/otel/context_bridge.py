"""One trace of an application that uses both OpenTelemetry and one-logger."""

from __future__ import annotations

import contextvars
from collections.abc import Callable

from opentelemetry import context, trace
from opentelemetry.context.context import Context, _RuntimeContext

from one_logger.core import ContextBridge, OneLoggerError, Span, SpanContext

_LEAST_ROOM = 64


class OTelContextBridge(ContextBridge):
    """Makes one trace of the spans that an application starts with OpenTelemetry and with one-logger.

    A root span of ours becomes a child of OpenTelemetry's current span. What OpenTelemetry starts inside a span of ours
    becomes a child of that. So it is in threads and tasks: for OpenTelemetry, our current span is found when it asks
    for its own.

        configure("app", recorder={"context_bridge": OTelContextBridge()})

    Nothing is attached to OpenTelemetry's context. What answers when it asks for its current context is wrapped, once,
    and as it was after `close`.
    """

    def __init__(self) -> None:
        # OpenTelemetry's current span where each of ours was started. Those that have ended are taken out now and then.
        self._around: dict[Span, trace.Span] = {}
        self._room = _LEAST_ROOM
        self._runtime: _BridgedContext | None = None

    def attach(self, current: Callable[[], Span]) -> None:
        """Begin. See `ContextBridge.attach`."""
        runtime = getattr(context, "_RUNTIME_CONTEXT", None)
        if not isinstance(runtime, _RuntimeContext):
            raise OneLoggerError(
                "The installed opentelemetry-api keeps its current context where OTelContextBridge does not know it; "
                "expected opentelemetry.context._RUNTIME_CONTEXT. Leave context_bridge out."
            )
        self._runtime = context._RUNTIME_CONTEXT = _BridgedContext(runtime, self._around, current)

    def parent(self) -> SpanContext | None:
        """OpenTelemetry's current span. See `ContextBridge.parent`."""
        found = trace.get_current_span(self._raw()).get_span_context()
        return SpanContext(found.trace_id, found.span_id, found.trace_flags) if found.is_valid else None

    def started(self, span: Span) -> None:
        """See `ContextBridge.started`."""
        if len(self._around) >= self._room:
            for known in list(self._around):
                if known.end_unix_ns is not None:
                    self._around.pop(known, None)
            self._room = 2 * len(self._around) + _LEAST_ROOM
        self._around[span] = _theirs(self._raw())

    def close(self) -> None:
        """End. See `ContextBridge.close`."""
        runtime, self._runtime = self._runtime, None
        if runtime is not None and context._RUNTIME_CONTEXT is runtime:
            context._RUNTIME_CONTEXT = runtime.wrapped

    def _raw(self) -> Context:
        return context.get_current() if self._runtime is None else self._runtime.wrapped.get_current()


class _OurSpan(trace.NonRecordingSpan):
    """A span of ours as OpenTelemetry sees it."""

    def __init__(self, span: SpanContext, around: trace.Span) -> None:
        super().__init__(
            trace.SpanContext(
                span.trace_id, span.span_id, is_remote=False, trace_flags=trace.TraceFlags(span.trace_flags)
            )
        )
        self.around = around
        """OpenTelemetry's own span around it."""


class _BridgedContext(_RuntimeContext):
    """OpenTelemetry's current context, in which our current span is the current one, if it is the innermost."""

    def __init__(self, wrapped: _RuntimeContext, around: dict[Span, trace.Span], current: Callable[[], Span]) -> None:
        self.wrapped = wrapped
        self._around = around
        self._current = current

    def attach(self, context: Context) -> contextvars.Token[Context]:
        """Attach a context."""
        return self.wrapped.attach(context)

    def detach(self, token: contextvars.Token[Context]) -> None:
        """Detach what was attached."""
        self.wrapped.detach(token)

    def get_current(self) -> Context:
        """The current context."""
        raw = self.wrapped.get_current()
        ours = self._current()
        around = self._around.get(ours)
        if around is None or not ours.context.span_id:
            return raw
        theirs = _theirs(raw)
        if theirs is not around and theirs is not trace.INVALID_SPAN:
            return raw  # it was made current inside ours
        return trace.set_span_in_context(_OurSpan(ours.context, around), raw)


def _theirs(raw: Context) -> trace.Span:
    """OpenTelemetry's own current span in a context, which may have been derived from one with a span of ours."""
    span = trace.get_current_span(raw)
    return span.around if isinstance(span, _OurSpan) else span
