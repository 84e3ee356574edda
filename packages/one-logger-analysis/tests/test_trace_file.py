"""A recorded run as the file of a trace."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

import pytest
from recorded import EPOCH, SECOND, Recorded
from trace_pictures import Picture, chrome_picture, named, of_category, perfetto_picture

from one_logger.analysis import ReadError, Run
from one_logger.analysis.trace import MomentError, TraceSummary, moment, write_trace


@pytest.fixture
def trace_of(tmp_path: Path) -> TraceOf:
    """A function that draws streams."""
    return TraceOf(tmp_path)


class TraceOf:
    """Write the records of streams, make a trace of them, and read it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "records"
        self.folder.mkdir()
        self.path = folder / "run.pftrace"
        self.summary: TraceSummary

    def __call__(self, *streams: Recorded, **options: object) -> Picture:
        for stream in streams:
            stream.write(self.folder)
        with Run.open(self.folder, now_unix_nano=EPOCH + 3600 * SECOND) as run:
            self.summary = write_trace(run, self.path, **options)  # type: ignore[arg-type]
        data = self.path.read_bytes()
        if options.get("format") == "chrome":
            return chrome_picture(data)
        return perfetto_picture(gzip.decompress(data))


def some_run(rank: int | None = None, host: str = "node-000") -> Recorded:
    """A stream with spans in two threads, an event, an error, and a span that never ended."""
    return (
        Recorded(rank, host)
        .add("thread", thread=1, name="loader")
        .span("loop", 0, None)
        .span("step", 1000, 9000, "loop", attributes={"n": 1, "host.name": "x"})
        .span("load", 1000, 4000, "step", thread=1)
        .event("loaded", 4000, "load", thread=1, attributes={"rows": 7})
        .event(
            "error", 5000, "step", "error", error={"message": "no", "exception_type": "ValueError", "stack_trace": "T"}
        )
    )


@pytest.mark.parametrize("trace_format", ["perfetto", "chrome"])
def test_a_run_is_drawn_as_it_was_recorded(trace_of: TraceOf, trace_format: str) -> None:
    """A process for each rank, a track for each thread, and on them spans, open spans, events and errors."""
    picture = trace_of(some_run(0).end(20_000), some_run(7, "node-001").end(20_000), format=trace_format)

    names = ["loop", "step", "load", "loaded", "ValueError"]
    assert picture.tracks == [
        f"{process}/{thread}"
        for process in ("rank 0 (node-000)", "rank 7 (node-001)")
        for thread in ("main thread", "loader")
    ]
    shapes = [shape for shape in picture.shapes if shape.track.startswith("rank 7")]
    assert sorted(shape.name for shape in shapes) == sorted(names)
    drawn = {shape.name: (shape.track.partition("/")[2], shape.start, shape.end, shape.inside) for shape in shapes}
    assert drawn == {
        "loop": ("main thread", 0, None, None),
        "step": ("main thread", 1000, 9000, "loop"),
        "load": ("loader", 1000, 4000, None),
        "loaded": ("loader", 4000, 4000, "load"),
        "ValueError": ("main thread", 5000, 5000, "step"),
    }
    assert named(shapes, "step").attributes == {"n": 1, "host.name": "x"}
    assert named(shapes, "ValueError").attributes == {
        "message": "no",
        "exception.type": "ValueError",
        "exception.stacktrace": "T",
    }
    assert picture.start_unix_nano == EPOCH
    assert trace_of.summary.start_unix_nano == EPOCH
    assert trace_of.summary.drawn == (6, 2, 2, 2, 0, 9000)


