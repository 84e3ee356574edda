"""Protocol Buffers' wire format, as much of it as a trace needs.

Written by hand: Python's protobuf makes 270,000 packets a second, and would be one more dependency.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct

_VARINT, _FIXED64, _BYTES = 0, 1, 2  # wire types
_BELOW_128 = [bytes([value]) for value in range(128)]
_DOUBLE = struct.Struct("<d")


def varint(value: int) -> bytes:
    """An integer from 0 to 2**64 - 1. A negative one from -2**63 on is written as its two's complement."""
    if 0 <= value < 128:
        return _BELOW_128[value]
    value &= 0xFFFF_FFFF_FFFF_FFFF
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def tag(field: int, wire_type: int = _VARINT) -> bytes:
    """What stands before the value of a field: its number in the schema and the kind of its value."""
    return varint(field << 3 | wire_type)


def integer(field: int, value: int) -> bytes:
    """A field of one of the types int32, int64, uint32, uint64, bool and enum."""
    return tag(field) + varint(value)


def double(field: int, value: float) -> bytes:
    """A field of type double."""
    return tag(field, _FIXED64) + _DOUBLE.pack(value)


def message(field: int, *parts: bytes) -> bytes:
    """A field that holds a message, given as the parts of it."""
    value = b"".join(parts)
    return tag(field, _BYTES) + varint(len(value)) + value


def text(field: int, value: str) -> bytes:
    r"""A field of type string. A lone surrogate, which UTF-8 cannot hold, becomes text: `\ud800`."""
    return message(field, value.encode("utf-8", "backslashreplace"))
