"""Starts, events and errors as log records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber

from one_logger.core import (
    ErrorEvent,
    Event,
    OneLoggerError,
    Span,
    TelemetryDataError,
    TelemetryDataErrorType,
    Timestamp,
)
from one_logger.exporter.otel import OTelExporter

Make = Callable[..., Any]


def records(memory: Any) -> list[Any]:
    """The log records that have arrived."""
    memory.exporter.flush()
    return [readable.log_record for readable in memory.logs.get_finished_logs()]


def test_start_is_there_at_once(in_memory: Make) -> None:
    """As soon as a span has started there is a log record with its name, ids, parent and initial attributes."""
    memory = in_memory(events="log")
    parent = Span("parent")
    span = Span("work", {"a": 2**100}, {"b": 2}, parent=parent)
    memory.exporter.export_start(span)
    (record,) = records(memory)
    assert (record.event_name, record.body, record.timestamp) == ("span_start", "work", span.start_unix_ns)
    assert (record.trace_id, record.span_id, record.trace_flags) == (span.trace_id, span.span_id, 1)
    assert (record.severity_number, record.severity_text) == (SeverityNumber.INFO, "INFO")
    assert record.attributes == {"a": str(2**100), "b": 2, "one_logger.parent_span_id": f"{parent.span_id:016x}"}
    assert memory.spans.get_finished_spans() == ()


def test_events_are_there_at_once(in_memory: Make) -> None:
    """An event of an open span is a log record in its context, with its name (also the body), time and attributes."""
    memory = in_memory(events="log")
    span = Span("work")
    memory.exporter.export_event(Event("step", {"loss": 0.5}, Timestamp(17, 0)), span)
    (record,) = records(memory)
    assert (record.event_name, record.body, record.timestamp, record.attributes) == ("step", "step", 17, {"loss": 0.5})
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert record.observed_timestamp > span.start_unix_ns


def test_errors_have_their_severity(in_memory: Make) -> None:
    """An error is a log record of severity ERROR with its message and the exception's attributes."""
    memory = in_memory(events="log")
    memory.exporter.export_error(ErrorEvent("it failed", ValueError("no")), Span("work"))
    (record,) = records(memory)
    assert (record.event_name, record.body, record.severity_number) == ("exception", "it failed", SeverityNumber.ERROR)
    assert record.attributes.keys() == {"error.message", "exception.type", "exception.message", "exception.stacktrace"}


def test_telemetry_data_error_is_both(in_memory: Make) -> None:
    """A telemetry data error is a log record in the context of the span that it is, too."""
    memory = in_memory(events="log")
    kind = TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA
    memory.exporter.export_telemetry_data_error(TelemetryDataError(kind, "missing", dropped=3))
    (record,) = records(memory)
    (span,) = memory.spans.get_finished_spans()
    assert (record.event_name, record.body, record.severity_number) == (
        *("telemetry_data_error", "missing"),
        SeverityNumber.ERROR,
    )
    assert (record.trace_id, record.span_id) == (span.context.trace_id, span.context.span_id)
    assert record.attributes["one_logger.dropped"] == 3


@pytest.mark.parametrize(("events", "in_span"), [("log", []), ("both", ["step", "exception"])])
def test_spans_have_events_where_that_is_asked_for(in_memory: Make, events: str, in_span: list[str]) -> None:
    """With `log` spans have no events, with `both` they have; the status knows of errors either way."""
    memory = in_memory(events=events)
    span = Span("work")
    memory.exporter.export_start(span)
    memory.exporter.export_event(Event("step"), span)
    memory.exporter.export_error(ErrorEvent("it failed"), span)
    from one_logger.core import Status

    span.set_status(Status.ERROR)
    span.stop()
    memory.exporter.export_stop(span)
    assert [record.event_name for record in records(memory)] == ["span_start", "step", "exception"]
    (arrived,) = memory.spans.get_finished_spans()
    assert [event.name for event in arrived.events] == in_span
    assert arrived.status.description == "it failed"
    assert arrived.dropped_events == 0


def test_records_have_resource_and_scope(in_memory: Make) -> None:
    """Log records have the resource and the scope that spans have."""
    memory = in_memory(events="log")
    memory.exporter.export_start(Span("work"))
    records(memory)
    (readable,) = memory.logs.get_finished_logs()
    assert readable.resource.attributes["service.name"] == "tests"
    assert readable.instrumentation_scope.name == "one_logger"


def test_current_span_of_the_application_is_not_theirs(in_memory: Make) -> None:
    """Log records are in the context of our span, whatever span of OpenTelemetry is current where they are made."""
    memory = in_memory(events="log")
    context = trace.SpanContext(1, 2, is_remote=False)
    span = Span("work")
    with trace.use_span(trace.NonRecordingSpan(context)):
        memory.exporter.export_start(span)
    (record,) = records(memory)
    assert record.trace_id == span.trace_id


def test_log_exporter_alone_needs_a_place_for_spans() -> None:
    """Events that go to a log exporter do not make one of it for spans: these go to a collector."""
    with pytest.raises(OneLoggerError, match="events"):
        OTelExporter(events="everything")  # type: ignore[arg-type]  # a mistake is what is tested
