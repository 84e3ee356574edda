"""Problems of a configuration, and their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from one_logger.core import OneLoggerError
from one_logger.core.spi import encodable

Path = tuple[str | int, ...]
"""The way from the top of a document to a value in it: keys of mappings, and numbers of list items from 0."""


class Source(NamedTuple):
    """A source of configuration: the code, a file, or an installed package."""

    label: str
    """Its name in messages: of a file, the path."""
    values: Mapping[str, object] = {}
    """Its values by the top-level keys of a file."""
    lines: Mapping[Path, int] = {}
    """The line of each value in a file, from 1."""

    def line(self, path: Path) -> int | None:
        """The line of a value or, if it is missing, of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


class ConfigProblem(NamedTuple):
    """One problem of a configuration."""

    source: str
    """Where it was found: a file, a package, the code."""
    line: int | None
    """The line in the file, from 1."""
    path: str
    """The place in the source, such as `exporters[1].config.topic`. Empty: the whole source."""
    message: str
    """What was given, and what was expected."""

    def __str__(self) -> str:
        line = "" if self.line is None else f", line {self.line}"
        path = f"{self.path} " if self.path else ""
        return f"{self.source}{line}: {path}{self.message}"


class ExporterConfigError(OneLoggerError):
    """A configuration cannot be used. The text lists all its problems, without secrets.

    Args:
        problems: The problems, in any order.
    """

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        problems = [
            ConfigProblem(encodable(source), line, encodable(path), encodable(message))
            for source, line, path, message in problems
        ]
        sources = list(dict.fromkeys(problem.source for problem in problems))
        super().__init__(tuple(sorted(problems, key=lambda each: (sources.index(each.source), each.line or 0))))

    @property
    def problems(self) -> tuple[ConfigProblem, ...]:
        """The problems, by source and line."""
        problems: tuple[ConfigProblem, ...] = self.args[0]
        return problems

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"The configuration of one-logger has a problem: {self.problems[0]}"
        lines = "".join(f"\n- {problem}" for problem in self.problems)
        return f"The configuration of one-logger has {len(self.problems)} problems:{lines}"


class UnusableError(Exception):
    """Something that a configuration has or names can't be used: why, and in which line if that is known.

    The message is a sentence, or follows the place.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def code_source(**values: object) -> Source:
    """The code as a source, with the arguments that are not None."""
    return Source("the code", {key: value for key, value in values.items() if value is not None})
