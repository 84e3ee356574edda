"""Sampling: whole traces at their beginning, single spans at their end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from one_logger.api import (
    child_environment,
    current_span,
    get_recorder,
    record_error,
    record_event,
    timed_span,
)
from one_logger.core import OneLoggerError, SpanContext, Timestamp
from one_logger.recorder import RateSampler, RatioSampler, SpanFilter, Summarizer, TailSampler

Record = dict[str, Any]
Recording = Callable[..., AbstractContextManager[list[Record]]]


def names(records: list[Record]) -> Counter[str]:
    """How many spans of each name there are."""
    return Counter(record["name"] for record in records if record["type"] in ("start", "complete"))


@given(st.integers(1, 2**128 - 1), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_ratio_samples_what_a_lower_one_does(trace_id: int, one: float, other: float) -> None:
    """As OpenTelemetry's specification asks of TraceIdRatioBased; and the same ratio always says the same."""
    low, high = sorted((one, other))
    assert RatioSampler(low).sample_trace(trace_id) <= RatioSampler(high).sample_trace(trace_id)
    assert RatioSampler(one).sample_trace(trace_id) == RatioSampler(one).sample_trace(trace_id)
    assert RatioSampler(1).sample_trace(trace_id)
    assert not RatioSampler(0).sample_trace(trace_id)


def test_a_trace_is_recorded_whole_or_not_at_all(recording: Recording) -> None:
    """Of a trace that is not sampled there is neither a span nor an event nor an error; the others are whole."""
    with recording(RatioSampler(0.5)) as records:
        for number in range(200):
            with timed_span("root"), timed_span("child"), timed_span("grandchild"):
                record_event("event", {"number": number})
                record_error("error")
    counts = names(records)
    assert 40 < counts["root"] < 160
    assert counts["root"] == counts["child"] == counts["grandchild"]
    assert Counter(record["type"] for record in records)["error"] == counts["root"]
    assert set(Counter(r["trace_id"] for r in records if r["type"] == "complete").values()) == {3}


def test_an_unsampled_span_says_so_to_other_processes(recording: Recording) -> None:
    """Its context has ids of its own, and the flag that it is not sampled; its children share the trace."""
    with recording(RatioSampler(0.0)) as records, timed_span("root") as root, timed_span("child") as child:
        assert not child.is_recording()
        assert child.trace_id == root.trace_id
        assert child.span_id not in (0, root.span_id)
        context = SpanContext.from_traceparent(child_environment()["TRACEPARENT"])
        assert (context.trace_id, context.span_id, context.sampled) == (child.trace_id, child.span_id, False)
        by_context = get_recorder().start("by context", parent_span=context)
        assert (by_context.trace_id, by_context.is_recording()) == (child.trace_id, False)
    assert not names(records)


@pytest.mark.parametrize(("flags", "recorded"), [(0, 0), (1, 1)])
def test_what_another_process_has_decided_holds(
    recording: Recording, monkeypatch: pytest.MonkeyPatch, flags: int, recorded: int
) -> None:
    """With a sampler, the flag in `TRACEPARENT` decides for the root spans here, whatever the sampler says."""
    monkeypatch.setenv("TRACEPARENT", SpanContext(7, 8, flags).traceparent)
    with recording(RatioSampler(1 - flags)) as records, timed_span("work"), timed_span("child"):
        pass
    assert names(records)["work"] == names(records)["child"] == recorded


