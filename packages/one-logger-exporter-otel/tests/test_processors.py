"""Behind a recorder's processors: what OpenTelemetry gets of spans that are filtered."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from one_logger.api import OneLoggerConfig, record_error, record_event, timed_span
from one_logger.api.testing import configured
from one_logger.exporter.otel import OTelExporter
from one_logger.recorder import DefaultRecorder, ProcessedExporter, SpanFilter


def use() -> None:
    """Record spans of which some will be filtered, one of them at the root."""
    with timed_span("outer"):
        with pytest.raises(ValueError, match="no"), timed_span("hidden"), timed_span("inner"):
            record_event("event")
            raise ValueError("no")
        with timed_span("hidden"):
            record_error("in hidden")
    with timed_span("hidden"), timed_span("root"):
        pass
    with timed_span("hidden"):
        record_error("alone")


@pytest.mark.parametrize("for_one", [False, True], ids=["of the recorder", "of the exporter"])
def test_a_child_of_a_filtered_span_arrives(for_one: bool) -> None:
    """It has the nearest exported span as its parent, no failure is counted, and every error arrives in a span."""
    spans = InMemorySpanExporter()
    exporter: Any = OTelExporter(spans)
    if for_one:
        recorder = DefaultRecorder([ProcessedExporter(exporter, [SpanFilter(exclude="hidden")])])
    else:
        recorder = DefaultRecorder([exporter], processors=[SpanFilter(exclude="hidden")])
    with configured(OneLoggerConfig("app"), recorder):
        use()
        assert recorder.close(timeout=30)
    (stats,) = recorder.stats().values()
    assert (stats.failures, stats.dropped, stats.disabled) == (0, 0, False)
    arrived: dict[str, Any] = {span.name: span for span in spans.get_finished_spans()}
    assert set(arrived) == {"outer", "inner", "root", "hidden"}
    assert arrived["inner"].parent.span_id == arrived["outer"].context.span_id
    assert not arrived["inner"].parent.is_remote
    assert arrived["root"].parent is arrived["hidden"].parent is None
    assert [event.name for event in arrived["inner"].events] == ["event", "exception"]
    messages = [event.attributes["error.message"] for event in arrived["outer"].events]
    assert messages == ["hidden raised ValueError", "in hidden"]
    assert [event.attributes["error.message"] for event in arrived["hidden"].events] == ["alone"]
    assert not arrived["hidden"].status.is_ok


@pytest.mark.parametrize(("events", "needed"), [("span", True), ("log", False), ("both", False)])
def test_whether_events_need_their_spans(events: Any, needed: bool) -> None:
    """Only where events are parts of spans and nothing else do errors without one get a span made for them."""
    assert OTelExporter(InMemorySpanExporter(), events=events).events_need_span is needed
