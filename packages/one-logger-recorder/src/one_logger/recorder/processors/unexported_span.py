"""Spans that are open, and current, and not exported."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from one_logger.api import Recorder
from one_logger.core import Span, SpanContext, Status, Timestamp
from one_logger.core.attributes import AttributeValue
from one_logger.core.ids import new_span_id, new_trace_id
from one_logger.core.span_context import INVALID_SPAN_CONTEXT
from one_logger.recorder.processors.pipeline import Choice
from one_logger.recorder.recorded_span import RecordedSpan

_NOTHING: dict[str, AttributeValue] = {}


class UnexportedSpan(RecordedSpan):
    """A span whose ids are those of the nearest exported span around it, so that its children hang there.

    Without such a span the span id is zero: its children are roots, but share its trace.

    Attributes:
        depth: How many processors, from the first on, get to see what happens in it.
        unsampled: Whether its whole trace is not recorded. Then it has a span id of its own, to be propagated.
    """

    __slots__ = ("depth", "unsampled")

    depth: int
    unsampled: bool

    @property
    def context(self) -> SpanContext:
        """What other processes are to take as the parent: an exported span, or that the trace is not recorded."""
        if not self.span_id:
            return INVALID_SPAN_CONTEXT
        if self.unsampled:
            return SpanContext(self.trace_id, self.span_id, 0)
        return SpanContext(self.trace_id, self.span_id)


class FilteredSpan(UnexportedSpan):
    """An unexported span that nobody wants to know of: it takes neither times nor attributes.

    Args:
        recorder: The recorder that it belongs to.
        name: The name.
        parent: The span or context that the span would be part of.
        depth: How many processors see its events.
        trace_id: The id of the trace, if it was chosen already, else 0.
        unsampled: Whether its whole trace is not recorded.
    """

    __slots__ = ()

    # Constants of the class: an object that has nothing to say shall not be filled with it.
    problem = None
    parent_span_id = None
    start_unix_ns = 0
    start_monotonic_ns = 0
    end_monotonic_ns = 0
    _stop_follows = None
    _initial_attributes = _NOTHING
    _later_attributes = _NOTHING
    _start_event_attributes = _NOTHING
    _stop_event_attributes = None
    _status = Status.UNSET

    def __init__(
        self,
        recorder: Recorder,
        name: str,
        parent: Span | SpanContext | None,
        depth: int,
        trace_id: int,
        unsampled: bool,
    ) -> None:
        self._owner = recorder
        self.name = name
        self.depth = depth
        self.unsampled = unsampled
        self.end_unix_ns = None
        self._stop_is_due = False
        self._open = True
        self.ancestor = None
        if parent is None:
            self.trace_id = trace_id or new_trace_id()
            self.span_id = 0
        else:
            self.trace_id = trace_id or parent.trace_id or new_trace_id()
            self.span_id = parent.span_id
            if isinstance(parent, RecordedSpan):
                self.ancestor = parent if parent.end_unix_ns is None else parent.ancestor
        if unsampled:
            self.span_id = new_span_id()

    def _end_span(
        self, stop_event_attributes: Mapping[str, object] | None = None, *, stop_time: Timestamp | None = None
    ) -> bool:
        """End the span, without looking at a clock."""
        try:
            del self._open
        except AttributeError:
            return False
        self.end_unix_ns = 0
        if self.ancestor is not None and self.ancestor.end_unix_ns is not None:
            self.ancestor = self.open_ancestor
        return True

    def is_recording(self) -> bool:
        """No: what is set on it is lost."""
        return False

    def set_attribute(self, name: str, value: object) -> None:
        """Do nothing."""

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Do nothing."""

    def set_initial_attributes(self, attributes: Mapping[str, object]) -> None:
        """Do nothing."""

    def set_status(self, status: Status) -> None:
        """Do nothing."""


class ObservedSpan(UnexportedSpan):
    """An unexported span with times and attributes: of interest to a processor, or not decided on yet.

    Args:
        recorder: As in `RecordedSpan`, like all that follow.
        name: See there.
        attributes: See there.
        start_event_attributes: See there.
        parent: See there.
        start_time: See there.

    Attributes:
        observers: The numbers of the processors whose `on_stop` is to be called.
        deferrers: The numbers of the processors that decide when it stops.
        undecided: Whether they are still to be asked.
        kept: Whether it is exported after all.
    """

    __slots__ = ("_own_id", "deferrers", "kept", "observers", "undecided")

    def __init__(
        self,
        recorder: Recorder,
        name: str | Enum,
        attributes: Mapping[str, object] | None,
        start_event_attributes: Mapping[str, object] | None,
        parent: Span | SpanContext | None,
        start_time: Timestamp | None,
    ) -> None:
        super().__init__(recorder, name, attributes, start_event_attributes, parent, start_time)
        self._own_id = self.span_id
        self.span_id = self.parent_span_id or 0
        self.kept = False

    def take_choice(self, choice: Choice, depth: int, *, unsampled: bool) -> None:
        """Be told what the processors have decided."""
        self.depth = depth
        self.observers, self.deferrers = choice.observers, choice.deferrers
        self.undecided = bool(choice.deferrers) and choice.depth is None and not unsampled
        self.unsampled = unsampled
        if unsampled:
            self.span_id = self._own_id

    def keep(self) -> None:
        """Be exported from now on, under an id of its own. Children that it has already stay where they are."""
        self.kept = True
        self.span_id = self._own_id


def is_exported(span: RecordedSpan) -> bool:
    """Whether a span of a recorder is exported, as far as it is decided."""
    return not isinstance(span, UnexportedSpan) or (isinstance(span, ObservedSpan) and span.kept)


def nearest_exported(span: RecordedSpan | None) -> RecordedSpan | None:
    """The nearest span that is open and exported, from `span` on outwards."""
    while span is not None and (span.end_unix_ns is not None or not is_exported(span)):
        span = span.ancestor
    return span
