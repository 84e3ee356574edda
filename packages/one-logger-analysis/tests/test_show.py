"""`show`: trust, state, verdict, where the time went, errors, open spans."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from analysis_streams import lines, write
from synthetic_plan import Dropped, Hang, Plan, SlowRank
from synthetic_run import write_run

from one_logger.analysis import Run
from one_logger.analysis.live.live_run import LiveRun
from one_logger.analysis.live.tail import Tail
from one_logger.analysis.schemas import command_schema

OneLogger = Callable[..., Any]


def test_healthy_run_is_good(one_logger: OneLogger, tmp_path: Path) -> None:
    """A run that is all there and of which nothing stands out gives 0, and says so."""
    write_run(Plan(ranks=4, steps=60), tmp_path)
    done = one_logger("show", tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("All there: ")
    assert "State: finished; from " in done.out
    assert "4 ranks, 1 host." in done.out
    assert "Nothing stands out." in done.out


def test_tree_says_where_the_time_went(one_logger: OneLogger, tmp_path: Path) -> None:
    """Each path has a row below that of its parent, the one that took most first, with times that people can read."""
    write_run(Plan(ranks=2, steps=60), tmp_path)
    tree = one_logger("show", tmp_path).out.partition("Where the time went\n")[2].splitlines()
    assert tree[0].split() == ["span", "count", "total", "share", "self", "mean", "p50", "p99", "longest"]
    names = [row.split()[0] for row in tree[1:]]
    assert names[0] == "training_loop"
    assert names.index("model_backward") < names.index("model_forward") < names.index("data_loading")
    assert "  100%" in tree[1]
    assert tree[-1].startswith("  checkpoint_save_sync")


def test_json_has_the_shape_of_its_schema(one_logger: OneLogger, tmp_path: Path) -> None:
    """--json is one document in the documented shape, whatever was found; a finding gives 1."""
    write_run(Plan(ranks=4, steps=60, causes=[SlowRank(2, 1.5), Dropped(0, 30, 5)]), tmp_path)
    done = one_logger("show", tmp_path, "--json")
    assert done.code == 1
    jsonschema.validate(done.json, command_schema("show"))
    assert list(done.json) == ["state", "trust", "verdict", "spans", "errors", "open_spans"]
    assert done.json["state"] == "finished"
    assert not done.json["trust"]["whole"]
    assert [finding["evidence"]["kind"] for finding in done.json["verdict"]] == ["slow_rank", "dropped"]
    assert all(list(finding) == ["finding", "severity", "evidence"] for finding in done.json["verdict"])


def test_numbers_are_those_of_the_views(one_logger: OneLogger, tmp_path: Path) -> None:
    """Counts, totals, self times, quantiles and the longest are what SQL on the views says."""
    write_run(Plan(ranks=3, steps=60), tmp_path)
    with Run.open(tmp_path) as run:
        rows = run.execute(
            "SELECT path, count(*), sum(elapsed_ns)::BIGINT, sum(self_ns)::BIGINT, quantile_disc(elapsed_ns, 0.5),"
            " quantile_disc(elapsed_ns, 0.99), max(elapsed_ns) FROM spans GROUP BY path"
        )
    keys = ("path", "count", "total_ns", "self_ns", "p50_ns", "p99_ns", "longest_ns")
    spans = one_logger("show", tmp_path, "--json").json["spans"]
    assert {tuple(span[key] for key in keys) for span in spans} == set(rows)
    assert all(span["mean_ns"] == span["total_ns"] // span["count"] for span in spans)


def test_errors_and_open_spans_are_listed(one_logger: OneLogger, tmp_path: Path) -> None:
    """Errors stand together by kind, with a message and the ranks; what is open is named with its rank."""
    for rank in (0, 1):
        write(tmp_path / f"{rank}.jsonl", lines(rank=rank, world_size=2, end=rank == 0))
    done = one_logger("show", tmp_path)
    assert done.code == 1
    assert "2 x ValueError: It failed. (no) (ranks 0-1)" in done.out
    assert "application: 1 (rank 1), since " in done.out
    answer = one_logger("show", tmp_path, "--json").json
    jsonschema.validate(answer, command_schema("show"))
    assert answer["state"] == "running"
    [error] = answer["errors"]
    assert (error["exception_type"], error["count"], error["ranks"]) == ("ValueError", 2, [0, 1])
    [span] = answer["open_spans"]
    assert (span["path"], span["rank"]) == ("application", 1)


@pytest.mark.parametrize("columns", ["20", "59", "60", "80", "200"])
def test_it_fits_any_width(
    one_logger: OneLogger, columns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wide terminal gets a table that fits; one of less than 60 columns gets a line for each name and value."""
    monkeypatch.setenv("COLUMNS", columns)
    write_run(Plan(ranks=4, steps=60, barriers="recorded", causes=[Hang(1, 40)]), tmp_path)
    out = one_logger("show", tmp_path).out
    if int(columns) >= 60:
        assert max(map(len, out.splitlines())) <= int(columns)
        assert "training_single_" in out
        assert "training_single_i\n" not in out
    else:
        assert "span: training_loop/training_single_iteration/model_forward" in out.splitlines()
        assert "longest: 14m30s" in out.splitlines()


