"""Names and values of odd types become ones that can be exported, without raising and without touching a device."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from enum import Enum
from itertools import islice

from one_logger.core import diagnostics
from one_logger.core.errors import OneLoggerError

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from one_logger.core.attributes import AttributeValue

MAX_REPR_CHARACTERS = 1_024
_MAX_ARRAY_ITEMS = 1_024
_MAX_DEPTH = 4
_MAX_ITEMS = 64
_SCALARS = (str, bool, int, float)
_ARRAY_NAMES = ("__dlpack_device__", "__cuda_array_interface__", "device")


def exported_name(name: str | Enum) -> str:
    """The text of a span's or event's name: a plain `str`, or the value of an `Enum` that is one.

    Raises:
        OneLoggerError: The name is something else.
    """
    value = name.value if isinstance(name, Enum) else name
    if isinstance(value, str):
        return str.__str__(value)
    raise OneLoggerError(
        f"A name was given as {type(name).__name__} ({safe_repr(name)[:100]}); expected a str, or an Enum whose value "
        "is one."
    )


def message_text(message: object) -> str:
    """A message as plain text, whatever it is."""
    return str.__str__(message) if isinstance(message, str) else safe_repr(message)


def attribute_name(name: object) -> str:
    """The text of an attribute's name. What is no `str` becomes its `repr`, which is reported."""
    try:
        return exported_name(name)  # type: ignore[arg-type]  # whatever it is
    except OneLoggerError:
        text = safe_repr(name)
        _report(text, name)
        return text


def attribute_value(name: object, value: object) -> AttributeValue:
    """The value to export for `value`, under the rules that `Attributes` states."""
    try:
        converted = _convert(value)
        if converted is None:
            converted = safe_repr(value)
            _report(name if isinstance(name, str) else safe_repr(name), value)
    except Exception as error:  # user code runs in here: properties, __class__, __fspath__, __iter__
        converted = f"<{type(value).__name__}: {type(error).__name__} when read>"
        _report(name if isinstance(name, str) else safe_repr(name), value)
    return converted


def _report(name: str, value: object) -> None:
    diagnostics.report(
        f"attribute {name}",
        f"Attribute {name[:100]!r} was given as {type(value).__name__} and exported as its repr; give a str, bool, int, "
        "float or a sequence of one of these.",
    )


def _convert(value: object) -> AttributeValue | None:
    """`value` as an attribute value; None where nothing but its `repr` is left."""
    scalar = _scalar(value)
    if scalar is not None:
        return scalar
    if isinstance(value, (list, tuple)):
        return _sequence(value)
    if _is_numpy(value) and getattr(value, "ndim", 0) == 1 and len(value) <= _MAX_ARRAY_ITEMS:  # type: ignore[arg-type]
        return _sequence(value.tolist())  # type: ignore[attr-defined]
    return None


def _scalar(value: object) -> str | bool | int | float | None:
    kind = type(value)
    if kind in _SCALARS:
        return value  # type: ignore[return-value]
    if isinstance(value, Enum):
        return _scalar(value.value)
    # A subclass may have a `__str__` of its own, or hang on to the caller's objects: the plain value is exported.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if _may_be_read(value):
        # numpy.generic and arrays without dimensions hold one value; item() gives it.
        item = value.item() if tuple(value.shape) == () else None  # type: ignore[attr-defined]
        return item if type(item) in _SCALARS else _text(item)
    if _is_array(value):
        return _array_text(value)
    return _text(value)


