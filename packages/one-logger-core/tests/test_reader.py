"""What `read_records` makes of lines, whatever is in them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stream_lines import TWO_STREAMS, stream_lines

from one_logger.core import Event, RecordEncoder, Resource, Span, read_records, verify

_RECORD = {"v": 1, "type": "event", "stream": "s", "seq": 1}


def test_records_are_read_in_their_order() -> None:
    """Each line gives its record, in order."""
    lines = stream_lines()
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
    lines = stream_lines()
    assert list(read_records(change(lines))) == [json.loads(line) for line in lines]


def test_records_written_again_by_another_program_are_read() -> None:
    """Records are read whatever the order of their fields and the spaces between them."""
    records = [json.loads(line) for line in stream_lines()]
    assert list(read_records(json.dumps(record, sort_keys=True) for record in records)) == records
    assert list(read_records(json.dumps(record, separators=(" , ", " : ")) for record in records)) == records


def test_reading_is_lazy() -> None:
    """Records are given as their lines come, so a growing file can be followed."""
    lines = iter(stream_lines())
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
    lines = stream_lines()
    assert list(read_records([line, *lines])) == [json.loads(line) for line in lines]


def test_text_that_is_no_utf8_does_not_end_the_reading() -> None:
    """A record with bytes that are no UTF-8 is read with U+FFFD for them."""
    line = stream_lines()[1].encode().replace("ö".encode(), b"\xf6")
    (record,) = read_records([line])
    assert record["name"] == "w\ufffdrk"


def test_attributes_of_a_torn_line_are_no_record() -> None:
    """Attributes that look like a record are not taken for one when the line around them is torn."""
    encoder = RecordEncoder(Resource())
    event = Event("step", {"v": 1, "type": "end", "stream": "stdin", "seq": 1, "records": 1, "dropped": 0})
    line = encoder.event(event, Span("work"))
    assert len(list(read_records([line]))) == 1
    assert list(read_records([line[7:]])) == []
    other = encoder.event(event, Span("work"))
    for cut in (line[:-1][:-10], line[1:], line[: line.index('"attributes":') + 20]):
        assert list(read_records([cut])) == []
        assert list(read_records([cut.strip("\n") + other])) == [json.loads(other)]


@st.composite
def _damaged(draw: st.DrawFn) -> list[bytes]:
    """The lines of two streams, of which some are missing, repeated or torn, in any order."""
    pieces = []
    for line in draw(st.permutations(TWO_STREAMS)):
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
    written = [json.loads(line) for line in TWO_STREAMS]
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
    data = bytearray("".join(TWO_STREAMS).encode())
    for position, replacement in changes:
        start = position % len(data)
        data[start : start + len(replacement)] = replacement
    for report in verify(read_records([*foreign, *bytes(data).splitlines(), *foreign])):
        repr(report)


@pytest.mark.parametrize(
    "prefix",
    ["telemetry.jsonl:", "12:", "telemetry.jsonl:12:", "loss:", "loss: 0.5 {", "\x00\x00", '{"v":1,"seq":', "}"],
)
def test_a_record_behind_a_prefix_is_read(prefix: str) -> None:
    """What `grep -H`, `grep -n` or a `print` without a line end has put before a record does not hide it."""
    lines = stream_lines()
    records = read_records([prefix + line for line in lines])
    assert list(records) == [json.loads(line) for line in lines]
    assert records.lines_passed_over == 0


@pytest.mark.parametrize("number", range(8))
def test_a_record_after_a_torn_one_is_read(number: int) -> None:
    """Wherever a record was torn, the one that another process has written after it in the same line is read."""
    torn, whole = stream_lines()[number], stream_lines()[3]
    for cut in range(len(torn.encode()) - 1):  # without its line end it would be whole
        data = torn.encode()[:cut] + whole.encode()
        assert list(read_records([data])) == [json.loads(whole)], data


def test_records_in_a_list_are_read() -> None:
    """Records in a JSON array, as other programs write them, are read."""
    records = [json.loads(line) for line in stream_lines()]
    assert list(read_records(json.dumps(records))) == records


def test_part_of_another_object_is_no_record() -> None:
    """An object inside another one is part of it, and no record, also where the line has lost what came before it."""
    inner = json.dumps(_RECORD)
    lines = [f'{{"log": {inner}, "time": 5}}', f'{{"time": 5, "log": {inner}}}', f"{inner}}}", f'{inner}, "time": 5}}']
    assert list(read_records(lines)) == _without_orjson("\n".join(lines).encode()) == []


def test_lines_that_hold_no_record_are_counted() -> None:
    """How many lines hold no record can be asked for; blank ones don't count."""
    lines = stream_lines()
    records = read_records(
        ["loading...\n", "\n", *lines[:3], lines[3][:40], " \r\n", b"\xff\n", '{"a":1}', "12" + lines[4]]
    )
    assert records.lines_passed_over == 0
    assert len(list(records)) == 4
    assert records.lines_passed_over == 4


