"""A copy of the tree, for tests that break a rule in it."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The sources, the tools and their configuration, in a folder that a test may change."""
    for folder in (*ROOT.glob("packages/*/src"), ROOT / "tools"):
        ignored = shutil.ignore_patterns("__pycache__", "tests")
        shutil.copytree(folder, tmp_path / folder.relative_to(ROOT), ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path
