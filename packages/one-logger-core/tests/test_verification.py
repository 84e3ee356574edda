"""What `verify` proves of streams and of a run."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_lines import TWO_STREAMS, stream_lines

from one_logger.core import (
    RecordEncoder,
    Resource,
    TelemetryDataError,
    TelemetryDataErrorType,
    read_records,
    verify,
)

_NOW = 1_800_000_000
"""Seconds since 1970."""


def _record(kind: str, seq: int, **fields: object) -> dict[str, object]:
    return {"v": 1, "type": kind, "stream": "s", "seq": seq, **fields}


def _resource(stream: str, **attributes: object) -> dict[str, object]:
    named = {f"one_logger.{name}": value for name, value in attributes.items()}
    return {"v": 1, "type": "resource", "stream": stream, "seq": 1, "attributes": {"host.name": "node-1", **named}}


def _end(stream: str, seq: int = 2, **fields: object) -> dict[str, object]:
    return {"v": 1, "type": "end", "stream": stream, "seq": seq, "records": seq, "dropped": 0, **fields}


def test_whole_stream_is_proved() -> None:
    """A stream that was closed and of which nothing is missing is whole."""
    lines = stream_lines()
    (report,) = verify(read_records(lines))
    assert report.whole
    assert report.closed
    assert (report.records, report.gaps, report.dropped) == (8, [], 0)
    assert report.stream == json.loads(lines[0])["stream"]
    assert repr(report) == f"<StreamReport {report.stream}: whole, records=8, gaps=[], dropped=0>"


def test_beginning_that_is_gone_is_no_gap_among_others() -> None:
    """A stream whose first records were deleted, as a topic's retention does, is told from one that has lost some."""
    lines = stream_lines()
    (cut,) = run = verify(read_records(lines[3:]))
    assert (cut.beginning_missing, cut.gaps, cut.state) == (3, [range(1, 4)], "gaps")
    assert str(run).endswith("1 gaps. The beginning of 1 stream is no longer there.")
    (torn,) = run = verify(read_records(lines[:3] + lines[4:]))
    assert (torn.beginning_missing, torn.gaps) == (0, [range(4, 5)])
    assert "beginning" not in str(run)
    (both,) = verify(read_records(lines[2:4] + lines[5:]))
    assert (both.beginning_missing, both.gaps) == (2, [range(1, 3), range(5, 6)])


def test_stream_without_end_is_not_whole() -> None:
    """A stream whose end was not written, as its process was killed, is not closed and not whole."""
    (report,) = verify(read_records(stream_lines()[:-1]), alive_within=0)
    assert not report.closed
    assert not report.whole
    assert report.gaps == []
    assert report.state == "cut short"
    assert "cut short" in repr(report)


def test_gaps_are_found() -> None:
    """Missing records are given as ranges of their numbers."""
    lines = stream_lines(10)
    (report,) = verify(read_records(lines[3:5] + lines[6:]))
    assert report.gaps == [range(1, 4), range(6, 7)]
    assert report.closed
    assert not report.whole
    assert report.records == 6


def test_stream_that_dropped_records_is_not_whole() -> None:
    """A stream that says that records were dropped is not whole, though it is closed and has no gap."""
    (report,) = verify(read_records(stream_lines(dropped=3)))
    assert report.closed
    assert report.gaps == []
    assert report.dropped == 3
    assert not report.whole


def test_telemetry_data_errors_are_counted() -> None:
    """A stream that says its data is wrong, though nothing of it is missing, is whole and the reports are counted."""
    encoder = RecordEncoder(Resource())
    error = TelemetryDataError(TelemetryDataErrorType.NO_TELEMETRY_DATA, "disabled")
    lines = [encoder.resource(), *(encoder.telemetry_data_error(error) for _ in range(3)), encoder.end()]
    (report,) = verify(read_records([*lines, *lines]))
    assert report.whole
    assert report.telemetry_data_errors == 3


def test_dropped_records_are_known_without_the_end() -> None:
    """What telemetry data errors say was dropped is known although the end is missing, and counted once."""
    lines = stream_lines(dropped=3)
    (report,) = verify(read_records([*lines[:-1], *lines[:-1]]))
    assert report.dropped == 3
    assert not report.closed


def test_dropped_records_are_known_from_the_end_alone() -> None:
    """What the end says was dropped is known although the telemetry data error is missing."""
    (report,) = verify(read_records(stream_lines(dropped=3)[-1:]))
    assert report.dropped == 3


def test_streams_are_told_apart() -> None:
    """Streams that are mixed are reported each for itself, in the order in which they appear."""
    one, other = TWO_STREAMS[0::2], TWO_STREAMS[1::2]
    mixed = [*other[:3], *one[:2], *other[4:], *one[2:]]
    reports = verify(read_records(mixed))
    assert [report.stream for report in reports] == [json.loads(other[0])["stream"], json.loads(one[0])["stream"]]
    assert [report.whole for report in reports] == [False, True]
    assert reports[0].gaps == [range(4, 5)]


