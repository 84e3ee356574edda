"""Attributes and texts as OTLP can carry them."""

from __future__ import annotations

from collections.abc import Mapping

from one_logger.core import AttributeValue
from one_logger.core.spi import encodable, portable_integer, portable_integers

UNNAMED = "one_logger.unnamed"
"""Replaces an empty name, which OpenTelemetry does not allow (Common concepts, "Attribute")."""


def exported_attributes(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """The attributes with names and values that OTLP can carry.

    An integer beyond 64 bits becomes its text, as in the file and in Kafka (OTLP has no others: common.proto,
    AnyValue.int_value), half a surrogate pair U+FFFD, an empty name `UNNAMED`. Floats stay as they are: OTLP has NaN
    and the infinities.
    """
    exported: dict[str, AttributeValue] = {}
    for name, value in attributes.items():
        if not name.isascii() or not name:
            name = encodable(name) or UNNAMED  # noqa: PLW2901 - the loop is part of the cost of every span
        kind = type(value)
        if kind is str:
            exported[name] = value if value.isascii() else encodable(value)  # type: ignore[union-attr, arg-type]
        elif kind is int:
            exported[name] = portable_integer(value)  # type: ignore[arg-type]  # an integer
        elif kind is tuple:
            exported[name] = _sequence(value)  # type: ignore[arg-type]  # a tuple
        else:
            exported[name] = value
    return exported


def exported_time(unix_ns: int) -> int:
    """The nearest time that OTLP has, in nanoseconds since 1970."""
    return min(max(unix_ns, 0), 2**64 - 1)


def _sequence(values: tuple[object, ...]) -> AttributeValue:
    kind = type(values[0]) if values else None
    if kind is str:
        return tuple(map(encodable, values))  # type: ignore[arg-type]  # the items are of one type
    if kind is int:
        return portable_integers(values)  # type: ignore[arg-type]  # likewise
    return values  # type: ignore[return-value]  # a sequence of floats, booleans or small integers
