"""Processors that drop spans or events."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from one_logger.core import ErrorEvent, Event, OneLoggerError, Span
from one_logger.core.spi import safe_repr
from one_logger.recorder.processors.conditions import Conditions
from one_logger.recorder.processors.names import NameFilter, NamePattern, Names
from one_logger.recorder.processors.processor import Decision, Processor


class SpanFilter(Processor):
    """Drops spans by their names, and their events with them.

    The children of a span that is dropped hang on the nearest exported span around it. Its errors are not dropped: they
    become errors of the nearest open exported span around it or, if there is none, of a span that is made for them.

    Args:
        include: The names of the spans to keep: a name, a pattern such as `load_*`, or a list of them. None: all.
        exclude: Of these, the names of the spans to drop.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """

    decides_by_name = True

    def __init__(self, include: Names | None = None, exclude: Names = ()) -> None:
        self._names = NameFilter(include, exclude)

    def decide(self, name: str) -> Decision:
        """Drop what is not wanted."""
        return Decision.KEEP if self._names.wants(name) else Decision.DROP


class EventFilter(Processor):
    """Drops events by their names, attributes or verbosity. Errors are never dropped.

    Args:
        include: The names of the events to keep: a name, a pattern such as `batch_*`, or a list of them. None: all.
        exclude: Of these, the names of the events to drop.
        where: What has to hold for an event, or else it is dropped: conditions on its attributes, such as
            `{"loss": {"above": 10}}`, or a function of the event. See the guide for the conditions.
        max_verbosity: Events that have a number above this as their verbosity are dropped. None: none are.
        verbosity_attribute: The attribute that holds it.
        names: The names of the events that `where` and `max_verbosity` are about.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """

    def __init__(
        self,
        include: Names | None = None,
        exclude: Names = (),
        *,
        where: Mapping[str, object] | Callable[[Event], bool] | None = None,
        max_verbosity: float | None = None,
        verbosity_attribute: str = "verbosity",
        names: Names = "*",
    ) -> None:
        self._names = NameFilter(include, exclude)
        self._about = NamePattern("names", names)
        conditions: dict[str, object] = {}
        self._predicate: Callable[[Event], bool] | None = None
        if isinstance(where, Mapping):
            conditions.update(where)
        elif callable(where):
            self._predicate = where
        elif where is not None:
            raise OneLoggerError(
                f"where is {type(where).__name__}; expected a mapping of attributes to conditions, or a function."
            )
        self._conditions = Conditions("where", conditions) if conditions else None
        if max_verbosity is not None and (
            isinstance(max_verbosity, bool) or not isinstance(max_verbosity, int | float)
        ):
            raise OneLoggerError(f"max_verbosity is {safe_repr(max_verbosity, 100)}; expected a number.")
        if not isinstance(verbosity_attribute, str):
            raise OneLoggerError(
                f"verbosity_attribute is {safe_repr(verbosity_attribute, 100)}; expected an attribute's name."
            )
        self._max_verbosity = max_verbosity
        self._verbosity = verbosity_attribute
        self._looks = self._conditions is not None or self._predicate is not None or max_verbosity is not None

    def on_event(self, event: Event, span: Span) -> Event | None:
        """Drop what is not wanted."""
        if isinstance(event, ErrorEvent):
            return event
        name = event.name
        if not self._names.wants(name):
            return None
        if not self._looks or not self._about.matches(name):
            return event
        return event if self._wants(event) else None

    def _wants(self, event: Event) -> bool:
        attributes = event.attributes
        if self._max_verbosity is not None:
            verbosity = attributes.get(self._verbosity, 0)
            if isinstance(verbosity, int | float) and verbosity > self._max_verbosity:
                return False
        if self._conditions is not None and not self._conditions.hold(attributes):
            return False
        return self._predicate is None or bool(self._predicate(event))
