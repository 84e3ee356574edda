"""The events of open spans. They are kept until their span stops, because a span of OpenTelemetry has its events."""

from __future__ import annotations

from collections import deque
from operator import itemgetter

from one_logger.core import Event, Span

SAMPLED, HAS_IS_REMOTE, IS_REMOTE = 0x1, 0x100, 0x200
"""Flags of a span (trace.proto, `SpanFlags`)."""

MAX_OPEN = 65_536
"""How many spans are tracked. If there are more, some never stop; the one without an event for longest is dropped."""

MAX_EVENTS = 65_536
"""How many events of all open spans are kept."""


class OpenSpan:
    """What is known of a span beside what it says itself."""

    __slots__ = ("dropped", "errors", "flags", "ordinary", "problem", "recorded")

    def __init__(self, flags: int) -> None:
        self.flags = flags  # of the span in OTLP
        self.ordinary: deque[tuple[int, Event]] = deque()
        self.errors: deque[tuple[int, Event]] = deque()
        self.recorded = 0  # events, of which `dropped` are not kept
        self.dropped = 0
        self.problem: str | None = None  # the text of the last error

    @property
    def kept(self) -> int:
        """How many events are kept."""
        return len(self.ordinary) + len(self.errors)

    @property
    def events(self) -> list[Event]:
        """The events that are kept, in their order."""
        if not self.errors:
            return [event for _, event in self.ordinary]
        return [event for _, event in sorted([*self.ordinary, *self.errors], key=itemgetter(0))]

    def add(self, event: Event, *, error: bool, limit: int) -> int:
        """Keep an event, and drop another one if there are `limit` already. By how many more are kept now.

        The oldest is dropped that is not an error, as in OpenTelemetry's own SDK. If all are errors, the new one is:
        the first errors show where the trouble began.
        """
        self.recorded += 1
        full = self.kept >= limit
        if full:
            if not self.ordinary:
                self.dropped += 1
                return 0
            self.drop_one()
        (self.errors if error else self.ordinary).append((self.recorded, event))
        return 0 if full else 1

    def drop_one(self) -> bool:
        """Drop the oldest event that is not an error, or else the newest error. Whether there was one."""
        if self.ordinary:
            self.ordinary.popleft()
        elif self.errors:
            self.errors.pop()
        else:
            return False
        self.dropped += 1
        return True


# What is known of a span without events, by where its parent is. Most spans have none.
_LOCAL, _REMOTE = OpenSpan(HAS_IS_REMOTE | SAMPLED), OpenSpan(HAS_IS_REMOTE | IS_REMOTE | SAMPLED)


class OpenSpans:
    """The open spans, those first that have been without an event for longest. `max_events` are kept of each.

    Everything is bounded, as the stop of a span may never come.
    """

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._spans: dict[int, OpenSpan] = {}
        self._events = 0
        self.lost = 0  # events of spans that were dropped

    def start(self, span: Span) -> OpenSpan:
        """Track a span."""
        if len(self._spans) >= MAX_OPEN:
            silent = self._spans.pop(next(iter(self._spans)))
            self._events -= silent.kept
            self.lost += silent.recorded
        known = self._spans[span.span_id] = self.without_events(span)
        return known

    def without_events(self, span: Span) -> OpenSpan:
        """What is known of a span without events."""
        parent = span.parent_span_id
        local = parent is None or parent in self._spans or span.ancestor is not None
        return _LOCAL if local else _REMOTE

    def add(self, event: Event, span: Span, *, problem: str | None = None, keep: bool = True) -> None:
        """Keep an event of a span, or only `problem`, the text of what went wrong if the event is an error."""
        known = self._spans.get(span.span_id) or self.start(span)
        del self._spans[span.span_id]
        if known is _LOCAL or known is _REMOTE:
            known = OpenSpan(known.flags)
        self._spans[span.span_id] = known  # now at the end
        if problem is not None:
            known.problem = problem
        if keep:
            self._events += known.add(event, error=problem is not None, limit=self._max_events)
            if self._events > MAX_EVENTS:
                self._make_room()

    def stop(self, span: Span) -> OpenSpan:
        """Stop tracking a span. What is known of it."""
        known = self._spans.pop(span.span_id, None)
        if known is None:
            known = self.start(span)
            del self._spans[span.span_id]
        if known.recorded:
            self._events -= known.kept
        return known

    def _make_room(self) -> None:
        """Drop events of the spans that have been without a new one for longest."""
        for silent in self._spans.values():
            while self._events > MAX_EVENTS * 15 // 16 and silent.drop_one():
                self._events -= 1
