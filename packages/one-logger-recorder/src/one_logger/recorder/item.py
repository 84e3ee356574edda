"""What is queued for an exporter."""

from __future__ import annotations

from one_logger.core import Event
from one_logger.recorder.recorded_span import RecordedSpan

START, STOP, EVENT, ERROR, DATA_ERROR = range(5)
"""The kinds of records."""

Item = RecordedSpan | tuple[int, RecordedSpan | None, Event | None]
"""A span, that has started and may have ended; or (kind, span, event)."""


def records_in(item: Item) -> int:
    """How many records a queued item is: a span that has ended is start and stop, unless its stop is queued, too."""
    return 2 if isinstance(item, RecordedSpan) and item._stop_follows is False else 1
