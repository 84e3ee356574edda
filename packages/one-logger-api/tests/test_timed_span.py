"""Behaviour of `timed_span` as a context manager and as a decorator, with a recorder configured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import pytest

from one_logger.api import OneLoggerProvider, current_span, record_error, record_event, timed_span
from one_logger.core import NOOP_SPAN, OneLoggerError, Span

Configure = Callable[..., Any]


def test_span_lasts_as_long_as_its_block(configure: Configure) -> None:
    """The block's span is open inside the block, has its attributes, and is stopped after it."""
    recorder = configure()
    with timed_span("work", {"a": 1}, {"b": 2}) as span:
        assert span.is_recording()
        assert current_span() is span
    assert not span.is_recording()
    assert (span.name, dict(span.attributes), dict(span.start_event.attributes)) == ("work", {"a": 1}, {"b": 2})
    assert recorder.log == [("start", "work"), ("stop", "work")]


def test_arguments_may_be_given_by_the_names_of_the_seed(configure: Configure) -> None:
    """`name`, `span_attributes` and `start_event_attributes` are the arguments' names."""
    configure()
    with timed_span(name="work", span_attributes={"a": 1}, start_event_attributes={"b": 2}) as span:
        assert dict(span.attributes) == {"a": 1}


def test_name_may_be_an_enum(configure: Configure) -> None:
    """The value of a `(str, Enum)` is the span's name."""

    class Name(str, Enum):
        EPOCH = "epoch"

    recorder = configure()
    with timed_span(Name.EPOCH):
        pass
    assert recorder.log[0] == ("start", "epoch")


@pytest.mark.parametrize(
    "exception",
    [
        ValueError(),
        ValueError("no"),
        KeyboardInterrupt(),
        SystemExit(3),
        RecursionError("deep"),
    ],
    ids=repr,
)
def test_exception_is_recorded_and_goes_on_unchanged(configure: Configure, exception: BaseException) -> None:
    """Whatever leaves the block is recorded once, and is the very object that the caller gets."""
    recorder = configure()
    with pytest.raises(type(exception)) as caught, timed_span("work"):
        raise exception
    assert caught.value is exception
    assert caught.value.__context__ is None
    assert recorder.log == [("start", "work"), ("error", "work"), ("stop", "work")]
    (error,) = recorder.errors
    assert error.message == f"work raised {type(exception).__name__}"
    assert error.exception_type is not None
    assert error.exception_type.endswith(type(exception).__name__)
    assert error.exception_message == str(exception)
    assert "raise exception" in error.stack_trace


@pytest.mark.parametrize(
    "exception", [GeneratorExit(), SystemExit(), SystemExit(0), asyncio.CancelledError()], ids=repr
)
def test_orderly_ends_are_no_errors(configure: Configure, exception: BaseException) -> None:
    """Closing a generator and leaving the program successfully stop the span without an error."""
    recorder = configure()
    with pytest.raises(type(exception)), timed_span("work"):
        raise exception
    assert recorder.log == [("start", "work"), ("stop", "work")]


@pytest.mark.parametrize("failing", [("error",), ("stop",), ("error", "stop")])
def test_telemetry_never_replaces_the_exception(configure: Configure, failing: tuple[str, ...]) -> None:
    """A recorder that raises while an exception passes does not change which exception the caller gets."""
    recorder = configure(failing=failing)
    with pytest.raises(ZeroDivisionError) as caught, timed_span("work"):
        _ = 1 / 0
    assert caught.value.__context__ is None
    assert [what for what, _ in recorder.log] == [what for what in ("start", "error", "stop") if what not in failing]


def test_telemetry_error_is_raised_where_nothing_else_is(configure: Configure) -> None:
    """What a recorder raises on stopping reaches the caller if no exception of the application passes."""
    configure(failing=("stop",))
    with pytest.raises(OneLoggerError, match="stop fails"), timed_span("work"):
        pass


def test_span_may_be_stopped_in_its_block(configure: Configure) -> None:
    """A span that the block has stopped is not stopped again."""
    recorder = configure()
    with timed_span("work") as span:
        recorder.stop(span)
    assert recorder.log == [("start", "work"), ("stop", "work")]


def test_exception_after_the_span_was_stopped_belongs_to_the_span_around(configure: Configure) -> None:
    """An exception that leaves a block which has stopped its span is recorded on the nearest open span."""
    recorder = configure()
    with pytest.raises(ValueError, match="late"), timed_span("outer"), timed_span("inner") as span:
        recorder.stop(span)
        raise ValueError("late")
    assert recorder.log[2:] == [("stop", "inner"), ("error", "outer"), ("error", "outer"), ("stop", "outer")]