def _text(value: object) -> str | None:
    """The text of a path, UUID, date, time or time span; None for anything else."""
    kind = type(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    module = kind.__module__
    if module == "datetime":
        isoformat = getattr(value, "isoformat", None)
        return isoformat() if isoformat else str(value)
    if module == "uuid":
        return str(value)
    return None


def _sequence(values: list[object] | tuple[object, ...]) -> AttributeValue | None:
    """`values` as a tuple of one type, or None if they are not of one type."""
    items = []
    for item in tuple(values):
        scalar = _scalar(item)
        if scalar is None:
            return None
        items.append(scalar)
    kinds = set(map(type, items))
    if kinds == {int, float}:
        return tuple(map(float, items))
    return tuple(items) if len(kinds) <= 1 else None  # type: ignore[return-value]  # one type, as just seen


def _is_numpy(value: object) -> bool:
    return any(base.__module__.partition(".")[0] == "numpy" for base in type(value).__mro__)


def _may_be_read(value: object) -> bool:
    """Whether the data of an array or tensor is in host memory and complete: numpy's, and torch's own on the CPU."""
    kind = type(value)
    return _is_numpy(value) or (
        kind.__module__.partition(".")[0] == "torch" and _is_array(value) and getattr(value, "is_cpu", False) is True
    )


def _is_array(value: object) -> bool:
    """Whether the data of `value` may be on a device. No property of it is evaluated to find out."""
    kind = type(value)
    return any(hasattr(kind, name) for name in _ARRAY_NAMES) or "device" in getattr(value, "__dict__", ())


def _array_text(value: object) -> str:
    """What stands for an array or tensor that is not read.

    Even an array in host memory may have to be computed first (JAX, TensorFlow and lazy tensors), so only its type,
    shape and device are given, which are known without waiting.
    """
    kind = type(value)
    known = [f"{name}={getattr(value, name)}"[:100] for name in ("shape", "dtype", "device") if hasattr(value, name)]
    return f"<{kind.__module__}.{kind.__qualname__} {' '.join(known)}, not read>"


def safe_repr(value: object) -> str:
    """The `repr` of `value`, cut at 1,024 characters.

    Built-in containers and data classes are walked here, so that an array inside one is not read, a recursive one
    ends, and a huge one costs no more than what is kept of it. A `repr` that raises becomes a text that says so.
    """
    pieces: list[str] = []
    room = MAX_REPR_CHARACTERS
    try:
        for piece in _pieces(value, 0):
            pieces.append(piece[:room])
            room -= len(piece)
            if room <= 0:
                break
    except Exception as error:
        pieces.append(f"<{type(value).__name__}: repr raised {type(error).__name__}>")
    return "".join(pieces)[:MAX_REPR_CHARACTERS]


def _pieces(value: object, depth: int) -> Iterable[str]:
    kind = type(value)
    if kind in _BRACKETS:
        opening, closing = _BRACKETS[kind]
        yield opening
        if depth == _MAX_DEPTH:
            yield "..."
        else:
            yield from _items(value, depth)  # type: ignore[arg-type]  # the built-in containers are iterable
        yield closing
    elif hasattr(kind, "__dataclass_fields__"):
        yield f"{kind.__qualname__}("
        if depth == _MAX_DEPTH:
            yield "..."
        else:
            for number, field in enumerate(kind.__dataclass_fields__):
                yield f", {field}=" if number else f"{field}="
                yield from _pieces(getattr(value, field, "?"), depth + 1)
        yield ")"
    elif _is_array(value) and not _may_be_read(value):
        yield _array_text(value)
    elif kind in _LONG:
        yield repr(value[:MAX_REPR_CHARACTERS])  # type: ignore[index]
    elif kind is int:
        # The decimal text of an int of more than 4,300 digits is refused (sys.set_int_max_str_digits).
        yield repr(value) if value.bit_length() < 4_096 else hex(value)  # type: ignore[attr-defined,arg-type]
    else:
        try:
            yield repr(value)
        except Exception as error:
            yield f"<{kind.__name__}: repr raised {type(error).__name__}>"


def _items(values: Iterable[object], depth: int) -> Iterable[str]:
    pairs = isinstance(values, Mapping)
    for number, item in enumerate(islice(values, _MAX_ITEMS + 1)):
        if number:
            yield ", "
        if number == _MAX_ITEMS:
            yield "..."
            return
        yield from _pieces(item, depth + 1)
        if pairs:
            yield ": "
            yield from _pieces(values[item], depth + 1)  # type: ignore[index]


_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    dict: ("{", "}"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}
_LONG: frozenset[type] = frozenset((str, bytes, bytearray))
