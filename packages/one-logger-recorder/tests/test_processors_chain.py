"""Processors of the application's own: what they see and what they may do; threads, tasks, forks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from one_logger.api import (
    carry_context,
    current_span,
    get_recorder,
    record_error,
    record_event,
    timed_span,
)
from one_logger.core import ErrorEvent, Event, Span, read_records, verify
from one_logger.recorder import Decision, Processor, SpanFilter, TailSampler

Record = dict[str, Any]
Recording = Callable[..., AbstractContextManager[list[Record]]]


class Witness(Processor):
    """Notes what it sees."""

    def __init__(self, decision: Decision = Decision.KEEP) -> None:
        self.seen: list[str] = []
        self._decision = decision

    def decide(self, name: str) -> Decision:
        self.seen.append(f"decide {name}")
        return self._decision

    def on_start(self, span: Span) -> None:
        self.seen.append(f"start {span.name}")

    def on_event(self, event: Event, span: Span) -> Event:
        self.seen.append(f"{event.name} in {span.name}")
        return event

    def on_stop(self, span: Span) -> bool:
        assert span.duration_ns is not None
        self.seen.append(f"stop {span.name}")
        return True

    def on_close(self) -> None:
        self.seen.append("close")


def use(name: str) -> None:
    """Record something of every kind in a span."""
    with timed_span(name):
        record_event("event")
        record_error("error")


def names(records: list[Record], kind: str) -> list[str]:
    """The names of the records of a kind."""
    return [record["name"] for record in records if record["type"] == kind]


def test_processors_see_everything_in_order(recording: Recording) -> None:
    """Decision, start, events and errors, stop, and the end."""
    witness = Witness()
    with recording(witness):
        use("work")
    assert witness.seen == [
        "decide work",
        "start work",
        "event in work",
        "exception in work",
        "stop work",
        "close",
    ]


def test_those_before_a_filter_see_events_and_those_after_it_nothing(recording: Recording) -> None:
    """Except for errors, which the latter see in the span that they have gone to."""
    before, after = Witness(), Witness()
    with recording(before, SpanFilter(exclude="work"), after), timed_span("outer"):
        before.seen.clear()
        after.seen.clear()
        use("work")
        assert before.seen == ["decide work", "event in work", "exception in work"]
        assert after.seen == ["exception in outer"]


def test_who_observes_sees_the_stop_of_what_a_later_one_drops(recording: Recording) -> None:
    """With its duration and attributes."""
    before = Witness(Decision.OBSERVE)
    with recording(before, SpanFilter(exclude="work")) as records:
        use("work")
        assert before.seen == ["decide work", "start work", "event in work", "exception in work", "stop work"]
    assert names(records, "complete") == ["work"], "the span that was made for the error"


def test_several_may_put_a_span_off(recording: Recording) -> None:
    """It is exported if all of them say so when it stops."""

    class Undecided(Witness):
        def on_stop(self, span: Span) -> bool:
            super().on_stop(span)
            return bool(span.attributes["keep"])

    first, second = Undecided(Decision.DEFER), Witness(Decision.DEFER)
    with recording(first, second) as records:
        for keep in (True, False):
            with timed_span("work", {"keep": keep}):
                pass
    assert names(records, "complete") == ["work"]
    assert (first.seen.count("stop work"), second.seen.count("stop work")) == (2, 1)


def test_events_may_be_changed_and_added(recording: Recording) -> None:
    """A processor may give another event; what it emits is seen by those after it, not by itself or those before."""

    class Doubling(Processor):
        def on_event(self, event: Event, span: Span) -> Event:
            self.emit(Event(f"{event.name}, again"), span)
            return event.with_attributes({"changed": True})

    before, after = Witness(), Witness()
    with recording(before, Doubling(), after) as records, timed_span("work"):
        record_event("event")
    assert names(records, "event") == ["event, again", "event"]
    assert [record.get("attributes") for record in records if record["type"] == "event"] == [None, {"changed": True}]
    assert [each for each in before.seen if " in " in each] == ["event in work"]
    assert [each for each in after.seen if " in " in each] == ["event, again in work", "event in work"]


def test_what_is_emitted_goes_where_it_can(recording: Recording) -> None:
    """From a filtered span outwards; without an exported span around it, into a span of its own."""

    class Echo(Processor):
        def on_event(self, event: Event, span: Span) -> Event:
            if event.name == "event":
                self.emit(Event("echo"), span)
                self.emit(Event("alone"), None)
            return event

    with recording(Echo(), SpanFilter(exclude="hidden")) as records:
        with timed_span("outer") as outer, timed_span("hidden"):
            record_event("event")
        with timed_span("hidden") as root:
            record_event("event")
    homes = [(record["name"], record["span_id"]) for record in records if record["type"] == "event"]
    spans = {record["span_id"]: record for record in records if record["type"] == "complete"}
    assert [name for name, _ in homes] == ["echo", "alone", "echo", "alone"]
    assert homes[0][1] == f"{outer.span_id:016x}"
    assert [spans[home]["name"] for _, home in homes[1:]] == ["alone", "echo", "alone"]
    assert spans[homes[2][1]]["trace_id"] == f"{root.trace_id:032x}"


def test_close_stops_filtered_and_undecided_spans(recording: Recording) -> None:
    """Nothing is left open; what is undecided then is decided."""
    with recording(TailSampler("slow", min_duration=0), SpanFilter(exclude="hidden")) as records:
        recorder = get_recorder()
        spans = [recorder.start(name) for name in ("outer", "hidden", "slow", "inner")]
        recorder.close()
        assert all(span.end_unix_ns is not None for span in spans)
    ended = [record for record in records if record["type"] in ("stop", "complete")]
    assert {record["name"] for record in ended} == {"outer", "slow", "inner"}
    assert all(record["attributes"]["one_logger.unfinished"] for record in ended)


def test_filtered_spans_in_threads(recording: Recording) -> None:
    """A filtered span may be stopped in another thread, and carried into one."""
    with recording(SpanFilter(exclude="hidden")) as records, timed_span("outer") as outer:
        hidden = get_recorder().start("hidden")
        with ThreadPoolExecutor(1) as pool:
            pool.submit(carry_context(use), "carried").result()
            pool.submit(get_recorder().stop, hidden).result()
        assert current_span() is outer
        use("later")
    parents = {record["name"]: record.get("parent_span_id") for record in records if record["type"] == "complete"}
    assert parents["carried"] == parents["later"] == f"{outer.span_id:016x}"


def test_many_threads_decide_on_one_span(recording: Recording) -> None:
    """However many report an error while it is stopped, an undecided span starts once and stops once, in this order."""
    threads = 8
    with recording(TailSampler("step", min_duration=3_600)) as records:
        together = threading.Barrier(threads)

        def work(number: int) -> None:
            for span in spans:
                together.wait(timeout=30)
                if number == 0:
                    get_recorder().stop(span)
                elif span.end_unix_ns is None:
                    get_recorder().error(span, "no")

        spans = [get_recorder().start("step") for _ in range(50)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
    starts = Counter(record["span_id"] for record in records if record["type"] in ("start", "complete"))
    stops = Counter(record["span_id"] for record in records if record["type"] in ("stop", "complete"))
    assert starts == stops
    assert set(starts.values()) <= {1}


def test_asyncio_tasks_with_filtered_spans(recording: Recording) -> None:
    """Tasks that take turns in filtered spans have parents of their own."""

    async def task(number: int) -> None:
        async with timed_span(f"outer {number}"), timed_span("hidden"):
            await asyncio.sleep(0)
            async with timed_span(f"inner {number}"):
                await asyncio.sleep(0)

    async def job() -> None:
        await asyncio.gather(*(task(number) for number in range(50)))

    with recording(SpanFilter(exclude="hidden")) as records:
        asyncio.run(job())
    spans = {record["name"]: record for record in records if record["type"] in ("start", "complete")}
    for number in range(50):
        assert spans[f"inner {number}"]["parent_span_id"] == spans[f"outer {number}"]["span_id"]


def test_a_forked_child_begins_anew(tmp_path: Path) -> None:
    """It reports nothing of what its parent has collected; what was filtered stays so."""
    code = """
