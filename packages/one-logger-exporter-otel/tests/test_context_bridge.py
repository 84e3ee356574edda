"""One trace of OpenTelemetry's spans and ours, with OpenTelemetry's own SDK."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from one_logger.api import ROOT, OneLoggerConfig, carry_context, current_span, record_event, timed_span
from one_logger.api.testing import configured
from one_logger.core import OneLoggerError, Span
from one_logger.exporter.memory import InMemoryExporter
from one_logger.exporter.otel import OTelContextBridge
from one_logger.recorder import DefaultRecorder, RatioSampler, SpanFilter


class Traces:
    """What both have recorded, as pairs of a span's name and its parent's."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("app")
        self.ours = InMemoryExporter()

    def parents(self) -> dict[str, str | None]:
        """The name of each span's parent. There must be one trace, of which every parent is known."""
        names: dict[str, str] = {}
        parents: dict[str, str | None] = {}
        traces = set()
        theirs: tuple[ReadableSpan, ...] = self.exporter.get_finished_spans()
        for span in theirs:
            ids: Any = span.context
            names[f"{ids.span_id:016x}"] = span.name
            parents[span.name] = None if span.parent is None else f"{span.parent.span_id:016x}"
            traces.add(f"{ids.trace_id:032x}")
        for record in self.ours.records:
            if record["type"] in ("start", "complete"):
                names[record["span_id"]] = record["name"]
                parents[record["name"]] = record.get("parent_span_id")
                traces.add(record["trace_id"])
        assert len(traces) == 1
        return {name: parent and names[parent] for name, parent in parents.items()}


@pytest.fixture
def traces() -> Iterator[Traces]:
    """Both, configured, with a bridge between them."""
    traces = Traces()
    recorder = DefaultRecorder([traces.ours], delivery="inline", context_bridge=OTelContextBridge())
    with configured(OneLoggerConfig("app"), recorder):
        yield traces
    traces.provider.shutdown()


def test_both_ways(traces: Traces) -> None:
    """Our root is a child of OpenTelemetry's current span, and what that starts inside ours is a child of ours."""
    with traces.tracer.start_as_current_span("request"):
        with timed_span("work"), traces.tracer.start_as_current_span("query"):
            with traces.tracer.start_as_current_span("rows"):
                pass
            with timed_span("inside query"), traces.tracer.start_as_current_span("innermost"):
                pass
            with traces.tracer.start_as_current_span("more rows"):
                pass
        with traces.tracer.start_as_current_span("answer"):
            pass
    assert traces.parents() == {
        "request": None,
        "work": "request",
        "query": "work",
        "rows": "query",
        "inside query": "work",  # our own trees stay whole: only a root has a parent of OpenTelemetry's
        "innermost": "inside query",
        "more rows": "query",
        "answer": "request",
    }


def test_ours_is_the_root(traces: Traces) -> None:
    """Where OpenTelemetry has no current span, ours is a root, and the parent of what that starts."""
    with timed_span("work"):
        with traces.tracer.start_as_current_span("first"):
            pass
        with timed_span("deeper"), traces.tracer.start_as_current_span("second"):
            pass
        with traces.tracer.start_as_current_span("third"):
            pass
    assert traces.parents() == {"work": None, "first": "work", "deeper": "work", "second": "deeper", "third": "work"}
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_baggage_and_other_values_stay(traces: Traces) -> None:
    """What OpenTelemetry's context holds besides the span is as it was, and may be changed inside a span of ours."""
    token = context.attach(baggage.set_baggage("user", "ann"))
    with timed_span("work"):
        assert baggage.get_baggage("user") == "ann"
        inner = context.attach(baggage.set_baggage("user", "bob"))
        with traces.tracer.start_as_current_span("query"):
            assert baggage.get_baggage("user") == "bob"
        with timed_span("deeper"), traces.tracer.start_as_current_span("second"):
            pass
        context.detach(inner)
        assert baggage.get_baggage("user") == "ann"
    context.detach(token)
    assert traces.parents() == {"work": None, "query": "work", "deeper": "work", "second": "deeper"}


