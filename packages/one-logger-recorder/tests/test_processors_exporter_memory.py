"""What an exporter behind processors keeps in mind of spans: enough, and no more."""

from __future__ import annotations

import gc

from one_logger.core import Event, Resource, Span
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import Decision, ProcessedExporter, Processor, SpanFilter, Summarizer


def test_after_a_fork_the_exporter_s_processors_forget() -> None:
    """Of a span that goes on in the child nothing is known there but what the processors say of it again."""
    inner = InMemoryExporter()
    exporter = ProcessedExporter(inner, [Summarizer("saved", attribute="a"), SpanFilter(exclude="hidden")])
    exporter.initialize(Resource.create("app"))
    outer = Span("outer")
    hidden = Span("hidden", parent=outer)
    for span in (outer, hidden):
        exporter.export_start(span)
    exporter.export_event(Event("saved", {"a": 1}), outer)
    exporter.after_fork()
    exporter.initialize(Resource.create("app"))
    exporter.export_event(Event("event"), hidden)
    child = Span("child", parent=hidden)
    exporter.export_start(child)
    child.stop()
    exporter.export_stop(child)
    exporter.close()
    assert [record["type"] for record in inner.records] == ["resource", "start", "stop", "end"]
    assert inner.records[1]["parent_span_id"] == f"{outer.span_id:016x}"


def test_a_child_in_a_forked_process_hangs_where_it_would_have_in_the_parent() -> None:
    """The dropped span around it was started, and dropped, by the parent process."""
    inner = InMemoryExporter()
    exporter = ProcessedExporter(inner, [SpanFilter(exclude="hidden")])
    outer = Span("outer")
    hidden = Span("hidden", parent=Span("hidden", parent=outer))
    exporter.initialize(Resource.create("app"))
    child = Span("child", parent=hidden)
    exporter.export_start(child)
    exporter.close()
    assert inner.records[1]["parent_span_id"] == f"{outer.span_id:016x}"


def test_a_forked_process_decides_anew() -> None:
    """What processors said of a span before the fork does not hold after it."""

    class Moody(Processor):
        def decide(self, name: str) -> Decision:
            return mood

    inner = InMemoryExporter()
    exporter = ProcessedExporter(inner, [Moody()])
    exporter.initialize(Resource.create("app"))
    span = Span("work")
    mood = Decision.DROP
    exporter.export_start(span)
    exporter.after_fork()
    mood = Decision.KEEP
    exporter.initialize(Resource.create("app"))
    exporter.export_event(Event("event"), span)
    exporter.close()
    assert [record["type"] for record in inner.records] == ["resource", "event", "end"]


def test_dropped_spans_that_overlap_are_not_kept() -> None:
    """Of spans each started in the one before, of which two are open at a time, no more than some are held."""
    exporter = ProcessedExporter(InMemoryExporter(), [SpanFilter(exclude="hidden")])
    exporter.initialize(Resource.create("app"))
    gc.collect()
    spans_before = sum(type(kept) is Span for kept in gc.get_objects())
    before = Span("hidden")
    exporter.export_start(before)
    for _ in range(1_000):
        span = Span("hidden", parent=before)
        exporter.export_start(span)
        before.stop()
        exporter.export_stop(before)
        before = span
    del span
    gc.collect()
    assert sum(type(kept) is Span for kept in gc.get_objects()) <= spans_before + 5
