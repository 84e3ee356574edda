"""What type checkers make of decorated functions. The session `types` has mypy and pyright look at this file."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Generator
from typing import assert_type

from one_logger.api import ROOT, TimedSpan, carry_context, timed_span
from one_logger.core import Span


@timed_span
def bare(count: int, *, name: str = "") -> list[str]:
    """A function."""
    return [name] * count


@timed_span("named", {"a": 1}, parent_span=ROOT, current=False)
def named(count: int, *, name: str = "") -> list[str]:
    """The same, with arguments."""
    return [name] * count


@timed_span()
async def coroutine(count: int) -> str:
    """A coroutine function."""
    return str(count)


@timed_span
def generator(count: int) -> Generator[int, str, bytes]:
    """A generator function."""
    _ = yield count
    return b""


@timed_span("letters")
async def letters(count: int) -> AsyncIterator[str]:
    """An asynchronous one."""
    yield str(count)


class Loader:
    """Its methods are decorated."""

    @timed_span
    def load(self, path: str) -> bytes:
        """A method."""
        return path.encode()

    @classmethod
    @timed_span("of class")
    def of_class(cls, number: int) -> tuple[Loader, int]:
        """A method of the class."""
        return cls(), number

    @staticmethod
    @timed_span
    def of_nobody(number: int) -> float:
        """A function in the class."""
        return float(number)

    @property
    @timed_span
    def size(self) -> int:
        """A property."""
        return 7


async def check_types(loader: Loader, function: Callable[[int], str]) -> None:
    """Never called: type checkers read it."""
    assert_type(bare(1, name="x"), list[str])
    assert_type(named(1, name="x"), list[str])
    assert_type(await coroutine(1), str)
    assert_type(generator(1), Generator[int, str, bytes])
    assert_type(letters(1), AsyncIterator[str])
    assert_type(loader.load("x"), bytes)
    assert_type(Loader.of_class(1), tuple[Loader, int])
    assert_type(Loader.of_nobody(1), float)
    assert_type(loader.size, int)
    assert_type(timed_span(function), Callable[[int], str])
    assert_type(carry_context(function)(1), str)
    assert_type(timed_span("block"), TimedSpan)
    with timed_span("block") as span:
        assert_type(span, Span)
    bare("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    loader.load(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    timed_span(7)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_signatures_are_kept() -> None:
    """What a checker reads is so when the program runs."""
    assert bare(1, name="x") == named(1, name="x") == ["x"]
    assert str(inspect.signature(bare)) == "(count: 'int', *, name: 'str' = '') -> 'list[str]'"
    assert (Loader().load("x"), Loader.of_nobody(1), Loader().size) == (b"x", 1.0, 7)
    assert isinstance(Loader.of_class(1)[0], Loader)
    assert isinstance(timed_span("block"), TimedSpan)
