"""The types of one-logger: spans, events, attributes, resources, the exporter interface and the record."""

from one_logger.core._later import imported_later
from one_logger.core.attributes import Attributes, AttributeValue
from one_logger.core.empty_span import NOOP_SPAN, NoOpSpan
from one_logger.core.errors import ExportError, OneLoggerError
from one_logger.core.event import ErrorEvent, Event, TelemetryDataError, TelemetryDataErrorType
from one_logger.core.span import Span, Status
from one_logger.core.span_context import SpanContext
from one_logger.core.timestamp import Timestamp

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from one_logger.core.context_bridge import ContextBridge
    from one_logger.core.exporter import Exporter
    from one_logger.core.reader import Records, read_records
    from one_logger.core.record import RecordEncoder
    from one_logger.core.record_exporter import RecordExporter
    from one_logger.core.resource import Resource
    from one_logger.core.schema import record_schema
    from one_logger.core.span_data import SpanData, read_spans
    from one_logger.core.verification import RunReport, StreamReport, verify

__all__ = [
    "NOOP_SPAN",
    "AttributeValue",
    "Attributes",
    "ContextBridge",
    "ErrorEvent",
    "Event",
    "ExportError",
    "Exporter",
    "NoOpSpan",
    "OneLoggerError",
    "RecordEncoder",
    "RecordExporter",
    "Records",
    "Resource",
    "RunReport",
    "Span",
    "SpanContext",
    "SpanData",
    "Status",
    "StreamReport",
    "TelemetryDataError",
    "TelemetryDataErrorType",
    "Timestamp",
    "read_records",
    "read_spans",
    "record_schema",
    "verify",
]

# Needed where exporters are made, or records are read: a program that is only instrumented needs none of them.
_MODULES = {
    "ContextBridge": "context_bridge",
    "Exporter": "exporter",
    "RecordEncoder": "record",
    "RecordExporter": "record_exporter",
    "Records": "reader",
    "Resource": "resource",
    "RunReport": "verification",
    "SpanData": "span_data",
    "StreamReport": "verification",
    "read_records": "reader",
    "read_spans": "span_data",
    "record_schema": "schema",
    "verify": "verification",
}

__getattr__ = imported_later(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
