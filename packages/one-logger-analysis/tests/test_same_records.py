"""Whatever the bytes: the tables hold the records that core reads, and prove what core proves."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from one_logger.analysis import Run
from one_logger.analysis.columns import Detail
from one_logger.analysis.rows import rows
from one_logger.analysis.unusual import is_usual
from one_logger.core import (
    ErrorEvent,
    Event,
    RecordEncoder,
    Resource,
    Span,
    TelemetryDataError,
    TelemetryDataErrorType,
    read_records,
    record_schema,
    verify,
)


def _stream(rank: int) -> list[bytes]:
    encoder, span = (
        RecordEncoder(Resource.create("jöb", rank=rank, world_size=2)),
        Span("wörk [/x] \n", {"a": [1, 2.5e-7]}),
    )
    lines = [encoder.resource(), encoder.start(span)]
    inner = Span("in\\ner/\x00", {"t": '{"v":1,"type":"end"}', "big": 10**40, "nan": float("nan")}, parent=span)
    inner.stop()
    lines += [encoder.start(inner), encoder.event(Event("step", {"x": "\u2028"}), span)]
    lines.append(encoder.error(ErrorEvent("failed"), span))
    lost = TelemetryDataError(TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA, "lost", dropped=3)
    if rank:
        lines.append(encoder.telemetry_data_error(lost))
    span.stop({"why": "done"})
    return [line.encode() for line in [*lines, encoder.stop(span), encoder.end()]]


_LINES = [line for pair in zip(_stream(0), _stream(1), strict=False) for line in pair]
_START = b'{"v":1,"type":"event","stream":"s","seq":'
_ODD = [
    b"",
    b"\n",
    b"\r\n",
    b"\r",
    b"\rtext\n",
    b"\r\r\n",
    b"text\n",
    b"\xef\xbb\xbf",
    b"\x00",
    b"\x01\n",
    b"\xff\n",
    b"[1]\n",
    b"null\n",
    b'{"a":1}\n',
    _START + b"1}\n",
    b" " + _START + b"2}\n",
    b'\t{"type":"event","stream":"s","seq":2}\n',
    b'{"type":"event","stream":"s","seq":2}\n',
    _START + b"3}\r\n",
    _START + b"3} \n",
    _START + b"3}\x0b\n",
    _START + b"3}\r",
    _START + b"3,}\n",
    _START + b'3,"attributes":{"a":[1,]}}\n',
    _START + b'3,"attributes":{"a":1 , }}\n',
    _START + b"2.0}\n",
    _START + b"1e2}\n",
    _START + b'"2"}\n',
    _START + b"true}\n",
    _START + b"-1}\n",
    _START + b"-0}\n",
    _START + b"0}\n",
    _START + b"007}\n",
    _START + b"9223372036854775807}\n",
    _START + b"9223372036854775808}\n",
    _START + b"1" * 40 + b"}\n",
    _START + b"1" * 5_000 + b"}\n",
    _START + b'3,"seq":4}\n',
    _START + b'3,"name":"a","name":"b"}\n',
    _START + b'3,"name":5}\n',
    _START + b'3,"name":null}\n',
    _START + b'3,"name":"\\ud800x"}\n',
    _START + b'3,"name":"\\ud83d\\ude00"}\n',
    _START + b'3,"name":"\\u0000"}\n',
    _START + b'3,"name":"\t"}\n',
    _START + b'3,"name":"\x01"}\n',
    _START + b'3,"name":",;|"}\n',
    _START + b"3}\r" + _START + b"4}\n",
    _START + b"3}\x01" + _START + b"4}\n",
    _START + b"3}\n\r\n" + _START + b"4}\r\n",
    _START + b'3,"name":"\\/"}\n',
    _START + b'3,"name":"\xff"}\n',
    _START + b'3,"attributes":{"a":"\\udfff"}}\n',
    _START + b'3,"attributes":{"a":1,"a":2}}\n',
    _START + b'3,"attributes":{"a":NaN,"b":-Infinity}}\n',
    _START + b'3,"attributes":{"a":nan}}\n',
    _START + b'3,"attributes":{"a":Inf}}\n',
    _START + b'3,"attributes":{"a":1e400,"b":1E5,"c":0.1000000000000000055,"d":-0.0}}\n',
    _START + b'3,"attributes":{"a":123456789012345678901234567890}}\n',
    _START + b'3,"attributes":{"a":{"b":[{"c":1}]}}}\n',
    _START + b'3,"attributes":{"a":' + b"[" * 500 + b"]" * 500 + b"}}\n",
    _START + b'3,"attributes":' + b"[" * 5_000 + b"]" * 5_000 + b"}\n",
    _START + b'3,"attributes":[1]}\n',
    _START + b'3,"attributes":"{}"}\n',
    _START + b'3,"attributes":null}\n',
    _START + b'3,"thread":7,"name":"n"}\n',
    _START + b'3,"start_time_unix_nano":1' + b"0" * 30 + b"}\n",
    _START + b'3,"start_time_unix_nano":"5"}\n',
    _START + b'3,"duration_ns":1.5}\n',
    _START + b'3,"LR":1,"lr":2}\n',
    _START + b"3} // comment\n",
    _START + b"3/* comment */}\n",
    b"{'v':1,'type':'event','stream':'s','seq':3}\n",
    b"[" + _START + b"3}]\n",
    b'{"v":1,"type":5,"stream":"s","seq":1}\n',
    b'{"v":1,"stream":"s","seq":1}\n',
    b'{"v":1,"type":"event","seq":1}\n',
    b'{"v":1,"type":"event","stream":"s"}\n',
    b'{"v":1,"type":"event","stream":[1],"seq":1}\n',
    _START + b'3,"duration_ns":true}\n',
    _START + b'3,"duration_ns":[1]}\n',
    _START + b'3,"duration_ns":nan}\n',
    _START + b'3,"duration_ns":1e400}\n',
    _START + b'3,"duration_ns":100000.0}\n',
    _START + b'3,"duration_ns":-0}\n',
    _START + b'3,"duration_ns":4000000000000000000}\n',
    _START + b'3,"duration_ns":-999999999999999999}\n',
    _START + b'3,"duration_ns":-1000000000000000000}\n',
    _START + b'3,"name":{"a":"b"}}\n',
    _START + b'3,"name":true}\n',
    _START + b'3,"attributes":{"a":100000.0,"b":0.00002,"c":2e-05}}\n',
    _START + b'3,"thread":nan}\n',
    b'{"v":1,"type":"event","stream":5,"seq":1}\n',
    b'{"v":"1","type":"event","stream":"s","seq":1}\n',
    b'{"v":2,"type":"span","stream":"s","seq":5}\n',
    b'{"v":1,"type":"end","stream":"s","seq":6,"records":6,"dropped":0}\n',
    b'{"v":1,"type":"end","stream":"s","seq":7,"records":6,"dropped":2}\n',
    b'{"v":1,"type":"end","stream":"s","seq":6,"records":6,"dropped":"many"}\n',
    b'{"v":1,"type":"end","stream":"s","seq":6,"records":6,"dropped":-1}\n',
    b'{"v":1,"type":"end","stream":"s","seq":6,"records":6,"dropped":1e400}\n',
    b'{"v":1,"type":"end","stream":"s","seq":6,"records":6,"dropped":' + b"1" * 30 + b"}\n",
    b'{"v":1,"type":"end","stream":"","seq":1,"records":1,"dropped":0}\n',
    b'{"v":1,"type":"telemetry_data_error","stream":"s","seq":6,"dropped":null}\n',
    b'{"v":1,"type":"telemetry_data_error","stream":"s","seq":7,"dropped":5}\n',
    b'{"v":1,"type":"telemetry_data_error","stream":"s","seq":7}\n',
]


@st.composite
def _bytes(draw: st.DrawFn) -> bytes:
    """The bytes of a file: lines that an encoder wrote, in any order and repeated, some damaged; odd ones between."""
    pieces = []
    for _ in range(draw(st.integers(0, 25))):
        kind = draw(st.sampled_from(["line"] * 4 + ["odd"] * 3 + ["torn", "joined", "changed", "any"]))
        line = draw(st.sampled_from(_LINES))
        position = draw(st.integers(0, len(line) - 1))
        match kind:
            case "line":
                pieces.append(line)
            case "odd":
                pieces.append(draw(st.sampled_from(_ODD)))
            case "torn":
                pieces.append(draw(st.sampled_from([line[:position], line[:position] + b"\n", line[position:]])))
            case "joined":
                pieces.append(line.rstrip(b"\n"))
            case "changed":
                pieces.append(line[:position] + draw(st.binary(max_size=2)) + line[position + 1 :])
            case "any":
                pieces.append(draw(st.binary(max_size=20)))
    return b"".join(pieces)


def _written(record: dict[str, Any]) -> str:
    return json.dumps(record, sort_keys=True)


def _of_row(row: dict[str, Any]) -> str:
    """What `records` says of one record, as the record that core reads."""
    record = {
        name: json.loads(value) if name in {"attributes", "error", "start_event", "stop_event"} else value
        for name, value in row.items()
        if value is not None and name not in {"extra", "file"}
    }
    return _written(record | json.loads(row["extra"] or "{}"))


def _rows(run: Run) -> list[dict[str, Any]]:
    records = run.records
    return [dict(zip(records.columns, row, strict=True)) for row in records.fetchall()]


def _proved(reports: Iterable[Any]) -> dict[str, tuple[object, ...]]:
    return {
        report.stream: (
            report.records,
            report.closed,
            report.whole,
            list(report.gaps),
            report.dropped,
            report.telemetry_data_errors,
        )
        for report in reports
    }


def _check(contents: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.jsonl") for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)
        read = [read_records(path) for path in paths]
        expected = list(chain.from_iterable(read))
        with Run.open(*paths, threads=2) as run:
            assert Counter(map(_of_row, _rows(run))) == Counter(map(_written, expected))
            assert _proved(run.verify().streams) == _proved(verify(expected))
            assert run.verify().no_records == sum(each.lines_passed_over for each in read)
            assert run.verify().unknown_versions == sum(sum(each.unknown_versions.values()) for each in read)
            assert run.spans.fetchall() is not None
        with Run.open(*paths, threads=2) as run:
            # Whoever asks no more has less of each record read: that must prove the same.
            assert _proved(run.verify().streams) == _proved(verify(expected))
            assert run.verify().no_records == sum(each.lines_passed_over for each in read)
            shown = {(path.path, path.spans, path.total_ns, path.self_ns) for path in run.overview().paths}
            assert shown == set(run.sql(_TIMES).fetchall())


_TIMES = "SELECT path, count(*), sum(elapsed_ns)::BIGINT, sum(self_ns)::BIGINT FROM spans GROUP BY path"
"""What an overview says of spans, by the spans that all of each record was read for."""


def _with_odd_line(odd: bytes, number: int) -> Iterator[bytes]:
    """The contents of four files with an odd line: alone, between others, after one that was torn, and as an end.

    Their streams are no other number's, so that one odd line says nothing of what is proved of another one's streams.
    """
    others = [_of_streams(line, number) for line in _LINES[:3]]
    odd = _of_streams(odd, number)
    yield odd
    yield odd + others[0] + odd + others[2]
    yield others[0] + others[2][:-9] + odd
    yield others[0] + odd.removesuffix(b"\n")


def _of_streams(line: bytes, number: int) -> bytes:
    """The line with a stream of this number's own, if it names one."""
    return re.sub(rb'("stream":")(?=[^"])', rb"\g<1>%d-" % number, line)


