"""What is current where spans are left open, or left by an exception."""

from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from time import monotonic

from one_logger.api.spi import CURRENT_SPAN
from one_logger.recorder.processors.unexported_span import UnexportedSpan
from one_logger.recorder.recorded_span import RecordedSpan
from one_logger.recorder.telemetry_errors import TelemetryErrors

HELD_BY_SPAN = 2
"""How many references there are to a `timed_span` that only its span has: that one, and the one of whoever counts."""


def stop_abandoned(span: RecordedSpan, stop: Callable[[RecordedSpan], None]) -> RecordedSpan | None:
    """Stop a span whose `timed_span` is gone, so that nobody else will, and those around it of which that is true.

    Where `__exit__` just begins, an interruption can't be caught in it.

    Returns:
        The span that is current instead.
    """
    around: RecordedSpan | None = span
    while around is not None and around.holder is not None and getrefcount(around.holder) <= HELD_BY_SPAN:
        stop(around)
        around = around.open_ancestor
    return around


def leave(span: RecordedSpan, current: RecordedSpan) -> None:
    """Before a span is stopped: if one in it is current that was left open, it is not to be current any more."""
    if current.end_unix_ns is not None and current.ancestor is span:
        return  # as most of the time: what was in it has ended
    inner = current if current.end_unix_ns is None else current.open_ancestor
    around = inner
    while around is not None and around is not span:
        around = around.ancestor
    if around is not None and inner is not span:
        CURRENT_SPAN.set(span)  # and as soon as it has ended, the nearest open one around it


def stop_all(
    spans: list[RecordedSpan], stop: Callable[[RecordedSpan], None], errors: TelemetryErrors, deadline: float
) -> int:
    """Stop open spans from the last one on, marked as unfinished, until the deadline. How many are not stopped."""
    while spans and monotonic() < deadline:
        span = spans.pop()
        if span.end_unix_ns is None:  # no other thread has just stopped it
            span.set_attribute("one_logger.unfinished", True)
            with errors.logged("while the recorder was closed"):
                stop(span)
    return sum(span.end_unix_ns is None and span.is_exported for span in spans)


def noted(exception: object, place: object) -> int | None:
    """Note that an exception is recorded in a span. The id of the span where it stands already; None if in none.

    It is noted in the span around, too, which it will leave next. It is known by its `__dict__`, since a reference to
    the exception would keep its frames alive.
    """
    if not isinstance(place, RecordedSpan) or not isinstance(exception, BaseException):
        return None
    span: RecordedSpan | None = place if place.end_unix_ns is None else place.open_ancestor
    if span is None:
        return None
    itself = BaseException.__getattribute__(exception, "__dict__")
    known = getattr(span, "_passing", None)
    stands_in = known[1] if known is not None and known[0] is itself else None
    here = span.parent_of_children if isinstance(span, UnexportedSpan) else span.span_id
    if stands_in is None and here:
        known = span._passing = (itself, here)
    if known is not None and span.ancestor is not None:
        span.ancestor._passing = known
    return stands_in
