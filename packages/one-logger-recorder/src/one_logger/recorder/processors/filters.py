"""Processors that drop spans or events."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from one_logger.core import ErrorEvent, Event, OneLoggerError, Span
from one_logger.core.spi import shown
from one_logger.recorder.processors.conditions import Conditions, is_number
from one_logger.recorder.processors.names import NameFilter, NamePattern, Names
from one_logger.recorder.processors.processor import Decision, Processor


class SpanFilter(Processor):
    """Drops spans by their names, and their events with them.

    The children of a dropped span become children of the nearest exported span around it. Its errors are kept: they
    become errors of the nearest open exported span around it or, without one, of a span that is made for them.

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
        """Drop a span whose name is not wanted."""
        return Decision.KEEP if self._names.matches(name) else Decision.DROP


class EventFilter(Processor):
    """Drops events by their names, attributes or verbosity. Errors are never dropped.

    Args:
        include: The names of the events to keep: a name, a pattern such as `batch_*`, or a list of them. None: all.
        exclude: Of these, the names of the events to drop.
        where: Events for which this does not hold are dropped: conditions on attributes, such as
            `{"loss": {"above": 10}}`, or a function of the event. The guide lists the conditions.
        max_verbosity: Events whose verbosity is a number above this are dropped. None: no event is.
        verbosity_attribute: The attribute that holds the verbosity.
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
        if where is not None and not isinstance(where, Mapping) and not callable(where):
            raise OneLoggerError(
                f"where is {type(where).__name__}; expected a mapping of attributes to conditions, or a function."
            )
        if max_verbosity is not None and not is_number(max_verbosity):
            raise OneLoggerError(f"max_verbosity is {shown(max_verbosity)}; expected a number.")
        if not isinstance(verbosity_attribute, str):
            raise OneLoggerError(f"verbosity_attribute is {shown(verbosity_attribute)}; expected an attribute's name.")
        self._where = Conditions("where", where).hold if isinstance(where, Mapping) else where
        self._max_verbosity = max_verbosity
        self._verbosity = verbosity_attribute

    def on_event(self, event: Event, span: Span) -> Event | None:
        """Drop an event that is not wanted."""
        if isinstance(event, ErrorEvent):
            return event
        if not self._names.matches(event.name):
            return None
        if (self._max_verbosity is None and self._where is None) or not self._about.matches(event.name):
            return event
        return event if self._wants(event) else None

    def _wants(self, event: Event) -> bool:
        if self._max_verbosity is not None:
            verbosity = event.attributes.get(self._verbosity, 0)
            if isinstance(verbosity, int | float) and verbosity > self._max_verbosity:
                return False
        return self._where is None or bool(self._where(event))
