"""Names that are given exactly or by a pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from one_logger.core import OneLoggerError
from one_logger.core.spi import name_text, shown

if TYPE_CHECKING:
    Name = str | Enum
    Names = Name | Sequence[Name]
else:  # what a configuration file can hold
    Name = str
    Names = str | Sequence[str]

MAX_CACHED = 1_024
"""For how many names it is remembered whether they match. Further names are matched each time."""

_WILDCARDS = {"*": ".*", "?": "."}


class NamePattern:
    """Names and patterns. Results are remembered, so that asking again is one look-up.

    In a pattern `*` stands for any text, also an empty one, and `?` for one character. Every other character stands for
    itself, brackets too: `layer[0]` is the name `layer[0]`. Upper and lower case differ.
    """

    def __init__(self, argument: str, names: Names) -> None:
        given = names if isinstance(names, Sequence) and not isinstance(names, str) else [names]
        patterns = [text for text in map(name_text, given) if text is not None]
        if len(patterns) < len(given):
            raise OneLoggerError(
                f"{argument} is {shown(names)}; expected a name, a pattern such as 'load_*', or a list of them."
            )
        self._match = re.compile("|".join(map(_expression, patterns)) or r"(?!)", re.DOTALL).fullmatch
        self._known: dict[str, bool] = {}

    def matches(self, name: str) -> bool:
        """Whether one of the names or patterns matches this name."""
        known = self._known.get(name)
        if known is None:
            known = self._asked(name)
            if len(self._known) < MAX_CACHED:
                self._known[name] = known
        return known

    def _asked(self, name: str) -> bool:
        return self._match(name) is not None


def _expression(pattern: str) -> str:
    return "".join(_WILDCARDS.get(character) or re.escape(character) for character in pattern)


class NameFilter(NamePattern):
    """Matches the names that are included and not excluded."""

    def __init__(self, include: Names | None, exclude: Names) -> None:
        super().__init__("include", "*" if include is None else include)
        self._exclude = NamePattern("exclude", exclude)

    def _asked(self, name: str) -> bool:
        return super()._asked(name) and not self._exclude.matches(name)