def test_what_is_not_there_is_drawn(tmp_path: Path) -> None:
    """Gaps are drawn from the record before to the record after, dropped records when they were reported."""
    lossy = Recorded(0).span("a", 0, 10).span("lost", 10, 20).span("lost too", 20, 30).span("b", 30, 40)
    lossy.add("telemetry_data_error", error_type="INCOMPLETE", message="full", time_unix_nano=EPOCH + 50, dropped=5)
    lossy.end(60, dropped=5).write(tmp_path, lost=range(3, 5))
    Recorded(1).span("a", 0, 10).end(70, dropped=1).write(tmp_path)
    Recorded(2).span("a", 0, 80).write(tmp_path)

    with Run.open(tmp_path, now_unix_nano=EPOCH + 3600 * SECOND) as run:
        write_trace(run, tmp_path / "run.pftrace")
    picture = perfetto_picture(gzip.decompress((tmp_path / "run.pftrace").read_bytes()))

    missing = [(shape.track, shape.name, shape.start, shape.end) for shape in of_category(picture.shapes, "missing")]
    assert missing == [
        ("rank 0 (node-000)/missing records", "2 records are missing", 10, 40),
        ("rank 0 (node-000)/missing records", "5 records were dropped", 50, 50),
        ("rank 1 (node-000)/missing records", "1 record was dropped", 70, 70),
        ("rank 2 (node-000)/missing records", "cut short: the stream has no end", 80, 80),
    ]


def test_what_begins_at_the_same_time_stands_in_its_parent(trace_of: TraceOf) -> None:
    """Of spans that begin and end together, whichever was written first, the child stands in the parent."""
    run = Recorded(0).span("child", 5, 9, "parent").span("parent", 5, 9, "top").event("before", 5, "parent")
    picture = trace_of(run.span("top", 5, 9).end(10))

    assert {shape.name: shape.inside for shape in picture.shapes} == {
        "top": None,
        "parent": "top",
        "before": "parent",
        "child": "parent",
    }
    assert picture.tracks == ["rank 0 (node-000)/main thread"]


def test_a_span_whose_parent_was_lost_is_drawn_alone(trace_of: TraceOf) -> None:
    """A span of which the parent cannot be read stands by itself."""
    picture = trace_of(Recorded(0).span("child", 5, 9, "lost").end(10))

    assert [(shape.name, shape.inside) for shape in picture.shapes] == [("child", None)]


def test_processes_are_told_apart(trace_of: TraceOf) -> None:
    """Restarts of a rank, processes that a rank has forked, and processes without a rank have names of their own."""
    job: dict[str, Any] = {"one_logger.session_tag": "s"}
    first = Recorded(0, **job).span("a", 0, 10).end(20)
    forked = Recorded(0, pid=5000, **job).span("b", 5, 10).end(20)
    restarted: dict[str, Any] = {**job, "one_logger.restart": 1}
    again = Recorded(0, **restarted)
    again.records[0]["time_unix_nano"] = EPOCH + 100
    alone = Recorded().span("d", 0, 10).end(20)
    prepare: dict[str, Any] = {"service.name": "prepare"}
    other = Recorded(**prepare).span("e", 0, 10).end(20)

    picture = trace_of(first, forked, again.span("c", 100, 110).end(120), alone, other)

    assert {shape.name: shape.track.partition("/")[0] for shape in picture.shapes} == {
        "a": "rank 0 (node-000), process 4711",
        "b": "rank 0 (node-000), process 5000",
        "c": "rank 0 (node-000), restart 1",
        "d": "train (node-000)",
        "e": "prepare (node-000)",
    }


def test_only_the_ranks_that_were_asked_for_are_drawn(trace_of: TraceOf) -> None:
    """With ranks given, nothing else is drawn; times still count from the run's start."""
    late = Recorded(3).span("late", 5000, 6000).end(9000)
    late.records[0]["time_unix_nano"] = EPOCH + 5000

    picture = trace_of(some_run(0), some_run(1), late, ranks=frozenset({3}))

    assert [(shape.track, shape.start) for shape in picture.shapes] == [("rank 3 (node-000)/main thread", 5000)]
    assert picture.start_unix_nano == EPOCH


