"""A processor that adds attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from one_logger.core import Attributes, Event, OneLoggerError, Span
from one_logger.recorder.processors.names import NamePattern, Names
from one_logger.recorder.processors.processor import Processor

Added = Mapping[str, object] | Callable[[Span | Event], Mapping[str, object] | None]


class Enricher(Processor):
    """Adds attributes to spans, to events, or to both. What the job has set itself stays as it is.

    A span gets them when it starts. Errors are events; their name is `exception`.

    Args:
        attributes: The attributes: a mapping, or a function of the span or event that gives one, or None.
        spans: The names of the spans to add them to: a name, a pattern, or a list of them. An empty list: to none.
        events: The names of the events to add them to, likewise.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """

    def __init__(self, attributes: Added, *, spans: Names = "*", events: Names = ()) -> None:
        self._constant: Attributes | None = None
        self._function: Callable[[Span | Event], Mapping[str, object] | None] | None = None
        if isinstance(attributes, Mapping):
            self._constant = Attributes(attributes)
        elif callable(attributes):
            self._function = attributes
        else:
            raise OneLoggerError(
                f"attributes is {type(attributes).__name__}; expected a mapping, or a function that gives one."
            )
        self._spans = NamePattern("spans", spans)
        self._events = NamePattern("events", events)

    def on_start(self, span: Span) -> Mapping[str, object] | None:
        """The attributes that the span does not have."""
        if not self._spans.matches(span.name):
            return None
        return _without(self._added(span), span.initial_attributes)

    def on_event(self, event: Event, span: Span) -> Event:
        """The event with these attributes, too."""
        if not self._events.matches(event.name):
            return event
        added = self._added(event)
        return event.with_attributes({**added, **event.given_attributes}) if added else event

    def _added(self, to: Span | Event) -> Mapping[str, object]:
        if self._constant is not None:
            return self._constant
        given: object = None if self._function is None else self._function(to)
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            raise OneLoggerError(f"The function given as attributes returned {type(given).__name__}, not a mapping.")
        return given


def _without(added: Mapping[str, object], present: Mapping[str, object]) -> Mapping[str, object]:
    if added.keys().isdisjoint(present.keys()):
        return added
    return {name: value for name, value in added.items() if name not in present}