def test_blocks_nest(configure: Configure) -> None:
    """A span in a block is a child of the block's span, which is current again after it."""
    configure()
    with timed_span("outer") as outer:
        with timed_span("inner") as inner:
            assert inner.parent_span_id == outer.span_id
            assert inner.trace_id == outer.trace_id
        assert current_span() is outer
    assert current_span() is NOOP_SPAN


def test_async_with(configure: Configure) -> None:
    """`async with` does the same as `with`."""
    recorder = configure()

    async def job() -> None:
        async with timed_span("work") as span:
            assert current_span() is span
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(job())
    assert recorder.log == [("start", "work"), ("error", "work"), ("stop", "work")]


def test_tasks_have_current_spans_of_their_own(configure: Configure) -> None:
    """Tasks that interleave do not see each other's spans; both are children of the span that they were started in."""
    configure()

    async def task(name: str, mine: asyncio.Event, other: asyncio.Event) -> Span:
        async with timed_span(name) as span:
            mine.set()
            await other.wait()
            assert current_span() is span
        return span

    async def job() -> None:
        a, b = asyncio.Event(), asyncio.Event()
        async with timed_span("job") as outer:
            spans = await asyncio.gather(task("a", a, b), task("b", b, a))
            assert {span.parent_span_id for span in spans} == {outer.span_id}
            assert current_span() is outer

    asyncio.run(job())


def test_generators_that_interleave_end_with_nothing_current(configure: Configure) -> None:
    """Spans of generators that are advanced in turn are stopped with their blocks; none of them stays current."""
    configure()

    def numbers(name: str) -> Iterator[Span]:
        with timed_span(name) as span:
            for _ in range(3):
                assert span.is_recording()
                yield span

    spans = list(zip(numbers("a"), numbers("b"), strict=True))
    assert all(not span.is_recording() for pair in spans for span in pair)
    assert current_span() is NOOP_SPAN


def test_decorated_function_has_a_span_for_each_call(configure: Configure) -> None:
    """A decorated function keeps its name and result; each call is a span, also a recursive one."""
    recorder = configure()

    @timed_span("factorial", {"kind": "math"})
    def factorial(n: int) -> int:
        """The factorial."""
        return 1 if n == 0 else n * factorial(n - 1)

    assert factorial(2) == 2
    assert (factorial.__name__, factorial.__doc__) == ("factorial", "The factorial.")
    assert recorder.log == [("start", "factorial")] * 3 + [("stop", "factorial")] * 3
    assert recorder.spans[2].parent_span_id == recorder.spans[1].span_id


def test_decorated_coroutine_function_is_timed_until_it_ends(configure: Configure) -> None:
    """The span of a decorated coroutine function is open while the coroutine waits."""
    recorder = configure()

    @timed_span("wait")
    async def wait(result: str) -> str:
        await asyncio.sleep(0)
        assert current_span().name == "wait"
        return result

    async def job() -> list[str]:
        return [*await asyncio.gather(wait("a"), wait("b"))]

    assert asyncio.run(job()) == ["a", "b"]
    assert recorder.log == [("start", "wait")] * 2 + [("stop", "wait")] * 2


def test_decorator_may_come_before_configure(configure: Configure) -> None:
    """A function decorated while nothing was configured records once something is."""

    @timed_span("work")
    def work() -> Span:
        return current_span()

    assert work() is NOOP_SPAN
    recorder = configure()
    assert work().name == "work"
    assert recorder.log == [("start", "work"), ("stop", "work")]


def test_events_and_errors_go_to_the_recorder(configure: Configure) -> None:
    """`record_event` and `record_error` record on the current span."""
    recorder = configure()
    with timed_span("work"):
        record_event("checkpoint", {"step": 1})
        event = record_error("it failed", ValueError("no"))
    assert recorder.log == [("start", "work"), ("event", "checkpoint"), ("error", "current"), ("stop", "work")]
    assert (event.message, event.exception_type) == ("it failed", "ValueError")


def test_facade_module_has_the_names_of_the_seed() -> None:
    """`one_logger.api.timed_span` is a module with these names, and `one_logger.api` has the class of that name."""
    from one_logger.api.timed_span import configure_one_logger, get_recorder
    from one_logger.api.timed_span import timed_span as from_module

    assert from_module is timed_span
    assert get_recorder() is OneLoggerProvider.instance().recorder
    assert configure_one_logger.__module__ == "one_logger.api.timed_span"
