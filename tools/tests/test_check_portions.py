"""tools/check_portions.py, run on a copy of the tree with one rule broken."""

import subprocess
import sys
from pathlib import Path

import pytest

CORE = "packages/one-logger-core/src/one_logger/core"
FILE = "packages/one-logger-core/src/one_logger/exporter/file"
API = "packages/one-logger-api/src/one_logger/api"
RECORDER = "packages/one-logger-recorder/src/one_logger/recorder"


def problems(tree: Path) -> list[str]:
    """The problems that the check prints for the tree."""
    command = [sys.executable, "tools/check_portions.py", str(tree)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    return lines if done.returncode else []


def add(tree: Path, file: str, text: str = "") -> None:
    """Write a file, in a folder that need not be there yet."""
    path = tree / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_tree_as_it_is_has_no_problem(tree: Path) -> None:
    """Nothing is wrong with an unchanged copy."""
    assert problems(tree) == []


@pytest.mark.parametrize(
    ("file", "text", "line", "imported", "allowed"),
    [
        (f"{CORE}/added.py", "import yaml", 1, "yaml", "the standard library"),
        (f"{CORE}/added.py", "import json, yaml.nodes", 1, "yaml.nodes", "the standard library"),
        (f"{CORE}/added.py", "from one_logger import api", 1, "one_logger.api", "the standard library"),
        (f"{CORE}/sub/__init__.py", "from ... import api", 1, "one_logger.api", "the standard library"),
        (f"{CORE}/added.py", "def late() -> None:\n    import numpy", 2, "numpy", "the standard library"),
        (
            f"{CORE}/added.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from numpy.typing import ArrayLike",
            3,
            "numpy.typing",
            "the standard library",
        ),
        (f"{FILE}/added.py", "import orjson", 1, "orjson", "the standard library and one_logger.core"),
        (
            f"{FILE}/added.py",
            "from one_logger.exporter import memory",
            1,
            "one_logger.exporter.memory",
            "the standard library and one_logger.core",
        ),
        (
            f"{API}/added.py",
            "from one_logger.recorder import DefaultRecorder",
            1,
            "one_logger.recorder",
            "the standard library and one_logger.core",
        ),
    ],
)
def test_an_import_that_is_not_allowed_is_named_with_its_line(
    tree: Path, file: str, text: str, line: int, imported: str, allowed: str
) -> None:
    """Core, its exporters and api import the standard library and what is beneath them, wherever the import stands."""
    add(tree, file, text)
    (problem,) = problems(tree)
    assert problem.startswith(f"{file}:{line}: ")
    assert f" imports {imported}, but " in problem
    assert problem.endswith(f" may import {allowed} only.")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (f"{CORE}/added.py", "import os.path, json\nfrom collections.abc import Mapping"),
        (f"{CORE}/added.py", "from . import added\nfrom .added import x\nfrom one_logger import core"),
        (f"{CORE}/sub/__init__.py", "from .. import added\nfrom ..added import x"),
        (f"{FILE}/added.py", "from one_logger import core\nfrom one_logger.core.errors import ExportError"),
        (f"{API}/added.py", "import one_logger.core\nfrom one_logger.api import added"),
        (f"{RECORDER}/added.py", "import yaml"),
    ],
)
def test_an_allowed_import_is_no_problem(tree: Path, file: str, text: str) -> None:
    """The standard library, the portion itself and what is beneath it may be imported; the recorder may more."""
    add(tree, file, text)
    assert problems(tree) == []


@pytest.mark.parametrize("namespace", ["one_logger", "one_logger/exporter"])
@pytest.mark.parametrize("package", ["one-logger-core", "one-logger-recorder"])
def test_an_init_in_a_namespace_is_a_problem(tree: Path, namespace: str, package: str) -> None:
    """An ``__init__.py`` in a namespace package is reported, in whichever distribution."""
    file = f"packages/{package}/src/{namespace}/__init__.py"
    add(tree, file)
    (problem, *_) = problems(tree)
    assert problem == f"{file}:1: {namespace.replace('/', '.')} is a namespace package: no module may stand in it."


@pytest.mark.parametrize(
    ("file", "folder"),
    [
        (f"{RECORDER}/sub/added.py", f"{RECORDER}/sub"),
        (f"{RECORDER}/sub/deeper/__init__.py", f"{RECORDER}/sub"),
        (f"{CORE}/sub/added.py", f"{CORE}/sub"),
    ],
)
def test_a_folder_without_init_is_a_problem(tree: Path, file: str, folder: str) -> None:
    """A folder that import-linter would silently pass over is reported."""
    add(tree, file)
    assert problems(tree) == [
        f"{folder}: This folder has Python files below it but no __init__.py, so no contract applies to them."
    ]


@pytest.mark.parametrize("portion", [CORE, FILE, API, RECORDER])
def test_a_portion_without_py_typed_is_a_problem(tree: Path, portion: str) -> None:
    """Each portion needs its own ``py.typed``."""
    (tree / portion / "py.typed").unlink()
    assert problems(tree) == [f"{portion}: This portion has no py.typed, so type checkers ignore its annotations."]


def test_a_portion_listed_nowhere_is_a_problem(tree: Path) -> None:
    """A new portion in a distribution that is held to the standard library can't escape by not being listed."""
    stray = "packages/one-logger-core/src/one_logger/stray"
    add(tree, f"{stray}/py.typed")
    add(tree, f"{stray}/__init__.py")
    (problem,) = problems(tree)
    assert (
        problem
        == f"{stray}/__init__.py:1: one_logger.stray is in no portion that BENEATH in tools/check_portions.py lists."
    )


def test_a_tree_without_packages_is_a_problem(tmp_path: Path, tree: Path) -> None:
    """A check that finds nothing to look at fails: it would pass whatever the code did."""
    (tree / "packages").rename(tmp_path / "elsewhere")
    (problem,) = problems(tree)
    assert problem == f"{tree} has no packages/*/src: there is nothing to check."
