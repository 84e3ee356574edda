"""`compare`: what is slower in the second run, and what is noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from synthetic_plan import Names, Plan, StarvingData
from synthetic_run import write_run

from one_logger.analysis.comparison import mann_whitney
from one_logger.analysis.schemas import command_schema

OneLogger = Callable[..., Any]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs that differ by noise alone, and one in which loading data takes longer."""
    folder = tmp_path_factory.mktemp("runs")
    write_run(Plan(ranks=4, steps=100, seed=1), folder / "a")
    write_run(Plan(ranks=4, steps=100, seed=2), folder / "same")
    write_run(Plan(ranks=4, steps=100, seed=3, causes=[StarvingData(0.3)]), folder / "slower")
    return folder


def test_noise_is_said_to_be_noise(one_logger: OneLogger, runs: Path) -> None:
    """Two runs of the same job differ, and not one of the differences counts."""
    done = one_logger("compare", runs / "a", runs / "same", "--fail-over", "10%")
    assert done.code == 0
    assert "No span differs by 10 % or more in a way that isn't noise." in done.out
    assert "noise" in done.out
    assert "One run each" in done.out


def test_what_is_slower_is_named_and_fails(one_logger: OneLogger, runs: Path) -> None:
    """What takes longer is named with by how much; with --fail-over that gives 1, without it 0."""
    done = one_logger("compare", runs / "a", runs / "slower")
    assert done.code == 0
    assert "B is slower in " in done.out
    assert one_logger("compare", runs / "a", runs / "slower", "--fail-over", "10%").code == 1
    assert one_logger("compare", runs / "a", runs / "slower", "--fail-over", "2000%").code == 0
    assert one_logger("compare", runs / "slower", runs / "a", "--fail-over", "10%").code == 0
    answer = one_logger("compare", runs / "a", runs / "slower", "--json").json
    jsonschema.validate(answer, command_schema("compare"))
    assert sorted(answer["slower"]) == ["data_loading", "training_single_iteration"]
    judged = {name["name"]: name["judgement"] for name in answer["names"]}
    assert judged["model_forward"] == "noise"
    assert judged["training_loop"] == "too few"


def test_names_of_one_run_alone_are_said(one_logger: OneLogger, runs: Path, tmp_path: Path) -> None:
    """A name that only one of the runs has is no difference in time."""
    write_run(Plan(ranks=4, steps=100, seed=4, names=Names(step="iteration")), tmp_path)
    answer = one_logger("compare", runs / "a", tmp_path, "--json").json
    judged = {name["name"]: name["judgement"] for name in answer["names"]}
    assert (judged["training_single_iteration"], judged["iteration"]) == ("only in A", "only in B")


@pytest.mark.parametrize("limit", ["10 per cent", "-3%", "0", "x%", ""])
def test_a_limit_that_is_no_percentage_is_refused(one_logger: OneLogger, runs: Path, limit: str) -> None:
    """A wrong limit is said, with how one is written, and never gives the code of a finding."""
    done = one_logger("compare", runs / "a", runs / "same", "--fail-over", limit)
    assert done.code == 2
    assert "Write one like 10%." in done.err


def test_a_run_that_is_not_there_is_said(one_logger: OneLogger, runs: Path) -> None:
    """A missing run gives 2 and its path."""
    done = one_logger("compare", runs / "a", runs / "none")
    assert done.code == 2
    assert "none" in done.err


@pytest.mark.parametrize(
    ("a", "b", "p"),
    [
        # From scipy.stats.mannwhitneyu(a, b, method="asymptotic") of SciPy 1.16.
        ([4, 18, 27, 25], [9, 21, 12, 36, 33], 0.7133031738784577),
        ([15, 20, 12, 25, 6, 3, 15, 0], [29, 32, 5, 33, 22, 19, 11, 25, 6], 0.1351135583497743),
        ([1, 1, 1], [1, 1, 1], 1.0),
    ],
)
def test_the_test_is_that_of_mann_and_whitney(a: list[int], b: list[int], p: float) -> None:
    """The p-value agrees with SciPy's, ties included."""
    assert mann_whitney(a, b) == pytest.approx(p, rel=1e-9)
