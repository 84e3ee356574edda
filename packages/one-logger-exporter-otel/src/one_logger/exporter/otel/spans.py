"""From spans of one-logger to spans of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event as OTelEvent
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from one_logger.core import AttributeValue, Event, Span, TelemetryDataError
from one_logger.core import Status as CoreStatus
from one_logger.core.spi import encodable
from one_logger.exporter.otel.attributes import exported_attributes, exported_time
from one_logger.exporter.otel.open_spans import OpenSpan

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _OK = Status(StatusCode.UNSET), Status(StatusCode.OK)


class SpanBuilder:
    """Makes spans of OpenTelemetry.

    Args:
        resource: Who produces them.
        scope: What they were made by.
    """

    def __init__(self, resource: Resource, scope: InstrumentationScope) -> None:
        self._resource = resource
        self._scope = scope

    def span(self, span: Span, known: OpenSpan) -> ReadableSpan:
        """A span that has stopped.

        Args:
            span: The span.
            known: What has happened in it.
        """
        parent = span.parent_span_id
        start = span.start_unix_ns
        return ReadableSpan(
            name=encodable(span.name),
            context=span_context(span),
            parent=None if parent is None else SpanContext(span.trace_id, parent, known.has_remote_parent, SAMPLED),
            resource=self._resource,
            attributes=exported_attributes(span.attributes),
            events=_events(span, known),
            kind=SpanKind.INTERNAL,
            status=_status(span.status, known.problem),
            start_time=exported_time(start),
            end_time=exported_time(start + max(span.duration_ns or 0, 0)),
            instrumentation_scope=self._scope,
        )

    def data_error(self, error: TelemetryDataError, root: Span) -> ReadableSpan:
        """A span of its own for a telemetry data error.

        Args:
            error: The error.
            root: A span that has the ids for it.
        """
        time = exported_time(error.timestamp.unix_ns)
        return ReadableSpan(
            name=encodable(error.name),
            context=span_context(root),
            resource=self._resource,
            attributes=data_error_attributes(error),
            status=Status(StatusCode.ERROR, encodable(error.message)),
            start_time=time,
            end_time=time,
            instrumentation_scope=self._scope,
        )


def span_context(span: Span) -> SpanContext:
    """The ids of a span."""
    return SpanContext(span.trace_id, span.span_id, is_remote=False, trace_flags=SAMPLED)


def data_error_attributes(error: TelemetryDataError) -> dict[str, AttributeValue]:
    """What a telemetry data error says beside its message."""
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
    bounded = BoundedList.from_seq(None, events)  # OTLP's encoder looks for the number of dropped events there
    bounded.dropped = known.dropped
    return bounded


def _event(event: Event, unix_ns: int | None = None) -> OTelEvent:
    time = event.timestamp.unix_ns if unix_ns is None else unix_ns
    return OTelEvent(encodable(event.name), exported_attributes(event.attributes), exported_time(time))


def _status(status: CoreStatus, problem: str | None) -> Status:
    """The status. An error decides it where nobody has set it: a recorder does, who calls the exporter need not."""
    if status is CoreStatus.ERROR or (status is CoreStatus.UNSET and problem is not None):
        return Status(StatusCode.ERROR, problem)
    return _OK if status is CoreStatus.OK else _UNSET
