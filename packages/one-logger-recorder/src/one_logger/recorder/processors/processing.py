"""Passes spans and events through processors: for all exporters of a recorder, or for one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, Self, TypeVar

from one_logger.core import ErrorEvent, Event, OneLoggerError, Span
from one_logger.recorder.processors.pipeline import Failure, Pipeline
from one_logger.recorder.processors.processor import Choice, Processor


class Place(Protocol):
    """A span, and the processors' choice."""

    @property
    def shown(self) -> Span:
        """The span, as exporters see it."""

    @property
    def ancestor(self) -> Self | None:
        """The span around it, which may have stopped."""

    @property
    def is_open(self) -> bool:
        """Whether it has not stopped."""

    @property
    def is_exported(self) -> bool:
        """Whether its start is exported when it starts. False for a deferred span, even if it is exported later."""

    @property
    def is_sampled(self) -> bool:
        """Whether its trace is recorded."""

    @property
    def choice(self) -> Choice:
        """What the processors have decided."""


P = TypeVar("P", bound=Place)


class Sink(Protocol[P]):
    """Where the processors' results go: the queues of a recorder, or one exporter."""

    def put(self, event: Event, place: P) -> None:
        """Export an event or error of a span that is exported."""

    def stop(self, place: P) -> None:
        """Export the stop of a span whose start is exported."""

    def complete(self, place: P) -> None:
        """Export start and stop of a deferred span."""

    def span_for(self, event: Event, origin: P | None) -> Span:
        """A span for an event that no exported span can take: a new one or, where that is enough, its own."""

    def put_alone(self, event: Event, span: Span) -> None:
        """Export an event with the span that `span_for` has given."""

    def place(self, span: Span) -> P | None:
        """The place of a span. None if it is not open here."""


class Processing(Generic[P]):
    """Passes spans and events through the processors, and what they leave to a sink.

    The decisions are kept with each span, so there is no lock, and no thread waits:

    - An *exported* span and its events are seen by all processors.
    - A *dropped* span is seen by the processors before the one that drops it. Its children become children of the
      nearest exported span around it. Its events are dropped; its errors go to that span, or get one of their own.
    - A *deferred* span is dropped until the processors that have deferred it decide at its stop. If they want it, start
      and stop are exported together. Its events have gone to the exported span around it.
    """

    def __init__(self, processors: Sequence[Processor], sink: Sink[P], failed: Callable[[Failure], None]) -> None:
        self.pipeline = Pipeline(processors, self, failed)
        self._sink = sink

    def event(self, event: Event, place: P) -> None:
        """Pass on an event or error of a span."""
        if place.is_exported:
            left = self.pipeline.event(event, place.shown)
            if left is not None:
                self._sink.put(left, place)
            return
        depth = place.choice.depth
        left = self.pipeline.event(event, place.shown, 0, depth)
        if left is None or not place.is_sampled:
            return
        if isinstance(left, ErrorEvent):
            self._move(left, nearest_exported(place.ancestor), place, depth)
        elif place.choice.deferrers:
            around = nearest_exported(place.ancestor)
            if around is not None:
                self._sink.put(left, around)

    def stop(self, place: P) -> None:
        """Pass on the stop of a span."""
        span, (depth, _, observers, deferrers) = place.shown, place.choice
        if place.is_exported:
            self.pipeline.stopped(span)
            self._sink.stop(place)
            return
        if deferrers:
            refused = self.pipeline.refused_by(span, deferrers)
            if refused is None:
                self.pipeline.stopped(span, without=deferrers)
                self._sink.complete(place)
                return
            depth = refused
        self.pipeline.stopped(span, only=[observer for observer in observers if observer < depth])

    def emit(self, processor: Processor, event: Event, span: Span | None) -> None:
        """Pass an event of a processor to those after it, and export what they leave. See `Processor.emit`."""
        if not isinstance(event, Event) or not isinstance(span, Span | None):
            raise OneLoggerError(
                f"emit() was given {type(event).__name__} and {type(span).__name__}; expected an Event and a Span."
            )
        place = None if span is None else self._sink.place(span)
        target = place if place is not None and place.is_exported else nearest_exported(place)
        self._move(event, target, place, self.pipeline.place(processor) + 1)

    def exported(self, span: Span) -> Span | None:
        """See `Processor.exported`."""
        place = nearest_exported(self._sink.place(span))
        return None if place is None else place.shown

    def around(self, span: Span) -> Span | None:
        """See `Processor.around`."""
        place = self._sink.place(span)
        around = None if place is None else nearest_exported(place.ancestor)
        return None if around is None else around.shown

    def _move(self, event: Event, target: P | None, origin: P | None, first: int) -> None:
        """Export what the processors from place `first` on leave of an event, in `target` or a span made for it."""
        span = self._sink.span_for(event, origin) if target is None else target.shown
        left = self.pipeline.event(event, span, first)
        if left is None:
            return
        if target is None:
            self._sink.put_alone(left, span)
        else:
            self._sink.put(left, target)


def nearest_exported(place: P | None) -> P | None:
    """The nearest open exported span: that of `place`, or one around it."""
    while place is not None and not (place.is_open and place.is_exported):
        place = place.ancestor
    return place
