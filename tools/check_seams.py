"""Distributions use of each other nothing but what is documented.

    python tools/check_seams.py [ROOT]

Distributions are installed and upgraded separately. What one of them uses of another has to stay as it is, so it has to
be what that one promises: the names in ``__all__`` of a module that its README names. This reads the sources below
ROOT/packages and ROOT/examples, prints a line for each problem, and exits with 1 if there is one:

- Of another distribution only such modules are imported, and of these only the names in ``__all__``.
- An attribute that begins with an underscore, and is defined in a distribution that is imported, is not used, neither
  by ``object._name`` nor by ``getattr(object, "_name")``. Where both define the name, it is used on ``self`` only, or
  in the module that defines it.
- A class whose base is of another distribution declares none of the slots of its base again, and defines no name of its
  own that begins with an underscore and is the base's.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

ATTRIBUTE_FUNCTIONS = ("getattr", "setattr", "delattr", "hasattr", "attrgetter", "methodcaller")


class Use(NamedTuple):
    """Something of another module that is used."""

    line: int
    module: str
    """The module, by its full name."""
    name: str | None
    """What is used of it. None: the module itself."""


class Module:
    """A module: what it promises, defines and uses.

    Args:
        file: Its file.
        name: Its full name.
        documented: Whether the README of its distribution names it.
    """

    def __init__(self, file: Path, name: str, *, documented: bool) -> None:
        self.file = file
        self.name = name
        self._documented = documented
        self._tree = ast.parse(file.read_bytes(), file)
        self._nodes = list(ast.walk(self._tree))
        self.imported = dict(self._bindings())
        self.classes = [node for node in self._nodes if isinstance(node, ast.ClassDef)]

    @cached_property
    def promised(self) -> frozenset[str] | None:
        """The names in `__all__`; None if the module is not for others."""
        for node in self._tree.body:
            if isinstance(node, ast.Assign) and any(_named(target, "__all__") for target in node.targets):
                return frozenset(_strings(node.value)) if self._documented else None
        return None

    @cached_property
    def private(self) -> frozenset[str]:
        """The names with an underscore that are defined here: of the module, its classes and their objects."""
        of_classes = {name for definition in self.classes for name in members(definition)}
        of_module = {name for node in self._tree.body for name in _defined(node)}
        return frozenset(name for name in of_classes | of_module if _is_private(name))

    def _bindings(self) -> Iterator[tuple[str, Use]]:
        """What each imported name stands for."""
        for node in self._nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    yield bound, Use(node.lineno, alias.name if alias.asname else bound, None)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                for alias in node.names:
                    yield alias.asname or alias.name, Use(node.lineno, node.module, alias.name)

    def imports(self) -> Iterator[Use]:
        """What is imported, or used by the name of a module: `import a.b` and `a.b.c` are uses of `a.b`."""
        for node in self._nodes:
            if isinstance(node, ast.Import):
                yield from (Use(node.lineno, alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                yield from (Use(node.lineno, node.module, alias.name) for alias in node.names)
            elif isinstance(node, ast.Attribute):
                dotted = self._dotted(node)
                if dotted:
                    yield Use(node.lineno, dotted.rpartition(".")[0], node.attr)

    def _dotted(self, node: ast.expr) -> str | None:
        """The full name of an expression that begins with an imported module."""
        if isinstance(node, ast.Name):
            use = self.imported.get(node.id)
            return None if use is None else ".".join(filter(None, (use.module, use.name)))
        if isinstance(node, ast.Attribute):
            base = self._dotted(node.value)
            return None if base is None else f"{base}.{node.attr}"
        return None

    def private_uses(self) -> Iterator[tuple[int, str, bool]]:
        """The line of each use of an attribute with an underscore, its name, and whether it is one of `self`."""
        for node in self._nodes:
            if isinstance(node, ast.Attribute) and _is_private(node.attr):
                yield node.lineno, node.attr, _named(node.value, "self") or _named(node.value, "cls")
            elif isinstance(node, ast.Call) and _function(node) in ATTRIBUTE_FUNCTIONS:
                texts = [text for argument in node.args for text in _strings(argument, nested=False)]
                yield from ((node.lineno, text, False) for text in texts if _is_private(text))

    def bases(self, definition: ast.ClassDef) -> Iterator[str]:
        """The names of the bases of a class, as they are defined, not as they are imported."""
        for base in definition.bases:
            name = base.value if isinstance(base, ast.Subscript) else base
            if isinstance(name, ast.Attribute):
                yield name.attr
            elif isinstance(name, ast.Name):
                use = self.imported.get(name.id)
                yield use.name if use is not None and use.name else name.id


class Distribution:
    """A distribution and its modules.

    Args:
        folder: Its folder, with `src` and README.md.
    """

    def __init__(self, folder: Path) -> None:
        self.name = folder.name
        source, readme = folder / "src", folder / "README.md"
        text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
        self.modules = {
            name: Module(file, name, documented=f"`{name}`" in text)
            for file in sorted(source.rglob("*.py"))
            for name in [_name(file, source)]
        }
        self.private = frozenset(name for module in self.modules.values() for name in module.private)
        self.classes: dict[str, tuple[Module, ast.ClassDef]] = {
            definition.name: (module, definition) for module in self.modules.values() for definition in module.classes
        }


def members(definition: ast.ClassDef) -> set[str]:
    """The names that a class gives to itself and its objects."""
    names = set(slots(definition))
    for node in definition.body:
        names.update(_defined(node))
    attributes = (node for node in ast.walk(definition) if isinstance(node, ast.Attribute))
    names.update(node.attr for node in attributes if isinstance(node.ctx, ast.Store) and _named(node.value, "self"))
    return names


def slots(definition: ast.ClassDef) -> list[str]:
    """The names in `__slots__` of a class."""
    for node in definition.body:
        if isinstance(node, ast.Assign) and any(_named(target, "__slots__") for target in node.targets):
            return list(_strings(node.value))
    return []


def problems(distributions: list[Distribution]) -> Iterator[tuple[Path, int, str]]:
    """The file, line and sentence of each problem."""
    for own in distributions:
        used = {use.module for module in own.modules.values() for use in module.imports()}
        foreign = {
            name: module for other in distributions if other is not own for name, module in other.modules.items()
        }
        beneath = [other for other in distributions if other is not own and used & set(other.modules)]
        for module in own.modules.values():
            found: dict[str, int] = {}
            for line, sentence in (
                *_imports(module, foreign),
                *_attributes(module, own, beneath),
                *_overrides(module, own, beneath),
            ):
                found[sentence] = min(line, found.get(sentence, line))
            yield from ((module.file, line, sentence) for sentence, line in found.items())


def _imports(module: Module, foreign: Mapping[str, Module]) -> Iterator[tuple[int, str]]:
    for line, origin, what in module.imports():
        inner = f"{origin}.{what}"  # `from package import module`
        used, name = (inner, None) if inner in foreign else (origin, what)
        if used not in foreign:
            continue
        promised = foreign[used].promised
        if promised is None:
            yield line, f"{module.name} uses {used}, which is not documented: no `__all__`, or not in its README."
        elif name is not None and name not in promised and name != "*":
            yield line, f"{module.name} uses {name} of {used}, which is not in its __all__."


def _attributes(module: Module, own: Distribution, others: list[Distribution]) -> Iterator[tuple[int, str]]:
    for line, name, of_self in module.private_uses():
        home = next((other.name for other in others if name in other.private), None)
        if home is None or name in module.private or (of_self and name in own.private):
            continue
        yield line, f"{module.name} uses the attribute {name}, which {home} defines for itself."


def _overrides(module: Module, own: Distribution, others: list[Distribution]) -> Iterator[tuple[int, str]]:
    for definition in module.classes:
        for home, base in _foreign_bases(module, definition, own, others):
            again = set(slots(definition)) & set(slots(base))
            hidden = {name for name in members(definition) & members(base) if _is_private(name)} - again
            for name in sorted(again):
                yield definition.lineno, f"{definition.name} declares the slot {name} of {base.name} ({home}) again."
            for name in sorted(hidden):
                yield definition.lineno, f"{definition.name} defines {name}, which {base.name} ({home}) has for itself."


def _foreign_bases(
    module: Module, definition: ast.ClassDef, own: Distribution, others: list[Distribution]
) -> Iterator[tuple[str, ast.ClassDef]]:
    """The bases of a class that are of other distributions, directly or by way of another base."""
    for name in module.bases(definition):
        here = own.classes.get(name)
        if here is not None and here[1] is not definition:
            yield from _foreign_bases(*here, own, others)
            continue
        for other in others:
            if name in other.classes:
                base_module, base = other.classes[name]
                yield other.name, base
                yield from _foreign_bases(base_module, base, other, [each for each in others if each is not other])


def _defined(node: ast.stmt) -> Iterator[str]:
    """The names that a statement in the body of a module or class defines."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))


def _strings(node: ast.AST, *, nested: bool = True) -> Iterator[str]:
    found = ast.walk(node) if nested else [node]
    return (each.value for each in found if isinstance(each, ast.Constant) and isinstance(each.value, str))


def _function(node: ast.Call) -> str | None:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else None


def _named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def _name(file: Path, source: Path) -> str:
    path = file.parent if file.stem == "__init__" else file.with_suffix("")
    return ".".join(path.relative_to(source).parts)


def main() -> int:
    """Print the problems of the tree named on the command line, or of this one."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    folders = sorted(folder.parent for pattern in ("packages/*/src", "examples/*/src") for folder in root.glob(pattern))
    if not folders:
        print(f"{root} has no packages/*/src: there is nothing to check.")
        return 1
    distributions = [Distribution(folder) for folder in folders]
    lines = [f"{file.relative_to(root)}:{line}: {sentence}" for file, line, sentence in problems(distributions)]
    print("\n".join(lines) or f"{len(distributions)} distributions: no problem.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
