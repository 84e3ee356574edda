"""Checks of arguments. A value that is not what was expected raises a sentence that says so."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from one_logger.core.errors import OneLoggerError
from one_logger.core.text import safe_repr

_LONGEST = 100


def shown(value: object) -> str:
    """The `repr` of a value, cut at 100 characters. Never raises, not even for a number of 5,000 digits."""
    return safe_repr(value, _LONGEST)


def check_type(
    name: str, value: object, kinds: type | tuple[type, ...], expected: str, *, optional: bool = False
) -> None:
    """See that a value is of a type. The error has its type but not the value, which may be a secret.

    Args:
        name: What the argument is called.
        value: What was given.
        kinds: The type, or several.
        expected: What that is, for the message: `the path of a file`.
        optional: Whether None may be given as well.

    Raises:
        OneLoggerError: It is of another type.
    """
    if not isinstance(value, kinds) and not (optional and value is None):
        raise OneLoggerError(f"{name} was given as {type(value).__name__}; expected {expected}{_or_none(optional)}.")


def check_choice(name: str, value: object, choices: Sequence[object], *, optional: bool = False) -> None:
    """See that a value is one of the choices.

    Args:
        name: What the argument is called.
        value: What was given.
        choices: What may be given.
        optional: Whether None may be given as well.

    Raises:
        OneLoggerError: It is none of them.
    """
    if value not in choices and not (optional and value is None):
        known = ", ".join(map(repr, choices))
        raise OneLoggerError(f"{name} is {shown(value)}; expected one of {known}{_or_none(optional)}.")


def check_number(
    name: str,
    value: object,
    least: float,
    expected: str,
    *,
    most: float = inf,
    whole: bool = False,
    optional: bool = False,
) -> None:
    """See that a value is a number in a range. A bool is no number, and NaN is in no range.

    Args:
        name: What the argument is called.
        value: What was given.
        least: The smallest number that may be given.
        expected: What the number counts, for the message: `a number of seconds`.
        most: The largest number that may be given.
        whole: Whether it has to be an int.
        optional: Whether None may be given as well.

    Raises:
        OneLoggerError: It is no such number.
    """
    if optional and value is None:
        return
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        limits = f"from {least}" if most == inf else f"from {least} to {most}"
        raise OneLoggerError(f"{name} is {shown(value)}; expected {expected} {limits}{_or_none(optional)}.")


def _or_none(optional: bool) -> str:
    return ", or None" if optional else ""
