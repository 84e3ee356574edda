"""Mappings, and sequences of values of different types, as JSON text: an attribute can't hold them as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

from one_logger.core._json import value_json
from one_logger.core.text import safe_repr

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from one_logger.core.attributes import AttributeValue

MAX_CHARACTERS = 65_536
"""How long the text gets, roughly. What is more is left out, and `...` stands where something is missing."""

_MAX_DEPTH = 32
_LEAST_ITEM = 2  # characters, with the comma

Convert = Callable[[object], "AttributeValue | None"]


def is_nested(kind: type) -> bool:
    """Whether values of this type are mappings or sequences."""
    return issubclass(kind, (list, tuple, Mapping))


def json_text(value: object, convert: Convert) -> tuple[str, bool]:
    """A mapping or sequence as JSON, and whether that is more than the `repr` of what is in it.

    It is valid JSON, whatever is in it, recursive or huge. NaN and the infinities, and integers beyond 64 bits, are
    texts, as in a record.

    Args:
        value: The mapping or sequence.
        convert: Gives what is to be exported for a value that is neither; None if only its `repr` is left.
    """
    writer = _Writer(convert)
    writer.write(value, 0)
    return "".join(writer.pieces), writer.kept


class _Writer:
    def __init__(self, convert: Convert) -> None:
        self.pieces: list[str] = []
        self.kept = True
        self._convert = convert
        self._room = MAX_CHARACTERS

    def write(self, value: object, depth: int) -> None:
        if not is_nested(type(value)) or depth == _MAX_DEPTH:
            self._put(value_json(self._cut(self._plain(value))) if value is not None else "null")
        elif isinstance(value, Mapping):
            self._mapping(value, depth + 1)
        else:
            self._sequence(tuple(value), depth + 1)  # type: ignore[arg-type]  # a list or tuple

    def _mapping(self, values: Mapping[object, object], depth: int) -> None:
        # A copy, as another thread may be changing it. Of a huge one as much is looked at as there is room for.
        items = islice(dict(values).items(), max(0, self._room) // _LEAST_ITEM + 1)
        named = {self._name(name): value for name, value in items}
        self._put("{")
        for number, (name, value) in enumerate(named.items()):
            if number:
                self._put(",")
            if self._room <= 0:
                self._put('"...":"..."')
                break
            self._put(f"{value_json(self._cut(name))}:")
            self.write(value, depth)
        self._put("}")

    def _sequence(self, values: tuple[object, ...], depth: int) -> None:
        self._put("[")
        for number, value in enumerate(values):
            if number:
                self._put(",")
            if self._room <= 0:
                self._put('"..."')
                break
            self.write(value, depth)
        self._put("]")

    def _plain(self, value: object) -> AttributeValue:
        plain = self._convert(value)
        if plain is None:
            self.kept = False
            return safe_repr(value)
        return value_json(plain).strip('"') if isinstance(plain, bytes) else plain

    def _name(self, name: object) -> str:
        """The text of a key: that of JSON, if JSON knows such a value."""
        plain = "null" if name is None else self._plain(name)
        return plain if isinstance(plain, str) else value_json(plain).strip('"')

    def _cut(self, value: AttributeValue) -> AttributeValue:
        if isinstance(value, str) and len(value) > self._room:
            return f"{value[: max(self._room, 0)]}..."
        return value

    def _put(self, text: str) -> None:
        self.pieces.append(text)
        self._room -= len(text)
