"""What the import contracts cannot see: the standard library alone, and the shape of the namespace packages.

    python tools/check_portions.py [ROOT]

Prints a line for each problem in ROOT/packages, and exits with 1 if there is one:

- core, its exporters, api and the training telemetry import the standard library and what BENEATH and EXTRAS list,
  nothing else. An import inside a function or under TYPE_CHECKING counts as well. (Import-linter's contracts only know
  what is forbidden.)
- No distribution has an ``__init__.py`` in a namespace package: it would hide the portions of all others.
- Every folder with Python files below it has an ``__init__.py``: import-linter looks into no folder without one.
- Every portion has a ``py.typed``, without which type checkers ignore its annotations.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

NAMESPACES = ("one_logger", "one_logger.exporter")

# The portions held to the standard library, by distribution, each with the portions of ours it may import.
BENEATH: dict[str, dict[str, tuple[str, ...]]] = {
    "one-logger-core": {
        "one_logger.core": (),
        "one_logger.exporter.file": ("one_logger.core",),
        "one_logger.exporter.logger": ("one_logger.core",),
        "one_logger.exporter.memory": ("one_logger.core",),
    },
    "one-logger-api": {"one_logger.api": ("one_logger.core",)},
    "one-logger-training-telemetry": {"one_logger.training_telemetry": ("one_logger.api", "one_logger.core")},
}

# What a module may import beside, where it is installed: the extras of its distribution.
EXTRAS = {"one_logger.core._json": "orjson", "one_logger.core.reader": "orjson"}


def main() -> int:
    """Print the problems of the tree named on the command line, or of this one."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    sources = sorted(root.glob("packages/*/src"))
    if not sources:
        print(f"{root} has no packages/*/src: there is nothing to check.")
        return 1
    problems = [f"{path.relative_to(root)}{rest}" for src in sources for path, rest in _problems(src)]
    print("\n".join(problems) or f"{len(sources)} distributions: no problem.")
    return 1 if problems else 0


def _problems(src: Path) -> Iterator[tuple[Path, str]]:
    yield from _shape(src)
    beneath = BENEATH.get(src.parent.name)
    if beneath is not None:
        for file in sorted(src.rglob("*.py")):
            yield from _imports(file, src, beneath)


def _shape(src: Path) -> Iterator[tuple[Path, str]]:
    namespaces = [src / name.replace(".", "/") for name in NAMESPACES]
    for folder in sorted({parent for file in src.rglob("*.py") for parent in file.parents if src in parent.parents}):
        if folder in namespaces:
            for file in sorted(folder.glob("*.py")):
                yield file, f":1: {_dotted(folder, src)} is a namespace package: no module may stand in it."
            continue
        if not (folder / "__init__.py").is_file():
            yield folder, ": This folder has Python files below it but no __init__.py, so no contract applies to them."
        if folder.parent in namespaces and not (folder / "py.typed").is_file():
            yield folder, ": This portion has no py.typed, so type checkers ignore its annotations."


def _imports(file: Path, src: Path, beneath: dict[str, tuple[str, ...]]) -> Iterator[tuple[Path, str]]:
    module = _dotted(file.with_suffix("") if file.stem != "__init__" else file.parent, src)
    portion = next((name for name in beneath if _within(module, name)), None)
    if portion is None:
        yield file, f":1: {module} is in no portion that BENEATH in tools/check_portions.py lists."
        return
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    for line, imported in _imported(ast.parse(file.read_bytes(), file), package):
        if imported.partition(".")[0] in sys.stdlib_module_names or imported == EXTRAS.get(module):
            continue
        if not any(_within(imported, name) for name in (portion, *beneath[portion])):
            allowed = " and ".join(("the standard library", *beneath[portion]))
            yield file, f":{line}: {module} imports {imported}, but {portion} may import {allowed} only."


def _imported(tree: ast.Module, package: str) -> Iterator[tuple[int, str]]:
    """The line and the absolute name of every module that is imported, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            # From a namespace package one imports portions: it has nothing else.
            names = [f"{base}.{alias.name}" for alias in node.names] if base in NAMESPACES else [base]
            yield from ((node.lineno, name) for name in names)


def _dotted(path: Path, src: Path) -> str:
    return ".".join(path.relative_to(src).parts)


def _within(module: str, portion: str) -> bool:
    return f"{module}.".startswith(f"{portion}.")


if __name__ == "__main__":
    sys.exit(main())
