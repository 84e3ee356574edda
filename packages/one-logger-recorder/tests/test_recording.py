"""What the records say about spans, events and errors that were recorded in order, out of order, and at once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import Any

import pytest

from one_logger.api import (
    ROOT,
    OneLoggerConfig,
    OneLoggerProvider,
    carry_context,
    current_span,
    get_recorder,
    record_event,
    timed_span,
)
from one_logger.api.testing import configured
from one_logger.core import NOOP_SPAN, ErrorEvent, Event, Span, SpanContext, Status, Timestamp, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder

Record = dict[str, Any]


@pytest.fixture
def exporter() -> InMemoryExporter:
    """Where the recorder exports to."""
    return InMemoryExporter()


@pytest.fixture
def recorder(exporter: InMemoryExporter) -> Iterator[DefaultRecorder]:
    """The recorder of a configured process."""
    recorder = DefaultRecorder([exporter])
    with configured(OneLoggerConfig("app"), recorder):
        yield recorder


def _close(recorder: DefaultRecorder, exporter: InMemoryExporter) -> list[Record]:
    assert recorder.close(timeout=30)
    (report,) = verify(exporter.records)
    assert report.whole, report
    return exporter.records


def _spans(records: list[Record]) -> dict[str, Record]:
    """The spans by name: what is in `start` and `stop`, or in `complete`."""
    spans: dict[str, Record] = {}
    for record in records:
        if record["type"] in ("start", "stop", "complete"):
            spans.setdefault(record["name"], {}).update(record)
    return spans


def _any(value: object) -> Any:
    return value


def test_a_stream_has_all_that_was_recorded(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """Resource, span, event, error and end are there, with names, attributes and places in the trace."""
    span = recorder.start("work", {"a": 1}, {"b": 2})
    recorder.event(span, Event("checkpoint", {"step": 3}))
    recorder.error(span, "it failed", ValueError("no"))
    span.set_attribute("c", 4)
    recorder.stop(span, {"d": 5})
    records = _close(recorder, exporter)
    assert records[0]["type"] == "resource"
    assert records[0]["attributes"]["service.name"] == "app"
    assert records[0]["attributes"]["process.pid"] == os.getpid()
    work = _spans(records)["work"]
    assert (work["attributes"], work["start_event"], work["stop_event"]) == ({"a": 1, "c": 4}, {"b": 2}, {"d": 5})
    assert work["status"] == "ERROR"
    (event,) = (record for record in records if record["type"] == "event")
    assert (event["name"], event["attributes"], event["span_id"]) == ("checkpoint", {"step": 3}, work["span_id"])
    (error,) = (record for record in records if record["type"] == "error")
    assert error["error"]["message"] == "it failed"
    assert error["error"]["exception_type"] == "ValueError"
    assert records[-1]["type"] == "end"


def test_start_is_visible_before_the_span_stops(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """A span that is still open has been exported as started once the recorder is flushed."""
    span = recorder.start("month")
    assert recorder.flush(timeout=30)
    assert [(record["type"], record["name"]) for record in exporter.records[1:]] == [("start", "month")]
    recorder.stop(span)
    assert recorder.flush(timeout=30)
    assert [record["type"] for record in exporter.records[1:]] == ["start", "stop"]


def test_spans_nest_by_the_current_span(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """A span started while another is current is its child; afterwards the outer one is current again."""
    outer = recorder.start("outer")
    inner = recorder.start("inner")
    assert current_span() is inner
    recorder.stop(inner)
    assert current_span() is outer
    recorder.stop(outer)
    assert current_span() is NOOP_SPAN
    spans = _spans(_close(recorder, exporter))
    assert spans["inner"]["parent_span_id"] == spans["outer"]["span_id"]
    assert spans["inner"]["trace_id"] == spans["outer"]["trace_id"]
    assert "parent_span_id" not in spans["outer"]


def test_parent_may_be_given(recorder: DefaultRecorder) -> None:
    """`parent_span` takes a span, the context of a remote one, or `ROOT` for a new trace."""
    outer = recorder.start("outer")
    other = recorder.start("other", parent_span=ROOT)
    assert other.parent_span_id is None
    assert other.trace_id != outer.trace_id
    child = recorder.start("child", parent_span=outer)
    assert child.parent_span_id == outer.span_id
    remote = SpanContext(trace_id=7, span_id=8)
    far = recorder.start("far", parent_span=remote)
    assert (far.trace_id, far.parent_span_id) == (7, 8)


def test_stopping_a_span_with_a_given_parent_does_not_make_that_parent_current(recorder: DefaultRecorder) -> None:
    """Only if the stopped span was current here, and then the nearest open span around it becomes current."""
    outer = recorder.start("outer")
    here = recorder.start("here", parent_span=ROOT)
    elsewhere = recorder.start("elsewhere", parent_span=outer)
    again = recorder.start("again", parent_span=here)
    recorder.stop(elsewhere)
    assert current_span() is again
    recorder.stop(again)
    assert current_span() is here


def test_stopping_out_of_order_leaves_the_nearest_open_span_current(recorder: DefaultRecorder) -> None:
    """If the outer span is stopped first, the one around it is current, and stays so when the inner one is stopped."""
    a, b, c = (recorder.start(name) for name in "abc")
    recorder.stop(b)
    assert current_span() is a
    recorder.stop(c)
    assert current_span() is a


def test_spans_may_overlap(recorder: DefaultRecorder) -> None:
    """A span that is not made current is nobody's parent but by name, and events go to it by name."""
    outer = recorder.start("outer")
    spans = [recorder.start(f"request {number}", current=False) for number in range(3)]
    assert current_span() is outer
    assert {span.parent_span_id for span in spans} == {outer.span_id}
    inner = recorder.start("inner", parent_span=spans[0], current=False)
    assert inner.parent_span_id == spans[0].span_id
    recorder.stop(spans[0])
    assert recorder.start("next").parent_span_id == outer.span_id


