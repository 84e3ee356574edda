"""How much memory a span or event takes, roughly: for queues that are bounded in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from sys import getsizeof

from one_logger.core.attributes import AttributeValue
from one_logger.core.event import ErrorEvent, Event, TelemetryDataError
from one_logger.core.span import Span

EVENT = 200
"""Bytes of an event in a queue without its attributes: the object, its times, and the place in the queue."""

SPAN = 450
"""The same of a span."""

ATTRIBUTES = 50
"""Bytes of a group of attributes without them."""

ATTRIBUTE = 70
"""Bytes of an attribute, or of an item of one, without its text if that is long."""


def weigh(span: Span | None, event: Event | None) -> int:
    """The bytes that a queued record keeps alive, roughly: of `event`, or of `span` as far as it is known.

    Reads no file and formats nothing, so that it can be asked on the thread that records.
    """
    if event is not None:
        weight = EVENT + _long(event._name)
        if event._attributes:
            weight += _bytes(event._attributes)
        if isinstance(event, (ErrorEvent, TelemetryDataError)):
            weight += _long(event.message)
        if isinstance(event, ErrorEvent):
            weight += _long(event.exception_message)
            weight += _long(event._stack_trace)  # one that is made of an exception is no text yet
        return weight
    if span is None:
        return EVENT
    weight = SPAN + _long(span.name)
    if span._initial_attributes:
        weight += _bytes(span._initial_attributes)
    if span._start_event_attributes:
        weight += _bytes(span._start_event_attributes)
    if span._later_attributes:
        # A thread that found the span open may be adding: copy() cannot be interrupted, iteration can.
        weight += _bytes(span._later_attributes.copy())
    if span._stop_event_attributes:
        weight += _bytes(span._stop_event_attributes)
    return weight


def _bytes(attributes: Mapping[str, AttributeValue]) -> int:
    weight = ATTRIBUTES
    for name, value in attributes.items():
        weight += ATTRIBUTE + _long(name)
        if isinstance(value, tuple):
            weight += sum(ATTRIBUTE + _long(item) for item in value)
        else:
            weight += _long(value)
    return weight


def _long(value: object) -> int:
    """By how many bytes `value` exceeds what is counted for any."""
    size = getsizeof(value)
    return size - ATTRIBUTE if size > ATTRIBUTE else 0
