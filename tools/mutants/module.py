"""A module whose tests are tested, and what is known of its mutants."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

CONFIGURATION = Path(__file__).with_name("modules.toml")


class Mutant(NamedTuple):
    """A small change, and whether the tests have noticed it."""

    line: int
    operator: str
    before: str
    after: str
    survived: bool
    timed_out: bool


@dataclass
class Module:
    """A module, its tests, and which of its mutants make no difference.

    Attributes:
        name: What it is called on the command line.
        path: Where it is in the tree.
        tests: The files with its tests, those first that notice most in the least time.
        same: The lines as they become, by the line before, of mutants that make no difference.
    """

    name: str
    path: str
    tests: list[str]
    same: dict[str, set[str]]

    @classmethod
    def read_all(cls) -> list[Module]:
        """Those of the configuration."""
        return [cls.read(name, entry) for name, entry in tomllib.loads(CONFIGURATION.read_text()).items()]

    @classmethod
    def read(cls, name: str, entry: dict[str, Any]) -> Module:
        """Make one of an entry of the configuration."""
        same: dict[str, set[str]] = {}
        for equivalent in entry.get("same", []):
            same.setdefault(equivalent["line"], set()).update(equivalent["becomes"])
        return cls(name, entry["path"], entry["tests"], same)

    def explains(self, mutant: Mutant) -> bool:
        """Whether the mutant is one of those that make no difference."""
        return mutant.after in self.same.get(mutant.before, ())

    def unneeded(self, survivors: Iterable[Mutant]) -> list[tuple[str, str]]:
        """What is said to make no difference, but has not survived or was not made."""
        seen = {(mutant.before, mutant.after) for mutant in survivors}
        said = [(before, after) for before, afters in self.same.items() for after in afters]
        return sorted(pair for pair in said if pair not in seen)