import os, sys
from one_logger.api import *
from one_logger.exporter.file import FileExporter
from one_logger.recorder import *
recorder = DefaultRecorder([FileExporter(sys.argv[1])], processors=[
    Summarizer("saved", attribute="a"), SpanFilter(exclude="hidden"), TailSampler("slow", min_duration=0)])
configure_one_logger(OneLoggerConfig("app"), recorder)
with timed_span("outer") as outer, timed_span("hidden") as hidden, timed_span("slow"):
    record_event("saved", {"a": 1})
    if os.fork() == 0:
        record_event("saved", {"a": 2})
        with timed_span("in child"):
            record_error("in child")
        recorder.stop(hidden)
        recorder.stop(outer)
        recorder.close()
        os._exit(0)
    assert os.wait()[1] == 0
recorder.close()
"""
    file = tmp_path / "records.jsonl"
    command = [sys.executable, "-W", "ignore:This process", "-c", code, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    with file.open() as lines:
        records = list(read_records(lines))
    assert [report.whole for report in verify(records)] == [True, True]
    pids = {r["stream"]: r["attributes"]["process.pid"] for r in records if r["type"] == "resource"}
    assert len(set(pids.values())) == 2
    updates = [record for record in records if record.get("name") == "saved stats update"]
    assert sorted((update["attributes"]["a.count"], update["attributes"]["a.last"]) for update in updates) == [
        (1, 1),
        (1, 2),
    ]
    spans = Counter(record["name"] for record in records if record["type"] in ("start", "complete"))
    assert spans == {"outer": 1, "slow": 1, "in child": 1}
    (child,) = (record for record in records if record.get("name") == "in child" and record["type"] == "complete")
    (outer,) = (
        record for record in records if record.get("name") == "outer" and record["type"] in ("start", "complete")
    )
    assert child["parent_span_id"] == outer["span_id"]
    assert not [record for record in records if record["type"] == "telemetry_data_error"]


def test_an_error_may_be_dropped_by_a_processor_of_ones_own(recording: Recording) -> None:
    """`on_event` gets errors, too; None drops one, and then no span is made for it either."""

    class Forgiving(Processor):
        def on_event(self, event: Event, span: Span) -> Event | None:
            return None if isinstance(event, ErrorEvent) else event

    for processors in ([Forgiving(), SpanFilter(exclude="hidden")], [SpanFilter(exclude="hidden"), Forgiving()]):
        with recording(*processors) as records:
            use("hidden")
        assert [record["type"] for record in records] == ["resource", "end"]
