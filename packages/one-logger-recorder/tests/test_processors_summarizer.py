"""Summaries: the statistics of many events or spans as one event."""

from __future__ import annotations

import statistics
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from one_logger.api import carry_context, get_recorder, record_event, timed_span
from one_logger.core import Event, OneLoggerError, Timestamp
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, EventFilter, SpanFilter, Summarizer

Record = dict[str, Any]
Recording = Callable[..., AbstractContextManager[list[Record]]]


def summaries(records: list[Record], name: str = "saved stats update") -> list[Record]:
    """The attributes of the summaries, by their names' last part."""
    return [
        {key.rpartition(".")[2]: value for key, value in record["attributes"].items()}
        for record in records
        if record["type"] == "event" and record["name"] == name
    ]


def span_of(records: list[Record], name: str) -> Record:
    """What is known of a span."""
    return next(record for record in records if record["type"] in ("start", "complete") and record["name"] == name)


def test_the_checkpoints_of_a_training(recording: Recording) -> None:
    """The seed's example: of all "save checkpoint" events so far, an update each so many, and when the span stops."""
    summarizer = Summarizer("save checkpoint", attribute="duration", every=2, name="check point stats update")
    with recording(summarizer) as records, timed_span("training") as training:
        for duration in (1.0, 2.0, 6.0):
            record_event("save checkpoint", {"duration": duration})
            record_event("other", {"duration": 100})
    updates = [r for r in records if r["type"] == "event" and r["name"] == "check point stats update"]
    assert [update["span_id"] for update in updates] == [f"{training.span_id:016x}"] * 2
    assert updates[0]["attributes"] == {
        "duration.count": 2,
        "duration.avg": 1.5,
        "duration.min": 1.0,
        "duration.max": 2.0,
        "duration.stddev": 0.5,
        "duration.total": 3.0,
        "duration.last": 2.0,
    }
    assert updates[1]["attributes"]["duration.count"] == 3
    assert updates[1]["attributes"]["duration.avg"] == 3.0
    assert updates[1]["time_unix_nano"] <= span_of(records, "training")["end_time_unix_nano"]
    assert sum(record["type"] == "event" for record in records) == 6 + 2, "what is summarised is still recorded"


def test_each_enclosing_span_has_its_own_summary(recording: Recording) -> None:
    """The numbers begin anew with each; a span in which nothing was saved has none; nothing is said twice."""
    with recording(Summarizer("saved", attribute="a", every=2)) as records:
        for number in (1, 2, 0):
            with timed_span("epoch"):
                for _ in range(number):
                    record_event("saved", {"a": number})
    assert [(each["count"], each["avg"]) for each in summaries(records)] == [(1, 1), (2, 2)]


def test_the_enclosing_span_may_be_named(recording: Recording) -> None:
    """The nearest of that name, however many are between; where there is none, the process is summarised."""
    processors = (
        Summarizer("saved", attribute="a", within="training"),
        Summarizer(span="save", within="training", name="saves"),
    )
    with recording(*processors) as records:
        with timed_span("training") as training:
            for number in range(3):
                with timed_span("epoch"), timed_span("save"):
                    record_event("saved", {"a": number})
        with timed_span("save"):
            record_event("saved", {"a": 7})
    for name in ("saved stats update", "saves"):
        assert [each["count"] for each in summaries(records, name)] == [3, 1]
        homes = [record["span_id"] for record in records if record["type"] == "event" and record["name"] == name]
        assert homes[0] == f"{training.span_id:016x}"
        assert any(r["type"] == "complete" and (r["name"], r["span_id"]) == (name, homes[1]) for r in records)


