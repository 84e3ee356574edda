"""What becomes of a span: the rows of the table in the README."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from one_logger.api import OneLoggerConfig, record_error, record_event, timed_span
from one_logger.api.testing import configured
from one_logger.core import (
    ErrorEvent,
    Event,
    Span,
    SpanContext,
    Status,
    TelemetryDataError,
    TelemetryDataErrorType,
    Timestamp,
)
from one_logger.exporter.otel import OTelExporter
from one_logger.recorder import DefaultRecorder

README = Path(__file__).parents[1] / "README.md"
Make = Callable[..., Any]


def arrived(memory: Any) -> ReadableSpan:
    """The one span that was exported."""
    memory.exporter.flush()
    (span,) = memory.spans.get_finished_spans()
    assert isinstance(span, ReadableSpan)
    return span


def exported(make: Make, span: Span, *events: Event, **stop: Any) -> ReadableSpan:
    """What becomes of a span with events."""
    memory = make()
    memory.exporter.export_start(span)
    for event in events:
        if isinstance(event, ErrorEvent):
            memory.exporter.export_error(event, span)
        else:
            memory.exporter.export_event(event, span)
    span.stop(**stop)
    memory.exporter.export_stop(span)
    return arrived(memory)


def events_of(span: ReadableSpan) -> list[tuple[str, int, dict[str, Any]]]:
    """The events of a span: name, time, attributes."""
    return [(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events]


def test_ids_are_ours(in_memory: Make) -> None:
    """The ids of a span are the same in OpenTelemetry, and it is sampled."""
    span = Span("work")
    context = exported(in_memory, span).get_span_context()
    assert context is not None
    assert (context.trace_id, context.span_id) == (span.trace_id, span.span_id)
    assert context.trace_flags.sampled
    assert context.is_valid


def test_parent_is_ours(in_memory: Make) -> None:
    """The parent of a span is the same, and known to be of this process, also when it has stopped before its child."""
    memory = in_memory()
    parent = Span("parent")
    child = Span("child", parent=parent)
    memory.exporter.export_start(parent)
    memory.exporter.export_start(child)
    for span in (parent, child):
        span.stop()
        memory.exporter.export_stop(span)
    memory.exporter.flush()
    root, below = memory.spans.get_finished_spans()
    assert root.parent is None
    assert (below.parent.trace_id, below.parent.span_id) == (parent.trace_id, parent.span_id)
    assert not below.parent.is_remote


def test_parent_elsewhere_is_remote(in_memory: Make) -> None:
    """A parent from another process is marked as remote."""
    remote = SpanContext.from_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    span = exported(in_memory, Span("work", parent=remote))
    assert span.parent is not None
    assert (span.parent.trace_id, span.parent.span_id) == (remote.trace_id, remote.span_id)
    assert span.parent.is_remote


def test_children_of_what_is_not_exported_are_below_what_is(in_memory: Make) -> None:
    """A span that the exporter never saw leaves no trace: its children are what the recorder makes of them."""
    grandparent = Span("exported")
    memory = in_memory()
    memory.exporter.export_start(grandparent)
    child = Span("child", parent=grandparent)  # as the recorder has it, if the span between the two is filtered
    memory.exporter.export_start(child)
    for span in (child, grandparent):
        span.stop()
        memory.exporter.export_stop(span)
    memory.exporter.flush()
    below, root = memory.spans.get_finished_spans()
    assert below.parent.span_id == root.context.span_id


def test_name_and_kind(in_memory: Make) -> None:
    """The name is the same, and the kind INTERNAL."""
    span = exported(in_memory, Span("work"))
    assert (span.name, span.kind) == ("work", SpanKind.INTERNAL)


def test_times_come_from_both_clocks(in_memory: Make) -> None:
    """The start is the wall clock's, to the nanosecond; the end is the start and the monotonic clock's duration."""
    start, stop = Timestamp(1_700_000_000_123_456_789, 1_000), Timestamp(1_600_000_000_000_000_000, 3_000_000_007)
    span = exported(in_memory, Span("work", start_time=start), stop_time=stop)
    assert (span.start_time, span.end_time) == (1_700_000_000_123_456_789, 1_700_000_003_123_455_796)


@pytest.mark.parametrize("unix_ns", [-5, 2**63 - 1])
def test_times_beyond_otlp_are_the_nearest_it_has(in_memory: Make, unix_ns: int) -> None:
    """A time before 1970, or far in the future, does not keep a span from being exported."""
    time = Timestamp(unix_ns, 0)
    span = exported(in_memory, Span("work", start_time=time), Event("e", timestamp=time), stop_time=time)
    encode_spans([span])
    assert span.start_time in (0, 2**63 - 1)


def test_attributes_are_all_there(in_memory: Make) -> None:
    """Initial attributes and later ones are the span's, of every kind, and the later ones win."""
    span = Span("work", {"text": "t", "flag": True, "whole": 1, "real": 0.5, "later": 0})
    span.set_attributes(
        {"later": 1, "texts": ["a", "b"], "flags": [True], "wholes": [1, 2], "reals": [0.5], "none": []}
    )
    assert dict(exported(in_memory, span).attributes or {}) == {
        "text": "t",
        "flag": True,
        "whole": 1,
        "real": 0.5,
        "later": 1,
        "texts": ("a", "b"),
        "flags": (True,),
        "wholes": (1, 2),
        "reals": (0.5,),
        "none": (),
    }


