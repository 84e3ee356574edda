"""Spans that `read_spans` puts together from records."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from one_logger.core import (
    ErrorEvent,
    Event,
    Resource,
    Span,
    read_records,
    read_spans,
)
from one_logger.exporter.file import FileExporter

_SECOND = 1_000_000_000


def _record(kind: str, seq: int, span: int = 1, **fields: object) -> dict[str, Any]:
    ids = {"trace_id": "a" * 32, "span_id": f"{span:016x}"}
    return {"v": 1, "type": kind, "stream": "s", "seq": seq, **ids, **fields}


def _start(seq: int, span: int, time: int, **fields: object) -> dict[str, Any]:
    return _record("start", seq, span, name=f"span {span}", start_time_unix_nano=time, **fields)


def _stop(seq: int, span: int, time: int, **fields: object) -> dict[str, Any]:
    fields = {"end_time_unix_nano": time, "duration_ns": 5, "status": "OK", **fields}
    return _record("stop", seq, span, name=f"span {span}", **fields)


def _complete(seq: int, span: int, start: int, end: int, **fields: object) -> dict[str, Any]:
    return {**_stop(seq, span, end, **fields), "type": "complete", "start_time_unix_nano": start}


def _event(seq: int, span: int, time: int, kind: str = "event") -> dict[str, Any]:
    return _record(kind, seq, span, name=f"event {seq}", time_unix_nano=time)


def test_a_span_has_what_was_recorded_of_it(tmp_path: Path) -> None:
    """A span that was written has its name, times, parent, attributes, events and errors."""
    exporter = FileExporter(tmp_path / "telemetry.jsonl")
    exporter.initialize(Resource.create("job"))
    outer = Span("outer", {"a": 1}, {"planned": True})
    exporter.export_start(outer)
    inner = Span("inner", parent=outer)
    exporter.export_start(inner)
    exporter.export_event(Event.create("step", {"step": 5}), inner)
    exporter.export_error(ErrorEvent("failed"), inner)
    inner.stop()
    exporter.export_stop(inner)
    outer.set_attribute("b", 2)
    outer.stop({"done": True})
    exporter.export_stop(outer)
    exporter.close()
    records = list(read_records(tmp_path / "telemetry.jsonl"))
    first, second = sorted(read_spans(tmp_path / "telemetry.jsonl"), key=lambda span: str(span.name))
    assert (first.name, second.name) == ("inner", "outer")
    assert second.attributes == {"a": 1, "b": 2}
    assert (second.start_event, second.stop_event) == ({"planned": True}, {"done": True})
    assert second.parent_span_id is None
    assert (first.trace_id, first.parent_span_id) == (second.trace_id, second.span_id)
    assert first.trace_id == f"{outer.trace_id:032x}"
    assert (first.start_time_unix_nano, first.end_time_unix_nano) == (inner.start_unix_ns, inner.end_unix_ns)
    assert first.duration_ns == records[5]["duration_ns"]
    assert (first.status, first.stream, first.open) == ("UNSET", records[0]["stream"], False)
    assert (first.events, first.errors) == ([records[3]], [records[4]])
    assert (second.events, second.errors) == ([], [])


def test_an_open_span_is_given_at_the_end() -> None:
    """A span that did not stop is given with what is known of it."""
    (span,) = read_spans([_start(1, 1, 10, attributes={"a": 1}), _event(2, 1, 20)])
    assert span.open
    assert (span.end_time_unix_nano, span.duration_ns, span.status) == (None, None, None)
    assert (span.attributes, len(span.events)) == ({"a": 1}, 1)
    assert repr(span) == "<SpanData 'span 1': open, events=1, errors=0>"


def test_a_span_whose_start_is_missing_is_given() -> None:
    """Of a span whose start was lost, or of which only events are there, what is there is given."""
    stopped, only_event = read_spans([_stop(2, 1, 30), _event(3, 2, 20)])
    assert (stopped.name, stopped.start_time_unix_nano, stopped.end_time_unix_nano) == ("span 1", None, 30)
    assert (only_event.name, only_event.open, len(only_event.events)) == (None, True, 1)


def test_events_after_a_complete_record_are_the_spans() -> None:
    """A `complete` record stands before the events of its span; they belong to it all the same."""
    records = [
        _complete(1, 1, 0, 9 * _SECOND),
        _event(2, 1, 3 * _SECOND),
        _complete(3, 2, 4 * _SECOND, 5 * _SECOND),
        _event(4, 2, 5 * _SECOND),
        _event(5, 1, 8 * _SECOND),
        _start(6, 3, 20 * _SECOND),
    ]
    spans = list(read_spans(iter(records)))
    assert [(span.name, len(span.events)) for span in spans] == [("span 2", 1), ("span 1", 2), ("span 3", 0)]


def test_spans_are_given_while_the_file_is_read() -> None:
    """A span that has stopped is given once its stream is further on, and not at the end of the file."""
    taken = []

    def records() -> Iterator[dict[str, Any]]:
        for seq in range(1, 100):
            taken.append(seq)
            yield _complete(seq, seq, seq * _SECOND, seq * _SECOND + 5)

    spans = read_spans(records())
    assert next(spans).name == "span 1"
    assert len(taken) == 2


def test_the_end_of_a_stream_gives_its_spans() -> None:
    """What is open when a stream is closed is given then."""
    end = {"v": 1, "type": "end", "stream": "s", "seq": 3, "records": 3, "dropped": 0}
    given = read_spans(iter([_start(1, 1, 10), _start(2, 2, 10), end, _record("start", 1, stream="t")]))
    assert [next(given).name, next(given).name] == ["span 1", "span 2"]
    assert [span.stream for span in given] == ["t"]


def test_spans_of_two_streams_are_two() -> None:
    """A process with two exporters writes each span in two streams; each of them has its own."""
    first, second = read_spans([_start(1, 1, 10), {**_start(1, 1, 10), "stream": "t"}, _stop(2, 1, 20)])
    assert {(span.stream, span.open) for span in (first, second)} == {("s", False), ("t", True)}


def test_repeated_records_count_once() -> None:
    """A file that is read twice gives each span and event once."""
    records = [_start(1, 1, 10), _event(2, 1, 15), _stop(3, 1, 20)]
    (span,) = read_spans(records * 2)
    assert len(span.events) == 1


def test_a_span_knows_its_thread() -> None:
    """The thread of a span has a number, and the name that the stream gives it; the main thread has none."""
    thread = {"v": 1, "type": "thread", "stream": "s", "seq": 1, "thread": 4711, "name": "loader"}
    other, main, unnamed = read_spans(
        [thread, _start(2, 1, 5, thread=4711), _start(3, 2, 5), _start(4, 3, 5, thread=9)]
    )
    assert (other.thread, other.thread_name) == (4711, "loader")
    assert (main.thread, main.thread_name) == (None, None)
    assert (unnamed.thread, unnamed.thread_name) == (9, None)


@pytest.mark.parametrize(
    "change",
    [
        {"span_id": None},
        {"trace_id": 5},
        {"name": 5},
        {"start_time_unix_nano": "1"},
        {"end_time_unix_nano": None},
        {"attributes": [1]},
        {"duration_ns": "long", "status": 7, "stop_event": 1},
        {"time_unix_nano": 1e300, "thread": "main"},
    ],
    ids=repr,
)
@pytest.mark.parametrize("record", [_start(1, 1, 5), _stop(1, 1, 9), _complete(1, 1, 5, 9), _event(1, 1, 5)])
def test_odd_fields_are_survived(record: dict[str, Any], change: dict[str, object]) -> None:
    """A field that is not what it should be, as another program may write it, counts as missing."""
    for span in read_spans([{**record, **change}, _start(2, 2, 50)]):
        assert span.name is None or isinstance(span.name, str)
        assert isinstance(span.attributes, dict)
        repr(span)


_RUN = [
    _start(1, 1, 0, attributes={"a": 1}),
    _complete(2, 2, 1 * _SECOND, 2 * _SECOND, attributes={"b": 1}),
    _event(3, 2, 2 * _SECOND),
    _event(4, 1, 2 * _SECOND, "error"),
    _start(5, 3, 3 * _SECOND),
    _stop(6, 1, 5 * _SECOND, attributes={"a": 1, "c": 2}),
    _event(7, 3, 6 * _SECOND),
    _stop(8, 3, 9 * _SECOND),
    _start(9, 4, 20 * _SECOND, attributes={"d": 1}),
    {"v": 1, "type": "end", "stream": "s", "seq": 10, "records": 10, "dropped": 0},
]


def _facts(records: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    facts = []
    for span in list(read_spans(records)):
        times = (span.start_time_unix_nano, span.end_time_unix_nano)
        with_it = [sorted(record["seq"] for record in kept) for kept in (span.events, span.errors)]
        facts.append((span.span_id, span.name, *times, span.status, json.dumps(span.attributes), *with_it))
    return sorted(facts)


@given(st.permutations(_RUN), st.lists(st.sampled_from(_RUN)))
def test_spans_that_are_kept_are_right_in_any_order(
    shuffled: list[dict[str, Any]], repeated: list[dict[str, Any]]
) -> None:
    """Whatever the order of the records, and whichever are repeated, the spans are the same if they are kept."""
    assert _facts([*shuffled, *repeated]) == _facts(_RUN)


@pytest.mark.parametrize("written", ["complete", "start and stop"])
def test_memory_does_not_grow_with_the_file(written: str) -> None:
    """Going through the spans of a long run takes no more memory than a short one."""

    def records() -> Iterator[dict[str, Any]]:
        for number in range(20_000):
            time = number * _SECOND // 100
            if written == "complete":
                yield _complete(2 * number + 1, number, time, time + 5)
                yield _event(2 * number + 2, number, time)
            else:
                yield _start(2 * number + 1, number, time)
                yield _stop(2 * number + 2, number, time + 5)

    tracemalloc.start()
    try:
        assert sum(1 for _ in read_spans(records())) == 20_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 500_000
