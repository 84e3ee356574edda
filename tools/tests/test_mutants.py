"""tools/mutants: which changes it takes for harmless, and whether its configuration fits the tree."""

from pathlib import Path

import pytest

from tools.mutants.module import Module, Mutant, Same

ROOT = Path(__file__).resolve().parents[2]
MODULES = Module.read_all()
ENTRY = {"path": "a.py", "tests": [], "same": [{"line": "x < 1", "becomes": ["x <= 1", "x != 1"], "why": "x is 2."}]}


def _survivor(before: str, after: str, function: str | None = None) -> Mutant:
    return Mutant(1, function, "some", before, after, survived=True, timed_out=False)


def test_a_change_that_is_named_makes_no_difference() -> None:
    """A mutant is explained if its line, before and after, is in the configuration."""
    module = Module.read("a", ENTRY)
    assert module.explains(_survivor("x < 1", "x <= 1"))
    assert not module.explains(_survivor("x < 1", "x >= 1"))
    assert not module.explains(_survivor("y < 1", "x <= 1"))


def test_a_change_may_be_named_for_one_function() -> None:
    """Where a line is in several functions, an entry explains it in the one that it names."""
    module = Module.read("a", {**ENTRY, "same": [{"in": "f", "line": "x", "becomes": ["y"], "why": "In f it is."}]})
    assert module.explains(_survivor("x", "y", "f"))
    assert not module.explains(_survivor("x", "y", "g"))


def test_an_entry_that_no_survivor_needs_is_found() -> None:
    """What is explained and has not survived is named, so that the configuration does not outlive the code."""
    module = Module.read("a", ENTRY)
    survivors = [_survivor("x < 1", "x <= 1")]
    assert module.unneeded(survivors) == [Same(None, "x < 1", "x != 1")]
    assert module.unneeded([*survivors, _survivor("x < 1", "x != 1")]) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_configuration_fits_the_tree(module: Module) -> None:
    """The module and its tests are there, and each line that is explained is in the module."""
    lines = [line.strip() for line in (ROOT / module.path).read_text().splitlines()]
    assert [test for test in module.tests if not _is_there(test)] == []
    assert [same for same in module.same if same.before not in lines] == []


def _is_there(test: str) -> bool:
    """Whether there is a file of tests, or a test in it."""
    path, _, function = test.partition("::")
    return (ROOT / path).is_file() and f"def {function}" in (ROOT / path).read_text()
