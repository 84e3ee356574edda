"""Decorated generators: how long the span lasts, where it is current, and that they work as before."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from one_logger.api import OneLoggerConfig, current_span, timed_span
from one_logger.api.testing import configured
from one_logger.core import NOOP_SPAN

Configure = Callable[..., Any]


@timed_span("numbers")
def numbers(count: int = 3) -> Iterator[str]:
    """The name of the current span, several times."""
    for _ in range(count):
        yield current_span().name


@timed_span("letters")
async def letters(count: int = 3) -> AsyncIterator[str]:
    """The same, asynchronously."""
    for _ in range(count):
        await asyncio.sleep(0)
        yield current_span().name


def test_they_are_still_generator_functions() -> None:
    """Frameworks that ask what kind of function it is get the same answer."""
    assert inspect.isgeneratorfunction(numbers)
    assert inspect.isasyncgenfunction(letters)


def test_the_span_lasts_from_the_first_step_to_the_last(configure: Configure) -> None:
    """Making a generator starts nothing; the span is current in its code, and in nobody else's."""
    recorder = configure()
    generator = numbers(2)
    assert recorder.log == []
    with timed_span("outer") as outer:
        for name in generator:
            assert name == "numbers"
            assert current_span() is outer
            assert recorder.log[-1] == ("start", "numbers")
    assert recorder.spans[1].parent_span_id == outer.span_id
    assert recorder.log[2:] == [("stop", "numbers"), ("stop", "outer")]
    assert current_span() is NOOP_SPAN


def test_the_same_for_an_asynchronous_one(configure: Configure) -> None:
    """The span of an asynchronous generator is current in its code, while it waits, too, and in nobody else's."""
    recorder = configure()

    async def main() -> None:
        with timed_span("outer") as outer:
            async for name in letters(2):
                assert name == "letters"
                assert current_span() is outer
        assert recorder.spans[1].parent_span_id == outer.span_id

    asyncio.run(main())
    assert recorder.log[2:] == [("stop", "letters"), ("stop", "outer")]


def test_spans_inside_stay_where_they_are(configure: Configure) -> None:
    """A block inside the generator that is open between two steps is current again in the next one."""
    configure()

    @timed_span
    def steps() -> Iterator[str]:
        with timed_span("inner"):
            yield current_span().name
            yield current_span().name
        yield current_span().name

    with timed_span("outer") as outer:
        seen = []
        for name in steps():
            assert current_span() is outer
            seen.append(name.rpartition(".")[2])
    assert seen == ["inner", "inner", "steps"]


def test_generators_that_interleave(configure: Configure) -> None:
    """Two that are advanced in turn don't see each other's spans, and each has a span of its own."""
    recorder = configure()
    for pair in zip(numbers(2), numbers(2), strict=True):
        assert pair == ("numbers", "numbers")
        assert current_span() is NOOP_SPAN
    assert [span.parent_span_id for span in recorder.spans] == [None, None]
    assert sorted(recorder.log) == [("start", "numbers")] * 2 + [("stop", "numbers")] * 2


@pytest.mark.parametrize("end", ["close", "collect", "throw", "exit"])
def test_it_is_stopped_however_it_ends(configure: Configure, end: str) -> None:
    """Closed, collected, thrown into, left by an exception: the span is stopped; only an exception is an error."""
    recorder = configure()
    generator: Any = numbers()
    next(generator)
    if end == "close":
        generator.close()
    elif end == "collect":
        del generator
        gc.collect()
    elif end == "throw":
        with pytest.raises(ValueError, match="no"):
            generator.throw(ValueError("no"))
    else:
        with pytest.raises(SystemExit):
            generator.throw(SystemExit(0))
    assert recorder.log == [
        ("start", "numbers"),
        *([("error", "numbers")] if end == "throw" else []),
        ("stop", "numbers"),
    ]
    assert current_span() is NOOP_SPAN


@pytest.mark.parametrize("end", ["close", "collect", "throw", "cancel"])
def test_an_asynchronous_one_is_stopped_however_it_ends(configure: Configure, end: str) -> None:
    """The same for an asynchronous generator, and for one whose task is cancelled inside it."""
    recorder = configure()

    async def cancelled() -> None:
        generator = letters()
        await anext(generator)
        task = asyncio.ensure_future(anext(generator))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def main() -> None:
        if end == "cancel":
            return await cancelled()
        generator: Any = letters()
        await anext(generator)
        if end == "close":
            await generator.aclose()
        elif end == "throw":
            with pytest.raises(ValueError, match="no"):
                await generator.athrow(ValueError("no"))
        else:
            del generator
            gc.collect()
            await asyncio.sleep(0.01)
        return None

    asyncio.run(main())
    assert recorder.log == [
        ("start", "letters"),
        *([("error", "letters")] if end == "throw" else []),
        ("stop", "letters"),
    ]


