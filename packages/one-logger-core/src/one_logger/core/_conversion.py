"""Names and values of odd types become ones that can be exported, without raising and without touching a device.

What a value is, is judged by its type and never by asking it: `isinstance` evaluates `__class__`, which may be a
property that raises or, in a proxy, does work.
"""

from __future__ import annotations

import os
import sys
from enum import Enum

from one_logger.core import diagnostics
from one_logger.core._arrays import array_text, is_numpy, iso_text, may_be_on_device, may_be_read
from one_logger.core._nested import is_nested, json_text
from one_logger.core.errors import OneLoggerError
from one_logger.core.interruption import let_pass, read
from one_logger.core.text import name_text, safe_repr

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from one_logger.core.attributes import AttributeValue

_MAX_ARRAY_ITEMS = 1_024
_SCALARS = (str, bool, int, float, bytes)


def exported_name(name: str | Enum) -> str:
    """The text of a span's or event's name.

    Raises:
        OneLoggerError: It is neither a `str` nor an `Enum` whose value is one.
    """
    text = name_text(name)
    if text is None:
        raise OneLoggerError(
            f"A name was given as {type(name).__name__} ({safe_repr(name, 100)}); expected a str, or an Enum whose "
            "value is one."
        )
    return text


def message_text(message: object) -> str:
    """A message as plain text, whatever it is."""
    return str.__str__(message) if issubclass(type(message), str) else safe_repr(message)


def attribute_name(name: object) -> str:
    """The text of an attribute's name. What is no `str` becomes its `repr`, which is reported."""
    text = name_text(name)
    if text is None:
        text = safe_repr(name)
        _report(text, name)
    return text


def attribute_value(name: str, value: object) -> AttributeValue:
    """The value to export for `value`, by the rules of `Attributes`. One that becomes its `repr` is reported."""
    if type(value) in _SCALARS:
        return value  # type: ignore[return-value]  # as the line before says
    exported, kept = converted(value)
    if not kept:
        _report(name, value)
    return exported


def converted(value: object) -> tuple[AttributeValue, bool]:
    """The value to export for `value`, and whether that is more than its `repr`."""
    while issubclass(type(value), Enum):
        value = value._value_  # type: ignore[attr-defined]  # an Enum has it
    try:
        exported = _convert(value)
        if exported is None and is_nested(type(value)):
            return json_text(value, _convert)
    except Exception as error:  # user code runs in there: properties, __fspath__, __iter__, isoformat
        let_pass(error)
        return f"<{type(value).__name__}: {type(error).__name__} when read>", False
    return (safe_repr(value), False) if exported is None else (exported, True)


def _report(name: str, value: object) -> None:
    diagnostics.report(
        f"attribute {name}",
        f"Attribute {name[:100]!r} was given as {type(value).__name__} and exported as its repr; "
        "give a str, bool, int, float, bytes or a sequence of one of these.",
    )


def _convert(value: object) -> AttributeValue | None:
    """`value` as an attribute value; None where nothing but its `repr` is left."""
    scalar = _scalar(value)
    if scalar is not None:
        return scalar
    kind = type(value)
    if issubclass(kind, Enum):
        return _convert(value._value_)  # type: ignore[attr-defined]  # an Enum has it
    if issubclass(kind, (list, tuple)):
        return _sequence(tuple(value))  # type: ignore[arg-type]  # a list or tuple
    if is_numpy(value) and getattr(value, "ndim", 0) == 1 and len(value) <= _MAX_ARRAY_ITEMS:  # type: ignore[arg-type]
        return _sequence(tuple(value if value.dtype.kind in "mM" else value.tolist()))  # type: ignore[attr-defined, arg-type]  # an array
    return None


def _scalar(value: object) -> str | bool | int | float | bytes | None:
    kind = type(value)
    if kind in _SCALARS:
        return value  # type: ignore[return-value]  # as the line before says
    if issubclass(kind, Enum):
        return _scalar(value._value_)  # type: ignore[attr-defined]  # an Enum has it
    # A subclass may have methods of its own: the plain value is exported.
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, int):
        return int.__int__(value)  # type: ignore[arg-type]
    if issubclass(kind, float):
        return float.__float__(value)  # type: ignore[arg-type]
    if issubclass(kind, (bytes, bytearray)):
        return b"".join((value,))  # type: ignore[arg-type]  # bytes, or a bytearray
    if may_be_read(value):
        # Scalars of numpy, and arrays without dimensions, hold one value. item() makes one up where it is masked.
        if tuple(value.shape) != ():  # type: ignore[attr-defined]
            return None
        if not is_numpy(value):
            item = read(value.item)  # type: ignore[attr-defined]
        elif value.dtype.kind in "mM":  # type: ignore[attr-defined]
            item = iso_text(value)
        else:
            item = read(value.tolist)  # type: ignore[attr-defined]
        return item if type(item) in _SCALARS else _text(item)
    if may_be_on_device(value):
        return array_text(value)
    return _text(value)


def _text(value: object) -> str | None:
    """The text of a path, UUID, date, time or time span; None for anything else."""
    kind = type(value)
    if hasattr(kind, "__fspath__"):
        return str.__str__(read(os.fsdecode, value))  # it has __fspath__
    # Where these modules are not loaded there are no such values.
    datetime, uuid = sys.modules.get("datetime"), sys.modules.get("uuid")
    if datetime and issubclass(kind, (datetime.date, datetime.time)):
        return str.__str__(read(value.isoformat))  # type: ignore[attr-defined]
    if (datetime and issubclass(kind, (datetime.timedelta, datetime.tzinfo))) or (uuid and issubclass(kind, uuid.UUID)):
        return str.__str__(str(value))
    return None


def _sequence(values: tuple[object, ...]) -> AttributeValue | None:
    """`values` as a tuple of one type, or None if they are not of one type."""
    items = []
    for item in values:
        scalar = _scalar(item)
        if scalar is None:
            return None
        items.append(scalar)
    kinds = set(map(type, items))
    if kinds == {int, float}:
        try:
            return tuple(map(float, items))
        except OverflowError:  # an integer beyond the floats
            return None
    return tuple(items) if len(kinds) <= 1 else None  # type: ignore[return-value]  # one type, as just seen