def test_open_spans_are_listed(recorder: DefaultRecorder) -> None:
    """Spans that nobody holds can be found by name, and stopped; those that have stopped are not there."""
    recorder.start("outer")
    first, second = recorder.start("request"), recorder.start("request", current=False)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(recorder.start, "in a thread").result()
    recorder.stop(recorder.start("stopped"))
    assert [span.name for span in recorder.open_spans()] == ["outer", "request", "request", "in a thread"]
    assert recorder.open_spans("request") == [first, second]
    assert recorder.open_spans("req") == recorder.open_spans(_any(7)) == []
    for span in recorder.open_spans():
        span.stop()
    assert recorder.open_spans() == get_recorder().open_spans() == []


def test_what_a_recorder_and_a_span_say_of_themselves() -> None:
    """In a notebook or debugger one sees how many spans are open, and what became of the records."""
    recorder = DefaultRecorder({"file": InMemoryExporter()}, delivery="inline")
    with configured(OneLoggerConfig("app"), recorder):
        span = recorder.start("work")
        assert repr(recorder).startswith("<DefaultRecorder: 1 open span; file: 1 record exported, 0 pending, 0 dropped")
        assert repr(span).startswith("<RecordedSpan 'work': open for ")
        assert repr(OneLoggerProvider()).startswith("<OneLoggerProvider: <OneLoggerConfig of 'app'")
        OneLoggerProvider().force_disable_logging()
        assert repr(get_recorder()).startswith("<NoOpRecorder: nothing is recorded; before it was switched off: <Def")
        recorder.close()
        assert repr(recorder).startswith("<DefaultRecorder: closed; file: 2 records exported")
    assert repr(DefaultRecorder([])) == "<DefaultRecorder: 0 open spans; no exporters>"
    assert repr(NOOP_SPAN) == "<NoOpSpan '': nothing of it is recorded>"


