"""Spans whose start is not exported, as processors have dropped or deferred them."""

from __future__ import annotations

from one_logger.core import Span, SpanContext
from one_logger.core.spi import INVALID_SPAN_CONTEXT, EmptySpan, new_span_id, new_trace_id
from one_logger.recorder.processors.processor import Choice
from one_logger.recorder.recorded_span import Owner, RecordedSpan


class UnexportedSpan(RecordedSpan):
    """A span whose start is not exported. Its children become children of the nearest exported span around it."""

    __slots__ = ("choice", "is_sampled")

    is_exported = False

    @property
    def parent_of_children(self) -> int:
        """The id of the nearest exported span around it, or 0. In a trace that is not sampled, its own id."""
        return self.span_id

    @property
    def context(self) -> SpanContext:
        """The parent for other processes: an exported span, or one of a trace that is not sampled."""
        parent = self.parent_of_children
        if not parent:
            return INVALID_SPAN_CONTEXT
        return SpanContext(self.trace_id, parent) if self.is_sampled else SpanContext(self.trace_id, parent, 0)


class FilteredSpan(EmptySpan, UnexportedSpan):
    """A dropped span that no processor observes. Its id is that of the nearest exported span around it, or 0."""

    __slots__ = ()

    _stop_follows = None

    def __init__(
        self,
        recorder: Owner,
        name: str,
        parent: Span | SpanContext | None,
        trace_id: int,
        choice: Choice,
        is_sampled: bool,
    ) -> None:
        ancestor: Span | None = None
        if parent is None:
            trace_id, span_id = trace_id or new_trace_id(), 0
        else:
            trace_id = trace_id or parent.trace_id or new_trace_id()
            span_id = parent.parent_of_children if isinstance(parent, UnexportedSpan) else parent.span_id
            if isinstance(parent, Span):
                ancestor = parent if parent.end_unix_ns is None else parent.ancestor
        EmptySpan.__init__(self, name, trace_id, span_id if is_sampled else new_span_id(), ancestor)
        self.choice = choice
        self.is_sampled = is_sampled
        self._owner = recorder
        self._stop_is_due = False

    stop = RecordedSpan.stop
    _end_span = EmptySpan.stop


class ObservedSpan(UnexportedSpan):
    """A dropped or deferred span with an id, times and attributes, for the processors that see its stop."""

    __slots__ = ()

    @property
    def parent_of_children(self) -> int:
        """See `UnexportedSpan.parent_of_children`."""
        return (self.parent_span_id or 0) if self.is_sampled else self.span_id
