"""Attributes and texts as OTLP can carry them."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from one_logger.core import AttributeValue
from one_logger.core.spi import encodable, portable_integer, portable_integers

if TYPE_CHECKING:
    from one_logger.exporter.otel.otel_exporter import NaN

UNNAMED = "one_logger.unnamed"
"""Replaces an empty name, which OpenTelemetry does not allow (Common concepts, "Attribute")."""

_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
"""The texts that JSON's mapping of Protocol Buffers has for them."""


def put_attributes(pairs: Any, attributes: Mapping[str, AttributeValue], nan: NaN) -> None:
    """Add attributes to the `KeyValue`s of a message, with names and values that OTLP can carry.

    An integer beyond 64 bits becomes its text, as in the file and in Kafka (OTLP has no others: common.proto,
    AnyValue.int_value), half a surrogate pair U+FFFD, an empty name `UNNAMED`. OTLP has NaN and the infinities. Where
    `nan` is `"text"`, they are texts nevertheless, as JSON has none.
    """
    add = pairs.add
    try:
        for name, value in attributes.items():
            pair, kind = add(), type(value)
            pair.key, message = name or _NO_NAME, pair.value
            if kind is str:
                message.string_value = value
            elif kind is int:
                message.int_value = value
            elif kind is float and nan == "number":
                message.double_value = value
            else:
                _put(message, value, nan)
    except ValueError:  # a text or an integer that OTLP has not: seldom, so that nothing has to be looked at before
        del pairs[:]
        for name, value in {encodable(name) or UNNAMED: value for name, value in attributes.items()}.items():
            _put(add(key=name).value, value, nan)


_NO_NAME = "\ud800"
"""A name that cannot be encoded, for one that is empty."""


def _put(message: Any, value: Any, nan: NaN) -> None:
    """Set the value of an attribute."""
    kind = type(value)
    if kind is int:
        try:
            message.int_value = value
        except ValueError:  # beyond 64 bits
            message.string_value = portable_integer(value)
    elif kind is float:
        if nan == "text" and not isfinite(value):
            message.string_value = _NOT_FINITE[str(value)]
        else:
            message.double_value = value
    elif kind is bool:
        message.bool_value = value
    elif kind is str:
        message.string_value = encodable(value)
    elif kind is bytes:
        message.bytes_value = value
    else:
        _put_sequence(message.array_value, tuple(value), nan)


def _put_sequence(array: Any, values: tuple[Any, ...], nan: NaN) -> None:
    """Set the items of an array, which stay of one type."""
    if values and type(values[0]) is int:
        values = portable_integers(values)
    elif nan == "text" and not all(type(value) is not float or isfinite(value) for value in values):
        values = tuple(_NOT_FINITE.get(str(value), str(value)) for value in values)
    array.SetInParent()
    for value in values:
        _put(array.values.add(), value, nan)
