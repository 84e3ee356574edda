"""From spans of one-logger to spans of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event as OTelEvent
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from one_logger.core import AttributeValue, Event, Span, TelemetryDataError
from one_logger.core import Status as CoreStatus
from one_logger.core.spi import encodable
from one_logger.exporter.otel.attributes import exported_attributes, exported_time
from one_logger.exporter.otel.open_spans import OpenSpan
from one_logger.exporter.otel.resource import SCOPE

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _OK = Status(StatusCode.UNSET), Status(StatusCode.OK)


def stopped_span(span: Span, known: OpenSpan, resource: Resource) -> ReadableSpan:
    """A span that has stopped, with what is known of it."""
    parent, start = span.parent_span_id, span.start_unix_ns
    return ReadableSpan(
        name=encodable(span.name),
        context=span_context(span),
        parent=None if parent is None else SpanContext(span.trace_id, parent, known.has_remote_parent, SAMPLED),
        resource=resource,
        attributes=exported_attributes(span.attributes),
        events=_events(span, known),
        kind=SpanKind.INTERNAL,
        status=_status(span.status, known.problem),
        start_time=exported_time(start),
        end_time=exported_time(start + max(span.duration_ns or 0, 0)),
        instrumentation_scope=SCOPE,
    )


def data_error_span(error: TelemetryDataError, root: Span, resource: Resource) -> ReadableSpan:
    """A span of its own for a telemetry data error, with the ids of `root`."""
    time = exported_time(error.timestamp.unix_ns)
    return ReadableSpan(
        name=encodable(error.name),
        context=span_context(root),
        resource=resource,
        attributes=data_error_attributes(error),
        status=Status(StatusCode.ERROR, encodable(error.message)),
        start_time=time,
        end_time=time,
        instrumentation_scope=SCOPE,
    )


def span_context(span: Span) -> SpanContext:
    """The ids of a span."""
    return SpanContext(span.trace_id, span.span_id, is_remote=False, trace_flags=SAMPLED)


def data_error_attributes(error: TelemetryDataError) -> dict[str, AttributeValue]:
    """All of a telemetry data error but its message."""
    known: dict[str, AttributeValue] = {"one_logger.error_type": error.error_type.value}
    if error.dropped:
        known["one_logger.dropped"] = error.dropped
    return {**known, **exported_attributes(error.attributes)}


def _events(span: Span, known: OpenSpan) -> Sequence[OTelEvent]:
    events = [_event(event) for event in known.events]
    start_event = span.start_event
    if start_event.attributes:
        events.insert(0, _event(start_event))
    stop_event = span.stop_event
    if stop_event is not None and stop_event.attributes:
        events.append(_event(stop_event, span.start_unix_ns + max(span.duration_ns or 0, 0)))
    if not known.dropped:
        return events
    bounded = BoundedList.from_seq(None, events)  # OTLP's encoder takes the number of dropped events from it
    bounded.dropped = known.dropped
    return bounded


def _event(event: Event, unix_ns: int | None = None) -> OTelEvent:
    time = event.timestamp.unix_ns if unix_ns is None else unix_ns
    return OTelEvent(encodable(event.name), exported_attributes(event.attributes), exported_time(time))


def _status(status: CoreStatus, problem: str | None) -> Status:
    """The status. If nobody has set it, an error does; a recorder sets it, but other callers need not."""
    if status is CoreStatus.ERROR or (status is CoreStatus.UNSET and problem is not None):
        return Status(StatusCode.ERROR, problem)
    return _OK if status is CoreStatus.OK else _UNSET
