import json
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from one_logger.core import (
    ErrorEvent,
    Event,
    RecordEncoder,
    Resource,
    Span,
    TelemetryDataError,
    TelemetryDataErrorType,
    read_records,
    verify,
)

_Records = list[dict[str, Any]]


def _lines(records: int = 8, dropped: int = 0) -> list[str]:
    """The lines of one stream."""
    encoder, span = RecordEncoder(Resource.create("job")), Span("wörk", {"a": [1, 2], "t": "x\n{}"})
    lines = [encoder.resource(), encoder.start(span)]
    for step in range(records - 4 - bool(dropped)):
        event = Event("step", {"step": step, "text": '{"v":1,"type":"end"}'})
        lines.append(encoder.event(event, span) if step % 3 else encoder.error(ErrorEvent("failed"), span))
    if dropped:
        error_type = TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA
        lines.append(encoder.telemetry_data_error(TelemetryDataError(error_type, "lost", dropped=dropped)))
    span.stop()
    return [*lines, encoder.stop(span), encoder.end()]


_TWO_STREAMS = [line for pair in zip(_lines(), _lines(), strict=True) for line in pair]


def test_records_are_read_in_their_order() -> None:
    """Each line gives its record, in order."""
    lines = _lines()
    assert list(read_records(lines)) == [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [line.encode() for line in lines],
        lambda lines: [bytearray(line.encode()) for line in lines],
        iter,
        lambda lines: "".join(lines).split("\n"),
        lambda lines: [line.replace("\n", "\r\n") for line in lines],
        lambda lines: ["\ufeff" + lines[0], *lines[1:]],
        lambda lines: [b"\xef\xbb\xbf" + lines[0].encode(), *(line.encode() for line in lines[1:])],
        lambda lines: ["".join(lines).encode()],
        lambda lines: ["".join(lines).replace("\n", "")],
        lambda lines: ["", "\n", *lines, "\n"],
    ],
    ids=[
        "bytes",
        "bytearray",
        "iterator",
        "no-line-end",
        "crlf",
        "bom",
        "bom-bytes",
        "one-message",
        "joined",
        "blank-lines",
    ],
)
def test_any_kind_of_line_is_read(change: Callable[[list[str]], Iterable[str]]) -> None:
    """Text, UTF-8, byte order marks, other line ends, and several records in one message are all read."""
    lines = _lines()
    assert list(read_records(change(lines))) == [json.loads(line) for line in lines]


def test_records_written_again_by_another_program_are_read() -> None:
    """Records are read whatever the order of their fields and the spaces between them."""
    records = [json.loads(line) for line in _lines()]
    assert list(read_records(json.dumps(record, sort_keys=True) for record in records)) == records
    assert list(read_records(json.dumps(record, separators=(" , ", " : ")) for record in records)) == records


def test_reading_is_lazy() -> None:
    """Records are given as their lines come, so a growing file can be followed."""
    lines = iter(_lines())
    assert next(read_records(lines))["type"] == "resource"
    assert json.loads(next(lines))["type"] == "start"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "text",
        "{",
        "null",
        "[1]",
        '{"a": 1}',
        '{"v":1}',
        '{"v":1,"type":"event","stream":"s"}',
        '{"v":1,"type":5,"stream":"s","seq":1}',
        '{"v":1,"type":"event","stream":null,"seq":1}',
        '{"v":1,"type":"event","stream":"s","seq":"1"}',
        '{"v":1,"type":"event","stream":"s","seq":' + "1" * 5_000 + "}",
        '{"v":' + "[" * 100_000,
        '{"v":' * 2_000,
        b"\xff\xfe\x00",
        b'{"v":1,"type":"\xff',
    ],
    ids=[
        "empty",
        "text",
        "brace",
        "null",
        "list",
        "foreign",
        "version",
        "no-seq",
        "type-int",
        "stream-null",
        "seq-text",
        "seq-huge",
        "deep",
        "nested",
        "no-utf8",
        "cut-utf8",
    ],
)
def test_what_is_no_record_is_passed_over(line: str | bytes) -> None:
    """A line that is no record gives none and does not end the reading."""
    lines = _lines()
    assert list(read_records([line, *lines])) == [json.loads(line) for line in lines]


def test_text_that_is_no_utf8_does_not_end_the_reading() -> None:
    """A record with bytes that are no UTF-8 is read with U+FFFD for them."""
    line = _lines()[1].encode().replace("ö".encode(), b"\xf6")
    (record,) = read_records([line])
    assert record["name"] == "w\ufffdrk"