def test_tasks(traces: Traces) -> None:
    """Tasks that run side by side have the parents that each of them was started in, and those that it starts."""

    async def task(name: str) -> None:
        async with timed_span(f"{name} ours"):
            await asyncio.sleep(0)
            with traces.tracer.start_as_current_span(f"{name} theirs"):
                await asyncio.sleep(0)
                with timed_span(f"{name} inner"):
                    await asyncio.sleep(0)

    async def main() -> None:
        with traces.tracer.start_as_current_span("main"):
            await asyncio.gather(task("a"), task("b"))

    asyncio.run(main())
    assert traces.parents() == {
        "main": None,
        **{f"{name} ours": "main" for name in "ab"},
        **{f"{name} theirs": f"{name} ours" for name in "ab"},
        **{f"{name} inner": f"{name} ours" for name in "ab"},
    }


def test_threads_with_our_context(traces: Traces) -> None:
    """In a thread, what `carry_context` has brought is the parent for both."""

    def work(number: int) -> None:
        with traces.tracer.start_as_current_span(f"theirs {number}"):
            pass
        with timed_span(f"ours {number}"), traces.tracer.start_as_current_span(f"inside {number}"):
            pass

    with traces.tracer.start_as_current_span("main"), timed_span("pool"), ThreadPoolExecutor(3) as pool:
        list(pool.map(carry_context(work), range(3)))
    expected = {"main": None, "pool": "main"}
    for number in range(3):
        expected |= {f"theirs {number}": "pool", f"ours {number}": "pool", f"inside {number}": f"ours {number}"}
    assert traces.parents() == expected


def test_threads_with_opentelemetry_s_context(traces: Traces) -> None:
    """In a thread in which OpenTelemetry's context is attached, a span of ours that was current there is the parent."""

    def work(carried: context.Context) -> None:
        token = context.attach(carried)
        with traces.tracer.start_as_current_span("theirs"):
            pass
        with timed_span("ours"), traces.tracer.start_as_current_span("inside"):
            pass
        context.detach(token)

    with traces.tracer.start_as_current_span("main"), timed_span("outer"):
        thread = threading.Thread(target=work, args=(context.get_current(),))
        thread.start()
        thread.join()
    assert traces.parents() == {
        "main": None,
        "outer": "main",
        "theirs": "outer",
        "ours": "outer",
        "inside": "ours",
    }


def test_spans_that_overlap_and_roots(traces: Traces) -> None:
    """A span that isn't current is nobody's parent; `ROOT` and a given parent hold against OpenTelemetry's span."""
    with traces.tracer.start_as_current_span("request") as request:
        with timed_span("beside", current=False), traces.tracer.start_as_current_span("query"):
            pass
        with timed_span("alone", parent_span=ROOT) as alone:
            assert alone.trace_id != request.get_span_context().trace_id
        with timed_span("given", parent_span=alone) as given:
            assert given.parent_span_id == alone.span_id
    (query,) = [span for span in traces.exporter.get_finished_spans() if span.name == "query"]
    assert query.parent == request.get_span_context()


def test_a_generator_s_span_is_a_parent_in_its_own_code_only(traces: Traces) -> None:
    """What OpenTelemetry starts in a decorated generator is a child of its span; what the consumer starts is not."""

    @timed_span("batches")
    def batches() -> Iterator[int]:
        for number in range(2):
            with traces.tracer.start_as_current_span(f"load {number}"):
                pass
            yield number

    with traces.tracer.start_as_current_span("train"):
        for number in batches():
            with traces.tracer.start_as_current_span(f"step {number}"):
                pass
    assert traces.parents() == {
        "train": None,
        "batches": "train",
        **{f"load {number}": "batches" for number in range(2)},
        **{f"step {number}": "train" for number in range(2)},
    }