def test_no_records_prove_nothing() -> None:
    """Without records there are no reports."""
    assert verify([]) == []


@pytest.mark.parametrize("dropped", [None, "many", [1], 1e400], ids=["null", "text", "list", "infinite"])
@pytest.mark.parametrize("kind", ["end", "telemetry_data_error"])
def test_odd_count_of_dropped_records_does_not_raise(kind: str, dropped: object) -> None:
    """A record whose count of dropped records is no number, as another program may write it, is survived."""
    record = {"v": 1, "type": kind, "stream": "s", "seq": 1, "dropped": dropped}
    (report,) = verify(read_records([json.dumps(record)]))
    assert isinstance(report.dropped, int)
    assert not report.whole


@given(st.permutations(TWO_STREAMS), st.lists(st.sampled_from(TWO_STREAMS)))
def test_order_and_repetition_do_not_matter(shuffled: list[str], repeated: list[str]) -> None:
    """Streams are whole however their records are shuffled, and whichever are repeated."""
    reports = verify(read_records([*repeated, *shuffled]))
    assert [report.whole for report in reports] == [True, True]
    assert [report.records for report in reports] == [8, 8]


def test_memory_does_not_grow_with_the_number_of_records() -> None:
    """Verifying a hundred thousand records takes no more memory than a few."""

    def records() -> Iterator[dict[str, Any]]:
        for number in range(1, 100_001):
            yield {"v": 1, "type": "event", "stream": "s", "seq": number}
        yield {"v": 1, "type": "end", "stream": "s", "seq": 100_001, "records": 100_001, "dropped": 0}

    tracemalloc.start()
    try:
        (report,) = verify(records())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.whole
    assert peak < 200_000


@given(st.permutations(range(1, 31)), st.integers(0, 30), st.lists(st.integers(1, 30)))
def test_what_is_missing_is_found_in_any_order(order: list[int], count: int, repeated: list[int]) -> None:
    """Gaps are those of the numbers that were read, whatever their order, and however far apart they are."""
    for step in (1, 1_000):  # near each other, and on different pages of memory
        read = {number * step for number in order[:count]}
        records = [_record("event", number * step) for number in order[:count]]
        reports = verify([*records, *(_record("event", n * step) for n in repeated if n * step in read)])
        missing = [number for report in reports for gap in report.gaps for number in gap]
        assert missing == sorted(set(range(1, max(read, default=1))) - read)
        assert [report.records for report in reports] == ([len(read)] if read else [])


def test_a_damaged_number_does_not_take_memory() -> None:
    """A number that is far too large makes one gap, not one for each missing record."""
    (report,) = verify([_record("event", 1), _record("event", 2**62), _record("event", 2**61)])
    assert report.gaps == [range(2, 2**61), range(2**61 + 1, 2**62)]


def test_a_stream_says_who_produced_it() -> None:
    """Resource, rank, world size and host are those of its first record."""
    (report,) = verify([_resource("s", rank=3, world_size=8), _end("s")])
    assert report.resource == {"host.name": "node-1", "one_logger.rank": 3, "one_logger.world_size": 8}
    assert (report.rank, report.world_size, report.host) == (3, 8, "node-1")


def test_a_process_may_be_alone() -> None:
    """A job of one process has the rank 0, and the world size 1."""
    (report,) = verify([_resource("s", rank=0, world_size=1), _end("s")])
    assert (report.rank, report.world_size) == (0, 1)


_ODD = {"one_logger.rank": -1, "host.name": 5, "one_logger.world_size": 0}


@pytest.mark.parametrize("attributes", [None, {}, _ODD, {**_ODD, "one_logger.rank": "3"}])
def test_a_stream_without_a_resource_has_no_producer(attributes: object) -> None:
    """Without a resource, or with one that says nothing, rank, world size and host are unknown."""
    (report,) = verify([{"v": 1, "type": "resource", "stream": "s", "seq": 1, "attributes": attributes}])
    assert (report.rank, report.world_size, report.host) == (None, None, None)


def test_a_stream_says_from_when_to_when() -> None:
    """First and last time are the earliest and the latest that its records have."""
    (report,) = verify(
        [
            _record("resource", 1, time_unix_nano=50),
            _record("start", 2, start_time_unix_nano=40),
            _record("complete", 3, start_time_unix_nano=60, end_time_unix_nano=90),
            _record("event", 4, time_unix_nano=95),
            _record("event", 5, time_unix_nano="late"),
            _record("stop", 6, end_time_unix_nano=70),
        ]
    )
    assert (report.first_time, report.last_time) == (40, 95)
    (report,) = verify([_record("event", 1)])
    assert (report.first_time, report.last_time) == (None, None)


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ([_record("alive", 1, time_unix_nano=(_NOW - 90) * 10**9, open_spans=2)], "alive"),
        ([_record("alive", 1, time_unix_nano=(_NOW - 91) * 10**9, open_spans=2)], "cut short"),
        ([_record("resource", 1)], "cut short"),
        ([_record("event", 2, time_unix_nano=_NOW * 10**9)], "alive"),
        ([_end("s", 1, time_unix_nano=_NOW * 10**9)], "whole"),
        ([_end("s", 2)], "gaps"),
        ([_end("s", 1, dropped=4)], "dropped"),
        ([_end("s", 2, dropped=4)], "gaps"),
    ],
)
def test_a_stream_has_a_state(records: list[dict[str, object]], state: str) -> None:
    """A stream is whole, has gaps or dropped records once it is closed; before that it is alive or cut short."""
    run = verify(records, now=_NOW)
    assert run[0].state == state
    assert run[0].whole == run.whole == (state == "whole")


