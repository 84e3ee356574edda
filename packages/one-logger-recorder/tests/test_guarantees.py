"""The page of guarantees: each promise has a test that is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[2]
PAGE = (PACKAGES / "one-logger-recorder/docs/guarantees.md").read_text(encoding="utf-8")
PROMISES, NOT_PROMISED = PAGE.split("\n## The numbers\n")
NAMED = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PROMISES)


@pytest.mark.parametrize(("file", "test"), sorted(set(NAMED)))
def test_a_test_that_the_page_names_exists(file: str, test: str) -> None:
    """A promise names a test of this distribution, or of core, that pytest finds."""
    paths = [path for name in ("recorder", "core") if (path := PACKAGES / f"one-logger-{name}/tests/{file}").exists()]
    functions = [node.name for path in paths for node in ast.parse(path.read_text()).body if hasattr(node, "name")]
    assert functions.count(test) == 1


def test_each_promise_names_a_test() -> None:
    """No row of the tables of promises is without a test."""
    rows = [row for row in PROMISES.splitlines() if re.match(r"\| (?!promise|how|---)", row)]
    assert len(rows) == len(NAMED) > 40
    assert all(re.search(r"\| `[\w/]+\.py::test_\w+` \|$", row) for row in rows)
    assert "::test_" not in NOT_PROMISED
