"""Makes texts of any objects, without raising, that can be encoded as UTF-8.

A job's own texts, such as names and attributes, are kept as they are; `encodable` is applied when they are exported.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import islice

from one_logger.core._arrays import array_text, may_be_on_device, may_be_read
from one_logger.core.interruption import let_pass, read

MAX_CHARACTERS = 1_024
MAX_MESSAGE = 65_536
MAX_TRACE = 262_144
_MAX_DEPTH = 8
_MAX_ITEMS = 128
_MAX_BITS = 4_096

_PLAIN = frozenset((str, int, float, bool, bytes, type(None)))
_BRACKETS = ((list, "[]"), (tuple, "()"), (dict, "{}"), (set, "{}"), (frozenset, "{}"), (deque, "[]"))
_CONTAINERS = (*(kind for kind, _ in _BRACKETS), type(sys.implementation))


def encodable(text: str) -> str:
    """`text` with U+FFFD for every surrogate without its other half, which UTF-8 can't encode.

    Python has such texts for bytes that are not UTF-8 (PEP 383) in file names, environment variables and arguments.
    JSON and user code can make them, too.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: `1 record`, `2,000 records`. Without a `plural` an `s` is added."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def bounded(text: str, most: int = MAX_MESSAGE) -> str:
    """At most `most` characters of a text, and how many it has if there are more."""
    return text if len(text) <= most else f"{text[:most]}... (cut here, of {len(text):,} characters)"


def error_text(error: BaseException) -> str:
    """The text of an exception, which can be encoded, cut at 65,536 characters. If `str()` raises, the text says so.

    No array on an accelerator that is among the exception's arguments is read for it.
    """
    try:
        arguments, method = error.args, type(error).__str__
        plain = method is BaseException.__str__ or method is KeyError.__str__
        if all(type(item) in _PLAIN or not (plain or _unread(item)) for item in arguments):
            text = str.__str__(read(str, error))
        elif len(arguments) != 1:
            text = safe_repr(arguments, MAX_MESSAGE)
        elif method is KeyError.__str__ or _visited(arguments[0]):
            text = safe_repr(arguments[0], MAX_MESSAGE)
        elif issubclass(type(arguments[0]), BaseException):
            text = error_text(arguments[0])
        else:
            text = str.__str__(read(str, arguments[0]))
        return encodable(bounded(text))
    except Exception as raised:
        let_pass(raised)
        return encodable(f"<str() raised {type(raised).__name__}>")


def _unread(value: object) -> bool:
    return may_be_on_device(value) and not may_be_read(value)


def _visited(value: object) -> bool:
    """Whether `safe_repr` reads nothing of `value`, or visits what is in it."""
    kind = type(value)
    return _unread(value) or issubclass(kind, _CONTAINERS) or _has_generated_repr(kind)


def name_text(name: object) -> str | None:
    """The text of a name: a `str`, or an `Enum` whose value is one. None if it is something else."""
    value = name._value_ if issubclass(type(name), Enum) else name  # type: ignore[attr-defined]  # an Enum has it
    return str.__str__(value) if issubclass(type(value), str) else None


def safe_repr(value: object, most: int = MAX_CHARACTERS) -> str:
    """At most `most` characters of the `repr` of `value`, which can be encoded. If a `repr` raises, the text says so.

    It visits containers and data classes itself, so that it reads no array from an accelerator, ends in recursive ones,
    and costs little in huge ones.
    """
    pieces: list[str] = []
    room = most
    try:
        for piece in _pieces(value, 0):
            pieces.append(piece[:room])
            room -= len(piece)
            if room <= 0:
                break
    except Exception as error:
        let_pass(error)
        pieces.append(_failed(value, error))
    return encodable("".join(pieces)[:most])


def _pieces(value: object, depth: int) -> Iterator[str]:
    kind = type(value)
    container = next(((base, brackets) for base, brackets in _BRACKETS if issubclass(kind, base)), None)
    if container is not None:
        yield from _container(value, *container, depth)  # type: ignore[arg-type]  # all of them are iterable
    elif _has_generated_repr(kind):
        names = [name for name, field in kind.__dataclass_fields__.items() if field.repr]  # type: ignore[attr-defined]
        yield from _fields(kind.__qualname__, names, value, depth)
    elif issubclass(kind, type(sys.implementation)):  # types.SimpleNamespace
        yield from _fields("namespace", list(vars(value)), value, depth)
    elif issubclass(kind, BaseException) and kind.__repr__ is BaseException.__repr__:
        yield f"{kind.__name__}("
        yield from ("...",) if depth == _MAX_DEPTH else _items(value.args, depth, pairs=False)  # type: ignore[attr-defined]  # an exception has them
        yield ")"
    elif _unread(value):
        yield array_text(value)
    else:
        yield _leaf(value)


def _container(values: Iterable[object], base: type, brackets: str, depth: int) -> Iterator[str]:
    kind = type(values)
    names = getattr(kind, "_fields", None) if base is tuple else None
    if names is not None:  # a named tuple
        yield from _fields(kind.__name__, list(names), values, depth)
        return
    empty = next(iter(values), values) is values
    named = kind is not base or base in (frozenset, deque) or (base is set and empty)
    if named:
        yield f"{kind.__name__}("
    if not (empty and base in (set, frozenset)):
        yield brackets[0]
        yield from ("...",) if depth == _MAX_DEPTH else _items(values, depth, pairs=base is dict)
        if base is tuple and len(values) == 1:  # type: ignore[arg-type]  # a tuple has a length
            yield ","
        yield brackets[1]
    if named:
        yield ")"


def _items(values: Iterable[object], depth: int, *, pairs: bool) -> Iterator[str]:
    for number, item in enumerate(islice(values, _MAX_ITEMS + 1)):
        if number:
            yield ", "
        if number == _MAX_ITEMS:
            yield "..."
            return
        yield from _pieces(item, depth + 1)
        if pairs:
            yield ": "
            yield from _pieces(values[item], depth + 1)  # type: ignore[index]  # a dict


def _fields(name: str, fields: list[str], value: object, depth: int) -> Iterator[str]:
    yield f"{name}("
    if depth == _MAX_DEPTH:
        yield "..."
    else:
        for number, field in enumerate(fields):
            yield f", {field}=" if number else f"{field}="
            yield from _pieces(getattr(value, field), depth + 1)
    yield ")"


def _has_generated_repr(kind: type) -> bool:
    """Whether `kind` is a data class whose `repr` shows its fields."""
    parameters = kind.__dict__.get("__dataclass_params__")
    # A handwritten one is not wrapped, and may hide fields.
    return parameters is not None and parameters.repr and hasattr(kind.__dict__.get("__repr__"), "__wrapped__")


def _leaf(value: object) -> str:
    if type(value) in (str, bytes, bytearray):
        return repr(value[:MAX_CHARACTERS])  # type: ignore[index]  # as the line before says
    if type(value) is int and value.bit_length() > _MAX_BITS:
        return hex(value)  # decimal text of more than 4,300 digits is refused (sys.set_int_max_str_digits)
    try:
        return str.__str__(read(repr, value))
    except Exception as error:
        let_pass(error)
        return _failed(value, error)


def _failed(value: object, error: Exception) -> str:
    return f"<{type(value).__name__}: repr raised {type(error).__name__}>"