def test_attributes_of_a_torn_line_are_no_record() -> None:
    """Attributes that look like a record are not taken for one when the line around them is torn."""
    encoder = RecordEncoder(Resource())
    event = Event("step", {"v": 1, "type": "end", "stream": "stdin", "seq": 1, "records": 1, "dropped": 0})
    line = encoder.event(event, Span("work"))
    assert len(list(read_records([line]))) == 1
    assert list(read_records([line[:-2]])) == []
    assert list(read_records([line[7:]])) == []


def test_whole_stream_is_proved() -> None:
    """A stream that was closed and of which nothing is missing is whole."""
    lines = _lines()
    (report,) = verify(read_records(lines))
    assert report.whole
    assert report.closed
    assert (report.records, report.gaps, report.dropped) == (8, [], 0)
    assert report.stream == json.loads(lines[0])["stream"]
    assert repr(report) == f"<StreamReport {report.stream}: whole, records=8, gaps=[], dropped=0>"


def test_stream_without_end_is_not_whole() -> None:
    """A stream whose end was not written, as its process was killed, is not closed and not whole."""
    (report,) = verify(read_records(_lines()[:-1]))
    assert not report.closed
    assert not report.whole
    assert report.gaps == []
    assert "cut short" in repr(report)


def test_gaps_are_found() -> None:
    """Missing records are given as ranges of their numbers."""
    lines = _lines(10)
    (report,) = verify(read_records(lines[3:5] + lines[6:]))
    assert report.gaps == [range(1, 4), range(6, 7)]
    assert report.closed
    assert not report.whole
    assert report.records == 6


def test_stream_that_dropped_records_is_not_whole() -> None:
    """A stream that says that records were dropped is not whole, though it is closed and has no gap."""
    (report,) = verify(read_records(_lines(dropped=3)))
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
    lines = _lines(dropped=3)
    (report,) = verify(read_records([*lines[:-1], *lines[:-1]]))
    assert report.dropped == 3
    assert not report.closed


def test_dropped_records_are_known_from_the_end_alone() -> None:
    """What the end says was dropped is known although the telemetry data error is missing."""
    (report,) = verify(read_records(_lines(dropped=3)[-1:]))
    assert report.dropped == 3


def test_streams_are_told_apart() -> None:
    """Streams that are mixed are reported each for itself, in the order in which they appear."""
    one, other = _TWO_STREAMS[0::2], _TWO_STREAMS[1::2]
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


@given(st.permutations(_TWO_STREAMS), st.lists(st.sampled_from(_TWO_STREAMS)))
def test_order_and_repetition_do_not_matter(shuffled: list[str], repeated: list[str]) -> None:
    """Streams are whole however their records are shuffled, and whichever are repeated."""
    reports = verify(read_records([*repeated, *shuffled]))
    assert [report.whole for report in reports] == [True, True]
    assert [report.records for report in reports] == [8, 8]


@st.composite
def _damaged(draw: st.DrawFn) -> list[bytes]:
    """The lines of two streams, of which some are missing, repeated or torn, in any order."""
    pieces = []
    for line in draw(st.permutations(_TWO_STREAMS)):
        data = line.encode()
        position = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["kept"] * 4 + ["lost", "repeated", "beginning", "ending"])):
            case "kept":
                pieces.append(data)
            case "repeated":
                pieces.append(data * 2)
            case "beginning":  # its writer was killed; another writes on in the same line
                pieces.append(data[:position])
            case "ending":
                pieces.append(b"\n" + data[position:])
    return b"".join(pieces).splitlines(keepends=True)


@settings(max_examples=300)
@given(_damaged())
def test_damage_is_found(lines: list[bytes]) -> None:
    """Of damaged streams only records that were written are read, and a stream is whole only if none is missing."""
    records = list(read_records(lines))
    written = [json.loads(line) for line in _TWO_STREAMS]
    assert all(record in written for record in records)
    for report in verify(records):
        numbers = {record["seq"] for record in records if record["stream"] == report.stream}
        assert report.records == len(numbers)
        assert report.whole == (numbers == set(range(1, 9)))
        missing = {number for gap in report.gaps for number in gap}
        assert missing == set(range(1, max(numbers))) - numbers


@given(st.lists(st.binary()), st.lists(st.tuples(st.integers(0), st.binary(max_size=3))))
def test_any_bytes_are_survived(foreign: list[bytes], changes: list[tuple[int, bytes]]) -> None:
    """Whatever bytes are in a file, reading and verifying do not raise."""
    data = bytearray("".join(_TWO_STREAMS).encode())
    for position, replacement in changes:
        start = position % len(data)
        data[start : start + len(replacement)] = replacement
    for report in verify(read_records([*foreign, *bytes(data).splitlines(), *foreign])):
        repr(report)


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
