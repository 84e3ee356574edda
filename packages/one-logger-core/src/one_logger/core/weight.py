"""About how much memory a span or event takes, for queues that are limited in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from sys import getsizeof

from one_logger.core._stack_trace import StackTrace
from one_logger.core.attributes import AttributeValue
from one_logger.core.event import ErrorEvent, Event, TelemetryDataError
from one_logger.core.span import Span

# Bytes.
EVENT = 200  # without attributes: the object, its times, and the place in the queue
SPAN = 450  # likewise
ATTRIBUTES = 50  # an empty group of attributes
ATTRIBUTE = 70  # an attribute, or an item of one, with a short text


def weigh(span: Span | None, event: Event | None) -> int:
    """About how many bytes a queued record keeps alive: `event`, or else `span`.

    It reads no file and formats nothing, so a thread of the job may call it.
    """
    if event is not None:
        weight = EVENT + _long(event._name)
        if event._attributes:
            weight += _bytes(event._attributes)
        if isinstance(event, (ErrorEvent, TelemetryDataError)):
            weight += _long(event.message)
        if isinstance(event, ErrorEvent):
            weight += _long(event.exception_message)
            trace = event._stack_trace
            weight += trace.weight if isinstance(trace, StackTrace) else _long(trace)
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
    """The bytes of `value` beyond those counted for any value."""
    size = getsizeof(value)
    return size - ATTRIBUTE if size > ATTRIBUTE else 0
