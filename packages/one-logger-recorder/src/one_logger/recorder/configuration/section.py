"""A part of a configuration while it is checked: an entry of a list, or a section of a file."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from one_logger.core.spi import MASK, Redactor, is_secret_name, remember_secret, safe_repr, without_user_info
from one_logger.recorder.configuration.problem import ConfigProblem, Path, Source, UnusableError
from one_logger.recorder.configuration.variables import expand, names_in

MAX_DEPTH = 32
"""The deepest nesting of values that is read."""

UNUSABLE = object()
"""Stands for a value whose problem is reported already."""

_LONGEST = 200
_MOST_BITS = 4_096  # Python refuses to write numbers of more than 4,300 digits


class Section:
    """Knows the place of a part of a configuration, which of its values are secret, and its problems.

    The paths that its methods take start at the part, not at the top of the document.
    """

    def __init__(self, source: Source, path: Path, problems: list[ConfigProblem]) -> None:
        self.source = source
        self.path = path
        self.sound = True  # no problem was found in it
        self._problems = problems
        self._redactor = Redactor()
        self._references: dict[Path, str] = {}  # the texts before their references were replaced

    def part(self, step: str | int) -> Section:
        """A part of this one, with secrets and problems of its own."""
        return Section(self.source, (*self.path, step), self._problems)

    def place(self, path: Path) -> str:
        """The place of a value, as in messages: `exporters[1].config.topic`."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path + path)
        return "".join(steps).removeprefix(".")

    def line(self, path: Path = ()) -> int | None:
        """The line of a value, if there are lines."""
        return self.source.line(self.path + path)

    def problem(self, path: Path, message: str) -> None:
        """Add a problem. The message follows the path: `is 7; expected a text.`."""
        self.sound = False
        message = self._redactor.redacted(message)
        self._problems.append(ConfigProblem(self.source.label, self.line(path), self.place(path), message))

    def mismatch(self, value: object, expected: str, path: Path = (), *, quoted: bool = True) -> None:
        """Add the problem that a value is not what was expected, unless it has one already.

        A text in the place of a mapping is not `quoted`, as it may contain secrets.
        """
        if value is not UNUSABLE:
            subject = "" if self.path + path else "The default configuration "  # of a package: a list, and no more
            given = "a text" if isinstance(value, str) and not quoted else self.shown(value, path)
            self.problem(path, f"{subject}is {given}; expected {expected}.")

    def expand(self, value: object, path: Path = (), *, literal: bool = False) -> object:
        """A copy of a value with references to variables replaced, and `UNUSABLE` where that is not possible.

        With `literal` references are kept: the value is shown, and not used.
        """
        if len(path) > MAX_DEPTH:
            self.problem(path[:3], f"is nested too deeply; at most {MAX_DEPTH} levels are read.")
            return UNUSABLE
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    self.problem(path, f"has the key {safe_repr(key, 100)}; expected texts as keys. Put it in quotes.")
            named = {str.__str__(key): item for key, item in value.items() if isinstance(key, str)}
            return {key: self.expand(item, (*path, key), literal=literal) for key, item in named.items()}
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            items = [self.expand(item, (*path, number), literal=literal) for number, item in enumerate(value)]
            return items if type(value) is list else tuple(items)
        if _is_too_long(value):
            self.problem(path, f"is a number of more than {_MOST_BITS} bits.")
            return UNUSABLE
        if isinstance(value, str) and "${" in value:
            self._references[path] = value
            try:
                value = value if literal else expand(value)
            except UnusableError as error:
                self.problem(path, str(error))
                return UNUSABLE
        if self.is_secret(path):
            self._redactor.add(value)
            remember_secret(value)
        return value

    def variables(self, path: Path) -> tuple[str, ...]:
        """The environment variables that a value refers to."""
        return names_in(self._references.get(path, ""))

    def with_placeholders(self, value: object, path: Path) -> object:
        """A value after `expand`, where braces in the values of variables are doubled, as they are no placeholders."""
        if path not in self._references or not isinstance(value, str):
            return value
        value = expand(self._references[path], double_braces=True)
        if self.is_secret(path):
            self._redactor.add(value)
        return value

    def is_secret(self, path: Path) -> bool:
        """Whether a value is secret: by its key, a key around it, or the name of its variable."""
        names = [step for step in (*self.path, *path) if isinstance(step, str)]
        return any(map(is_secret_name, [*names, *self.variables(path)]))

    def shown(self, value: object, path: Path = ()) -> str:
        """A value as text for a message. Lists and mappings are not shown, as they may contain secrets."""
        if isinstance(value, Mapping):
            return "a mapping"
        if isinstance(value, (list, tuple, set, frozenset)):
            return "a list"
        if value is None or isinstance(value, bool):
            return "null" if value is None else str(value).lower()
        if self.is_secret(path):
            return f"a secret {'text' if isinstance(value, str) else 'value'}"
        if _is_too_long(value):
            return "a very long number"
        if isinstance(value, (str, int, float)):
            text = without_user_info(safe_repr(value))
            return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
        return f"a {type(value).__qualname__}"

    def displayed(self, value: object, path: Path = ()) -> object:
        """A single value for JSON output, masked if it is secret."""
        if value is None or value is UNUSABLE:
            return None
        if isinstance(value, (bool, dict, list, tuple)):
            return value
        if self.is_secret(path):
            return MASK
        if isinstance(value, str):
            return without_user_info(value)
        if isinstance(value, float) and not isfinite(value):
            return str(value)
        return value if isinstance(value, (int, float)) else f"a {type(value).__qualname__}"


def _is_too_long(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() > _MOST_BITS


Said = tuple[object, Section]
"""A value with references replaced, and its section."""


def said(source: Source | None, key: str, problems: list[ConfigProblem]) -> list[Said]:
    """The value of a source under a top-level key: a list of one, or of none."""
    if source is None or key not in source.values:
        return []
    section = Section(source, (key,), problems)
    return [(section.expand(source.values[key]), section)]