def test_an_asynchronous_one_without_a_loop_that_could_close_it(configure: Configure) -> None:
    """Driven by hand and dropped, with code that would have to wait at its end: the span is stopped all the same."""
    recorder = configure()

    @timed_span("letters")
    async def waits() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)

    generator: Any = waits()
    with pytest.raises(StopIteration):
        anext(generator).send(None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", lambda _: None)  # Python says that it was not closed
        del generator
        gc.collect()
    assert recorder.log == [("start", "letters"), ("stop", "letters")]


def test_no_value_is_kept_between_two_steps(configure: Configure) -> None:
    """What a generator has yielded lives as long as its consumer wants: a batch may be large."""
    configure()

    class Batch:
        pass

    @timed_span
    def batches() -> Generator[Batch, Batch | None, None]:
        yield Batch()
        yield Batch()

    generator = batches()
    batch = next(generator)
    alive = weakref.ref(batch)
    del batch
    assert alive() is None
    sent = Batch()
    alive = weakref.ref(sent)
    generator.send(sent)
    del sent
    assert alive() is None


def test_context_managers_made_of_generators(configure: Configure) -> None:
    """Below `contextmanager` and its like, the span lasts as long as the block, and isn't current in it."""
    recorder = configure()

    @contextmanager
    @timed_span("opened")
    def opened() -> Iterator[int]:
        yield 1

    @asynccontextmanager
    @timed_span("opened")
    async def opened_later() -> AsyncIterator[int]:
        yield 1

    async def main() -> None:
        async with opened_later():
            assert current_span() is NOOP_SPAN
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"), opened():
        assert current_span() is NOOP_SPAN
        raise ValueError("no")
    with pytest.raises(ValueError, match="no"):
        asyncio.run(main())
    assert recorder.log == [("start", "opened"), ("error", "opened"), ("stop", "opened")] * 2


class ScriptedError(Exception):
    """Thrown into generators, and raised by them."""


Act = tuple[str, int]


def _play(make: Callable[[], Generator[int, int | None, str]], acts: list[Act]) -> list[object]:
    """What a generator does when it is driven by `acts`."""
    generator, seen = make(), list[object]()
    for act, number in acts:
        try:
            if act == "next":
                seen.append(next(generator))
            elif act == "send":
                seen.append(generator.send(number))
            elif act == "throw":
                seen.append(generator.throw(ScriptedError(number)))
            else:
                seen.append(generator.close())  # type: ignore[func-returns-value]  # from Python 3.13 on it may return one
        except BaseException as error:
            context = error.__context__
            seen.append((type(error), error.args, None if context is None else (type(context), context.args)))
    return seen


async def _play_async(make: Callable[[], AsyncGenerator[int, int | None]], acts: list[Act]) -> list[object]:
    seen = list[object]()
    async with aclosing(make()) as generator:
        for act, number in acts:
            try:
                if act == "next":
                    seen.append(await anext(generator))
                elif act == "send":
                    seen.append(await generator.asend(number))
                elif act == "throw":
                    seen.append(await generator.athrow(ScriptedError(number)))
                else:
                    await generator.aclose()
            except Exception as error:
                context = error.__context__
                seen.append((type(error), error.args, None if context is None else (type(context), context.args)))
    return seen


ACTS = st.lists(st.tuples(st.sampled_from(["next", "next", "send", "throw", "close"]), st.integers(0, 9)), max_size=8)
BODY = st.lists(st.sampled_from(["yield", "catch", "raise", "again", "return"]), max_size=6)


def _plain(body: list[str]) -> Callable[[], Generator[int, int | None, str]]:
    """A generator function that does what `body` says."""

    def plain() -> Generator[int, int | None, str]:
        got: int | None = 0
        for number, step in enumerate(body):
            if step == "yield":
                got = yield 100 * number + (got or 0)
            elif step == "catch":
                try:
                    got = yield number
                except ScriptedError as error:
                    got = yield error.args[0]
            elif step == "again":
                try:
                    yield number
                except ScriptedError as error:
                    raise KeyError(number) from error
            elif step == "raise":
                raise ScriptedError(number)
            else:
                return f"returned {got}"
        return "end"

    return plain


def _plain_async(body: list[str]) -> Callable[[], AsyncGenerator[int, int | None]]:
    """The same, asynchronously."""
    plain = _plain(body)

    async def plain_async() -> AsyncGenerator[int, int | None]:
        generator = plain()
        got: int | None = None
        step: Callable[..., int] = generator.send
        while True:
            try:
                value = step(got)
            except StopIteration:
                return
            await asyncio.sleep(0)
            try:
                got, step = (yield value), generator.send
            except ScriptedError as error:
                got, step = error, generator.throw  # type: ignore[assignment]  # what is thrown in

    return plain_async


@pytest.fixture
def others_frozen() -> Iterator[None]:
    """Has the collector of garbage look at what the test makes alone: with all that is imported, it takes 0.1 s."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@given(acts=ACTS, body=BODY)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_decorated_generator_does_what_the_plain_one_does(
    others_frozen: None, make_recorder: Callable[[], Any], acts: list[Act], body: list[str]
) -> None:
    """Whatever is sent, thrown and closed, whatever it catches and raises: values and exceptions are the same."""
    plain, plain_async = _plain(body), _plain_async(body)
    expected = _play(plain, acts)
    expected_async = asyncio.run(_play_async(plain_async, acts))
    recorder = make_recorder()
    with configured(OneLoggerConfig("app"), recorder):
        assert _play(timed_span(plain), acts) == expected
        assert asyncio.run(_play_async(timed_span(plain_async), acts)) == expected_async
        gc.collect()
        assert all(not span.is_recording() for span in recorder.spans)
        assert current_span() is NOOP_SPAN
