"""Checks of arguments: what passes, and the sentence for what doesn't."""

from __future__ import annotations

from math import inf, nan

import pytest

from one_logger.core import OneLoggerError
from one_logger.core.checks import check_choice, check_number, check_type, shown


@pytest.mark.parametrize("value", [0.5, 1, 7, 10, inf])
def test_a_number_in_the_range_passes(value: float) -> None:
    """Both ends belong to the range; without an upper end there is none."""
    check_number("timeout", value, 0.5, "a number of seconds")


@pytest.mark.parametrize(
    "value",
    [0.4, -1, nan, True, "7", None, [], -(10**5_000)],
    ids=lambda value: f"{value!r:.20}" if type(value) is not int else f"{value:x}"[:20],
)
def test_what_is_no_such_number_is_a_sentence(value: object) -> None:
    """A smaller one, NaN, a bool and a text are refused, and so is a number that Python doesn't write."""
    with pytest.raises(OneLoggerError, match=r"timeout is .*; expected a number of seconds from 0\.5\."):
        check_number("timeout", value, 0.5, "a number of seconds")


def test_a_number_may_have_an_upper_bound_and_may_have_to_be_whole() -> None:
    """Both are said in the sentence, or by what it expects."""
    check_number("port", 9, 1, "a port", most=9, whole=True)
    for value in (10, inf):
        with pytest.raises(OneLoggerError, match=r"port is \w+; expected a port from 1 to 9\."):
            check_number("port", value, 1, "a port", most=9)
    with pytest.raises(OneLoggerError, match=r"port is 1\.0; expected a whole number from 1\."):
        check_number("port", 1.0, 1, "a whole number", whole=True)


def test_a_choice_is_one_of_those_that_are_listed() -> None:
    """Anything else is refused, also what cannot be compared by hash."""
    check_choice("mode", "a", ("a", "b"))
    given: list[object] = ["c", None, [], 7]
    for value in given:
        with pytest.raises(OneLoggerError, match=r"mode is .*; expected one of 'a', 'b'\."):
            check_choice("mode", value, ("a", "b"))


def test_a_type_is_one_of_those_that_are_expected() -> None:
    """The sentence says which type was given, but not the value, which may be a secret."""
    check_type("path", "a", (str, bytes), "a path")
    with pytest.raises(OneLoggerError, match=r"^path was given as int; expected a path\.$"):
        check_type("path", 4711, (str, bytes), "a path")
    with pytest.raises(OneLoggerError, match=r"path was given as NoneType"):
        check_type("path", None, str, "a path")


def test_what_is_optional_may_be_none() -> None:
    """None passes each check then, and the sentence for something else says so."""
    check_type("path", None, str, "a path", optional=True)
    check_choice("mode", None, ("a", "b"), optional=True)
    check_number("size", None, 1, "a number of bytes", whole=True, optional=True)
    with pytest.raises(OneLoggerError, match=r"mode is 'c'; expected one of 'a', 'b', or None\."):
        check_choice("mode", "c", ("a", "b"), optional=True)
    with pytest.raises(OneLoggerError, match=r"size is 0; expected a number of bytes from 1, or None\."):
        check_number("size", 0, 1, "a number of bytes", whole=True, optional=True)


def test_a_value_is_shown_in_100_characters() -> None:
    """However long it is, and whatever its repr does."""

    class Odd:
        def __repr__(self) -> str:
            raise ValueError

    assert shown("a" * 500) == "'" + "a" * 99
    assert shown(Odd()) == "<Odd: repr raised ValueError>"
    assert len(shown(10**5_000)) == 100
