"""The command `one-logger`: what it prints, and its exit code."""

from __future__ import annotations

import csv
import json
import os
import stat
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from analysis_streams import lines, write

from one_logger.analysis import Run
from one_logger.analysis.schemas import command_schema
from one_logger.core import read_records

OneLogger = Callable[..., Any]
ESCAPES = "\x1b[31m\x07\u202e\u2066\x9b\r\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with a whole run of two ranks."""
    for rank in (0, 1):
        write(tmp_path / "run" / f"{rank}.jsonl", lines(rank=rank, world_size=2))
    return tmp_path / "run"


def test_whole_run_is_good(one_logger: OneLogger, run: Path) -> None:
    """A run that is all there gives 0, and a sentence that says so."""
    done = one_logger("verify", run)
    assert (done.code, done.out, done.err) == (0, "2 streams of 22 records: all whole.\n", "")


def _damage(run: Path, how: str) -> None:
    written = lines(rank=1, world_size=2)
    match how:
        case "cut short":
            write(run / "1.jsonl", written[:-1])
            os.utime(run / "1.jsonl", (0, 0))
        case "gaps":
            write(run / "1.jsonl", written[:3] + written[5:])
        case "dropped":
            write(run / "1.jsonl", lines(rank=1, world_size=2, dropped=4))
        case "missing rank":
            (run / "1.jsonl").unlink()
        case "nothing":
            write(run / "1.jsonl", [])
            write(run / "0.jsonl", [])
        case "torn first line":
            write(run / "1.jsonl", [written[0][:20]])
            write(run / "0.jsonl", [])


@pytest.mark.parametrize("how", ["cut short", "gaps", "dropped", "missing rank", "nothing", "torn first line"])
def test_run_that_is_not_whole_is_a_finding(one_logger: OneLogger, run: Path, how: str) -> None:
    """What isn't all there gives 1, and what is missing is named; JSON says the same in the shape of its schema."""
    _damage(run, how)
    done = one_logger("verify", run)
    assert done.code == 1
    assert done.err == ""
    assert "all whole" not in done.out or how == "missing rank"
    answer = one_logger("verify", run, "--json")
    assert answer.code == 1
    jsonschema.validate(answer.json, command_schema("verify"))
    assert not answer.json["whole"]
    streams = {stream["rank"]: stream for stream in answer.json["streams"]}
    match how:
        case "cut short":
            assert streams[1]["state"] in {"cut short", "alive"}
        case "gaps":
            assert (streams[1]["state"], streams[1]["gaps"]) == ("gaps", [[4, 5]])
            assert " gaps " in done.out
        case "dropped":
            assert (streams[1]["state"], streams[1]["dropped"]) == ("dropped", 4)
        case "missing rank":
            assert answer.json["missing_ranks"] == [1]
            assert "Ranks of which there is no stream: 1." in done.out
        case "nothing":
            assert done.out == "Nothing was read, so nothing is proved.\n"
        case "torn first line":
            assert "Lines that hold no record: 1." in done.out


_SHAPES: dict[str, dict[str, set[str]]] = {
    "verify": {
        "": {"whole", "streams", "missing_ranks"},
        "streams": {"stream", "rank", "host", "state", "records", "gaps", "dropped", "reason"},
    },
    "show": {
        "": {"state", "trust", "verdict", "spans", "errors", "open_spans"},
        "verdict": {"finding", "severity", "evidence"},
        "spans": {"path", "count", "total_ns", "self_ns", "mean_ns", "p50_ns", "p99_ns", "longest_ns"},
    },
    "ranks": {
        "": {"ranks", "stragglers", "missing_ranks"},
        "ranks": {"rank", "state", "last_time_unix_nano", "last_open_span", "scores"},
        "stragglers": {"rank", "span", "score", "slower_by"},
    },
}
"""The fields of what commands print as JSON, and of the objects in their lists: programs rely on them."""


