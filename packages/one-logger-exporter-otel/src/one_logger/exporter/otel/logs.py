"""From starts, events and errors of one-logger to log records of OpenTelemetry.

OpenTelemetry's Python API for logs is not stable yet, so this module is imported only if log records are wanted.
"""

from __future__ import annotations

from time import time_ns
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from one_logger.core import ErrorEvent, Event, Span, TelemetryDataError
from one_logger.core.spi import encodable
from one_logger.exporter.otel.attributes import exported_attributes, exported_time
from one_logger.exporter.otel.outbox import Outbox
from one_logger.exporter.otel.resource import SCOPE
from one_logger.exporter.otel.spans import data_error_attributes, span_context

PARENT = "one_logger.parent_span_id"
"""The attribute of a `span_start` with its parent's id, in hexadecimal: a log record has only the id of its span."""


class LogWriter:
    """Puts log records of OpenTelemetry in an outbox, each in the context of its span."""

    def __init__(self, resource: Resource, outbox: Outbox) -> None:
        self._resource = resource
        self._outbox = outbox

    def start(self, span: Span) -> None:
        """The start of a span: its name is the body, what is known of it by then are the attributes."""
        event = span.start_event
        parent = {} if span.parent_span_id is None else {PARENT: f"{span.parent_span_id:016x}"}
        attributes = {**parent, **exported_attributes({**span.initial_attributes, **event.attributes})}
        self._put(event, span, attributes, span.name)

    def event(self, event: Event, span: Span) -> None:
        """An event of a span."""
        self._put(event, span, exported_attributes(event.attributes))

    def error(self, event: ErrorEvent, span: Span) -> None:
        """An error in a span (semantic conventions, "Exceptions in logs")."""
        self._put(event, span, exported_attributes(event.attributes), event.message, SeverityNumber.ERROR)

    def data_error(self, error: TelemetryDataError, root: Span) -> None:
        """A telemetry data error."""
        self._put(error, root, data_error_attributes(error), error.message, SeverityNumber.ERROR)

    def _put(
        self,
        event: Event,
        span: Span,
        attributes: dict[str, Any],
        body: str | None = None,
        severity: SeverityNumber = SeverityNumber.INFO,
    ) -> None:
        record = LogRecord(
            timestamp=exported_time(event.timestamp.unix_ns),
            observed_timestamp=time_ns(),
            # On an empty context: what is current on this thread has nothing to do with it.
            context=set_span_in_context(NonRecordingSpan(span_context(span)), Context()),
            severity_number=severity,
            severity_text=severity.name,
            body=None if body is None else encodable(body),
            attributes=attributes,
            event_name=encodable(event.name),
        )
        self._outbox.put(ReadableLogRecord(record, self._resource, SCOPE), 1)