def test_what_processors_leave_out_is_no_parent() -> None:
    """A span that isn't exported is not OpenTelemetry's parent, but the exported one around it is."""
    traces = Traces()
    recorder = DefaultRecorder(
        [traces.ours], processors=[SpanFilter(exclude="hidden")], delivery="inline", context_bridge=OTelContextBridge()
    )
    with configured(OneLoggerConfig("app"), recorder):
        with timed_span("outer"), timed_span("hidden"), traces.tracer.start_as_current_span("query"):
            pass
        with timed_span("hidden"), traces.tracer.start_as_current_span("root") as root:
            assert isinstance(root, ReadableSpan)
            assert root.parent is None


def test_sampling_is_followed() -> None:
    """A trace that OpenTelemetry doesn't record isn't recorded by us, where we sample; nor the other way round."""
    traces = Traces()
    recorder = DefaultRecorder(
        [traces.ours], processors=[RatioSampler(0.0)], delivery="inline", context_bridge=OTelContextBridge()
    )
    unsampled = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=True, trace_flags=trace.TraceFlags(0)))
    sampled = trace.NonRecordingSpan(trace.SpanContext(3, 4, is_remote=True, trace_flags=trace.TraceFlags(1)))
    with configured(OneLoggerConfig("app"), recorder):
        with trace.use_span(unsampled), timed_span("not recorded"):
            assert not traces.tracer.start_span("not recorded").is_recording()
        with trace.use_span(sampled), timed_span("recorded"):
            assert traces.tracer.start_span("recorded").is_recording()
        with timed_span("not recorded"):
            assert not traces.tracer.start_span("not recorded").is_recording()
    assert [record["name"] for record in traces.ours.records if record["type"] == "start"] == ["recorded"]


def test_off_unless_asked_for() -> None:
    """Without a bridge neither notices the other, and after the recorder is closed all is as it was."""
    before = context._RUNTIME_CONTEXT
    traces = Traces()
    with configured(OneLoggerConfig("app"), DefaultRecorder([traces.ours])):
        assert context._RUNTIME_CONTEXT is before
        with traces.tracer.start_as_current_span("request"), timed_span("work") as span:
            assert span.parent_span_id is None
            assert trace.get_current_span() is not trace.INVALID_SPAN
    with configured(OneLoggerConfig("app"), DefaultRecorder([], context_bridge=OTelContextBridge())):
        assert context._RUNTIME_CONTEXT is not before
    assert context._RUNTIME_CONTEXT is before


def _spans() -> int:
    """How many spans there are; other tests may have left some."""
    gc.collect()
    return sum(issubclass(type(each), Span) for each in gc.get_objects())


def test_memory_is_bounded() -> None:
    """Spans that have ended are forgotten, and those that are open are not, however many there are."""
    traces = Traces()
    before = _spans()
    with configured(OneLoggerConfig("app"), DefaultRecorder([], context_bridge=OTelContextBridge())):
        with timed_span("outer"):
            for _ in range(10_000):
                with timed_span("step"):
                    record_event("x")
            with traces.tracer.start_as_current_span("inside"):
                pass
            outer = current_span()
        assert _spans() - before < 500
    (inside,) = traces.exporter.get_finished_spans()
    assert inside.parent is not None
    assert inside.parent.span_id == outer.span_id


def test_what_is_no_bridge_is_refused() -> None:
    """The recorder says what it expects."""
    wrong: Any = "otel"
    with pytest.raises(OneLoggerError, match="context_bridge was given as str; expected a ContextBridge"):
        DefaultRecorder([], context_bridge=wrong)


def test_an_unknown_opentelemetry_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OpenTelemetry keeps its context elsewhere, that is an error at the start, and not a trace that is torn."""
    monkeypatch.delattr(context, "_RUNTIME_CONTEXT")
    recorder = DefaultRecorder([], context_bridge=OTelContextBridge())
    with pytest.raises(OneLoggerError, match="Leave context_bridge out"), configured(OneLoggerConfig("app"), recorder):
        pass