def test_events_are_in_their_span(in_memory: Make) -> None:
    """Events have their names, times and attributes, in the order in which they happened."""
    one, two = Event("one", {"a": 1}, Timestamp(5, 0)), Event("two", {"b": [True]}, Timestamp(4, 0))
    assert events_of(exported(in_memory, Span("work"), one, two)) == [("one", 5, {"a": 1}), ("two", 4, {"b": (True,)})]


def test_start_and_stop_are_events_if_something_is_known_of_them(in_memory: Make) -> None:
    """The attributes of the start and of the stop are those of events at the span's own start and end."""
    span = exported(in_memory, Span("work", None, {"why": "asked"}), stop_event_attributes={"how": "done"})
    assert events_of(span) == [
        ("span_start", span.start_time, {"why": "asked"}),
        ("span_stop", span.end_time, {"how": "done"}),
    ]
    assert events_of(exported(in_memory, Span("work"))) == []


def test_errors_are_exceptions(in_memory: Make) -> None:
    """An error is an event named `exception`, by the semantic conventions, and the status has the last exception."""
    recorder = DefaultRecorder([OTelExporter(spans := in_memory().spans)])
    with configured(OneLoggerConfig("tests"), recorder):
        with timed_span("work"):
            record_error("first")
            try:
                raise ValueError("no number")
            except ValueError as error:
                record_error("second", error, {"line": 7})
        recorder.flush()
        (span,) = spans.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError: no number")
    (first, _, about_first), (second, _, about_second) = events_of(span)
    assert (first, about_first) == ("exception", {"error.message": "first"})
    trace = about_second.pop("exception.stacktrace")
    assert "raise ValueError" in trace
    assert (second, about_second) == (
        "exception",
        {"exception.type": "ValueError", "exception.message": "no number", "error.message": "second", "line": 7},
    )


@pytest.mark.parametrize("events", ["span", "log", "both"])
def test_error_without_a_recorder_decides_the_status(in_memory: Make, events: str) -> None:
    """A span whose error was given to the exporter has the status ERROR, though nobody has set it."""
    memory = in_memory(events=events)
    span, other = Span("work"), Span("other")
    for each in (span, other):
        memory.exporter.export_start(each)
    memory.exporter.export_error(ErrorEvent("", ValueError("no")), span)
    for each in (span, other):
        each.stop()
        memory.exporter.export_stop(each)
    memory.exporter.flush()
    statuses = {each.name: each.status for each in memory.spans.get_finished_spans()}
    assert (statuses["work"].status_code.name, statuses["work"].description) == ("ERROR", "ValueError: no")
    assert statuses["other"].status_code.name == "UNSET"


@pytest.mark.parametrize("status", Status)
def test_status_is_the_same(in_memory: Make, status: Status) -> None:
    """A span has the status that was set, and an error sets it; one that was recovered from has no description."""
    span = Span("work")
    span.set_status(status)
    exported_status = exported(in_memory, span, ErrorEvent("failed")).status
    assert exported_status.status_code.name == ("OK" if status is Status.OK else "ERROR")
    assert exported_status.description == (None if status is Status.OK else "failed")


def test_span_that_close_stops_says_so(in_memory: Make) -> None:
    """A span that is still open when the recorder is closed arrives, with its events, marked as unfinished."""
    recorder = DefaultRecorder([OTelExporter(spans := in_memory().spans)])
    with configured(OneLoggerConfig("tests"), recorder):
        recorder.start("work")
        record_event("step")
        assert recorder.close()
    (span,) = spans.get_finished_spans()
    assert dict(span.attributes or {}) == {"one_logger.unfinished": True}
    assert [event.name for event in span.events] == ["step"]


def test_telemetry_data_error_is_a_span_of_its_own(in_memory: Make) -> None:
    """A telemetry data error is a root span with the status ERROR that says how much is missing."""
    memory = in_memory()
    kind = TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA
    memory.exporter.export_telemetry_data_error(
        TelemetryDataError(kind, "two are missing", {"a": 1}, Timestamp(7, 0), dropped=2)
    )
    span = arrived(memory)
    assert (span.name, span.parent, span.start_time, span.end_time) == ("telemetry_data_error", None, 7, 8)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "two are missing")
    assert span.context.is_valid
    assert dict(span.attributes or {}) == {
        "one_logger.error_type": "incomplete_telemetry_data",
        "one_logger.dropped": 2,
        "a": 1,
    }


def test_scope_is_the_library(in_memory: Make) -> None:
    """The instrumentation scope is `one_logger`, in the version that is installed."""
    scope = exported(in_memory, Span("work")).instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version) == ("one_logger", version("one-logger-exporter-otel"))


def test_every_row_of_the_table_has_a_test() -> None:
    """Each row of the mapping in the README names a test, and each of these tests is there."""
    section = README.read_text(encoding="utf-8").partition("## Mapping")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
    tests = {
        name
        for file in Path(__file__).parent.glob("test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    assert len(rows) > 15
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        assert set(named) <= tests, row
