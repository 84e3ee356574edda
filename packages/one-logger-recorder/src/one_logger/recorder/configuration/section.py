"""A part of a configuration while it is being checked: an entry, or a section of a file."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from one_logger.core.spi import safe_repr
from one_logger.recorder.configuration.masking import MASK, Redactor, is_secret_name, without_user_info
from one_logger.recorder.configuration.problem import ConfigProblem, Path, Source, path_text
from one_logger.recorder.configuration.variables import VariableError, expand, names_in

MAX_DEPTH = 32
"""How deep values may be nested."""

_LONGEST = 200
_MOST_BITS = 4_096  # Python refuses to write numbers of more than 4,300 digits


class Unusable:
    """Stands for a value whose problem is known already, so that it is not reported twice."""


UNUSABLE = Unusable()


class Section:
    """Knows where a part of a configuration stands, what in it is secret, and what is wrong with it.

    Paths given to it start at the part, not at the top of the document.

    Args:
        source: Where it comes from.
        path: Where it stands in there.
        problems: Where to put problems.
    """

    def __init__(self, source: Source, path: Path, problems: list[ConfigProblem]) -> None:
        self.source = source
        self.path = path
        self.redactor = Redactor()
        self._problems = problems
        self._literal = False
        self._variables: dict[Path, tuple[str, ...]] = {}
        self.sound = True

    def problem(self, path: Path, message: str) -> None:
        """Note a problem. Its message goes on where the path ends: `is 7; expected a text.` is one."""
        whole = self.path + path
        self.sound = False
        self._problems.append(
            ConfigProblem(self.source.label, self.source.line(whole), path_text(whole), self.redactor.redacted(message))
        )

    def expand(self, value: object, path: Path = ()) -> object:
        """A copy of a value in which every reference to a variable is replaced, `UNUSABLE` where that cannot be."""
        if len(path) > MAX_DEPTH:
            self.problem(path[:3], f"is nested too deeply; at most {MAX_DEPTH} levels are read.")
            return UNUSABLE
        if isinstance(value, Mapping):
            return self._expand_mapping(value, path)
        if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
            items = [self.expand(item, (*path, number)) for number, item in enumerate(value)]
            return items if type(value) is list else tuple(items)
        if _is_too_long(value):
            self.problem(path, f"is a number of more than {_MOST_BITS} bits.")
            return UNUSABLE
        if isinstance(value, str) and "${" in value:
            self._variables[path] = names_in(value)
            if self._literal:
                return value
            try:
                value = expand(value)
            except VariableError as error:
                self.problem(path, str(error))
                return UNUSABLE
        if self.is_secret(path):
            self.redactor.add(value)
        return value

    def _expand_mapping(self, values: Mapping[object, object], path: Path) -> dict[str, object]:
        copy: dict[str, object] = {}
        for key, value in values.items():
            if isinstance(key, str):
                copy[key] = self.expand(value, (*path, key))
            else:
                self.problem(path, f"has the key {safe_repr(key, 100)}; expected texts as keys. Put it in quotes.")
        return copy

    def take_literally(self, values: Mapping[str, object], path: Path) -> object:
        """A copy of values in which references stay as they are, of what will not be used but may be shown."""
        self._literal = True
        try:
            return self.expand(values, path)
        finally:
            self._literal = False

    def variables(self, path: Path) -> tuple[str, ...]:
        """The environment variables that a value refers to."""
        return self._variables.get(path, ())

    def is_secret(self, path: Path) -> bool:
        """Whether a value is to be kept out of messages: by its key, a key around it, or its variable's name."""
        names = [step for step in (*self.path, *path) if isinstance(step, str)]
        return any(map(is_secret_name, [*names, *self.variables(path)]))

    def shown(self, value: object, path: Path) -> str:
        """A value as it may stand in a message. Of lists and mappings only that: something in them may be secret."""
        if isinstance(value, Mapping):
            return "a mapping"
        if isinstance(value, (list, tuple, set, frozenset)):
            return "a list"
        if value is None:
            return "null"
        if isinstance(value, bool):
            return str(value).lower()
        if self.is_secret(path):
            return f"a secret {'text' if isinstance(value, str) else 'value'}"
        if _is_too_long(value):
            return "a very long number"
        if isinstance(value, (str, int, float)):
            text = without_user_info(safe_repr(value))
            return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
        return f"a {type(value).__qualname__}"

    def displayed(self, value: object, path: Path = ()) -> object:
        """A value as it may be printed: made of what JSON knows, secrets masked."""
        if isinstance(value, Mapping):
            return {key: self.displayed(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.displayed(item, (*path, number)) for number, item in enumerate(value)]
        if value is None or isinstance(value, bool):
            return value
        if value is UNUSABLE:
            return None
        if self.is_secret(path):
            return MASK
        if isinstance(value, int):
            return value
        if isinstance(value, float):
            return value if isfinite(value) else str(value)
        return without_user_info(value) if isinstance(value, str) else f"a {type(value).__qualname__}"


def _is_too_long(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() > _MOST_BITS
