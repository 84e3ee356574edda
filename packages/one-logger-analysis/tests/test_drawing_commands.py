"""The commands that draw a run: `trace` and `report`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from analysis_streams import lines, write
from report_pages import ReportPage
from trace_pictures import perfetto_picture

from one_logger.analysis.schemas import command_schema

OneLogger = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with a run of two ranks."""
    for rank in (0, 1):
        write(tmp_path / "run" / f"{rank}.jsonl", lines(rank=rank, world_size=2))
    return tmp_path / "run"


def test_trace_says_what_it_has_drawn(one_logger: OneLogger, run: Path, tmp_path: Path) -> None:
    """`trace` says how much it has drawn, from when its times count, and where to open it."""
    done = one_logger("trace", run, "-o", tmp_path / "run.pftrace")

    assert (done.code, done.err) == (0, "")
    assert "2 processes, 8 spans (0 open), 6 events, 2 errors." in done.out
    assert "Its times count from the run's start, 20" in done.out
    assert "ui.perfetto.dev" in done.out
    picture = perfetto_picture(gzip.decompress((tmp_path / "run.pftrace").read_bytes()))
    assert len(picture.shapes) == 16


def test_trace_in_json_has_the_shape_of_its_schema(one_logger: OneLogger, run: Path, tmp_path: Path) -> None:
    """`trace --json` prints one object, as its schema has it."""
    done = one_logger("trace", run, "-o", tmp_path / "run.json", "--format", "chrome", "--ranks", "1", "--json")

    jsonschema.validate(done.json, command_schema("trace"))
    assert (done.json["processes"], done.json["spans"]) == (1, 4)
    assert json.loads((tmp_path / "run.json").read_text())["displayTimeUnit"] == "ns"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--ranks", "a"], "'a' names no ranks. Write them as in 0-7,12."),
        (["--ranks", "5-2"], "'5-2' names no ranks."),
        (["--ranks", "0-99999999999"], "names no ranks."),
        (["--ranks", "7"], "none of the ranks [7] has recorded anything"),
        (["--from", "soon"], "'soon' is no point in time."),
        (["--to", "12"], "'12' is no point in time."),
        (["--format", "pdf"], "'pdf' is not one of"),
    ],
)
def test_what_trace_is_asked_for_in_the_wrong_way_is_said(
    one_logger: OneLogger, run: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    """A wrong option gives 2 and a sentence, and leaves no file."""
    done = one_logger("trace", run, "-o", tmp_path / "run.pftrace", *options)

    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_trace_may_be_of_some_ranks_and_some_time(one_logger: OneLogger, run: Path, tmp_path: Path) -> None:
    """Ranks are written as ranges and numbers, times as durations from the run's start or before its end."""
    output = tmp_path / "run.pftrace"

    assert one_logger("trace", run, "-o", output, "--ranks", "0-1,7", "--json").json["processes"] == 2
    assert one_logger("trace", run, "-o", output, "--from=1h", "--json").json["spans"] == 0
    assert one_logger("trace", run, "-o", output, "--from=-1h", "--to", "1h", "--json").json["spans"] == 8


def test_report_says_where_it_is(one_logger: OneLogger, run: Path, tmp_path: Path) -> None:
    """`report` writes a page, and says how large it is."""
    done = one_logger("report", run, "-o", tmp_path / "report.html")

    assert (done.code, done.err) == (0, "")
    assert "report.html: 0." in done.out
    assert "application" in ReportPage((tmp_path / "report.html").read_text("utf-8")).text


def test_report_in_json_has_the_shape_of_its_schema(one_logger: OneLogger, run: Path, tmp_path: Path) -> None:
    """`report --json` prints one object, as its schema has it."""
    done = one_logger("report", run, "-o", tmp_path / "report.html", "--json")

    jsonschema.validate(done.json, command_schema("report"))
    assert done.json["bytes"] == (tmp_path / "report.html").stat().st_size


@pytest.mark.parametrize("command", ["trace", "report"])
def test_folder_that_is_not_there_is_said(one_logger: OneLogger, run: Path, tmp_path: Path, command: str) -> None:
    """A file that cannot be written gives 2, and a sentence with the path that was given."""
    path = tmp_path / "no" / "file"
    done = one_logger(command, run, "-o", path)

    assert (done.code, done.out) == (2, "")
    assert done.err == f"one-logger: '{path}' cannot be read or written: No such file or directory.\n"


@pytest.mark.parametrize("command", ["trace", "report"])
def test_output_has_to_be_named(one_logger: OneLogger, run: Path, command: str) -> None:
    """Without -o nothing is written anywhere: it is asked for."""
    done = one_logger(command, run)

    assert (done.code, done.out) == (2, "")
    assert "Missing option '-o' / '--output'" in done.err
