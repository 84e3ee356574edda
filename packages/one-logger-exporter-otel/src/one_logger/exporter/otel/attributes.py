"""Attributes and texts as OTLP can carry them."""

from __future__ import annotations

from collections.abc import Mapping

from one_logger.core import AttributeValue
from one_logger.core.spi import encodable

UNNAMED = "one_logger.unnamed"
"""Replaces an empty name, which OpenTelemetry does not allow (Common concepts, "Attribute")."""

_LEAST, _GREATEST = -(2**63), 2**63 - 1  # OTLP has no other integers (common.proto, AnyValue.int_value)
_MAX_BITS = 4_096  # decimal text of more than 4,300 digits is refused (sys.set_int_max_str_digits)


def exported_attributes(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """The attributes with names and values that OTLP can carry.

    An integer beyond 64 bit becomes its text, half a surrogate pair U+FFFD, an empty name `UNNAMED`. Floats stay as
    they are: OTLP has NaN and the infinities.
    """
    exported: dict[str, AttributeValue] = {}
    for name, value in attributes.items():
        if not name.isascii() or not name:
            name = encodable(name) or UNNAMED  # noqa: PLW2901 - the loop is part of the cost of every span
        kind = type(value)
        if kind is str:
            exported[name] = value if value.isascii() else encodable(value)  # type: ignore[union-attr, arg-type]
        elif kind is int:
            exported[name] = value if _LEAST <= value <= _GREATEST else _digits(value)  # type: ignore[operator, arg-type]
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
    if kind is int and not all(_LEAST <= value <= _GREATEST for value in values):  # type: ignore[operator]
        return tuple(map(_digits, values))  # type: ignore[arg-type]  # all of them, so that they stay of one type
    return values  # type: ignore[return-value]  # a sequence of floats, booleans or small integers


def _digits(value: int) -> str:
    return str(value) if value.bit_length() <= _MAX_BITS else hex(value)
