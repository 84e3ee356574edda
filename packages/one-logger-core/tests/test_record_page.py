"""The record's page: its examples are valid records, and what it shows of other tools works, also on damaged files."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest

from one_logger.core import read_records, read_spans, record_schema, verify

PAGE = (Path(__file__).parents[1] / "docs/record.md").read_text(encoding="utf-8")
SCHEMA = record_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
TYPES = [str(reference["$ref"]).rpartition("/")[2] for reference in SCHEMA["oneOf"]]


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


EXAMPLES = "".join(_blocks("json"))


def _damaged() -> bytes:
    """A file of which the first 25,000 lines show nothing of what comes later, with torn lines and others' lines."""
    event = json.loads(EXAMPLES.splitlines()[5])
    lines = [
        json.dumps({**event, "seq": seq, "attributes": {"lr": 1, "loss": 0}}).encode() for seq in range(12, 25_012)
    ]
    later = [line.encode() for line in EXAMPLES.splitlines()]
    odd = {**event, "seq": 25_012, "attributes": {"LR": "high", "lr": None, "big": 2**70, "loss": "-Infinity"}}
    lines += [
        b"",
        b"loading...",
        later[3][:100],
        json.dumps(odd).encode(),
        *later[:4],
        b"\xff\xfe{",
        *later[4:],
        later[5][:-9],
    ]
    return b"\n".join(lines)


@pytest.fixture(params=["whole", "damaged"])
def damaged(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether `telemetry.jsonl` in the working folder is damaged; else it has the page's examples."""
    monkeypatch.chdir(tmp_path)
    is_damaged: bool = request.param == "damaged"
    Path("telemetry.jsonl").write_bytes(_damaged() if is_damaged else EXAMPLES.encode())
    return is_damaged


def test_each_type_has_an_example() -> None:
    """Each type of the schema has a section of its own, with a line that is a record of it."""
    for kind in TYPES:
        section = PAGE.partition(f"\n### {kind}\n")[2].partition("\n#")[0]
        lines = "".join(re.findall(r"^```json\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)).splitlines()
        assert lines, kind
        for line in lines:
            VALIDATOR.validate(json.loads(line))
            assert json.loads(line)["type"] == kind
    assert len(re.findall("^### ", PAGE, re.MULTILINE)) == len(TYPES)


def test_each_field_is_told() -> None:
    """Each field that a type may have is named in its section, or among those that all or several have."""
    for kind in TYPES:
        section = PAGE.partition(f"\n### {kind}\n")[2].partition("\n```")[0]
        everywhere = {"v", "type", "stream", "seq", "trace_id", "span_id"}
        if kind == "error":  # it is said to be like another one
            everywhere |= {"name", "time_unix_nano", "thread"}
        told = set(re.findall(r"`(\w+)`", section)) | everywhere
        assert set(SCHEMA["$defs"][kind]["properties"]) <= told, kind


def test_the_examples_have_every_field() -> None:
    """There is no field that no example shows."""
    for kind in TYPES:
        shown = {field for line in EXAMPLES.splitlines() if (r := json.loads(line))["type"] == kind for field in r}
        missing = set(SCHEMA["$defs"][kind]["properties"]) - shown
        assert missing <= {"parent_span_id", "thread"}, kind


def test_the_examples_are_a_stream() -> None:
    """The examples, in their order, are one stream without a gap."""
    run = verify(EXAMPLES)
    assert (run[0].state, run[0].gaps, run.lines_passed_over) == ("dropped", [], 0)


def test_python_reads_it(damaged: bool, run_script: Callable[..., str]) -> None:
    """The program prints what stands below it, and whatever is damaged, it finds all that is whole."""
    printed = run_script(_blocks("python")[0])
    if not damaged:
        assert printed == _blocks("text")[0]
    else:
        assert "25,012 records in 1 stream: 1 dropped. 4 lines without a record." in printed
        assert "training 40.0 25003 events 1 errors" in printed


def _asked(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    answer = connection.sql(sql)
    return list(answer.columns), answer.fetchall()


def _tables() -> list[list[list[str]]]:
    """The cells of each table that stands below a query."""
    tables = re.findall(r"^```\n\n(\|.*?\n)\n", PAGE, re.DOTALL | re.MULTILINE)
    return [[[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()] for table in tables]


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, (bool, float)) else str(value)


def test_duckdb_reads_it(damaged: bool) -> None:
    """The queries answer what stands below them; on a damaged file they answer as `read_records` does."""
    create, *queries = _blocks("sql")
    connection = duckdb.connect()
    connection.execute(create)
    answers = [_asked(connection, query) for query in queries]
    if not damaged:
        for (columns, rows), (header, _, *cells) in zip(answers, _tables(), strict=True):
            assert columns == header
            if columns[0] != "time":  # Python has no nanoseconds
                assert [[_shown(value) for value in row] for row in rows] == cells
            else:
                assert [_shown(loss) for _, loss in rows] == [loss for _, loss in cells]
                texts = connection.sql(queries[1]).project("time::VARCHAR").fetchall()
                assert [text for (text,) in texts] == [time for time, _ in cells]
        return
    spans = {span.name: span.duration_ns for span in read_spans("telemetry.jsonl")}
    assert {name: total for name, _, total in answers[0][1]} == spans
    losses = [float(r["attributes"]["loss"]) for r in read_records("telemetry.jsonl") if r["type"] == "event"]
    assert sorted(map(str, losses)) == sorted(str(loss) for _, loss in answers[1][1])
    assert answers[2][1] == [("a22af72f07733d57", 0, True)]


@pytest.mark.parametrize(("name", "added"), [("telemetry.jsonl.gz", ""), ("rotated.Z-1", ", compression = 'gzip'")])
def test_duckdb_reads_compressed_files(name: str, added: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same query reads a compressed file, as the page says, whatever it is called."""
    monkeypatch.chdir(tmp_path)
    lines = EXAMPLES.encode().splitlines(keepends=True)
    Path(name).write_bytes(gzip.compress(b"".join(lines[:3])) + gzip.compress(b"\n" + b"".join(lines[3:])))
    create, *queries = _blocks("sql")
    connection = duckdb.connect()
    connection.execute(create.replace("'telemetry.jsonl',", f"'{name}'{added},"))
    assert connection.sql(queries[2]).fetchall() == [("a22af72f07733d57", 0, True)]


@pytest.mark.parametrize("number", [1, 2], ids=["pandas", "polars"])
def test_data_frames_are_made_of_it(number: int, damaged: bool, run_script: Callable[..., str]) -> None:
    """The program prints what stands below it; on a damaged file it prints every event that `read_records` finds."""
    printed = run_script(_blocks("python")[number])
    if not damaged:
        assert printed == _blocks("text")[number]
        return
    expected = [
        f"{_iso(r['time_unix_nano'])} {r['name']} {float(r['attributes']['loss'])}"
        for r in read_records("telemetry.jsonl")
        if r["type"] == "event"
    ]
    assert printed.splitlines() == expected


def _iso(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime(1970, 1, 1) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest:09}+00:00"  # noqa: DTZ001


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "one_logger.core", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_prints_the_schema() -> None:
    """`python -m one_logger.core schema` prints the schema of a record."""
    done = _command("schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == SCHEMA


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["shema"], 2), (["schema", "x"], 2), (["--help"], 0)])
def test_the_command_says_how_it_is_used(arguments: list[str], code: int) -> None:
    """Asked for something else, the command says what it can do."""
    done = _command(*arguments)
    assert done.returncode == code
    assert "usage: python -m one_logger.core schema" in (done.stderr if code else done.stdout)
