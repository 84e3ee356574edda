"""Names, texts and attributes as JSON: valid UTF-8, without NaN, and on one line whatever splits it into lines."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Mapping

try:
    from _json import encode_basestring  # json.encoder's: importing that would take a tenth of our import time
except ImportError:
    from json.encoder import encode_basestring  # not CPython

from one_logger.core.integers import GREATEST, LEAST, portable_integer, portable_integers
from one_logger.core.text import encodable

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Any

    from one_logger.core.attributes import AttributeValue

AttributesEncoder = Callable[["Mapping[str, AttributeValue]"], str]

_CACHED_NAMES = 1_024
_CACHED_LENGTH = 128
_LINE_ENDS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class _Names(dict[str, str]):
    """Names in quotes. Names come again and again, so the first ones that come are kept."""

    def __missing__(self, name: str) -> str:
        quoted = quote(name)
        if len(name) <= _CACHED_LENGTH and len(self) < _CACHED_NAMES:
            self[name] = quoted
        return quoted


def quote(text: str) -> str:
    """A text in quotes, which can be encoded as UTF-8."""
    if text.isascii():
        return encode_basestring(text)
    return encode_basestring(encodable(text)).translate(_LINE_ENDS)


NAMES = _Names()


def value_json(value: AttributeValue) -> str:
    """The value of an attribute."""
    return _ENCODE[type(value)](value)


def attributes_json(attributes: Mapping[str, AttributeValue]) -> str:
    """Attributes as an object."""
    parts = []
    value: Any
    for name, value in attributes.items():
        kind = type(value)
        # What most values are is written down here; the others have a function each.
        if kind is str and value.isascii():
            text = encode_basestring(value)
        elif kind is int and LEAST <= value <= GREATEST:
            text = value
        else:
            text = _ENCODE[kind](value)
        parts.append(f"{NAMES[name]}:{text}")
    return f"{{{','.join(parts)}}}"


def attributes_encoder() -> AttributesEncoder:
    """`attributes_json`, or what does the same by orjson in a fraction of the time, where that is installed.

    To be called where an exporter is made, not in its thread: a process forked during an import can't repeat it.
    """
    try:
        import orjson
    except ImportError:
        return attributes_json
    dumps = orjson.dumps

    def attributes_orjson(attributes: Mapping[str, AttributeValue]) -> str:
        try:
            text = dumps(attributes).decode()
        except TypeError:  # an integer of more than 64 bits, half a surrogate pair, or no plain dict
            return attributes_json(attributes)
        for value in attributes.values():
            kind = type(value)
            # It writes integers from 2**63 to 2**64 - 1 as they are.
            if (kind is int and value > GREATEST) or (kind is tuple and _too_large(value)):  # type: ignore[operator, arg-type]
                return attributes_json(attributes)
        # No attribute is null, so that is NaN or an infinity. Beyond ASCII there are characters that end a line.
        return text if "null" not in text and text.isascii() else attributes_json(attributes)

    return attributes_orjson


def _too_large(values: tuple[Any, ...]) -> bool:
    return bool(values) and type(values[0]) is int and max(values) > GREATEST


def _integer(value: int) -> str:
    portable = portable_integer(value)
    return int.__repr__(portable) if isinstance(portable, int) else quote(portable)


def _float(value: float) -> str:
    if value - value == 0.0:  # holds for all but NaN and the infinities, which JSON has no numbers for
        return float.__repr__(value)
    return '"Infinity"' if value > 0 else '"-Infinity"' if value < 0 else '"NaN"'


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _base64(value: bytes) -> str:
    return f'"{b2a_base64(value, newline=False).decode()}"'  # as JSON's mapping of Protocol Buffers has them


def _sequence(values: tuple[Any, ...]) -> str:
    if not values:
        return "[]"
    if type(values[0]) is int:
        values = portable_integers(values)
    encode = _ENCODE[type(values[0])]
    return f"[{','.join([encode(value) for value in values])}]"


_ENCODE: dict[type, Callable[..., str]] = {
    str: quote,
    int: _integer,
    float: _float,
    bool: _boolean,
    bytes: _base64,
    tuple: _sequence,
}
