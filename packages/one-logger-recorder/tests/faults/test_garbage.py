"""Names and attributes of every kind, and calls in every order from several threads."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from one_logger.core import Event, Span, verify
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder

pytestmark = pytest.mark.faults

Validate = Callable[[bytes], dict[str, Any]]

_recorder: list[DefaultRecorder] = []


class Raises:
    """Cannot be shown."""

    def __repr__(self) -> str:
        raise ValueError("no repr")


class Records:
    """Records telemetry when it is shown."""

    def __repr__(self) -> str:
        recorder = _recorder[-1]
        span = recorder.start("in a repr", {"number": 1})
        recorder.event(span, Event("in a repr"))
        recorder.stop(span)
        return "it has recorded"


class Stops:
    """Stops the current span, whatever it is, when it is shown."""

    def __repr__(self) -> str:
        _recorder[-1].event(None, Event("in a repr that may have no span"))
        return "\ud800"


def _recursive() -> list[object]:
    values: list[object] = [1]
    values.append({"itself": values})
    return values


def _deep() -> object:
    value: object = "bottom"
    for _ in range(5_000):
        value = [value]
    return value


texts = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(codec=None, categories=["Cs", "Cc", "Zl", "Zp", "So"]), max_size=10),
    st.sampled_from(["", "\0", "\ud800", "\udc00\ud800", "\u2028", "\n", '"', "\\", "x" * 2**20, "é" * 2**19]),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(5_000, 5_002).map(lambda digits: 10**digits),
    st.floats(),
    st.sampled_from([float("nan"), float("inf"), -float("inf")]),
    texts,
    st.binary(max_size=20),
)
kinds: tuple[Callable[[], object], ...] = (Raises, Records, Stops, _recursive, _deep, object, Exception)
objects = st.sampled_from(kinds).map(lambda kind: kind())
values = st.recursive(
    scalars | objects,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=6,
)
attributes = st.none() | st.dictionaries(texts, values, max_size=4) | values
names = texts | values
seldom = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def _close_and_check(recorder: DefaultRecorder, file: Path, validate: Validate) -> list[dict[str, Any]]:
    """Close the recorder, and hold what it wrote to the schema, and to what it says it has recorded."""
    closed = recorder.close(timeout=30)
    stats = recorder.stats()["FileExporter"]
    assert stats.recorded == stats.exported + stats.dropped + stats.pending
    assert stats.failures == 0
    lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
    assert all(line.endswith(b"\n") for line in lines)
    records = [validate(line) for line in lines]
    reports = verify(records)
    if not reports:
        assert stats.recorded == stats.dropped
        return records
    (report,) = reports
    assert (report.closed, report.gaps, report.dropped <= stats.dropped) == (True, [], True)
    # What comes after the close counts as dropped, too, but is no loss; what comes in its midst may be either.
    assert not (closed and report.dropped)
    assert closed or stats.dropped
    count = {"start": 1, "stop": 1, "complete": 2, "event": 1, "error": 1, "telemetry_data_error": 1}
    own = sum("dropped" in record for record in records if record["type"] == "telemetry_data_error")
    assert sum(count.get(record["type"], 0) for record in records) - own == stats.exported
    begun = sorted(record["span_id"] for record in records if record["type"] in ("start", "complete"))
    ended = sorted(record["span_id"] for record in records if record["type"] in ("stop", "complete"))
    assert begun == ended
    assert len(set(begun)) == len(begun)
    return records


@seldom
@given(name=names, first=attributes, second=attributes, value=values)
@example(name="\ud800", first={"": float("nan")}, second={"\0": [float("inf"), 0]}, value="\ud800\u2028" * 1_000)
def test_whatever_is_recorded_is_a_valid_record(
    validate: Validate, name: Any, first: Any, second: Any, value: Any
) -> None:
    """Names, attributes and messages of every kind leave a valid line each, and never raise."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "records.jsonl")
        recorder = DefaultRecorder([FileExporter(file)])
        _recorder.append(recorder)
        span = recorder.start(name, first, second)
        recorder.event(span, Event(name, second))
        recorder.error(span, name, ValueError(value), first)
        span.set_attribute(name, value)
        if isinstance(second, dict):
            span.set_attributes(second)
        recorder.telemetry_data_error(name, second)
        recorder.stop(span, first)
        records = _close_and_check(recorder, file, validate)
        _recorder.pop()
    kinds = [record["type"] for record in records]
    assert {"resource", "event", "error", "telemetry_data_error", "end"} <= set(kinds)


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["start", "start", "stop", "stop", "stop any", "event", "error", "attribute", "flush", "misuse"]
        ),
        st.integers(0, 7),
    ),
    max_size=25,
)


def _perform(recorder: DefaultRecorder, shared: list[Span], step: tuple[str, int]) -> None:
    kind, number = step
    span = shared[number % len(shared)] if shared else None
    if kind == "start":
        shared.append(recorder.start(f"span {number}", {"number": number}))
    elif kind == "stop" and shared:
        recorder.stop(shared.pop(0), {"number": number})
    elif kind == "stop any" and span is not None:
        recorder.stop(span)
    elif kind == "event":
        recorder.event(span, Event("event", {"number": number}))
    elif kind == "error":
        recorder.error(span, "error", ValueError(number))
    elif kind == "attribute" and span is not None:
        span.set_attribute(f"attribute {number}", number)
    elif kind == "flush":
        recorder.flush(timeout=number / 1_000)
    elif kind == "misuse":
        recorder.stop(None)  # type: ignore[arg-type]  # that is the misuse
        recorder.event(7, "no event")  # type: ignore[arg-type]  # so is that
    elif kind == "close":
        recorder.close(timeout=10)


@seldom
@given(
    scripts=st.lists(steps, min_size=1, max_size=4),
    close_in=st.integers(0, 3),
    close_at=st.integers(0, 40),
    interval=st.sampled_from([0.001, 0.5]),
    capacity=st.sampled_from([1, 5, 10_000]),
)
def test_any_order_of_calls_from_any_thread_leaves_a_whole_account(
    validate: Validate,
    scripts: list[list[tuple[str, int]]],
    close_in: int,
    close_at: int,
    interval: float,
    capacity: int,
) -> None:
    """However threads interleave their calls on shared spans, `close` among them, what is written is what counts."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "records.jsonl")
        recorder = DefaultRecorder([FileExporter(file)], flush_interval=interval, queue_capacity=capacity)
        shared: list[Span] = []
        together = threading.Barrier(len(scripts))

        def run(script: list[tuple[str, int]]) -> None:
            together.wait(timeout=30)
            for step in script:
                try:
                    _perform(recorder, shared, step)
                except IndexError:
                    continue  # another thread has taken the last span of the list

        if close_in < len(scripts):
            scripts[close_in].insert(min(close_at, len(scripts[close_in])), ("close", 0))
        with ThreadPoolExecutor(len(scripts)) as pool:
            for future in [pool.submit(run, script) for script in scripts]:
                future.result(timeout=60)
        _close_and_check(recorder, file, validate)