def test_long_names_are_cut_where_their_words_end(one_logger: OneLogger, tmp_path: Path) -> None:
    """A name that doesn't fit goes on in the next line, below its beginning, with its next word."""
    name = "gather_the_gradients-of/all.ranks in_this_very_node"
    write(tmp_path / "a.jsonl", lines(name=name))
    tree = one_logger("show", tmp_path).out.partition("Where the time went\n")[2].splitlines()
    count = tree[0].index("count") - 1  # numbers begin there, or later
    rows = [row[:count] for row in tree[2:] if row.startswith("  ")]
    assert all(row.startswith("  ") for row in rows)
    first, *_ = pieces = [row[2:].rstrip() for row in rows[:4]]
    assert first.endswith(tuple("_-/.")) or name[len(first)] == " "
    assert "".join(pieces).replace(" ", "").startswith(name.replace(" ", ""))


def test_spans_whose_parent_was_lost_are_marked(one_logger: OneLogger, tmp_path: Path) -> None:
    """A span that stands on top only because what it was part of was lost has a mark, and a line says what that is."""
    written = lines(world_size=None, end=False)
    write(tmp_path / "a.jsonl", [written[0], *written[2:]])
    done = one_logger("show", tmp_path)
    assert "step *" in done.out
    assert "* What some of these were part of isn't in their stream" in done.out
    live = LiveRun()
    live.read(Tail([str(tmp_path)]).lines())
    assert [(path.path, path.parent_missing) for path in live.overview().paths] == [("step", True)]


def test_names_are_no_markup_and_no_control(one_logger: OneLogger, tmp_path: Path) -> None:
    """Brackets, emoji codes, escape sequences and bidi marks in names are shown as they are, or by their numbers."""
    write(tmp_path / "a.jsonl", lines(name="kv[cache][/x] :warning: \x1b[31m\u202e"))
    out = one_logger("show", tmp_path).out.replace("\n", "")
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "kv[cache][/x]" in out
    assert ":warning:" in out
    assert "\\x1b[31m\\u202e" in out


def test_many_paths_are_cut_and_counted(one_logger: OneLogger, tmp_path: Path) -> None:
    """Of hundreds of paths those that took most are shown, the others are counted; --all lists them."""
    for number in range(100):
        write(tmp_path / f"{number}.jsonl", lines(rank=number, world_size=100, name=f"step-{number}"))
    short = one_logger("show", tmp_path).out
    assert " more paths; --all lists them." in short
    every = one_logger("show", "--all", tmp_path).out
    assert all(f"step-{number}" in every for number in range(100))


def test_the_second_time_gives_the_same(one_logger: OneLogger, tmp_path: Path) -> None:
    """What is kept of a large run gives the same answer the next time, without its spans being read again."""
    import os

    write_run(Plan(ranks=64, steps=400, causes=[SlowRank(5, 1.5)]), tmp_path / "run")
    for path in (tmp_path / "run").iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    first = one_logger("show", "--json", tmp_path / "run")
    [kept] = (Path(os.environ["XDG_CACHE_HOME"]) / "one-logger").glob("*/answers.json")
    assert json.loads(kept.read_text())
    second = one_logger("show", "--json", tmp_path / "run")
    assert (first.code, second.code) == (1, 1)
    assert first.json == second.json
    for part in kept.parent.glob("spans/*"):
        part.write_bytes(b"not read")
    assert one_logger("show", "--json", tmp_path / "run").json == first.json


def test_long_message_is_cut(one_logger: OneLogger, tmp_path: Path) -> None:
    """Of a message of many lines the terminal gets the start of the first one, and JSON all of it."""
    long = ("x" * 300 + "\\nsecond line").encode()
    write(tmp_path / "a.jsonl", [line.replace(b"It failed.", long) for line in lines()])
    out = one_logger("show", tmp_path).out
    assert "second line" not in out
    assert " ..." in out
    [error] = one_logger("show", tmp_path, "--json").json["errors"]
    assert error["message"] == "x" * 300 + "\nsecond line (no)"
