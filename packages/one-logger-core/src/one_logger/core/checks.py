"""Checks of arguments, whose errors are sentences: what was given, and what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

from one_logger.core.errors import OneLoggerError
from one_logger.core.text import name_text, safe_repr


def shown(value: object) -> str:
    """The `repr` of a value, cut at 100 characters. Never raises, not even for a number of 5,000 digits."""
    return safe_repr(value, 100)


def check_type(
    name: str, value: object, kinds: type | tuple[type, ...], expected: str, *, optional: bool = False
) -> None:
    """Check that a value is of one of these types, or None if `optional`.

    Raises:
        OneLoggerError: It is not. The message has its type, but not the value, which may be a secret; and `expected`,
            such as `the path of a file`.
    """
    if not isinstance(value, kinds) and not (optional and value is None):
        raise OneLoggerError(f"{name} was given as {type(value).__name__}; expected {expected}{_or_none(optional)}.")


def check_choice(name: str, value: object, choices: Sequence[object], *, optional: bool = False) -> None:
    """Check that a value is one of the choices, or None if `optional`.

    Raises:
        OneLoggerError: It is not. The message has the value and the choices.
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
    """Check that a value is a number from `least` to `most`, and an int if `whole`; or None if `optional`.

    A bool is no number, and NaN is in no range.

    Raises:
        OneLoggerError: It is not. The message has the value; `expected`, such as `a number of seconds`; and the range.
    """
    if optional and value is None:
        return
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        limits = f"from {least}" if most == inf else f"from {least} to {most}"
        raise OneLoggerError(f"{name} is {shown(value)}; expected {expected} {limits}{_or_none(optional)}.")


def check_names(owner: str, names: Iterable[object]) -> None:
    """Check that the name of each attribute of `owner` is a text that is not empty.

    Raises:
        OneLoggerError: It is not. The message has `owner` and the name.
    """
    for name in names:
        if not (name_text(name) or "").strip():
            raise OneLoggerError(
                f"{owner} has the name {shown(name)}; expected a text that is not empty, such as service.version."
            )


def near_miss(given: str, known: Iterable[str], *, most: int = 1) -> str:
    """A question about at most `most` similar names: `did you mean 'x'?`. Empty if no known name is similar."""
    from difflib import get_close_matches  # imported only when something is wrong

    near = get_close_matches(given, list(known), n=most)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


def _or_none(optional: bool) -> str:
    return ", or None" if optional else ""