def test_spans_are_summarised_by_their_durations(recording: Recording) -> None:
    """Into the nearest exported open span around them, in seconds; also if they are filtered after that."""
    with recording(Summarizer(span="step"), SpanFilter(exclude=["step", "hidden"])) as records, timed_span("epoch"):
        with timed_span("hidden"):
            for seconds in (1, 3):
                span = get_recorder().start("step", start_time=Timestamp(0, 0))
                get_recorder().stop(span, stop_time=Timestamp(0, seconds * 10**9))
        with timed_span("other"):
            pass
    (summary,) = summaries(records, "step stats update")
    assert (summary["count"], summary["avg"], summary["stddev"], summary["last"]) == (2, 2.0, 1.0, 3.0)
    (event,) = (record for record in records if record["type"] == "event")
    assert "duration_seconds.avg" in event["attributes"]
    assert event["span_id"] == span_of(records, "epoch")["span_id"]
    assert {record["name"] for record in records if record["type"] == "complete"} == {"epoch", "other"}


def test_spans_are_summarised_by_an_attribute(recording: Recording) -> None:
    """One that is set until the span stops."""
    processors = (Summarizer(span="step", attribute="loss"), SpanFilter(exclude="step"))
    with recording(*processors) as records, timed_span("epoch"):
        for loss in (4, 2):
            with timed_span("step", {"loss": 0}) as step:
                assert step.is_recording()
                step.set_attribute("loss", loss)
    (summary,) = summaries(records, "step stats update")
    assert (summary["count"], summary["max"], summary["last"]) == (2, 4, 2)


def test_what_has_no_span_around_it_is_summarised_for_the_process(recording: Recording) -> None:
    """The summary has a span of its own then: each so many, and at the end."""
    with recording(Summarizer(span="request", every=4), SpanFilter(exclude="request")) as records:
        for _ in range(6):
            with timed_span("request"):
                pass
    name = "request stats update"
    assert [each["count"] for each in summaries(records, name)] == [4, 6]
    homes = [record["span_id"] for record in records if record["type"] == "complete" and record["name"] == name]
    assert homes == [record["span_id"] for record in records if record["type"] == "event"]


def test_summaries_come_after_some_time(recording: Recording) -> None:
    """With `interval`, a value that comes later than that brings one."""
    with recording(Summarizer("saved", attribute="a", interval=0.0)) as records, timed_span("work"):
        for number in range(3):
            record_event("saved", {"a": number})
    assert [each["count"] for each in summaries(records)] == [1, 2, 3]
    with recording(Summarizer("saved", attribute="a", interval=3_600.0)) as records, timed_span("work"):
        for number in range(3):
            record_event("saved", {"a": number})
    assert [each["count"] for each in summaries(records)] == [3]


def test_what_is_no_number_is_counted(recording: Recording) -> None:
    """NaN, infinities, booleans, texts, sequences and missing values are left out, and the summary says how many."""
    odd: list[object] = [float("nan"), float("-inf"), True, "1", [1.0], 10**400, None]
    with recording(Summarizer("saved", attribute="a")) as records, timed_span("work"):
        for value in odd:
            record_event("saved", {"a": value} if value is not None else None)
        record_event("saved", {"a": 5})
    (summary,) = summaries(records)
    assert (summary["count"], summary["invalid"], summary["avg"]) == (1, len(odd), 5)
    with recording(Summarizer("saved", attribute="a")) as records, timed_span("work"):
        record_event("saved")
    assert summaries(records) == [{"count": 0, "invalid": 1}]