@pytest.mark.parametrize("first", range(0, len(_ODD), 10))
def test_odd_line_is_read_as_core_reads_it(first: int) -> None:
    """A line that is unusual gives what core reads in it, wherever it stands: also as an end without a line feed."""
    numbered = list(enumerate(_ODD))[first : first + 10]
    _check([content for number, odd in numbered for content in _with_odd_line(odd, number)])


def test_line_that_is_too_long_for_duckdb_costs_no_other_file() -> None:
    """A file without line ends, and a record of 40 MB, make no query fail: what stands beside them is read."""
    large = _START + b'3,"attributes":{"text":"' + b"x" * 40_000_000 + b'"}}\n'
    _check([b"".join(_LINES), b"\x7fELF" + b"x" * 40_000_000, _LINES[0] + large + _LINES[2]])


_BARE = [
    b'{"v":1,"type":"%b","stream":"s","seq":3,"trace_id":"0a","span_id":"0b","name":"n",%b}' % (kind.encode(), rest)
    for kind, rest in {
        "start": b'"start_time_unix_nano":7',
        "complete": b'"start_time_unix_nano":7,"end_time_unix_nano":9,"duration_ns":2,"status":"OK"',
        "stop": b'"end_time_unix_nano":9,"duration_ns":2,"status":"OK"',
        "event": b'"time_unix_nano":8',
    }.items()
]
"""Lines without attributes."""
_PIECES = [
    *(b"1e2", b"2.0", b'"2"', b"true", b"null", b"-0", b"00", b"9" * 25, b"5" + b"0" * 18, b"{}", b"[1,]", b"-1"),
    *(
        b" ",
        b"\t",
        b",",
        b",}",
        b"}",
        b'"',
        b"\\",
        b'\\"',
        b"\\u005c",
        b"\\u0041",
        b"\\/",
        b"\xc3\xa9",
        b"\xff",
        b"\x00",
    ),
    *(b',"seq":9', b',"x":1', b',"status":"OK"', b',"thread":1', b',"attributes":{"a":1}', b'"a":1,"a":2'),
]


