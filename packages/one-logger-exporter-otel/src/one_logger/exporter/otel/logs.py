"""From starts, events and errors of one-logger to log records of OpenTelemetry.

OpenTelemetry's Python API for logs is not stable yet, so this module is imported only where log records are wanted.
"""

from __future__ import annotations

from time import time_ns
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from one_logger.core import ErrorEvent, Event, Span, TelemetryDataError
from one_logger.core.spi import encodable
from one_logger.exporter.otel.attributes import exported_attributes, exported_time
from one_logger.exporter.otel.spans import data_error_attributes, span_context

PARENT = "one_logger.parent_span_id"
"""The attribute of a `span_start` that has the parent's id, in hexadecimal: a log record knows its own span only."""


class LogBuilder:
    """Makes log records of OpenTelemetry, each in the context of its span.

    Args:
        resource: Who produces them.
        scope: What they were made by.
    """

    def __init__(self, resource: Resource, scope: InstrumentationScope) -> None:
        self._resource = resource
        self._scope = scope

    def start(self, span: Span) -> ReadableLogRecord:
        """The start of a span: its name is the body, all that is known of it at the start are the attributes."""
        event = span.start_event
        parent = {} if span.parent_span_id is None else {PARENT: f"{span.parent_span_id:016x}"}
        attributes = {**parent, **exported_attributes({**span.initial_attributes, **event.attributes})}
        return self._record(event, span, attributes, body=encodable(span.name))

    def event(self, event: Event, span: Span) -> ReadableLogRecord:
        """An event of a span."""
        return self._record(event, span, exported_attributes(event.attributes))

    def error(self, event: ErrorEvent, span: Span) -> ReadableLogRecord:
        """An error in a span (semantic conventions, "Exceptions in logs")."""
        return self._record(
            event,
            span,
            exported_attributes(event.attributes),
            body=encodable(event.message),
            severity=SeverityNumber.ERROR,
        )

    def data_error(self, error: TelemetryDataError, root: Span) -> ReadableLogRecord:
        """A telemetry data error."""
        return self._record(
            error,
            root,
            data_error_attributes(error),
            body=encodable(error.message),
            severity=SeverityNumber.ERROR,
        )

    def _record(
        self,
        event: Event,
        span: Span,
        attributes: dict[str, Any],
        body: str | None = None,
        severity: SeverityNumber = SeverityNumber.INFO,
    ) -> ReadableLogRecord:
        record = LogRecord(
            timestamp=exported_time(event.timestamp.unix_ns),
            observed_timestamp=time_ns(),
            # Built on an empty context: what is current on this thread is nobody's business here.
            context=set_span_in_context(NonRecordingSpan(span_context(span)), Context()),
            severity_number=severity,
            severity_text=severity.name,
            body=body,
            attributes=attributes,
            event_name=encodable(event.name),
        )
        return ReadableLogRecord(record, self._resource, self._scope)