def test_records_of_an_unknown_version_are_counted() -> None:
    """Records of another version are passed over and counted by their version."""
    other = [{**_RECORD, "v": version, "attributes": _RECORD} for version in (2, 2, 3, 0)]
    records = read_records([json.dumps(record) for record in [*other, _RECORD]] + ["line: " + json.dumps(other[0])])
    assert list(records) == [_RECORD]
    assert records.unknown_versions == {2: 3, 3: 1, 0: 1}
    assert records.lines_passed_over == 0


@pytest.mark.parametrize(
    "change",
    [
        *({"v": True}, {"v": 1.0}, {"v": None}, {"seq": 0}, {"seq": -1}, {"seq": True}, {"seq": 1.0}, {"seq": 2**63}),
        *({"v": 1.0, "seq": 1.0}, {"v": True, "seq": True}, {"type": 1, "stream": 1}, {"type": None, "stream": None}),
    ],
    ids=repr,
)
def test_numbers_of_a_record_are_integers(change: dict[str, object]) -> None:
    """The version is an integer, the number a positive one of 64 bits; type and stream are texts."""
    largest = {**_RECORD, "seq": 2**63 - 1}
    assert list(read_records([json.dumps({**_RECORD, **change}), json.dumps(largest)])) == [largest]


def test_unknown_types_and_fields_are_given() -> None:
    """What this version has not heard of is given as it is."""
    record = {**_RECORD, "type": "measurement", "unit": ["ms", None]}
    assert list(read_records([json.dumps(record)])) == [record]


def test_records_stand_for_their_lines() -> None:
    """Records that were read before may be read again; what is no record is passed over."""
    records = [json.loads(line) for line in stream_lines()]
    again = read_records([*records, {}, {**_RECORD, "v": 7}])
    assert list(again) == records
    assert (again.lines_passed_over, again.unknown_versions) == (1, {7: 1})
    assert read_records(again) is again


_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers() | st.integers(-(10**30), 10**30),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=5,
)
_LIKE_RECORDS = st.fixed_dictionaries(
    {"v": st.integers(0, 2), "type": st.text(), "stream": st.text(), "seq": st.integers(-1, 5) | st.integers(0, 2**65)},
    optional={"attributes": st.dictionaries(st.text(), _VALUES)},
)
_BEFORE = st.sampled_from(["", "", "x:", "[", '{"a":', "\ufeff", "\r\n", "{"])
_LINES = st.builds(lambda before, record: before + json.dumps(record), _BEFORE, _LIKE_RECORDS).map(str.encode)


def _without_orjson(data: bytes) -> list[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "orjson", None)
        return list(read_records(data))


@given(st.lists(_LINES | st.binary()))
def test_orjson_makes_no_difference(lines: list[bytes]) -> None:
    """With orjson the same records are read as with the standard library alone, and from a file as from lines."""
    data = b"\n".join(lines)
    assume(not data.startswith((b"\x1f", b"\x28\xb5\x2f\xfd")))  # a compressed file, which lines are not
    # repr(), as NaN is not equal to itself, and 1 is equal to 1.0
    assert repr(list(read_records(data))) == repr(_without_orjson(data))
    assert repr(list(read_records(data))) == repr(list(read_records(data.split(b"\n"))))


@pytest.mark.parametrize("number", [2**63 - 1, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**40, -(10**19), 0.1])
def test_numbers_keep_their_digits(number: float) -> None:
    """A number is read as it was written, whatever reads it; beyond 64 bits, too."""
    data = json.dumps({**_RECORD, "attributes": {"n": number, "list": [number]}}).encode()
    for records in (list(read_records(data)), _without_orjson(data)):
        assert repr(records[0]["attributes"]) == repr({"n": number, "list": [number]})