@st.composite
def _changed(draw: st.DrawFn) -> bytes:
    """A line that an encoder wrote, with something else in place of a value, or between two bytes of its structure."""
    line = draw(st.sampled_from([*_LINES, *_BARE, *_BARE])).rstrip(b"\n")
    for _ in range(draw(st.integers(1, 2))):
        # As often as anywhere else: in place of a value, or before the end.
        pattern = draw(st.sampled_from([rb'(?<=":)[^,}]*', rb'[,:{}"]', rb"\}?$"]))
        found = draw(st.sampled_from([*re.finditer(pattern, line)]))
        end = draw(st.sampled_from([found.start(), found.end()]))
        line = line[: found.start()] + draw(st.sampled_from(_PIECES)) + line[end:]
    return line


def test_each_change_of_a_line_is_judged_as_the_regular_expression_does(tmp_path: Path) -> None:
    """Of lines with something else in place of a value, or between two bytes of structure, as many are proved."""
    paths: list[Path] = []
    expected: list[int] = []
    for line in _BARE:
        for number, piece in enumerate(_PIECES):
            places = [*re.finditer(rb'(?<=":)[^,}]*|[,:{}"]|$', line)]
            ends = [(place.start(), end) for place in places for end in {place.start(), place.end()}]
            changed = [line[:start] + piece + line[end:] for start, end in ends]
            paths.append(tmp_path / f"{len(paths)}-{number}.jsonl")
            paths[-1].write_bytes(b"".join(line + b"\n" for line in changed))
            expected.append(sum(map(is_usual, changed)))
    for detail in Detail:
        query = f"SELECT file_, count_if(usual) FROM ({rows(list(map(str, paths)), detail)}) GROUP BY file_"
        proved = dict(duckdb.execute(query).fetchall())
        assert [proved.get(str(path), 0) for path in paths] == expected