def test_a_stream_says_why_it_ended() -> None:
    """The reason is the end's, where there is one."""
    reasons = ["signal SIGTERM", None, 5]
    reports = verify([_end(str(number), 1, reason=reason) for number, reason in enumerate(reasons)])
    assert [report.reason for report in reports] == ["signal SIGTERM", None, None]
    assert verify([_resource("s")])[0].reason is None


def test_nothing_read_is_not_whole() -> None:
    """Where nothing was read nothing is proved, and the report says so."""
    run = verify([])
    assert not run.whole
    assert str(run) == "Nothing was read, so nothing is proved."
    assert (run.records, run.first_time, run.last_time) == (0, None, None)


def test_missing_ranks_are_named() -> None:
    """A run of which a rank has no stream is not whole, and says which."""
    run = verify([_resource("a", rank=0, world_size=4), _end("a"), _resource("b", rank=2, world_size=4), _end("b")])
    assert run.missing_ranks == [1, 3]
    assert all(stream.whole for stream in run)
    assert not run.whole
    assert str(run) == "4 records in 2 streams: 2 whole. There is no stream of 2 ranks: 1, 3."


@pytest.mark.parametrize(("missing", "shown"), [(10, "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."), (11, "7, 8, 9, 10, ....")])
def test_the_first_missing_ranks_are_said(missing: int, shown: str) -> None:
    """Ten of the ranks that are missing are said, and whether there are more."""
    run = verify([_resource("a", rank=0, world_size=1 + missing), _end("a")])
    assert str(run).endswith(shown)


@pytest.mark.parametrize(("expected", "missing"), [(0, []), (1, []), (2, [1]), ([0], []), ({5, 0, 3}, [3, 5])])
def test_the_ranks_to_expect_may_be_said(expected: Any, missing: list[int]) -> None:
    """How many ranks are expected, or which, goes before what the streams say."""
    run = verify([_resource("a", rank=0, world_size=4), _end("a")], expected_ranks=expected)
    assert run.missing_ranks == missing
    assert run.whole == (not missing)


def test_ranks_of_all_restarts_count() -> None:
    """A rank that any restart has recorded is there; the largest world size says how many there should be."""
    streams = [("a", 0, 3), ("b", 2, 3), ("c", 0, 2), ("d", 1, 2)]
    records = [record for s, rank, size in streams for record in (_resource(s, rank=rank, world_size=size), _end(s))]
    assert verify(records).whole


def test_a_damaged_world_size_expects_nobody() -> None:
    """A world size that no job has does not make a list that fills the memory."""
    assert verify([_resource("a", rank=5, world_size=10**15), _end("a")]).missing_ranks == []


def test_the_report_of_a_run_says_what_was_passed_over(tmp_path: Path) -> None:
    """Lines without a record and records of unknown versions are counted and said; the latter prove nothing."""
    path = tmp_path / "telemetry.jsonl"
    path.write_text("loading\n" + "".join(stream_lines()) + json.dumps({**_end("t"), "v": 9}) + "\n")
    run = verify(path)
    assert [stream.whole for stream in run] == [True]
    assert (run.lines_passed_over, run.unknown_versions, run.whole) == (1, {9: 1}, False)
    assert str(run).split(". ") == [
        "8 records in 1 stream: 1 whole",
        "1 line without a record",
        "1 record of version 9, which this reader doesn't know.",
    ]
    run = verify(read_records(stream_lines()))
    assert run.whole
    assert str(run) == "Everything is there: 8 records in 1 stream."
    assert repr(run) == f"<RunReport whole: [{run[0]!r}]>"
    assert run.first_time == run[0].first_time
    assert run.last_time == run[0].last_time


def test_order_hardly_matters_for_the_time(tmp_path: Path) -> None:
    """A file with its records in random order is verified in at most three times the time of one that is in order."""
    order = sorted(range(1, 100_001), key=lambda number: number * 7_919 % 100_003)
    taken: list[list[float]] = []
    for numbers in (sorted(order), order):
        path = tmp_path / "records.jsonl"
        path.write_text("".join(f"{json.dumps(_record('event', number))}\n" for number in numbers))
        taken.append([])
        for _ in range(3):
            begin = time.process_time()
            assert verify(path)[0].gaps == []
            taken[-1].append(time.process_time() - begin)
    in_order, in_random_order = map(min, taken)
    assert in_random_order < 3 * in_order
