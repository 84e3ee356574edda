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
    function: str | None
    operator: str
    before: str
    after: str
    survived: bool
    timed_out: bool


class Same(NamedTuple):
    """A change that makes no difference: in which function, if the line is in several; the line before and after."""

    function: str | None
    before: str
    after: str

    def fits(self, mutant: Mutant) -> bool:
        """Whether the mutant is this change."""
        where = self.function is None or self.function == mutant.function
        return where and (self.before, self.after) == (mutant.before, mutant.after)


@dataclass
class Module:
    """A module, its tests, and which of its mutants make no difference.

    Attributes:
        name: What it is called on the command line.
        path: Where it is in the tree.
        tests: The files with its tests, or single tests, those first that notice most in the least time.
        same: The changes that make no difference.
    """

    name: str
    path: str
    tests: list[str]
    same: list[Same]

    @classmethod
    def read_all(cls) -> list[Module]:
        """Those of the configuration."""
        return [cls.read(name, entry) for name, entry in tomllib.loads(CONFIGURATION.read_text()).items()]

    @classmethod
    def read(cls, name: str, entry: dict[str, Any]) -> Module:
        """Make one of an entry of the configuration."""
        same = [
            Same(explained.get("in"), explained["line"], after)
            for explained in entry.get("same", [])
            for after in explained["becomes"]
        ]
        return cls(name, entry["path"], entry["tests"], same)

    def explains(self, mutant: Mutant) -> bool:
        """Whether the mutant is one of those that make no difference."""
        return any(same.fits(mutant) for same in self.same)

    def unneeded(self, survivors: Iterable[Mutant]) -> list[Same]:
        """What is said to make no difference, but has not survived or was not made."""
        found = list(survivors)
        return [same for same in self.same if not any(same.fits(mutant) for mutant in found)]