def test_only_what_touches_the_time_that_was_asked_for_is_drawn(trace_of: TraceOf) -> None:
    """With times given, what touches the time between them is drawn, as a whole."""
    run = Recorded(0).span("loop", 0, None)
    for second in range(10):
        run.span(f"step {second}", second * SECOND, second * SECOND + SECOND // 2, "loop")
        run.event(f"event {second}", second * SECOND, "loop")

    picture = trace_of(run.end(10 * SECOND), first="3200ms", last="-5s")

    assert sorted(shape.name for shape in picture.shapes) == [
        "event 4",
        "event 5",
        "loop",
        "step 3",
        "step 4",
        "step 5",
    ]
    assert named(picture.shapes, "step 3").start == 3 * SECOND


def test_the_shortest_spans_are_left_out_of_a_trace_that_is_too_large(trace_of: TraceOf) -> None:
    """Above the limit the longest spans are drawn, and open ones; what is left out is said."""
    run = Recorded(0).span("loop", 0, None)
    for number in range(100):
        run.span(f"long {number}", number * 1000, number * 1000 + 500, "loop")
        run.span(f"short {number}", number * 1000, number * 1000 + 10 + number, f"long {number}")

    picture = trace_of(run.end(100_000), span_limit=111)

    kinds = sorted(shape.name.split()[0] for shape in of_category(picture.shapes, "span"))
    assert kinds == ["long"] * 100 + ["loop"] + ["short"] * 10
    assert {named(picture.shapes, f"short {number}").inside for number in range(90, 100)} == {
        f"long {number}" for number in range(90, 100)
    }
    [sentence] = trace_of.summary.left_out
    assert sentence.startswith("90 of 201 spans are left out: those that took 99 ns or less")
    assert "--ranks" in sentence


def test_spans_of_one_length_are_drawn_from_the_first_on(trace_of: TraceOf) -> None:
    """Where all spans took the same time, the first ones are drawn, up to the limit."""
    run = Recorded(0)
    for number in range(100):
        run.span(f"step {number}", number * 1000, number * 1000 + 500)

    picture = trace_of(run.end(100_000), span_limit=40)

    assert 38 <= len(picture.shapes) <= 40
    assert picture.shapes[0].name == "step 0"
    assert len(trace_of.summary.left_out) == 1


def test_a_trace_is_one_member_of_gzip_and_always_the_same(trace_of: TraceOf) -> None:
    """A trace is one gzip member, as Perfetto reads no second one, and the same run gives the same bytes."""
    run = some_run(0)
    trace_of(run)
    first = trace_of.path.read_bytes()
    trace_of(run)

    decompressor = zlib.decompressobj(wbits=31)
    decompressor.decompress(first)
    assert decompressor.eof
    assert decompressor.unused_data == b""
    assert trace_of.path.read_bytes() == first


def test_a_trace_that_cannot_be_made_leaves_the_old_one(trace_of: TraceOf) -> None:
    """A trace is there as a whole or not at all, and no other file is left behind."""
    trace_of(some_run(0))
    before = trace_of.path.read_bytes()

    with pytest.raises(MomentError, match="no point in time"):
        trace_of(first="yesterday")

    assert trace_of.path.read_bytes() == before
    assert sorted(path.name for path in trace_of.path.parent.iterdir()) == ["records", trace_of.path.name]


def test_nothing_to_draw_is_said(trace_of: TraceOf) -> None:
    """No rank that was asked for, or no record at all, is an error that says so."""
    some_run(0).write(trace_of.folder)
    with pytest.raises(ReadError, match=r"none of the ranks \[5, 6\] has recorded"):
        trace_of(ranks=frozenset({6, 5}))
    empty = trace_of.folder.parent / "empty.jsonl"
    empty.write_text("no record\n")
    with Run.open(empty) as run, pytest.raises(ReadError, match="no record with a time"):
        write_trace(run, trace_of.path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", EPOCH + 90 * SECOND),
        ("+1h30m", EPOCH + 5400 * SECOND),
        ("1.5 s", EPOCH + 3 * SECOND // 2),
        ("2 min 250ms", EPOCH + 120_250_000_000),
        ("-5m", EPOCH + 700 * SECOND),
        ("2025-11-25T19:46:40Z", EPOCH),
        ("2025-11-25T20:46:40.5+01:00", EPOCH + SECOND // 2),
        ("2025-11-25 19:46:40", EPOCH),
    ],
)
def test_points_in_time_are_understood(text: str, expected: int) -> None:
    """A time since the run's start, before its end, or of the wall clock."""
    assert moment(text, EPOCH, EPOCH + 1000 * SECOND) == expected


@pytest.mark.parametrize("text", ["", "later", "5", "5 weeks", "2025-13-01"])
def test_what_is_no_point_in_time_is_refused(text: str) -> None:
    """Anything else is refused with examples of what is understood."""
    with pytest.raises(MomentError, match=r"90s, 1h30m.*-5m.*2026-11-25T14:30:00"):
        moment(text, EPOCH, EPOCH)
