"""How much memory a span or event takes, roughly: for queues that are bounded in bytes."""

from __future__ import annotations

from collections.abc import Mapping

from one_logger.core.attributes import AttributeValue
from one_logger.core.event import Event
from one_logger.core.span import Span

RECORD = 400
"""Bytes of a span or event without its attributes."""

ATTRIBUTE = 64
"""Bytes of an attribute, or of an item of one, without its text."""


def weigh(span: Span | None, event: Event | None) -> int:
    """The bytes that a queued record keeps alive, roughly: of `event`, or of the start or stop of `span`.

    Reads no file and formats nothing, so that it can be asked on the thread that records.
    """
    if event is not None:
        return RECORD + _bytes(event._attributes)
    return RECORD + (_bytes(span._initial_attributes) if span is not None else 0)


def _bytes(attributes: Mapping[str, AttributeValue]) -> int:
    return sum(ATTRIBUTE + _length(value) for value in attributes.values())


def _length(value: AttributeValue) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, tuple):
        return sum(ATTRIBUTE + (len(item) if isinstance(item, str) else 0) for item in value)
    return 0