def test_without_a_sampler_everything_is_recorded(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has not asked for sampling here loses nothing by a launcher that samples."""
    monkeypatch.setenv("TRACEPARENT", SpanContext(7, 8, 0).traceparent)
    with recording(SpanFilter(exclude="other")) as records, timed_span("work"):
        pass
    assert names(records)["work"] == 1


def test_processes_with_one_ratio_choose_the_same_traces(recording: Recording) -> None:
    """A subprocess that is started in a span records if and only if that span is recorded."""
    code = (
        "import sys; from one_logger.api import *; from one_logger.recorder import *\n"
        "recorder = DefaultRecorder([], processors=[RatioSampler(0.5)])\n"
        "configure_one_logger(OneLoggerConfig('app'), recorder)\n"
        "with timed_span('work') as span: print(int(span.is_recording()))"
    )
    with recording(RatioSampler(0.5)):
        seen: set[bool] = set()
        while len(seen) < 2:
            with timed_span("root") as root:
                if root.is_recording() in seen:
                    continue
                seen.add(root.is_recording())
                done = subprocess.run(
                    [sys.executable, "-c", code], env=child_environment(os.environ), capture_output=True, check=True
                )
                assert bool(int(done.stdout)) is root.is_recording()


def test_the_rate_of_traces_is_bounded(recording: Recording) -> None:
    """No more than so many traces begin in a second; the children of each are not asked again."""
    with recording(RateSampler(3)) as records:
        for _ in range(500):
            with timed_span("root"), timed_span("child"), timed_span("child"):
                pass
    counts = names(records)
    seconds = (
        1
        + (
            max(r["end_time_unix_nano"] for r in records if "end_time_unix_nano" in r)
            - min(r["start_time_unix_nano"] for r in records if "start_time_unix_nano" in r)
        )
        // 10**9
    )
    assert 3 <= counts["root"] <= 3 * (seconds + 1)
    assert counts["child"] == 2 * counts["root"]


def test_a_trace_is_sampled_once_also_if_its_root_is_filtered(recording: Recording) -> None:
    """Both may be in one list, in either order: the trace is decided on at its root."""
    for processors in (
        [SpanFilter(exclude="root"), RateSampler(0.01)],
        [RateSampler(0.01), SpanFilter(exclude="root")],
    ):
        with recording(*processors) as records:
            for _ in range(3):
                with timed_span("root"):
                    for _ in range(5):
                        with timed_span("child"):
                            pass
        assert names(records) == {"child": 5}


def test_a_summary_before_a_sampler_is_about_all_traces(recording: Recording) -> None:
    """It sees what the sampler then drops; the summary has a span of its own."""
    with recording(Summarizer(span="work"), Summarizer("event", attribute="a"), RatioSampler(0.0)) as records:
        for number in range(10):
            with timed_span("work"):
                record_event("event", {"a": number})
    assert names(records) == {"work stats update": 1, "event stats update": 1}
    counts = {r["name"]: next(iter(r["attributes"].values())) for r in records if r["type"] == "event"}
    assert counts == {"work stats update": 10, "event stats update": 10}


def test_one_in_so_many_is_kept_with_all_that_is_in_it(recording: Recording) -> None:
    """It is a span as any other, from its start on; of the others, children and events go to the span around them."""
    with recording(TailSampler("step", one_in=10)) as records, timed_span("epoch") as epoch:
        for number in range(30):
            with timed_span("step") as step:
                record_event("event", {"number": number})
                with timed_span("child"):
                    pass
                if number % 10 == 0:
                    kept = step
    assert names(records) == {"epoch": 1, "step": 3, "child": 30}
    homes = Counter(record["parent_span_id"] for record in records if record.get("name") == "child")
    assert homes[f"{epoch.span_id:016x}"] == 27
    assert homes[f"{kept.span_id:016x}"] == 1
    events = Counter(record["span_id"] for record in records if record["type"] == "event")
    assert events[f"{epoch.span_id:016x}"] == 27


def test_long_spans_are_kept_when_they_stop(recording: Recording) -> None:
    """They are exported as complete, with all their attributes, under an id of their own, in the right place."""
    with recording(TailSampler(min_duration=2, names="step")) as records, timed_span("epoch"):
        recorder = get_recorder()
        for seconds in (1, 2, 3):
            span = recorder.start("step", {"a": seconds}, start_time=Timestamp(10**9, 0))
            assert span.is_recording()
            span.set_attribute("b", seconds)
            assert span.context == span.ancestor.context if span.ancestor else False
            recorder.stop(span, {"c": 1}, stop_time=Timestamp(10**9, seconds * 10**9))
    steps = [record for record in records if record.get("name") == "step"]
    (epoch,) = (record for record in records if record.get("name") == "epoch")
    assert [(step["type"], step["duration_ns"]) for step in steps] == [("complete", 2 * 10**9), ("complete", 3 * 10**9)]
    assert steps[1]["attributes"] == {"a": 3, "b": 3}
    assert {step["parent_span_id"] for step in steps} == {epoch["span_id"]}
    assert len({step["span_id"] for step in [*steps, epoch]}) == 3


def test_spans_with_an_error_are_kept_when_they_stop(recording: Recording) -> None:
    """What happens in them is in the exported span around them at once, so that no crash can lose it."""
    with recording(TailSampler("step")) as records, timed_span("epoch") as epoch:
        with timed_span("step") as failed:
            own_id = failed.span_id
            record_event("event")
            record_error("no")
            with timed_span("child"):
                pass
            assert failed.span_id == own_id
        with timed_span("step"):
            pass
        with timed_span("step"), timed_span("step") as inner:
            record_error("inner")
    steps = [record for record in records if record.get("name") == "step"]
    assert [(step["type"], step["status"], step["span_id"]) for step in steps] == [
        ("complete", "ERROR", f"{failed.span_id:016x}"),
        ("complete", "ERROR", f"{inner.span_id:016x}"),
    ]
    outer = f"{epoch.span_id:016x}"
    assert {record["span_id"] for record in records if record["type"] in ("event", "error")} == {outer}
    assert {record["parent_span_id"] for record in records if record.get("name") in ("step", "child")} == {outer}


def test_an_error_of_a_span_that_is_put_off_is_never_lost(recording: Recording) -> None:
    """Without an exported span around it, one is made for the error, and the span itself comes when it stops."""
    with recording(TailSampler("step"), SpanFilter(exclude="hidden")) as records:
        with timed_span("step"), timed_span("hidden"):
            record_error("1")
        with timed_span("step"):
            record_error("2")
    assert names(records) == {"hidden": 1, "step": 2}
    messages = {record["error"]["message"] for record in records if record["type"] == "error"}
    assert messages == {"1", "2"}
    assert current_span().span_id == 0


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: RatioSampler(1.5), "ratio is 1.5; expected a number from 0 to 1."),
        (lambda: RatioSampler(float("nan")), "ratio is nan"),
        (lambda: RatioSampler(True), "ratio is True"),
        (lambda: RateSampler(0), "traces_per_second is 0; expected a number above 0."),
        (lambda: RateSampler(float("inf")), "traces_per_second is inf"),
        (lambda: TailSampler(one_in=0), "one_in is 0; expected a number of spans from 1, or None."),
        (lambda: TailSampler(min_duration=-1), "min_duration is -1; expected a number of seconds from 0, or None."),
    ],
)
def test_arguments_are_checked(make: Callable[[], object], sentence: str) -> None:
    """What is wrong is said where the sampler is made."""
    with pytest.raises(OneLoggerError) as raised:
        make()
    assert sentence in str(raised.value)
