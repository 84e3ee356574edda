"""What has happened in the spans that are open, until they stop: OpenTelemetry's spans have their events in them."""

from __future__ import annotations

from collections import deque

from one_logger.core import Event, Span

MAX_OPEN = 65_536
"""How many spans are tracked. If there are more, some never stop: the one goes that has been silent for longest."""

MAX_EVENTS = 65_536
"""How many events all open spans have together, at most."""


class OpenSpan:
    """What is known of a span beside what it says itself."""

    __slots__ = ("dropped", "errors", "has_remote_parent", "ordinary", "problem", "recorded")

    def __init__(self, *, has_remote_parent: bool) -> None:
        self.has_remote_parent = has_remote_parent
        self.ordinary: deque[tuple[int, Event]] = deque()
        self.errors: deque[tuple[int, Event]] = deque()
        self.recorded = 0
        """How many events it has had."""
        self.dropped = 0
        """How many of these are not kept."""
        self.problem: str | None = None
        """The text of the last error."""

    @property
    def kept(self) -> int:
        """How many events are kept."""
        return len(self.ordinary) + len(self.errors)

    @property
    def events(self) -> list[Event]:
        """The events that are kept, in the order in which they happened."""
        if not self.errors:
            return [event for _, event in self.ordinary]
        both = sorted([*self.ordinary, *self.errors], key=lambda numbered: numbered[0])
        return [event for _, event in both]

    def add(self, event: Event, *, error: bool, limit: int) -> int:
        """Keep an event, and let another go if there are `limit` already.

        The oldest goes that is no error, as in OpenTelemetry's own SDK. If all are errors, the new one does: the first
        errors tell where it began.

        Returns:
            How many events more are kept.
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
        """Let the oldest event go that is no error, or else the newest error. Whether there was one."""
        if self.ordinary:
            self.ordinary.popleft()
        elif self.errors:
            self.errors.pop()
        else:
            return False
        self.dropped += 1
        return True


class OpenSpans:
    """The spans that are open, those first that have been silent for longest.

    Bounded in every way: a span whose stop never comes must not cost more and more.

    Args:
        max_events: How many events of one span are kept.
    """

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._spans: dict[int, OpenSpan] = {}
        self._events = 0
        self.lost = 0
        """How many events were let go with a span that is kept track of no longer."""

    def start(self, span: Span) -> OpenSpan:
        """Keep track of a span."""
        if len(self._spans) >= MAX_OPEN:
            silent = self._spans.pop(next(iter(self._spans)))
            self._events -= silent.kept
            self.lost += silent.recorded
        parent = span.parent_span_id
        local = parent is None or parent in self._spans or span.ancestor is not None
        started = self._spans[span.span_id] = OpenSpan(has_remote_parent=not local)
        return started

    def add(self, event: Event, span: Span, *, problem: str | None = None, keep: bool = True) -> None:
        """Keep an event of a span.

        Args:
            event: The event.
            span: Its span.
            problem: What went wrong, if the event is an error.
            keep: False if all that is wanted of it is `problem`.
        """
        known = self._spans.pop(span.span_id, None) or self.start(span)
        self._spans[span.span_id] = known  # at the end now: it is not silent
        if problem is not None:
            known.problem = problem
        if keep:
            self._events += known.add(event, error=problem is not None, limit=self._max_events)
            if self._events > MAX_EVENTS:
                self._make_room()

    def stop(self, span: Span) -> OpenSpan:
        """Keep track of a span no longer. What is known of it."""
        known = self._spans.pop(span.span_id, None)
        if known is None:
            known = self.start(span)
            del self._spans[span.span_id]
        self._events -= known.kept
        return known

    def _make_room(self) -> None:
        """Let some of the events go, of the spans that have been silent for longest."""
        for silent in self._spans.values():
            while self._events > MAX_EVENTS * 15 // 16 and silent.drop_one():
                self._events -= 1