def test_span_stopped_in_another_thread(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """A span may be stopped anywhere; a span started after that is a child of the nearest one still open."""
    outer = recorder.start("outer")
    inner = recorder.start("inner")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(recorder.stop, inner).result()
    later = recorder.start("later")
    assert later.parent_span_id == outer.span_id
    recorder.stop(later)
    recorder.stop(outer)
    assert _spans(_close(recorder, exporter))["inner"]["duration_ns"] > 0


def test_root_spans_are_children_of_traceparent(exporter: InMemoryExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A span without a parent here is a child of the span that `TRACEPARENT` names, except for `ROOT`."""
    monkeypatch.setenv("TRACEPARENT", SpanContext(7, 8).traceparent)
    recorder = DefaultRecorder([exporter])
    with configured(OneLoggerConfig("app"), recorder):
        with timed_span("first") as first:
            pass
        with timed_span("second") as second:
            pass
        third = recorder.start("third", parent_span=ROOT)
    assert (first.trace_id, first.parent_span_id) == (second.trace_id, second.parent_span_id) == (7, 8)
    assert third.parent_span_id is None


def test_times_may_be_given(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """Start and stop times that are given are exported; the duration is the difference on the monotonic clock."""
    span = recorder.start("work", start_time=Timestamp(1_000, 50))
    recorder.stop(span, stop_time=Timestamp(400, 350_000_050))
    work = _spans(_close(recorder, exporter))["work"]
    assert (work["start_time_unix_nano"], work["end_time_unix_nano"]) == (1_000, 400)
    assert work["duration_ns"] == 350_000_000


def test_error_takes_the_exception_that_is_being_handled(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """In an `except` block the exception need not be given; outside one no stack trace is made up."""
    span = recorder.start("work")
    try:
        raise ValueError("no")
    except ValueError:
        recorder.error(span, "handled")
    recorder.error(span, "outside")
    recorder.stop(span)
    handled, outside = (record["error"] for record in _close(recorder, exporter) if record["type"] == "error")
    assert (handled["exception_type"], handled["exception_message"]) == ("ValueError", "no")
    assert 'raise ValueError("no")' in handled["stack_trace"]
    assert outside == {"message": "outside"}


def test_an_error_that_is_known_from_texts_is_an_error(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """An `ErrorEvent` given as an event, as for a failure in another process, is recorded as an error of the span."""
    span = recorder.start("work")
    given = ErrorEvent("A worker failed.", exception_type="KeyError", exception_message="'a'", stack_trace="Traceback")
    assert recorder.event(None, given) is given
    assert span.status is Status.ERROR
    recorder.stop(span)
    recorder.flush()
    (record,) = [record for record in exporter.records if record["type"] == "error"]
    assert record["error"] == {
        "message": "A worker failed.",
        "exception_type": "KeyError",
        "exception_message": "'a'",
        "stack_trace": "Traceback",
    }


def test_attributes_are_copied_when_they_are_given(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """What the caller does to a mapping or list after the call changes nothing that was recorded."""
    losses = [0.5, 0.25]
    attributes: dict[str, object] = {"step": 1, "losses": losses}
    span = recorder.start("work", attributes, attributes)
    recorder.event(span, Event("e", attributes))
    span.set_attributes(attributes)
    attributes["step"] = 2
    attributes["new"] = 3
    losses.append(0.1)
    recorder.stop(span, attributes)
    records = _close(recorder, exporter)
    expected = {"step": 1, "losses": [0.5, 0.25]}
    work = _spans(records)["work"]
    (event,) = (record for record in records if record["type"] == "event")
    assert work["attributes"] == work["start_event"] == event["attributes"] == expected
    assert work["stop_event"]["step"] == 2


def test_a_span_stops_after_what_is_in_it() -> None:
    """An exporter gets a stop after the span's events and the stops of its children, also if all of it was queued."""

    class Witness(InMemoryExporter):
        def export_start(self, span: Span) -> None:
            seen.append(f"start {span.name}")

        def export_stop(self, span: Span) -> None:
            seen.append(f"stop {span.name}")

        def export_event(self, event: Event, span: Span) -> None:
            seen.append(f"{event.name} in {span.name}")

        def export_error(self, event: Event, span: Span) -> None:
            seen.append(f"{event.name} in {span.name}")

    seen: list[str] = []
    recorder = DefaultRecorder([Witness()], flush_interval=3_600)
    with configured(OneLoggerConfig("app"), recorder):
        with timed_span("outer"), timed_span("inner"):
            record_event("event")
        with timed_span("failed") as failed:
            recorder.error(failed, "no")
        with timed_span("leaf"):
            pass
        assert recorder.close(timeout=30)
    assert seen == [
        *("start outer", "start inner", "event in inner", "stop inner", "stop outer"),
        *("start failed", "exception in failed", "stop failed", "start leaf", "stop leaf"),
    ]


def test_names_may_be_odd(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """Names may be empty, huge, or a `(str, Enum)`, whose value is exported."""

    class Name(str, Enum):
        EPOCH = "epoch"

    for name in ("", "n" * 100_000, Name.EPOCH):
        recorder.stop(recorder.start(name))
    assert set(_spans(_close(recorder, exporter))) == {"", "n" * 100_000, "epoch"}


def test_threads_record_each_span_once(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """8 threads that record at once lose nothing, and each span has one start and one stop, or one complete."""
    threads, spans = 8, 1_000
    together = threading.Barrier(threads)

    def work(thread: int) -> None:
        together.wait(timeout=30)
        for number in range(spans):
            with timed_span(f"{thread}.{number}"):
                record_event("e")

    with timed_span("job") as job, ThreadPoolExecutor(threads) as pool:
        list(pool.map(carry_context(work), range(threads)))
    records = _close(recorder, exporter)
    begun = Counter(record["span_id"] for record in records if record["type"] in ("start", "complete"))
    ended = Counter(record["span_id"] for record in records if record["type"] in ("stop", "complete"))
    assert set(begun.values()) == set(ended.values()) == {1}
    assert len(begun) == len(ended) == threads * spans + 1
    assert sum(record["type"] == "event" for record in records) == threads * spans
    parents = {record.get("parent_span_id") for record in records if record["type"] in ("start", "complete")}
    assert parents == {None, f"{job.span_id:016x}"}


def test_two_threads_stop_one_span(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """Of several threads that stop the same span one does; the span is exported once."""
    threads = 8
    together = threading.Barrier(threads)

    def stop(span: Span) -> None:
        together.wait(timeout=30)
        recorder.stop(span)

    with ThreadPoolExecutor(threads) as pool:
        for number in range(50):
            span = recorder.start(f"{number}", parent_span=ROOT)
            list(pool.map(stop, [span] * threads))
    records = _close(recorder, exporter)
    ended = Counter(record["name"] for record in records if record["type"] in ("stop", "complete"))
    assert ended == Counter({f"{number}": 1 for number in range(50)})


def test_asyncio_tasks_that_interleave(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """Tasks that take turns have parents of their own: no task's span is the child of another task's."""

    async def task(number: int) -> None:
        async with timed_span(f"outer {number}"):
            await asyncio.sleep(0)
            async with timed_span(f"inner {number}"):
                await asyncio.sleep(0)
                record_event(f"event {number}")

    async def job() -> None:
        await asyncio.gather(*(task(number) for number in range(100)))

    asyncio.run(job())
    records = _close(recorder, exporter)
    spans = _spans(records)
    for number in range(100):
        assert spans[f"inner {number}"]["parent_span_id"] == spans[f"outer {number}"]["span_id"]
        assert "parent_span_id" not in spans[f"outer {number}"]
    events = {record["name"]: record["span_id"] for record in records if record["type"] == "event"}
    assert events == {f"event {number}": spans[f"inner {number}"]["span_id"] for number in range(100)}


def test_generators_that_interleave(recorder: DefaultRecorder, exporter: InMemoryExporter) -> None:
    """Generators that are advanced in turn each stop their span once, and leave nothing current."""

    def numbers(name: str) -> Iterator[None]:
        with timed_span(name):
            yield
            yield

    for _ in zip(numbers("a"), numbers("b"), strict=False):
        pass
    assert current_span() is NOOP_SPAN
    assert set(_spans(_close(recorder, exporter))) == {"a", "b"}


def test_a_long_span_keeps_nothing_of_its_events() -> None:
    """Memory does not grow with the events of an open span."""
    code = """
import resource, sys
from one_logger.exporter.file import FileExporter
from one_logger.core import Event
from one_logger.recorder import DefaultRecorder
recorder = DefaultRecorder([FileExporter(sys.argv[1])])
span = recorder.start("month")
def peak():
    assert recorder.flush(60)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def events(count):
    for number in range(count):
        recorder.event(span, Event("e", {"n": number}))
        if number % 10_000 == 0:
            recorder.flush(60)
events(50_000)
before = peak()
events(150_000)
print(peak() - before, recorder.close())
"""
    output = subprocess.run(
        [sys.executable, "-c", code, os.devnull], check=True, capture_output=True, text=True
    ).stdout.split()
    assert int(output[0]) < 4_096, f"{output[0]} KiB more after 150,000 further events"
    assert output[1] == "True"
