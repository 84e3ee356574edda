"""A processor that adds attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from one_logger.core import Attributes, Event, OneLoggerError, Span
from one_logger.recorder.processors.names import NamePattern, Names
from one_logger.recorder.processors.processor import Processor

Added = Mapping[str, object] | Callable[[Span | Event], Mapping[str, object] | None]


class Enricher(Processor):
    """Adds attributes to spans, events, or both. An attribute that the job has set is kept.

    A span gets them when it starts. Errors are events with the name `exception`.

    Args:
        attributes: The attributes: a mapping, or a function of the span or event that gives one, or None.
        spans: The names of the spans to add them to: a name, a pattern, or a list of them. An empty list: to none.
        events: The names of the events to add them to, likewise.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """

    def __init__(self, attributes: Added, *, spans: Names = "*", events: Names = ()) -> None:
        if not isinstance(attributes, Mapping) and not callable(attributes):
            raise OneLoggerError(
                f"attributes is {type(attributes).__name__}; expected a mapping, or a function that gives one."
            )
        self._attributes = Attributes(attributes) if isinstance(attributes, Mapping) else attributes
        self._spans = NamePattern("spans", spans)
        self._events = NamePattern("events", events)

    def on_start(self, span: Span) -> Mapping[str, object] | None:
        """Add the attributes that the span does not have."""
        if not self._spans.matches(span.name):
            return None
        added, present = self._added(span), span.initial_attributes
        if added.keys().isdisjoint(present.keys()):
            return added
        return {name: value for name, value in added.items() if name not in present}

    def on_event(self, event: Event, span: Span) -> Event:
        """Add the attributes that the event does not have."""
        if not self._events.matches(event.name):
            return event
        added = self._added(event)
        return event.with_attributes({**added, **event.given_attributes}) if added else event

    def _added(self, to: Span | Event) -> Mapping[str, object]:
        if isinstance(self._attributes, Attributes):
            return self._attributes
        given: object = self._attributes(to)
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            raise OneLoggerError(f"The function given as attributes returned {type(given).__name__}, not a mapping.")
        return given
