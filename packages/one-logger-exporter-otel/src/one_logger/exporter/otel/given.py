"""Sends through an exporter of OpenTelemetry that the application has given. Imports OpenTelemetry's SDK.

OpenTelemetry's Python API for logs is not stable yet, so it is imported only if log records are wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from one_logger.core.spi import error_text, shown
from one_logger.exporter.otel.messages import SCOPE, Rejected
from one_logger.exporter.otel.neighbour import Neighbour
from one_logger.exporter.otel.open_spans import IS_REMOTE
from one_logger.exporter.otel.outbox import Hint, RefusedError

if TYPE_CHECKING:
    from opentelemetry.proto.logs.v1.logs_pb2 import ScopeLogs
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
    from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace.export import SpanExporter

_SCOPE = InstrumentationScope(SCOPE.name, SCOPE.version)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class GivenClient:
    """Sends through an exporter that the application has given. Such an exporter says that it failed, but not why."""

    def __init__(
        self, exporter: SpanExporter | LogRecordExporter, resource: ResourceMessage, neighbour: Neighbour
    ) -> None:
        self._exporter: Any = exporter
        self._resource = Resource(_attributes(resource))
        self._neighbour = neighbour
        # Most libraries name a logger like the module that uses it, which may define a base of the exporter's class.
        modules = frozenset(base.__module__ for base in type(exporter).__mro__)
        self.loggers = modules - {"abc", "builtins", "typing"}

    def item(self, message: ScopeSpans | ScopeLogs, /) -> Any:
        """The span or log record as an exporter of OpenTelemetry takes it."""
        (field,) = message.ListFields()
        return (_span if field[0].name == "spans" else _log)(field[1][0], self._resource)

    def send(self, batch: Sequence[Any], /) -> Rejected:
        """Export a batch, or raise `RefusedError`."""
        name = type(self._exporter).__name__
        try:
            result = self._exporter.export(batch)
        except Exception as error:
            raise RefusedError(f"{name} raised {type(error).__name__}: {error_text(error)}", Hint.UNKNOWN) from error
        if getattr(result, "name", None) != "SUCCESS":
            said = f" It has logged: {self._neighbour.said}" if self._neighbour.said else ""
            raise RefusedError(f"{name} returned {shown(result)}.{said}", Hint.UNKNOWN)
        return Rejected()

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()


def _span(span: Any, resource: Resource) -> ReadableSpan:
    trace_id = int.from_bytes(span.trace_id)
    parent = None
    if span.parent_span_id:
        parent = SpanContext(trace_id, int.from_bytes(span.parent_span_id), bool(span.flags & IS_REMOTE), _SAMPLED)
    events: Sequence[Event] = [Event(each.name, _attributes(each), each.time_unix_nano) for each in span.events]
    if span.dropped_events_count:
        bounded = BoundedList.from_seq(None, events)  # an exporter takes the number of dropped events from it
        bounded.dropped = span.dropped_events_count
        events = bounded
    return ReadableSpan(
        name=span.name,
        context=SpanContext(trace_id, int.from_bytes(span.span_id), is_remote=False, trace_flags=_SAMPLED),
        parent=parent,
        resource=resource,
        attributes=_attributes(span),
        events=events,
        status=Status(StatusCode(span.status.code), span.status.message or None),
        start_time=span.start_time_unix_nano,
        end_time=span.end_time_unix_nano,
        instrumentation_scope=_SCOPE,
    )


def _log(log: Any, resource: Resource) -> Any:
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    context = SpanContext(int.from_bytes(log.trace_id), int.from_bytes(log.span_id), False, _SAMPLED)
    record = LogRecord(
        timestamp=log.time_unix_nano,
        observed_timestamp=log.observed_time_unix_nano,
        # On an empty context: what is current on this thread has nothing to do with it.
        context=set_span_in_context(NonRecordingSpan(context), Context()),
        severity_number=SeverityNumber(log.severity_number),
        severity_text=log.severity_text,
        body=_value(log.body),
        attributes=_attributes(log),
        event_name=log.event_name,
    )
    return ReadableLogRecord(record, resource, _SCOPE)


def _attributes(holder: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in holder.attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return tuple(map(_value, value.array_value.values)) if kind == "array_value" else getattr(value, kind)
