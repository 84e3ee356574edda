"""What processors make of spans and events: the same way for all exporters of a recorder, and for one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, Self, TypeVar

from one_logger.core import ErrorEvent, Event, OneLoggerError, Span
from one_logger.recorder.processors.choice import Choice
from one_logger.recorder.processors.pipeline import Failure, Pipeline
from one_logger.recorder.processors.processor import Processor


class Place(Protocol):
    """A span, and what was decided of it."""

    @property
    def shown(self) -> Span:
        """The span, as exporters are to see it."""

    @property
    def ancestor(self) -> Self | None:
        """The span around it. It may have stopped."""

    @property
    def is_open(self) -> bool:
        """Whether it has not stopped."""

    @property
    def is_exported(self) -> bool:
        """Whether its start is exported. That of a span which was put off is not, whatever is decided at its stop."""

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
        """Export start and stop of a span that was put off until now."""

    def span_for(self, event: Event, origin: P | None) -> Span:
        """The span that an event gets for which there is none: one made for it, or where that will do its own."""

    def put_alone(self, event: Event, span: Span) -> None:
        """Export an event and the span that `span_for` has given."""

    def place(self, span: Span) -> P | None:
        """The place of a span. None if it is not open here."""


class Processing(Generic[P]):
    """Passes what is recorded through the processors, and what they leave of it to a sink.

    The decisions stand in the place of each span, so nothing is locked and nobody waits:

    - A span that is *exported* is shown to all processors, and so are its events.
    - A span that is *dropped* is seen by the processors before the one that drops it. Its children hang on the nearest
      exported span around it. Its events are gone; its errors go to that span, or get one of their own.
    - A span that is *put off* is dropped, until the processors that have put it off decide at its stop. If they want
      it, it is exported then, start and stop at once. Its events have gone to the exported span around it.
    """

    def __init__(self, processors: Sequence[Processor], sink: Sink[P], failed: Callable[[Failure], None]) -> None:
        self.pipeline = Pipeline(processors, self, failed)
        self._sink = sink

    def event(self, event: Event, place: P) -> None:
        """Something has happened in a span, or an error."""
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
        """A span has stopped."""
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
        """Export an event that a processor has made, if those after it leave it. See `Processor.emit`."""
        if not isinstance(event, Event) or not isinstance(span, Span | None):
            raise OneLoggerError(
                f"emit() was given {type(event).__name__} and {type(span).__name__}; expected an Event and a Span."
            )
        place = None if span is None else self._sink.place(span)
        target = place if place is not None and place.is_exported else nearest_exported(place)
        self._move(event, target, place, self.pipeline.place(processor) + 1)

    def exported(self, span: Span) -> Span | None:
        """The nearest span that is open and exported, from `span` on outwards."""
        place = nearest_exported(self._sink.place(span))
        return None if place is None else place.shown

    def around(self, span: Span) -> Span | None:
        """The nearest span around `span` that is open and exported."""
        place = self._sink.place(span)
        around = None if place is None else nearest_exported(place.ancestor)
        return None if around is None else around.shown

    def _move(self, event: Event, target: P | None, origin: P | None, first: int) -> None:
        """Export what the processors from place `first` on leave of an event, in another span than its own."""
        span = self._sink.span_for(event, origin) if target is None else target.shown
        left = self.pipeline.event(event, span, first)
        if left is None:
            return
        if target is None:
            self._sink.put_alone(left, span)
        else:
            self._sink.put(left, target)


def nearest_exported(place: P | None) -> P | None:
    """The nearest span that is open and exported, from `place` on outwards."""
    while place is not None and not (place.is_open and place.is_exported):
        place = place.ancestor
    return place
