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


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """See that a value is one of the choices.

    Args:
        name: What the argument is called.
        value: What was given.
        choices: What may be given.

    Raises:
        OneLoggerError: It is none of them.
    """
    if value not in choices:
        raise OneLoggerError(f"{name} is {shown(value)}; expected one of {', '.join(map(repr, choices))}.")


def check_number(
    name: str, value: object, least: float, expected: str, *, most: float = inf, whole: bool = False
) -> None:
    """See that a value is a number in a range. A bool is no number, and NaN is in no range.

    Args:
        name: What the argument is called.
        value: What was given.
        least: The smallest number that may be given.
        expected: What the number counts, for the message: `a number of seconds`.
        most: The largest number that may be given.
        whole: Whether it has to be an int.

    Raises:
        OneLoggerError: It is no such number.
    """
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        upper = "" if most == inf else f" to {most}"
        raise OneLoggerError(f"{name} is {shown(value)}; expected {expected} from {least}{upper}.")
