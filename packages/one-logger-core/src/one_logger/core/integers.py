"""Integers as backends can carry them: those beyond 64 bits are texts, since most readers would round them or fail."""

from __future__ import annotations

from one_logger.core.text import safe_repr

LEAST, GREATEST = -(2**63), 2**63 - 1
"""The integers that fit in 64 bits with a sign."""

_MAX_BITS = 4_096  # decimal text of more than 4,300 digits is refused (sys.set_int_max_str_digits)


def portable_integer(value: int) -> int | str:
    """`value`, or the text of its digits if a signed integer of 64 bits can't hold it."""
    return value if LEAST <= value <= GREATEST else _digits(value)


def portable_integers(values: tuple[int, ...]) -> tuple[int, ...] | tuple[str, ...]:
    """`values`, or the texts of all of them if one is too large: so they stay of one type."""
    if all(LEAST <= value <= GREATEST for value in values):
        return values
    return tuple(map(_digits, values))


def _digits(value: int) -> str:
    """The decimal digits. Of an integer beyond all bounds the hexadecimal ones, as far as a `repr` goes."""
    return int.__repr__(value) if value.bit_length() <= _MAX_BITS else safe_repr(value)
