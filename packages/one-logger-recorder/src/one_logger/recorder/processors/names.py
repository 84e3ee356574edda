"""Names that are given exactly or by a pattern."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate

from one_logger.core import OneLoggerError

Names = str | Sequence[str]
"""A name or pattern, or several: `*` stands for any text, `?` for one character, `[abc]` for one of these."""

MAX_CACHED = 1_024
"""Of how many names it is remembered whether they match. Those that come later are matched anew each time."""


class NamePattern:
    """Names and patterns. What matches is remembered, so that asking again is one look-up.

    Patterns are those of Python's `fnmatch`, and upper and lower case differ.

    Args:
        argument: What the names were given as, for messages.
        names: The names and patterns.

    Raises:
        OneLoggerError: `names` is neither a text nor a list of texts.
    """

    def __init__(self, argument: str, names: Names) -> None:
        patterns = [names] if isinstance(names, str) else names
        if not isinstance(patterns, Sequence) or not all(isinstance(pattern, str) for pattern in patterns):
            raise OneLoggerError(
                f"{argument} is {names!r:.100}; expected a name, a pattern such as 'load_*', or a list of them."
            )
        self._match = re.compile("|".join(map(translate, patterns)) or r"(?!)").match
        self._known: dict[str, bool] = {}

    def matches(self, name: str) -> bool:
        """Whether one of them is this name, or stands for it."""
        known = self._known.get(name)
        if known is None:
            known = self._match(name) is not None
            if len(self._known) < MAX_CACHED:
                self._known[name] = known
        return known


class NameFilter:
    """Which names are wanted.

    Args:
        include: The names that are wanted. None: all.
        exclude: Of these, the ones that are not.

    Raises:
        OneLoggerError: An argument is neither a text nor a list of texts.
    """

    def __init__(self, include: Names | None, exclude: Names) -> None:
        self._include = NamePattern("include", "*" if include is None else include)
        self._exclude = NamePattern("exclude", exclude)
        self._known: dict[str, bool] = {}

    def wants(self, name: str) -> bool:
        """Whether this name is wanted."""
        known = self._known.get(name)
        if known is None:
            known = self._include.matches(name) and not self._exclude.matches(name)
            if len(self._known) < MAX_CACHED:
                self._known[name] = known
        return known
