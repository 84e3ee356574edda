"""Spans that record nothing."""

from __future__ import annotations

from collections.abc import Mapping

from one_logger.core.attributes import AttributeValue
from one_logger.core.span import Span, Status
from one_logger.core.span_context import INVALID_SPAN_CONTEXT, SpanContext
from one_logger.core.timestamp import Timestamp

_EMPTY: dict[str, AttributeValue] = {}  # never changed


class EmptySpan(Span):
    """A cheap span that can be open and current, but keeps neither times nor attributes nor a status.

    For recorders: it takes the place of a span that is not recorded.

    Args:
        name: The name.
        trace_id: The id of its trace, 128 bit.
        span_id: The parent id of the spans in it, 64 bit; 0: they are roots.
        ancestor: The open span around it, in this process.
    """

    __slots__ = ()

    # Constants of the class, so that making one is fast.
    problem = None
    thread = None
    parent_span_id = None
    start_unix_ns = 0
    start_monotonic_ns = 0
    end_monotonic_ns = 0
    _initial_attributes = _EMPTY
    _later_attributes = _EMPTY
    _start_event_attributes = _EMPTY
    _stop_event_attributes = None
    _status = Status.UNSET

    def __init__(self, name: str, trace_id: int, span_id: int, ancestor: Span | None = None) -> None:
        self.name = name
        self.trace_id = trace_id
        self.span_id = span_id
        self.ancestor = ancestor
        self.end_unix_ns = None
        self.holder = None
        self._open = True

    def stop(
        self, stop_event_attributes: Mapping[str, object] | None = None, *, stop_time: Timestamp | None = None
    ) -> bool:
        """End the span, without reading a clock. True if this call ended it."""
        try:
            del self._open
        except AttributeError:
            return False
        self.end_unix_ns = 0
        if self.ancestor is not None and self.ancestor.end_unix_ns is not None:
            self.ancestor = self.open_ancestor
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name[:100]!r}: nothing of it is recorded>"

    def is_recording(self) -> bool:
        """False: what is set on it is lost."""
        return False

    def set_attribute(self, name: str, value: object) -> None:
        """Do nothing."""

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Do nothing."""

    set_initial_attributes = set_attributes

    def set_status(self, status: Status) -> None:
        """Do nothing."""

    def report_late(self, method: str) -> None:
        """Do nothing."""


class NoOpSpan(EmptySpan):
    """A span that records nothing and has ended. Every method works. Its ids are zero, unlike those of real spans.

    `timed_span` and `Recorder.start` return the one instance `NOOP_SPAN` while nothing is recorded.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("", trace_id=0, span_id=0)
        self.stop()

    @property
    def context(self) -> SpanContext:
        """The context without ids."""
        return INVALID_SPAN_CONTEXT


NOOP_SPAN = NoOpSpan()
