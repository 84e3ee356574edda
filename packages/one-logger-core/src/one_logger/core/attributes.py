"""Attributes: the properties of spans, events and resources."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView

from one_logger.core import diagnostics
from one_logger.core._conversion import attribute_name, attribute_value, converted
from one_logger.core.errors import OneLoggerError
from one_logger.core.interruption import let_pass, read
from one_logger.core.text import name_text, safe_repr

AttributeValue = (
    str
    | bool
    | int
    | float
    | bytes
    | Sequence[str]
    | Sequence[bool]
    | Sequence[int]
    | Sequence[float]
    | Sequence[bytes]
)
"""What an attribute holds: OpenTelemetry's attribute value types (Common concepts, section "Attribute")."""

_EXACT = frozenset((str, int, float, bool, bytes))
_EMPTY: dict[str, AttributeValue] = {}


class Attributes(Mapping[str, AttributeValue]):
    """Properties by name. Immutable. The mapping that it is made from is copied, and is equal to it.

    Values of other types never raise and are never read from an accelerator. They are converted:

    - a numpy scalar becomes its Python value, a short one-dimensional numpy array a sequence;
    - an `Enum` becomes its value; a path, UUID, date, time or time span its text; a `bytearray` becomes `bytes`;
    - a sequence of integers and floats becomes a sequence of floats;
    - a mapping, and a sequence of values of other different types, becomes a text of JSON, in which None is `null`, and
      NaN, the infinities and integers beyond 64 bits are texts; beyond 65,536 characters `...` stands for the rest;
    - an attribute that is None is left out;
    - a tensor or array that may live on an accelerator becomes a text that says it was not read;
    - anything else becomes its `repr`, cut at 1,024 characters. The first such conversion for a name is logged.

    If `values` is no mapping, its `repr` becomes the one attribute `one_logger.invalid_attributes`. The first time is
    logged.

    Args:
        values: The properties. Any mapping.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object] | None = None) -> None:
        try:
            self._values = take_attributes(values)
        except OneLoggerError as error:
            diagnostics.report("invalid attributes", str(error))
            self._values = salvage_attributes(values)

    @classmethod
    def of_taken(cls, values: dict[str, AttributeValue]) -> Attributes:
        """Wrap a dict that `take_attributes` returned, without a check or a copy."""
        attributes = cls.__new__(cls)
        attributes._values = values
        return attributes

    def __getitem__(self, name: str) -> AttributeValue:
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._values.keys()

    def values(self) -> ValuesView[AttributeValue]:
        """The values."""
        return self._values.values()

    def items(self) -> ItemsView[str, AttributeValue]:
        """The names and values."""
        return self._values.items()

    def __eq__(self, other: object) -> bool:
        """Whether `other` is a mapping that makes equal attributes, such as the one that made these."""
        if type(other) is Attributes:
            return self._values == other._values
        if not issubclass(type(other), Mapping):
            return NotImplemented
        given = {name: value for name, value in read_mapping(other).items() if value is not None}
        return self._values == {_plain_name(name): converted(value)[0] for name, value in given.items()}

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"Attributes({safe_repr(self._values)})"


def _plain_name(name: object) -> str:
    text = name_text(name)
    return safe_repr(name) if text is None else text


def take_attributes(values: Mapping[str, object] | None) -> dict[str, AttributeValue]:
    """A private copy of `values` in which every value has one of the types of `AttributeValue`.

    The result is shared and must not be changed: `Attributes` never change, so they are not copied again.

    Raises:
        OneLoggerError: `values` is no mapping, or reading it raised.
    """
    if values is None:
        return _EMPTY
    if type(values) is Attributes:
        return values._values
    if type(values) is dict:
        copy = values.copy()
    else:
        copy = read_mapping(values)
    for name, value in copy.items():
        if type(value) not in _EXACT or type(name) is not str:
            named = {attribute_name(name): value for name, value in copy.items() if value is not None}
            return {name: attribute_value(name, value) for name, value in named.items()}
    return copy


def salvage_attributes(values: Mapping[str, object] | None) -> dict[str, AttributeValue]:
    """The attributes to export if `values` may be no mapping."""
    try:
        return take_attributes(values)
    except OneLoggerError:
        return {"one_logger.invalid_attributes": safe_repr(values)}


def read_mapping(values: object) -> dict[str, object]:
    """What a mapping holds.

    Raises:
        OneLoggerError: It is no mapping, or reading it raised.
    """
    if not issubclass(type(values), Mapping):
        raise OneLoggerError(
            f"Attributes were given as {type(values).__name__}; expected a mapping of names to values, such as a dict."
        )
    try:
        return read(dict, values)  # a mapping, as just seen
    except Exception as error:
        let_pass(error)
        raise OneLoggerError(
            f"Reading the attributes from {type(values).__name__} raised {type(error).__name__}; expected a mapping "
            "of names to values, such as a dict."
        ) from error
