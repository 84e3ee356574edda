"""Processors of one exporter: what it gets, while others get everything."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from one_logger.api import OneLoggerConfig, get_recorder, record_error, record_event, timed_span
from one_logger.api.testing import configured
from one_logger.core import Event, Exporter, ExportError, OneLoggerError, Span, Timestamp, verify
from one_logger.core.testing import Exported, ExporterContract
from one_logger.exporter.logger import LoggerExporter, parse_line
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import (
    DefaultRecorder,
    Enricher,
    EventFilter,
    ProcessedExporter,
    Processor,
    RatioSampler,
    SpanFilter,
    Summarizer,
    TailSampler,
)

Record = dict[str, Any]


@contextmanager
def exporting(*processors: Processor) -> Iterator[tuple[list[Record], list[Record]]]:
    """A recorder with an exporter that gets everything, and one behind processors: the records of both."""
    everything, part = InMemoryExporter(), InMemoryExporter()
    recorder = DefaultRecorder([everything, ProcessedExporter(part, processors)])
    with configured(OneLoggerConfig("app"), recorder):
        yield everything.records, part.records
        assert recorder.close(timeout=30)
    assert [verify(exporter.records)[0].whole for exporter in (everything, part)] == [True, True]
    first, second = recorder.stats().values()
    assert first == second, "what a processor drops is no loss"


def spans(records: Sequence[Record]) -> dict[str, Record]:
    """The spans by name."""
    found: dict[str, Record] = {}
    for record in records:
        if record["type"] in ("start", "stop", "complete"):
            found.setdefault(record["name"], {}).update(record)
    return found


class TestContract(ExporterContract):
    def make_exporter(self) -> Exporter:
        return ProcessedExporter(InMemoryExporter(), [SpanFilter(exclude="no such span"), EventFilter(), Enricher({})])

    def exported(self, exporter: Exporter) -> list[Exported]:
        assert isinstance(exporter, ProcessedExporter)
        assert isinstance(exporter.exporter, InMemoryExporter)
        kinds = {"stop": "span", "complete": "span", "event": "event"}
        found = [
            (kinds[record["type"]], record["name"]) for record in exporter.exporter.records if record["type"] in kinds
        ]
        for record in exporter.exporter.records:
            if record["type"] == "error":
                found.append(("error", record["error"]["message"]))
            elif record["type"] == "telemetry_data_error":
                found.append(("telemetry_data_error", record["message"]))
        return found

    def program(self) -> str:
        return (
            "from one_logger.exporter.memory import InMemoryExporter\n"
            "from one_logger.recorder import EventFilter, ProcessedExporter\n"
            "exporter = ProcessedExporter(InMemoryExporter(), [EventFilter()])\n"
        )


def test_a_child_of_a_dropped_span_hangs_on_what_the_exporter_has_seen() -> None:
    """For this exporter alone; the other sees the tree as it is."""
    with exporting(SpanFilter(exclude="hidden")) as (everything, part):
        with timed_span("outer"), timed_span("hidden"), timed_span("inner", {"a": 1}) as inner:
            record_event("event")
            inner.set_attribute("b", 2)
            with timed_span("innermost"):
                pass
        with timed_span("hidden"), timed_span("root"):
            pass
    whole, seen = spans(everything), spans(part)
    assert whole["inner"]["parent_span_id"] == whole["hidden"]["span_id"] or whole["root"].get("parent_span_id")
    assert set(seen) == {"outer", "inner", "innermost", "root"}
    assert seen["inner"]["parent_span_id"] == seen["outer"]["span_id"]
    assert seen["innermost"]["parent_span_id"] == seen["inner"]["span_id"]
    assert seen["inner"]["attributes"] == whole["inner"]["attributes"] == {"a": 1, "b": 2}
    assert seen["inner"]["duration_ns"] == whole["inner"]["duration_ns"]
    assert "parent_span_id" not in seen["root"]
    (event,) = (record for record in part if record["type"] == "event")
    assert event["span_id"] == seen["inner"]["span_id"]


def test_a_log_with_nothing_but_errors(caplog: pytest.LogCaptureFixture) -> None:
    """All spans dropped, the logger gets one line for each error, and no other record of a span."""
    caplog.set_level(logging.INFO, logger="telemetry")
    recorder = DefaultRecorder([ProcessedExporter(LoggerExporter("telemetry"), [SpanFilter(exclude="*")])])
    with configured(OneLoggerConfig("app"), recorder):
        with timed_span("outer") as outer, timed_span("inner") as inner:
            record_event("event")
            record_error("it failed")
        with timed_span("fine"):
            pass
    lines = [parse_line(record.getMessage()) for record in caplog.records if record.name == "telemetry"]
    assert [line["type"] for line in lines] == ["resource", "error", "end"]
    assert lines[1]["error"]["message"] == "it failed"
    assert (lines[1]["trace_id"], lines[1]["span_id"]) == (f"{outer.trace_id:032x}", f"{inner.span_id:016x}")


def test_an_error_of_a_dropped_span_goes_to_the_one_around_it() -> None:
    """To the nearest that this exporter sees and that is open to it; one that is put off is not."""
    with exporting(SpanFilter(exclude="hidden"), TailSampler("slow")) as (everything, part):
        with timed_span("outer"), timed_span("hidden"):
            record_error("1")
        with timed_span("outer"), timed_span("slow"), timed_span("hidden"):
            record_error("2")
        with timed_span("outer"), timed_span("slow"):
            record_error("3")
    outer = [
        record["span_id"] for record in part if record["type"] in ("start", "complete") and record["name"] == "outer"
    ]
    errors = {record["error"]["message"]: record["span_id"] for record in part if record["type"] == "error"}
    assert errors == dict(zip("123", outer, strict=True))
    slow = [record for record in part if record["type"] == "complete" and record["name"] == "slow"]
    assert [(record["status"], record["parent_span_id"]) for record in slow] == [("ERROR", outer[2])]
    assert len([record for record in everything if record["type"] == "error"]) == 3


def test_an_exporter_that_needs_spans_gets_one_for_an_error() -> None:
    """Where an event arrives with its span only, the error of a dropped one comes in a span of its name."""

    class NeedsSpans(InMemoryExporter):
        events_need_span = True

    exporter = NeedsSpans()
    recorder = DefaultRecorder([ProcessedExporter(exporter, [SpanFilter(exclude="*")])])
    with configured(OneLoggerConfig("app"), recorder), timed_span("work") as work:
        record_error("it failed")
    _, span, error, _ = exporter.records
    assert (span["type"], span["name"], span["status"]) == ("complete", "work", "ERROR")
    assert span["trace_id"] == f"{work.trace_id:032x}"
    assert error["span_id"] == span["span_id"]


def test_everything_else_works_for_one_exporter_too() -> None:
    """Events are filtered, attributes added, and nothing of it is seen by the other or by the job."""
    processors = (EventFilter(exclude="noise"), Enricher({"team": "ocean", "a": "late"}, spans="work", events="*"))
    with exporting(*processors) as (everything, part):
        with timed_span("work", {"a": 1}) as work, timed_span("child"):
            record_event("noise")
            record_event("event", {"b": 2})
        assert dict(work.attributes) == {"a": 1}
    assert [record["name"] for record in part if record["type"] == "event"] == ["event"]
    assert [record["name"] for record in everything if record["type"] == "event"] == ["noise", "event"]
    assert spans(part)["work"]["attributes"] == {"a": 1, "team": "ocean"}
    assert "attributes" not in spans(part)["child"]
    assert next(r for r in part if r["type"] == "event")["attributes"] == {"b": 2, "team": "ocean", "a": "late"}
    assert spans(everything)["work"]["attributes"] == {"a": 1}


def test_summaries_for_one_exporter() -> None:
    """It gets them instead of the spans that they are about; in each span its own, though all have long stopped."""
    summarizer = Summarizer(span="step", every=4, within="epoch")
    with exporting(summarizer, SpanFilter(exclude="step")) as (everything, part):
        for _ in range(2):
            with timed_span("epoch"), timed_span("part"):
                for seconds in range(1, 6):
                    step = get_recorder().start("step", start_time=Timestamp(0, 0))
                    get_recorder().stop(step, stop_time=Timestamp(0, seconds * 10**9))
    updates = [record for record in part if record["type"] == "event"]
    numbers = [
        (update["attributes"]["duration_seconds.count"], update["attributes"]["duration_seconds.last"])
        for update in updates
    ]
    assert numbers == [(4, 4.0), (5, 5.0)] * 2
    kinds = ("start", "complete")
    epochs = [record["span_id"] for record in part if record["type"] in kinds and record["name"] == "epoch"]
    assert [update["span_id"] for update in updates] == [epochs[0]] * 2 + [epochs[1]] * 2
    assert not [record for record in everything if record["type"] == "event"]


def test_sampling_for_one_exporter() -> None:
    """It gets whole traces or nothing of them; and of undecided spans those that took long."""
    with exporting(RatioSampler(0.5)) as (everything, part):
        for _ in range(100):
            with timed_span("root"), timed_span("child"):
                record_error("error")
    assert Counter(r["name"] for r in everything if r["type"] == "complete") == {"root": 100, "child": 100}
    for kinds in (("start", "complete"), ("stop", "complete"), ("error",)):
        traces = Counter(record["trace_id"] for record in part if record["type"] in kinds)
        assert 10 < len(traces) < 90
        assert set(traces.values()) == {1 if kinds == ("error",) else 2}

    with exporting(TailSampler("step", min_duration=2)) as (everything, part):
        for seconds in (1, 3):
            step = get_recorder().start("step", start_time=Timestamp(0, 0))
            get_recorder().stop(step, stop_time=Timestamp(0, seconds * 10**9))
    assert [record["duration_ns"] for record in part if record["type"] == "complete"] == [3 * 10**9]
    assert spans(part)["step"]["span_id"] in {record.get("span_id") for record in everything}


def test_a_child_that_starts_after_a_dropped_span_has_stopped() -> None:
    """It still hangs where the dropped one would have."""
    with exporting(SpanFilter(exclude="hidden")) as (_, part), timed_span("outer"):
        with timed_span("hidden") as hidden:
            pass
        get_recorder().stop(get_recorder().start("late", parent_span=hidden))
    assert spans(part)["late"]["parent_span_id"] == spans(part)["outer"]["span_id"]


def test_processors_run_in_the_exporter_s_thread() -> None:
    """They cost the job nothing; an exporter that runs inline has its processors there, too."""
    threads: set[int] = set()

    class Witness(Processor):
        def on_event(self, event: Event, span: Span) -> Event:
            threads.add(threading.get_ident())
            return event

    with exporting(Witness()), timed_span("work"):
        record_event("event")
    assert len(threads) == 1
    assert threading.get_ident() not in threads

    class Inline(InMemoryExporter):
        runs_inline = True

    threads.clear()
    recorder = DefaultRecorder([ProcessedExporter(Inline(), [Witness()])])
    with configured(OneLoggerConfig("app"), recorder), timed_span("work"):
        record_event("event")
    assert threads == {threading.get_ident()}


def test_a_processor_that_fails_is_the_affair_of_its_exporter(logged: Callable[[int], list[str]]) -> None:
    """Its exporter gets everything, and is told; the other isn't, and the job's strategy has no part in it."""

    class Broken(Processor):
        def on_event(self, event: Event, span: Span) -> Event:
            raise RuntimeError("broken")

    with exporting(Broken()) as (everything, part), timed_span("work"):
        for _ in range(5):
            record_event("event")
    assert sum(record["type"] == "event" for record in part) == 5
    sentence = "The processor Broken (number 1) was skipped: its on_event() raised RuntimeError: broken"
    told = [record for record in part if record["type"] == "telemetry_data_error"]
    assert [record["message"] for record in told] == [sentence] * 3
    assert [record.get("attributes", {}).get("one_logger.occurrences", 1) for record in told] == [1, 2, 4]
    assert not [record for record in everything if record["type"] == "telemetry_data_error"]
    assert logged(1) == [f"Exporter InMemoryExporter: {sentence}"]


def test_a_failing_exporter_is_one_behind_processors_too() -> None:
    """What it refuses or loses is counted as ever."""

    class Refusing(InMemoryExporter):
        def write(self, lines: list[str]) -> None:
            raise ExportError("The disk is full.", retriable=True)

    recorder = DefaultRecorder([ProcessedExporter(Refusing(), [SpanFilter(exclude="hidden")])], flush_interval=0.01)
    for name in ("hidden", "seen"):
        recorder.stop(recorder.start(name))
    assert recorder.close(timeout=0.2) is False
    deadline = time.monotonic() + 30
    while (stats := recorder.stats()["Refusing"]).pending:  # the worker ends a moment after the deadline
        assert time.monotonic() < deadline
    assert (stats.recorded, stats.exported, stats.dropped) == (4, 0, 4)


def test_stats_are_by_the_class_of_the_exporter() -> None:
    """`ProcessedExporter` says nothing; what is behind it does."""
    recorder = DefaultRecorder([InMemoryExporter(), ProcessedExporter(InMemoryExporter(), [])])
    assert list(recorder.stats()) == ["InMemoryExporter", "InMemoryExporter-2"]


def test_arguments_are_checked() -> None:
    """An exporter and processors are needed, each exporter once, each processor once."""
    exporter = InMemoryExporter()
    with pytest.raises(OneLoggerError, match=r"exporter is str; expected an instance of one_logger.core.Exporter"):
        ProcessedExporter("file", [])  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(OneLoggerError, match=r"processors\[0\] is str; expected a one_logger.recorder.Processor"):
        ProcessedExporter(exporter, ["span_filter"])  # type: ignore[list-item]  # that is the mistake
    with pytest.raises(OneLoggerError, match=r"exporters\[1\] is there twice"):
        DefaultRecorder([exporter, ProcessedExporter(exporter, [])])
    processor = SpanFilter()
    with pytest.raises(OneLoggerError, match="in use already"):
        DefaultRecorder([ProcessedExporter(exporter, [processor])], processors=[processor])
