"""Texts of anything can be encoded, and to make one never raises."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from one_logger.core import ExportError, OneLoggerError
from one_logger.core.text import encodable, error_text, safe_repr

TEXTS = st.text(alphabet=st.characters(exclude_categories=[]))  # half surrogate pairs, too


class Loud(str):
    """A text whose own methods are of no use."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no str")

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        raise RuntimeError("no format")


class ShownError(Exception):
    """Is shown by what it was made with: a text, or something that is none, or an exception to raise."""

    def __str__(self) -> str:
        (shown,) = self.args
        if isinstance(shown, Exception):
            raise shown
        return shown  # type: ignore[no-any-return]  # whatever it is

    __repr__ = __str__


@given(TEXTS)
def test_every_text_becomes_one_that_can_be_encoded(text: str) -> None:
    """What can be encoded stays as it is; of what cannot, only the surrogates without their other half change."""
    made = encodable(text)
    encoded = made.encode()
    assert encodable(made) == made
    try:
        assert encoded == text.encode()
    except UnicodeEncodeError:
        assert made == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_two_halves_become_one_character() -> None:
    """A surrogate pair that came in two parts is the character that it stands for."""
    assert encodable("\ud83c" + "\udf89 \udf89\ud83c") == "\U0001f389 \ufffd\ufffd"


@pytest.mark.parametrize("show", [safe_repr, error_text])
@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param("Zürich", "Zürich", id="text"),
        pytest.param("\ud800", "\ufffd", id="surrogate"),
        pytest.param(Loud("loud \udcff"), "loud \ufffd", id="subclass"),
        pytest.param(5, "raised TypeError", id="no text"),
        pytest.param(ValueError("no"), "raised ValueError", id="raises"),
    ],
)
def test_what_is_shown_oddly_has_a_text(show: Callable[[Any], str], shown: object, expected: str) -> None:
    """Whatever `__str__` and `__repr__` give or raise, there is a plain text, which can be encoded."""
    text = show(ShownError(shown))
    assert type(text) is str
    assert expected in text
    text.encode()


@pytest.mark.parametrize("kind", [OneLoggerError, ExportError])
def test_messages_of_exceptions_can_be_encoded(kind: Callable[[str], OneLoggerError]) -> None:
    """An exception of the library says what it was made with, and so does a copy of it."""
    error = kind(Loud("a \ud800"))
    for each in (error, copy.copy(error)):
        assert str(each) == "a \ufffd"
        assert type(each.args[0]) is str


def test_numbers_of_an_export_error_are_not_below_0() -> None:
    """An exporter that reckons wrongly, and loses fewer records than none, does not spoil the counters."""
    error = ExportError("no", lost=-1, retry_after=-1.0, held=-1)
    assert (error.lost, error.retry_after, error.held) == (0, 0, 0)
    error = ExportError("no", lost=2, retry_after=0.5, held=3)
    assert (error.lost, error.retry_after, error.held) == (2, 0.5, 3)
    error = ExportError("no")
    assert (error.lost, error.held) == (None, None)
    assert ExportError("no", retry_after=float("nan")).retry_after == 0
