"""tools/check_seams.py, run on a small tree of two distributions with one rule broken."""

import subprocess
import sys
from pathlib import Path

import pytest

CORE = {
    "README.md": "The nouns: `one_logger.core`, and for those who build on them `one_logger.core.spi`.",
    "src/one_logger/core/__init__.py": (
        'from one_logger.core.noun import Noun\nfrom one_logger.core.noun import _secret\n__all__ = ["Noun"]'
    ),
    "src/one_logger/core/spi.py": 'from one_logger.core.noun import helper\n__all__ = ["helper"]',
    "src/one_logger/core/noun.py": (
        'class Noun:\n    __slots__ = ("_inner", "name")\n    def __init__(self):\n        self._inner = 1\n'
        "    def _method(self): ...\ndef helper(): ...\ndef _secret(): ..."
    ),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree in which `one-logger-user` may use what `one-logger-core` promises."""
    for file, text in CORE.items():
        add(tmp_path, f"packages/one-logger-core/{file}", text)
    add(tmp_path, "packages/one-logger-user/README.md", "")
    return tmp_path


def add(tree: Path, file: str, text: str) -> None:
    """Write a file, in a folder that need not be there yet."""
    path = tree / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def problems(tree: Path) -> list[str]:
    """The problems that the check prints for the tree."""
    command = [sys.executable, "tools/check_seams.py", str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout
    return done.stdout.splitlines() if done.returncode else []


def used(tree: Path, text: str, *, folder: str = "packages/one-logger-user") -> list[str]:
    """The problems with a distribution beside core that has one module, `one_logger.user`."""
    add(tree, f"{folder}/src/one_logger/user/module.py", text)
    return problems(tree)


ALLOWED = {
    "a promised name": "from one_logger.core import Noun\nfrom one_logger.core.spi import helper",
    "a promised module": "import one_logger.core.spi\none_logger.core.spi.helper()",
    "a module by its package": "from one_logger.core import spi\nspi.helper()",
    "a module under a name": "import one_logger.core as core\ncore.Noun()",
    "an attribute of its own": "class Own:\n    def __init__(self):\n        self._own = 1\ndef f(o): return o._own",
    "an attribute of its own that core has, too": (
        "from one_logger.core import Noun\nclass Own:\n    def __init__(self):\n        self._inner = Noun()"
    ),
    "an attribute of a third party": "from one_logger.core import Noun\nimport other\nother._thing",
    "a subclass": (
        "from one_logger.core import Noun\nclass More(Noun):\n    __slots__ = ('_own',)\n"
        "    def __init__(self):\n        super().__init__()\n        self._own = 1"
    ),
    "a private name without any import": "def f(o): return o._inner",
    "dunder names": "from one_logger.core import Noun\nNoun.__name__\ngetattr(Noun, '__doc__')",
}


@pytest.mark.parametrize("text", ALLOWED.values(), ids=ALLOWED)
def test_what_is_promised_may_be_used(tree: Path, text: str) -> None:
    """Names in `__all__`, and what a distribution has for itself, are no problem."""
    assert used(tree, text) == []


BREACHES = {
    "from a module that promises nothing": ("from one_logger.core.noun import helper", 1, "one_logger.core.noun"),
    "a module that promises nothing": ("import os\nimport one_logger.core.noun", 2, "one_logger.core.noun"),
    "such a module by its package": ("from one_logger.core import noun", 1, "one_logger.core.noun"),
    "such a module in a function": ("def f():\n    from one_logger.core import noun", 2, "one_logger.core.noun"),
    "a name that is not promised": ("from one_logger.core.spi import Noun", 1, "Noun of one_logger.core.spi"),
    "a private name": ("from one_logger.core import _secret", 1, "_secret of one_logger.core"),
    "such a name by its module": ("import one_logger.core\none_logger.core.other()", 2, "other of one_logger.core"),
    "such a name by another name": ("import one_logger.core.spi as s\n\ns.Noun", 3, "Noun of one_logger.core.spi"),
    "an attribute that is read": ("import one_logger.core\ndef f(o): return o._inner", 2, "_inner"),
    "an attribute that is set": ("import one_logger.core\ndef f(o): o._inner = 1", 2, "_inner"),
    "an attribute that is deleted": ("import one_logger.core\ndef f(o): del o._inner", 2, "_inner"),
    "a method that is called": ("import one_logger.core\ndef f(o): o._method()", 2, "_method"),
    "an attribute by getattr": ("import one_logger.core\ndef f(o): return getattr(o, '_inner')", 2, "_inner"),
    "an attribute by attrgetter": (
        "import one_logger.core, operator\nf = operator.attrgetter('_inner')",
        2,
        "_inner",
    ),
    "an attribute of a base": (
        "from one_logger.core import Noun\nclass More(Noun):\n    def f(self): return self._inner",
        3,
        "_inner",
    ),
    "a slot declared again": (
        "from one_logger.core import Noun\nclass More(Noun):\n    __slots__ = ('name',)",
        2,
        "name",
    ),
    "a slot declared again in a grandchild": (
        "from one_logger.core import Noun as N\nclass Middle(N): ...\nclass More(Middle):\n    __slots__ = ('name',)",
        3,
        "name",
    ),
    "a private method that is overridden": (
        "from one_logger.core import Noun\nclass More(Noun):\n    def _method(self): ...",
        2,
        "_method",
    ),
    "a private attribute that is set": (
        "import one_logger.core\nclass More(one_logger.core.Noun):\n    def f(self): self._inner = 2",
        2,
        "_inner",
    ),
}


@pytest.mark.parametrize(("text", "line", "named"), BREACHES.values(), ids=BREACHES)
def test_what_is_not_promised_is_named_with_its_line(tree: Path, text: str, line: int, named: str) -> None:
    """Each way to use what another distribution has for itself is a problem, in a package and in an example."""
    for folder in ("packages/one-logger-user", "examples/user"):
        (problem,) = used(tree, text, folder=folder)
        assert problem.startswith(f"{folder}/src/one_logger/user/module.py:{line}: ")
        assert f" {named}" in problem
        (tree / folder / "src/one_logger/user/module.py").unlink()


def test_a_name_that_both_have_is_used_where_it_is_defined(tree: Path) -> None:
    """In another module than that which defines it, an attribute with such a name may be one of core's."""
    own = "packages/one-logger-user/src/one_logger/user/own.py"
    add(tree, own, "from one_logger.core import Noun\nclass Own:\n    def __init__(self): self._inner = 1")
    (problem,) = used(tree, "def f(o): return o._inner")
    assert "module.py:1: " in problem
    assert "_inner" in problem


@pytest.mark.parametrize(("documented", "has_names"), [(True, False), (False, True)])
def test_a_promise_is_a_documented_module_with_names(tree: Path, documented: bool, has_names: bool) -> None:
    """A module with `__all__` that its README does not name promises nothing, and one that has no `__all__` neither."""
    own = "packages/one-logger-core/src/one_logger/core/own.py"
    add(tree, own, 'own = 1\n__all__ = ["own"]' if has_names else "own = 1")
    if documented:
        add(tree, "packages/one-logger-core/README.md", f"{CORE['README.md']} `one_logger.core.own`")
    (problem,) = used(tree, "from one_logger.core.own import own")
    assert "one_logger.core.own" in problem


def test_a_tree_without_packages_is_a_problem(tmp_path: Path) -> None:
    """Nothing to check is not the same as no problem."""
    assert len(problems(tmp_path)) == 1