@given(st.lists(st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9), min_size=1, max_size=50))
def test_the_numbers_are_right(values: list[float]) -> None:
    """They are those of Python's own `statistics`, but for rounding."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], processors=[Summarizer("saved", attribute="a")], delivery="inline")
    span = recorder.start("work")
    for value in values:
        recorder.event(span, Event("saved", {"a": value}))
    recorder.stop(span)
    recorder.close()
    (summary,) = summaries(exporter.records)
    assert (summary["count"], summary["last"]) == (len(values), values[-1])
    assert (summary["min"], summary["max"]) == (min(values), max(values))
    assert summary["total"] == pytest.approx(sum(values))
    assert summary["avg"] == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)
    assert summary["stddev"] == pytest.approx(statistics.pstdev(values), rel=1e-6, abs=1e-3)


def test_threads_share_a_summary(recording: Recording) -> None:
    """Of what several threads record in one span, each value counts once."""
    threads, times = 8, 500
    with recording(Summarizer("saved", attribute="a", every=1_000)) as records, timed_span("work"):

        def work() -> None:
            for _ in range(times):
                record_event("saved", {"a": 1})

        started = [threading.Thread(target=carry_context(work)) for _ in range(threads)]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join()
    last = summaries(records)[-1]
    assert (last["count"], last["total"], last["avg"]) == (threads * times, threads * times, 1)


def test_a_span_that_never_stops_keeps_nobody_else_from_being_summarised(recording: Recording) -> None:
    """The number of spans with a summary is bounded; whoever is forgotten has been reported."""
    with recording(Summarizer("saved", attribute="a")) as records:
        open_spans = [get_recorder().start(f"{number}") for number in range(1_500)]
        for number, span in enumerate(open_spans):
            get_recorder().event(span, Event("saved", {"a": number}))
        assert get_recorder().flush(timeout=30)
        assert 0 < len(summaries(records)) < 1_500
    assert sorted(each["last"] for each in summaries(records)) == list(range(1_500))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (Summarizer, "needs the name of an event or of a span; give one of the two."),
        (lambda: Summarizer("a", span="b"), "needs the name of an event or of a span; give one of the two."),
        (lambda: Summarizer("a"), "attribute is missing; say which attribute of 'a' to summarise."),
        (lambda: Summarizer("a", attribute=1), "attribute is 1; expected a text."),  # type: ignore[arg-type]
        (lambda: Summarizer(span="a", every=0), "every is 0; expected a number of values from 1, or None."),
        (lambda: Summarizer(span="a", interval=-1), "interval is -1; expected a number of seconds from 0, or None."),
    ],
    ids=range(6),
)
def test_arguments_are_checked(make: Callable[[], object], sentence: str) -> None:
    """What is wrong is said where the summarizer is made."""
    with pytest.raises(OneLoggerError) as raised:
        make()
    assert sentence in str(raised.value)


def test_no_value_is_missed_whichever_thread_it_comes_from(recording: Recording) -> None:
    """Threads that record at the same time have no lock between them, and the summary is of all their values."""
    values = range(1, 2_001)

    def work() -> None:
        for value in values:
            record_event("step", {"n": value})

    with recording(Summarizer("step", attribute="n"), EventFilter(exclude="step")) as records, timed_span("epoch"):
        threads = [threading.Thread(target=carry_context(work)) for _ in range(8)]
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(before)
    (summary,) = (record["attributes"] for record in records if record["type"] == "event")
    everything = [value for _ in threads for value in values]
    assert summary["n.count"] == len(everything)
    assert summary["n.total"] == sum(everything)
    assert (summary["n.min"], summary["n.max"], summary["n.last"]) == (1, 2_000, 2_000)
    assert summary["n.avg"] == pytest.approx(statistics.fmean(everything))
    assert summary["n.stddev"] == pytest.approx(statistics.pstdev(everything))


class Layer(Enum):
    FIRST = "layer[0]"


@pytest.mark.parametrize(("pattern", "count"), [("layer[0]", 1), ("layer*", 3), ("layer?", 1), (Layer.FIRST, 1)])
def test_names_may_be_patterns(recording: Recording, pattern: Any, count: int) -> None:
    """Events, spans and enclosing spans are named exactly, by a pattern, or by an `Enum`, as in the filters."""
    events = Summarizer(pattern, attribute="a", name="of events", within="train*")
    of_spans = Summarizer(span=pattern, name="of spans", within="train?")
    with recording(events, of_spans) as records, timed_span("train1"), timed_span("other"):
        for name in ("layer[0]", "layer0", "layer[1]"):
            record_event(name, {"a": 1})
            with timed_span(name):
                pass
    for name in ("of events", "of spans"):
        assert [summary["count"] for summary in summaries(records, name)] == [count]


def test_summary_of_a_pattern_is_named_after_it(recording: Recording) -> None:
    """Without a name of its own a summary has that of what it is about."""
    with recording(Summarizer(Layer.FIRST, attribute="a")) as records, timed_span("train"):
        record_event("layer[0]", {"a": 1})
    assert [record["name"] for record in records if record["type"] == "event"][-1] == "layer[0] stats update"
