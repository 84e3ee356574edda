"""`ranks`: how the ranks of a run compare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from recorded import Recorded
from synthetic_plan import DOCUMENTED, Hang, MissingRank, Plan, SlowNode, SlowRank
from synthetic_run import write_run

from one_logger.analysis import Run
from one_logger.analysis.ranking import ranking
from one_logger.analysis.schemas import command_schema

OneLogger = Callable[..., Any]


def test_straggler_has_a_score_and_its_steps(one_logger: OneLogger, tmp_path: Path) -> None:
    """A slow rank is named with how much slower it is, in which steps, and whether it is always the same one."""
    write_run(Plan(ranks=8, steps=80, causes=[SlowRank(6, 1.5)], seed=1), tmp_path)
    done = one_logger("ranks", tmp_path)
    assert done.code == 1
    assert "Rank 6 is " in done.out
    assert "Rank 6 was slow in 80 of its 80 steps, from step 0 to step 79." in done.out
    assert "The slowest is always the same rank: rank 6 in " in done.out
    answer = one_logger("ranks", tmp_path, "--json").json
    jsonschema.validate(answer, command_schema("ranks"))
    [straggler] = answer["stragglers"]
    assert straggler["rank"] == 6
    assert 0.4 < straggler["slower_by"] < 0.6
    assert 0.6 < straggler["score"] < 0.7
    scores = {rank["rank"]: rank["scores"]["training_single_iteration"] for rank in answer["ranks"]}
    assert max(scores.values()) == 1.0
    assert min(scores, key=lambda rank: scores[rank]) == 6


def test_healthy_ranks_are_good(one_logger: OneLogger, tmp_path: Path) -> None:
    """Ranks that differ by noise alone give 0."""
    write_run(Plan(ranks=8, steps=60), tmp_path)
    done = one_logger("ranks", tmp_path)
    assert done.code == 0
    assert "No rank stands out." in done.out
    assert "was slow in" not in done.out


def test_heat_map_shows_who_is_slow_when(
    one_logger: OneLogger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heat map has a row for each rank, or each group of ranks, and is dark where a rank is slow."""
    monkeypatch.setenv("COLUMNS", "80")
    write_run(Plan(ranks=64, steps=60, causes=[SlowRank(37, 1.6)]), tmp_path)
    out = one_logger("ranks", tmp_path).out
    rows = {line.split("|")[0].strip(): line.split("|")[1] for line in out.splitlines() if line.endswith("|")}
    assert list(rows)[:2] == ["0-1", "2-3"]
    assert len(rows) == 32
    dark = {name: sum(cell in "█▓#+" for cell in row) for name, row in rows.items()}
    assert max(dark, key=lambda name: dark[name]) == "36-37"
    assert dark["36-37"] == len(rows["36-37"])
    assert max(map(len, out.splitlines())) <= 80


def test_hanging_and_missing_ranks_have_their_state(one_logger: OneLogger, tmp_path: Path) -> None:
    """Each rank has a state, its last sign of life and its last open span; one without a stream is missing."""
    write_run(Plan(ranks=8, steps=60, barriers="recorded", causes=[Hang(3, 40), MissingRank(7)]), tmp_path)
    answer = one_logger("ranks", tmp_path, "--json").json
    jsonschema.validate(answer, command_schema("ranks"))
    assert answer["missing_ranks"] == [7]
    ranks = {rank["rank"]: rank for rank in answer["ranks"]}
    assert sorted(ranks) == [0, 1, 2, 3, 4, 5, 6]
    assert ranks[3]["state"] == "killed"  # long ago
    assert ranks[3]["last_open_span"].endswith("/model_forward")
    assert ranks[0]["last_open_span"].endswith("/all_reduce")
    assert "There is no record of rank 7, of 8 ranks." in one_logger("ranks", tmp_path).out


def test_ranks_of_a_slow_node_are_stragglers(one_logger: OneLogger, tmp_path: Path) -> None:
    """The ranks of a slow node are listed, and the sentence is about the node."""
    write_run(Plan(ranks=24, steps=60, causes=[SlowNode(2, 1.4)]), tmp_path)
    answer = one_logger("ranks", tmp_path, "--json").json
    assert sorted(straggler["rank"] for straggler in answer["stragglers"]) == list(range(16, 24))
    assert "Node node-002 is " in one_logger("ranks", tmp_path).out


@pytest.mark.parametrize("lost", [range(0), range(2, 12), range(22, 37)], ids=["nothing", "the first", "some"])
def test_steps_are_the_same_ones_where_records_are_missing(tmp_path: Path, lost: range) -> None:
    """A rank of which some steps were lost is compared in the others with the same steps, not with earlier ones."""
    for rank in range(4):
        recorded, now = Recorded(rank), rank * 1_000
        for step in range(60):
            took = 40_000_000 if step == 50 else 10_000_000
            recorded.span(f"{rank} {step}", now, now + took, name="step")
            now += took + 100_000
        recorded.end(now).write(tmp_path, lost if rank == 1 else range(0))
    with Run.open(tmp_path) as run:
        found = ranking(run, parts=60)
    assert found.slow_steps == {rank: (0, 60 - len(lost) if rank == 1 else 60, None, None) for rank in range(4)}
    assert found.heat is not None
    steps = {seq - 2 for seq in lost}
    assert found.heat.ratios[1] == [None if step in steps else pytest.approx(1) for step in range(60)]


def test_streams_without_ranks_are_said(one_logger: OneLogger, tmp_path: Path) -> None:
    """A job that knows no ranks has none to compare."""
    from analysis_streams import lines, write

    write(tmp_path / "a.jsonl", lines(rank=None, world_size=None))
    done = one_logger("ranks", tmp_path)
    assert (done.code, done.out) == (0, "No stream says which rank it is.\n")
    assert one_logger("ranks", tmp_path, "--json").json == {"ranks": [], "stragglers": [], "missing_ranks": []}


def test_steps_beyond_those_of_other_ranks_are_shown(one_logger: OneLogger, tmp_path: Path) -> None:
    """A rank that lost records may have a step of a higher number than any rank has steps: there is room for it."""
    write_run(DOCUMENTED, tmp_path)
    done = one_logger("ranks", tmp_path)
    assert (done.code, done.err) == (1, "")
    assert done.out.count("|\n") == 8
    assert one_logger("report", tmp_path, "-o", tmp_path / "report.html").code == 0
