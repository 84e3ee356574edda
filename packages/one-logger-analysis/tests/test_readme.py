"""What the documentation says is so."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from analysis_streams import lines, write
from synthetic_plan import DOCUMENTED
from synthetic_run import write_run

from one_logger.analysis import Run
from one_logger.analysis.views import PUBLIC

PACKAGE = Path(__file__).parents[1]


def _documented(view: str) -> dict[str, str]:
    """The columns of a view and their types, as the page on views has them."""
    section = re.split(r"^## ", (PACKAGE / "docs" / "views.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    [text] = [part for part in section if part.startswith(f"{view}\n")]
    found: dict[str, str] = {}
    for names, types in re.findall(r"^\| (`.*?`) \| ([A-Z, ]+) \|", text, re.MULTILINE):
        columns, kinds = re.findall(r"`(\w+)`", names), types.split(", ")
        found.update(zip(columns, kinds if len(kinds) > 1 else kinds * len(columns), strict=True))
    return found


@pytest.mark.parametrize("view", PUBLIC)
def test_page_lists_the_columns_of_each_view(view: str, tmp_path: Path) -> None:
    """The page on views names all columns, and no others, with their types."""
    with Run.open(write(tmp_path / "a.jsonl", lines())) as run:
        columns = {name: kind for name, kind, *_ in run.sql(f"DESCRIBE SELECT * FROM {view}").fetchall()}
    documented = _documented(view)
    if view == "errors":
        documented = _documented("events") | documented
    assert documented == columns


def test_first_readme_shows_what_the_command_prints(tmp_path: Path, one_logger: Callable[..., Any]) -> None:
    """The README of the repository opens with what `show` prints in a pipe, of the run whose report is beside it."""
    write_run(DOCUMENTED, tmp_path)
    done = one_logger("show", tmp_path)
    shown, start = "\n".join(line.rstrip() for line in done.out.splitlines()), "$ one-logger show telemetry/\n"
    readme = (PACKAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    assert re.search(f"{re.escape(start)}(.*?)\n```", readme, re.DOTALL)[1] == shown  # type: ignore[index]


def test_program_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the README shows works."""
    write(tmp_path / "telemetry" / "a.jsonl", lines())
    monkeypatch.chdir(tmp_path)
    [program] = re.findall(r"^```python\n(.*?)^```$", (PACKAGE / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    exec(program, {})  # noqa: S102