@pytest.mark.parametrize("detail", Detail)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_changed(), min_size=100, max_size=100))
def test_line_is_taken_from_duckdb_only_if_it_is_usual(detail: Detail, lines: list[bytes]) -> None:
    """Whatever stands in a line: its values don't prove it unless the regular expression says the same."""
    lines += [line.rstrip(b"\n") for line in [*_LINES, *_BARE]]
    with TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.jsonl") for number in range(len(lines))]
        for path, line in zip(paths, lines, strict=True):
            path.write_bytes(line + b"\n")
        found = duckdb.execute(f"SELECT file_, usual FROM ({rows(list(map(str, paths)), detail)})").fetchall()
    proved = {lines[int(Path(file).stem)] for file, usual in found if usual}
    assert [line for line in proved if not is_usual(line)] == []
    assert set(_BARE) <= proved


def test_stream_in_many_files_is_one_stream() -> None:
    """Also where more files stand between two of its files than are looked at together."""
    encoder, first, second = RecordEncoder(Resource.create("job")), Span("first"), Span("second")
    first.stop()
    lines = [line.encode() for line in (encoder.resource(), encoder.start(first), encoder.start(second))]
    others = [_of_streams(_LINES[0], number) for number in range(1_100)]
    second.stop()
    _check([b"".join(lines), *others, (encoder.stop(second) + encoder.end()).encode()])


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_bytes(), min_size=1, max_size=3))
def test_any_bytes_are_read_as_core_reads_them(contents: list[bytes]) -> None:
    """Records, what is proved of their streams, and the counts of what is no record, are the same in both."""
    _check(contents)


def test_lines_of_this_release_are_read_the_fast_way() -> None:
    """What an encoder writes, of each type and from another thread, is nothing unusual: core need not read it."""
    encoder = RecordEncoder(Resource.create("job", rank=3, world_size=8, session_tag="nightly"))
    written = [encoder.resource()]

    def record() -> None:
        outer = Span("outer", {"text": 'a"b', "numbers": [1, 2.5]}, {"why": "now"})
        written.extend([encoder.thread(outer.thread) if outer.thread else "", encoder.start(outer)])
        inner = Span("inner", {"flag": True}, parent=outer)
        written.append(encoder.event(Event("seen", {"loss": float("nan")}), inner))
        written.append(encoder.error(ErrorEvent("It failed.", ValueError("no")), inner))
        inner.stop({"rows": 3})
        written.append(encoder.start(inner))
        outer.stop()
        written.append(encoder.stop(outer))

    record()
    thread = threading.Thread(target=record, name="loader")
    thread.start()
    thread.join()
    lost = TelemetryDataError(TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA, "lost", dropped=2)
    written += [encoder.alive(), encoder.telemetry_data_error(lost), encoder.end("signal SIGTERM")]
    types = {json.loads(line)["type"] for line in written if line}
    assert types == {each["$ref"].rpartition("/")[2] for each in record_schema()["oneOf"]}
    assert [line for line in written if line and not is_usual(line.strip().encode())] == []


def test_spans_without_a_name_are_shown(tmp_path: Path) -> None:
    """A span of which no record has a name has an empty one, and a place above the spans in it, for every question."""
    lines = [re.sub(rb'"name":"w[^"]*"', b'"ame":""', line) for line in _stream(0)]
    file = tmp_path / "records.jsonl"
    file.write_bytes(b"".join(lines))
    with Run.open(file) as run:
        assert {path.path for path in run.overview().paths} == {"", "/in\\\\ner\\/\0"}
        assert ("",) in run.sql("SELECT name FROM spans").fetchall()