@pytest.mark.parametrize("command", _SHAPES)
def test_shape_of_json_is_fixed(
    one_logger: OneLogger, run: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schema allows the documented fields and no others, and asks for all of them; what is printed is so."""
    monkeypatch.setenv("COLUMNS", "20")  # JSON is not broken into lines
    schema = command_schema(command)
    for name, fields in _SHAPES[command].items():
        objects = schema["properties"][name]["items"] if name else schema
        assert set(objects["properties"]) == set(objects["required"]) == fields
        assert objects["additionalProperties"] is False
    jsonschema.validate(one_logger(command, run, "--json").json, schema)


def test_expected_ranks_may_be_said(one_logger: OneLogger, run: Path) -> None:
    """--expect-ranks goes before what the streams say of how many ranks there are."""
    assert one_logger("verify", run, "--expect-ranks", 1).code == 0
    done = one_logger("verify", run, "--expect-ranks", 5, "--json")
    assert (done.code, done.json["missing_ranks"]) == (1, [2, 3, 4])


def test_many_streams_are_listed_only_if_asked_for(one_logger: OneLogger, tmp_path: Path) -> None:
    """A long list is cut, and what was left out is counted; --all lists all."""
    for rank in range(60):
        write(tmp_path / f"{rank}.jsonl", lines(rank=rank, world_size=60)[:-1])
    short = one_logger("verify", tmp_path)
    assert "... and 10 more; --all lists them." in short.out
    assert len(one_logger("verify", tmp_path, "--all").out.splitlines()) == len(short.out.splitlines()) + 9


def test_question_in_sql_is_answered(one_logger: OneLogger, run: Path) -> None:
    """`sql` prints a table, or JSON in which integers are whole and attributes are objects."""
    query = "SELECT path, count(*) AS spans FROM spans GROUP BY path ORDER BY path"
    done = one_logger("sql", run, query)
    assert done.code == 0
    assert [line.split() for line in done.out.splitlines()[2:]] == [["application", "2"], ["application/step", "6"]]
    query = "SELECT start_time_unix_nano AS t, attributes FROM spans WHERE name = 'step' ORDER BY ALL LIMIT 1"
    [row] = one_logger("sql", "--json", run, query).json
    with Run.open(run) as opened:
        assert (
            row["t"] == opened.sql("SELECT min(start_time_unix_nano) FROM spans WHERE name = 'step'").fetchall()[0][0]
        )
    assert row["attributes"] == {"step": 0}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/out.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELEC 1",
        "SELECT nothing FROM spans",
        "SELECT * FROM nothing",
        "SELECT error('\x1b[31m')",
        "",
    ],
)
def test_question_that_cannot_be_answered_is_refused(one_logger: OneLogger, run: Path, query: str) -> None:
    """A query that isn't right, or reaches for files or the network, gives 2, a sentence, and leaves nothing."""
    done = one_logger("sql", run, query.format(folder=run))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("one-logger: ")
    assert "mistake in one-logger" not in done.err
    assert "\x1b" not in done.err
    assert sorted(path.name for path in run.iterdir()) == ["0.jsonl", "1.jsonl"]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_exported_run_is_the_same_run(one_logger: OneLogger, run: Path, tmp_path: Path, kind: str) -> None:
    """What was exported can be looked at in the place of the files."""
    damaged = lines(rank=1, world_size=2)
    write(run / "1.jsonl", [*damaged[:2], damaged[2][:30], damaged[2], *damaged[3:], damaged[4], b"garbage\n"])
    odd = b'{"v":1,"type":"event","stream":"odd","seq":1,"name":5,"new":[1,{"a":"\\ud800"}]}\n'
    write(run / "2.jsonl", [odd])
    done = one_logger("export", run, "-o", tmp_path / "out", "--format", kind)
    assert done.code == 0
    assert {str(path) for path in (tmp_path / "out").iterdir()} == set(done.out.split())
    before, after = (one_logger("verify", path, "--json").json for path in (run, tmp_path / "out"))
    assert after == before
    query = "SELECT * FROM spans ORDER BY ALL"
    assert one_logger("sql", run, query, "--json").json == one_logger("sql", tmp_path / "out", query, "--json").json
    if kind == "jsonl":
        with (tmp_path / "out" / "records.jsonl").open() as file:
            records = list(read_records(file))
        read = [record for path in sorted(run.iterdir()) for record in read_records(path.read_bytes().splitlines())]
        unique = {json.dumps(record, sort_keys=True) for record in read}
        assert sorted(unique) == sorted(json.dumps(record, sort_keys=True) for record in records)


def test_csv_has_what_the_views_have(one_logger: OneLogger, run: Path, tmp_path: Path) -> None:
    """A CSV file has a line for each row of a view, and its names above."""
    assert one_logger("export", run, "-o", tmp_path / "out", "--format", "csv").code == 0
    with (tmp_path / "out" / "spans.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["path"] for row in rows) == ["application"] * 2 + ["application/step"] * 6


def test_export_replaces_nothing(one_logger: OneLogger, run: Path, tmp_path: Path) -> None:
    """A file that is there already stays as it is, and nothing else is written."""
    write(tmp_path / "out" / "streams.parquet", [b"mine"])
    done = one_logger("export", run, "-o", tmp_path / "out")
    assert (done.code, done.out) == (2, "")
    assert "is there already" in done.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["streams.parquet"]
    assert (tmp_path / "out" / "streams.parquet").read_bytes() == b"mine"


def test_folder_that_cannot_be_written_to_is_said(one_logger: OneLogger, run: Path) -> None:
    """Where nothing can be written, `export` says so and gives 2."""
    done = one_logger("export", run, "-o", "/proc/out")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("one-logger: '/proc/out' cannot be written to: ")


@pytest.mark.parametrize("command", [["verify"], ["sql"], ["export", "-o", "out"]], ids=lambda command: command[0])
@pytest.mark.parametrize("kind", ["missing", "empty folder", "picture", "text", "forbidden", "archive", "parquet"])
def test_what_cannot_be_read_is_said_in_a_sentence(
    one_logger: OneLogger, tmp_path: Path, command: list[str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad input gives 2 and one line on stderr that has the path; nothing on stdout, no traceback."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "input"
    match kind:
        case "empty folder":
            path.mkdir()
        case "picture":
            path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 500)
        case "text":
            path.write_text("Hello\nworld\n" * 1000)
        case "forbidden":
            write(path / "a.jsonl", lines())
            _forbid(path / "a.jsonl", monkeypatch)
        case "archive":
            path.write_bytes(b"PK\x03\x04" + bytes(1000))
        case "parquet":
            path.write_bytes(b"PAR1" + bytes(1000))
    done = one_logger(*command, path, *(["SELECT 1"] if command == ["sql"] else []))
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert str(path) in done.err
    assert "mistake in one-logger" not in done.err
    assert not (tmp_path / "out").exists()


def _forbid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid():
        path.chmod(0)
        return
    # Nothing is forbidden to root, so the system's answer is put in its place.
    opened = open

    def refuse(name: Any, *arguments: Any, **options: Any) -> Any:
        if os.fspath(name) == str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(name, *arguments, **options)

    monkeypatch.setattr("builtins.open", refuse)


def test_names_do_nothing_to_the_terminal(one_logger: OneLogger, tmp_path: Path) -> None:
    """Control characters, marks of direction and markup in names are shown, not obeyed."""
    written = lines(name=f"a{ESCAPES}[/b]:warning:", end=False)
    host = "\\u001b]0;title\\u0007[red]\\u202e"
    resource = json.loads(written[0])
    written[0] = written[0].replace(json.dumps(resource["attributes"]["host.name"]).encode(), f'"{host}"'.encode())
    write(tmp_path / "a.jsonl", written)
    done = one_logger("verify", tmp_path)
    assert "\\x1b]0;" in done.out
    query = one_logger("sql", tmp_path, "SELECT DISTINCT name FROM spans WHERE name LIKE 'a%'")
    assert "[/b]:warning:" in query.out
    for text in (done.out, query.out):
        assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize("columns", ["20", "40", "59", "60", "200"])
def test_any_width_shows_all(one_logger: OneLogger, run: Path, columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However narrow the terminal, no value is cut."""
    monkeypatch.setenv("COLUMNS", columns)
    _damage(run, "gaps")
    [stream] = [stream for stream in one_logger("verify", run, "--json").json["streams"] if stream["rank"]]
    out = one_logger("verify", run).out
    if int(columns) < 60:
        assert f"stream: {stream['stream']}\n" in out
    else:
        # A cell that is too long goes on in the next line.
        cells = [line.split("   ") for line in out.splitlines()]
        assert stream["stream"][:8] in out
        assert all(len(line) <= int(columns) for line in out.splitlines()), cells


def test_many_rows_are_a_table(one_logger: OneLogger, run: Path) -> None:
    """What fits has aligned columns, in order, however many rows there are."""
    query = "SELECT range * 10 AS number, 'x' AS text FROM range(100000) ORDER BY 1"
    out = one_logger("sql", run, query).out.splitlines()
    assert len(out) == 100_002
    assert out[:3] == ["number  text", "─" * 12, "     0  x"]
    assert out[-1] == "999990  x"


def test_answer_of_many_columns_is_written_cell_by_cell(one_logger: OneLogger, run: Path) -> None:
    """What no terminal is wide enough for has a line for each cell, none of which is cut."""
    out = one_logger("sql", run, "SELECT * FROM spans").out
    assert len(out.split("\n\n")) == 9
    [path, *_] = [line for line in out.splitlines() if line.startswith("path: ")]
    assert path in {"path: application", "path: application/step"}
    assert len([line for line in out.splitlines() if line.startswith("start_time_unix_nano: 1")]) == 8


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS", "TTY_COMPATIBLE"])
@pytest.mark.parametrize("value", ["0", "1"])
def test_pipe_has_no_colours(
    one_logger: OneLogger, run: Path, variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What isn't a terminal gets no colours, whatever the environment says."""
    monkeypatch.setenv(variable, value)
    assert "\x1b" not in one_logger("verify", run).out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verfy"], "No such command 'verfy'"),
        (["verify"], "Missing argument 'PATH...'"),
        (["verify", "--nonsense"], "No such option '--nonsense'"),
        (["verify", "x", "--expect-ranks", "many"], "'many' is not a valid integer"),
        (["--nonsense"], "No such option '--nonsense'"),
        ([], "Usage: one-logger"),
    ],
    ids=["command", "path", "option", "value", "group", "nothing"],
)
def test_wrong_usage_is_said(one_logger: OneLogger, arguments: list[str], said: str) -> None:
    """What was asked for in a wrong way gives 2 and a hint on stderr."""
    done = one_logger(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_help_names_the_commands(one_logger: OneLogger) -> None:
    """--help lists all commands, ours and those of others, and gives 0."""
    done = one_logger("--help")
    assert done.code == 0
    for name in ("verify", "sql", "export"):
        assert f"  {name} " in done.out


def _others(monkeypatch: pytest.MonkeyPatch, **commands: str) -> None:
    points = EntryPoints(EntryPoint(name, value, "one_logger.commands") for name, value in commands.items())
    monkeypatch.setattr("one_logger.analysis.command_group.entry_points", lambda _: points)


def test_other_distributions_add_commands(one_logger: OneLogger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that was registered by an entry point gets all arguments as they are; what it returns is the code."""
    _others(monkeypatch, other="test_commands:other_command", verify="test_commands:other_command")
    done = one_logger("other", "--help", "-x", "--json", "a b", "--", "-y")
    assert (done.code, json.loads(done.out)) == (7, ["--help", "-x", "--json", "a b", "--", "-y"])
    assert "--expect-ranks" in one_logger("verify", "--help").out


@pytest.mark.parametrize("value", ["no_such_module:main", "test_commands:no_such_name", "test_commands:lines"])
def test_broken_command_of_others_breaks_nothing_else(
    one_logger: OneLogger, run: Path, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that can't be loaded, or fails, is said when it is called; all others work."""
    _others(monkeypatch, broken=value)
    assert one_logger("verify", run).code == 0
    assert "broken" in one_logger("--help").out
    done = one_logger("broken")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("one-logger: The command 'broken' of ")


def test_broken_distribution_breaks_nothing_else(
    one_logger: OneLogger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the entry points of a distribution can't be read, the commands of the others are there."""
    for name, text in (("good", "[one_logger.commands]\ngood = a:b\n"), ("bad", "[one_logger.commands]\nno value\n")):
        (tmp_path / f"{name}-1.0.dist-info").mkdir()
        (tmp_path / f"{name}-1.0.dist-info/METADATA").write_text(f"Name: {name}\nVersion: 1.0\n")
        (tmp_path / f"{name}-1.0.dist-info/entry_points.txt").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "From good 1.0." in one_logger("--help").out


def other_command(arguments: list[str]) -> int:
    """A command of another distribution."""
    print(json.dumps(arguments))  # noqa: T201
    return 7


def test_folder_for_what_is_kept_is_the_user_s_alone(one_logger: OneLogger, tmp_path: Path) -> None:
    """What is kept of a run may be read by its user only, as names and attributes may be secret."""
    path = write(tmp_path / "a.jsonl", lines(steps=70_000))
    os.utime(path, (1, 1))
    assert one_logger("verify", path).code == 0
    folder = Path(os.environ["XDG_CACHE_HOME"], "one-logger")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(list(folder.iterdir())) == 1
    assert one_logger("verify", "--no-cache", path).code == 0
