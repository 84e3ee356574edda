"""Whatever processors there are: the spans that are exported form trees, and the stream is whole."""

from __future__ import annotations

import gc
import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from one_logger.api.context import CURRENT_SPAN
from one_logger.core import Event, Span, Timestamp, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import (
    DefaultRecorder,
    Enricher,
    EventFilter,
    ProcessedExporter,
    Processor,
    RateSampler,
    RatioSampler,
    SpanFilter,
    Summarizer,
    TailSampler,
)

Record = dict[str, Any]

NAMES = st.sampled_from("abcd")
PATTERNS = st.sampled_from(["a", "b", ["a", "b"], "[bc]", "*", ["c", "d"]])
MAKERS: st.SearchStrategy[Callable[[], Processor]] = st.one_of(
    PATTERNS.map(lambda names: lambda: SpanFilter(exclude=names)),
    PATTERNS.map(lambda names: lambda: EventFilter(exclude=names)),
    PATTERNS.map(lambda names: lambda: Enricher({"added": 1}, spans=names, events=names)),
    st.tuples(PATTERNS, st.sampled_from([None, 2]), st.sampled_from([None, 0.0, 5.0])).map(
        lambda given: lambda: TailSampler(given[0], one_in=given[1], min_duration=given[2])
    ),
    NAMES.map(lambda name: lambda: Summarizer(name, attribute="a", every=2)),
    NAMES.map(lambda name: lambda: Summarizer(span=name, every=2)),
)
SAMPLERS: st.SearchStrategy[Callable[[], Processor]] = st.sampled_from(
    [lambda: RatioSampler(0.5), lambda: RateSampler(1_000_000)]
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["start", "start", "stop", "event", "error"]), NAMES, st.integers(0, 5)), max_size=30
)


def run(recorder: DefaultRecorder, steps: list[tuple[str, str, int]]) -> int:
    """Record: start in the current span or another open one, stop any open one. How many errors that were."""
    CURRENT_SPAN.set(None)
    spans: list[Span] = []
    ids: dict[Span, int] = {}
    errors = 0
    for step, name, number in [("start", "d", 0), *steps]:
        span = spans[-1 - number % len(spans)] if spans else None
        if step == "start":
            parent = span if number > 3 else None
            started = recorder.start(name, {"n": number}, parent_span=parent, start_time=Timestamp(1, 0))
            spans.append(started)
            ids[started] = started.span_id
        elif span is None:
            continue
        elif step == "stop":
            recorder.stop(span, stop_time=Timestamp(2, number * 10**9))
            spans.remove(span)
        elif step == "event":
            recorder.event(span, Event(name, {"a": number}))
        else:
            recorder.error(span, f"{errors}")
            errors += 1
    assert {span: span.span_id for span in ids} == ids, "the id of a span has changed"
    return errors


def check(records: list[Record], errors: int | None, *, own_ids: bool) -> None:
    """Hold what one exporter got to what is promised.

    Args:
        records: The records.
        errors: How many errors there have to be; None: some may have been dropped with their traces.
        own_ids: Whether an error may have the ids of a span that was not exported.
    """
    (report,) = verify(records)
    assert report.whole
    assert not [record for record in records if record["type"] == "telemetry_data_error"]
    started = [record for record in records if record["type"] in ("start", "complete")]
    stopped = Counter(record["span_id"] for record in records if record["type"] in ("stop", "complete"))
    spans = {record["span_id"]: record for record in started}
    assert len(spans) == len(started)
    assert stopped == dict.fromkeys(spans, 1)
    for record in started:
        parent = record.get("parent_span_id")
        assert parent is None or parent in spans
        assert parent is None or spans[parent]["trace_id"] == record["trace_id"]
    for record in records:
        if record["type"] in ("event", "error"):
            assert record["span_id"] in spans or (own_ids and record["type"] == "error")
    if errors is not None:
        found = [record["error"]["message"] for record in records if record["type"] == "error"]
        assert sorted(found, key=int) == [f"{number}" for number in range(errors)]


@settings(deadline=None, max_examples=300)
@given(st.lists(MAKERS, max_size=4), st.lists(MAKERS, max_size=4), STEPS)
def test_no_chain_breaks_the_tree_or_the_stream(
    makers: list[Callable[[], Processor]], for_one: list[Callable[[], Processor]], steps: list[tuple[str, str, int]]
) -> None:
    """Each parent is exported, each span has one start and one stop, no error is lost: for every exporter."""
    whole, part = InMemoryExporter(), InMemoryExporter()
    recorder = DefaultRecorder(
        [whole, ProcessedExporter(part, [make() for make in for_one])], processors=[make() for make in makers]
    )
    errors = run(recorder, steps)
    assert recorder.close(timeout=30)
    check(whole.records, errors, own_ids=False)
    check(part.records, errors, own_ids=True)


@settings(deadline=None, max_examples=100)
@given(st.lists(MAKERS, max_size=2), SAMPLERS, st.lists(MAKERS, max_size=2), SAMPLERS, STEPS)
def test_nor_does_one_that_samples(
    before: list[Callable[[], Processor]],
    sampler: Callable[[], Processor],
    after: list[Callable[[], Processor]],
    for_one: Callable[[], Processor],
    steps: list[tuple[str, str, int]],
) -> None:
    """The same, but for errors of traces that are not recorded."""
    whole, part = InMemoryExporter(), InMemoryExporter()
    processors = [make() for make in (*before, sampler, *after)]
    recorder = DefaultRecorder([whole, ProcessedExporter(part, [for_one()])], processors=processors)
    run(recorder, steps)
    assert recorder.close(timeout=30)
    check(whole.records, None, own_ids=False)
    check(part.records, None, own_ids=True)


@pytest.mark.parametrize(
    "drop", [lambda: SpanFilter(exclude="work"), lambda: RatioSampler(0.0)], ids=["filter", "sampler"]
)
def test_what_is_dropped_costs_less_than_what_is_recorded(drop: Callable[[], Processor]) -> None:
    """The call that starts and stops a span takes at most 0.8 of the time if the span is dropped."""

    class Nowhere(InMemoryExporter):
        def write(self, lines: list[str]) -> None:
            lines.clear()

    def seconds(recorder: DefaultRecorder) -> float:
        CURRENT_SPAN.set(None)
        recorder.flush(timeout=30)
        begun = time.thread_time()  # so that it is not about what else the machine does
        for _ in range(500):
            recorder.stop(recorder.start("work", {"a": 1, "b": "c"}))
        return time.thread_time() - begun

    def make(*processors: Processor) -> DefaultRecorder:
        return DefaultRecorder([Nowhere()], processors=processors, flush_interval=3_600)

    recorded, dropped = make(SpanFilter(exclude="other")), make(drop())
    gc.collect()
    gc.disable()
    try:
        times = [(seconds(recorded), seconds(dropped)) for _ in range(60)][10:]
    finally:
        gc.enable()
    assert statistics.median(less / more for more, less in times) < 0.8
    for recorder in (recorded, dropped):
        recorder.close(timeout=30)
