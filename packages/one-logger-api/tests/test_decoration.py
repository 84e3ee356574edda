"""`timed_span` as a decorator: which functions it takes, what it makes of them, and what it refuses."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import logging
import pickle
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from enum import Enum
from typing import Any

import pytest

from one_logger.api import ROOT, current_span, timed_span
from one_logger.core import NOOP_SPAN, OneLoggerError, SpanContext
from one_logger.core.spi import diagnostics

Configure = Callable[..., Any]


@timed_span
def doubled(number: int) -> int:
    """Two times the number."""
    return 2 * number


def test_bare_decorator_takes_the_qualified_name(configure: Configure) -> None:
    """`@timed_span` without parentheses, and with empty ones, names the span after the function."""
    recorder = configure()

    class Trainer:
        @timed_span
        def step(self) -> str:
            return current_span().name

        @timed_span()
        async def wait(self) -> str:
            return current_span().name

        @timed_span(span_attributes={"kind": "io"})
        def load(self) -> Any:
            return dict(current_span().attributes)

    trainer = Trainer()
    assert doubled(4) == 8
    assert trainer.step().endswith("Trainer.step")
    assert asyncio.run(trainer.wait()).endswith("Trainer.wait")
    assert trainer.load() == {"kind": "io"}
    assert [span.name.rpartition(".")[2] for span in recorder.spans] == ["doubled", "step", "wait", "load"]


def test_decorated_function_looks_like_the_function(configure: Configure) -> None:
    """Name, documentation and signature stay, and a function of a module can still be pickled."""
    configure()
    assert (doubled.__name__, doubled.__doc__) == ("doubled", "Two times the number.")
    assert list(inspect.signature(doubled).parameters) == ["number"]
    assert pickle.loads(pickle.dumps(doubled)) is doubled  # noqa: S301 - our own


def test_below_classmethod_staticmethod_and_property(configure: Configure) -> None:
    """Directly above the function, `timed_span` may stand below these decorators."""
    recorder = configure()

    class Loader:
        @classmethod
        @timed_span("class")
        def of_class(cls) -> type:
            return cls

        @staticmethod
        @timed_span("static")
        def of_nobody(number: int) -> int:
            return number

        @property
        @timed_span("property")
        def value(self) -> int:
            return 7

    assert (Loader.of_class(), Loader.of_nobody(3), Loader().value) == (Loader, 3, 7)
    assert [name for what, name in recorder.log if what == "stop"] == ["class", "static", "property"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (classmethod, "classmethod"),
        (staticmethod, "staticmethod"),
        (property, "property"),
        (functools.cached_property, "cached_property"),
        (functools.partialmethod, "partialmethod"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("decorator", [timed_span, timed_span("name")], ids=["bare", "named"])
def test_above_a_descriptor_it_is_refused(decorator: Any, kind: Any, name: str) -> None:
    """Above these decorators, `timed_span` is refused where it stands, and the right order is said."""
    with pytest.raises(OneLoggerError, match=rf"is a {name}; write @{name} above @timed_span"):
        decorator(kind(lambda self: 1))


@pytest.mark.parametrize("decorator", [timed_span, timed_span("name")], ids=["bare", "named"])
def test_a_class_is_refused(decorator: Any) -> None:
    """A class is refused: a span of its call would be no span of its work."""
    with pytest.raises(OneLoggerError, match=r"the class .*Model; decorate its methods"):

        @decorator
        class Model:
            pass


def test_what_is_no_function_is_refused() -> None:
    """What cannot be called is refused, and the error says what it is."""
    with pytest.raises(OneLoggerError, match=r"is int \(7\); it expects a function"):
        timed_span("name")(7)  # type: ignore[type-var]  # that is the mistake


def test_names_that_are_enums_are_names(configure: Configure) -> None:
    """A member of an `Enum` is a name, whatever else its class can do."""

    class Name(Enum):
        EPOCH = "epoch"

        def __call__(self) -> None:
            """It can be called, too."""

    recorder = configure()
    name: Any = Name.EPOCH
    with timed_span(name):
        pass
    assert recorder.log == [("start", "epoch"), ("stop", "epoch")]


def test_partials_and_callable_objects(configure: Configure) -> None:
    """A `partial` is named after its function, an object after its class; both are timed as what they call."""
    recorder = configure()

    class Job:
        async def __call__(self, seconds: float) -> str:
            await asyncio.sleep(seconds)
            return current_span().name

    async def wait(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return current_span().name

    assert timed_span(functools.partial(doubled.__wrapped__, 3))() == 6  # type: ignore[attr-defined]
    assert asyncio.run(timed_span(functools.partial(wait, 0))()).endswith("wait")
    assert asyncio.run(timed_span(Job())(0)).endswith("Job")
    assert inspect.iscoroutinefunction(timed_span(Job()))
    assert len(recorder.log) == 6


def test_what_a_function_returns_to_be_awaited_is_timed(configure: Configure) -> None:
    """The span lasts until the coroutine that a plain function returns is done, and is current in it, not outside."""
    recorder = configure()

    async def wait() -> str:
        await asyncio.sleep(0)
        return current_span().name

    @timed_span("work")
    def work() -> Coroutine[Any, Any, str]:
        return wait()

    async def main() -> str:
        with timed_span("outer") as outer:
            coroutine = work()
            assert current_span() is outer
            assert recorder.log[-1] == ("start", "work")
            named: Any = coroutine
            assert named.__name__ == "wait"
            result = await coroutine
            assert current_span() is outer
            return result

    assert asyncio.run(main()) == "work"
    assert recorder.log[1:3] == [("start", "work"), ("stop", "work")]


def test_error_of_what_is_awaited_later(configure: Configure) -> None:
    """An exception in the coroutine that a plain function has returned is an error of the span."""
    recorder = configure()

    async def fail() -> None:
        raise ValueError("no")

    @timed_span("work")
    def work() -> Coroutine[Any, Any, None]:
        return fail()

    with pytest.raises(ValueError, match="no"):
        asyncio.run(work())
    assert recorder.log == [("start", "work"), ("error", "work"), ("stop", "work")]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_what_nobody_awaits_ends_when_it_is_collected(configure: Configure) -> None:
    """The span of a coroutine that is never awaited is stopped with it."""
    recorder = configure()

    async def wait() -> None:
        pass

    @timed_span("work")
    def work() -> Coroutine[Any, Any, None]:
        return wait()

    coroutine = work()
    assert recorder.log == [("start", "work")]
    del coroutine
    gc.collect()
    assert recorder.log == [("start", "work"), ("stop", "work")]


@pytest.mark.parametrize("end", ["result", "error", "cancel"])
def test_tasks_that_a_function_returns_are_timed(configure: Configure, end: str) -> None:
    """A task is returned as it is; the span is stopped when it is done, failed or cancelled."""
    recorder = configure()

    async def wait(event: asyncio.Event) -> int:
        await event.wait()
        return 7 // int(end != "error")

    @timed_span("work")
    def work(event: asyncio.Event) -> asyncio.Task[int]:
        return asyncio.create_task(wait(event))

    async def main() -> None:
        event = asyncio.Event()
        task = work(event)
        assert isinstance(task, asyncio.Task)
        assert current_span() is NOOP_SPAN
        await asyncio.sleep(0)
        assert recorder.log == [("start", "work")]
        if end == "cancel":
            task.cancel()
        event.set()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        if end == "error":
            assert isinstance(task.exception(), ZeroDivisionError)

    asyncio.run(main())
    assert recorder.log == [("start", "work"), *([("error", "work")] if end == "error" else []), ("stop", "work")]


def test_a_task_s_error_that_nobody_has_seen_is_still_said(
    configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    """Asyncio goes on to warn of the exception of a task that nobody has asked for it."""
    configure()

    async def fail() -> None:
        raise ValueError("unseen")

    @timed_span("work")
    def work() -> Awaitable[None]:
        return asyncio.create_task(fail())

    async def main() -> None:
        work()  # type: ignore[unused-awaitable]  # that is the point
        await asyncio.sleep(0.01)
        gc.collect()

    with caplog.at_level(logging.ERROR, "asyncio"):
        asyncio.run(main())
    assert "Task exception was never retrieved" in caplog.text


def test_other_awaitables_are_said_not_to_be_timed(configure: Configure, caplog: pytest.LogCaptureFixture) -> None:
    """What is awaited but is no coroutine, task or future is returned unchanged, and the log says so."""
    recorder = configure()

    class Request:
        def __await__(self) -> Generator[Any, None, str]:
            yield
            return "done"

    request = Request()

    @timed_span("send request")
    def work() -> Request:
        return request

    assert work() is request
    assert recorder.log == [("start", "send request"), ("stop", "send request")]
    diagnostics.write_reports()
    (message,) = [each for each in caplog.messages if "send request" in each]
    assert "returns, a Request, is awaited later. The span ends before" in message


def test_generator_based_coroutines_can_still_be_awaited(configure: Configure) -> None:
    """A generator function that `types.coroutine` has made awaitable stays so."""
    recorder = configure()

    @timed_span("wait")
    @types.coroutine
    def wait() -> Generator[None, None, str]:
        yield
        return current_span().name

    async def main() -> None:
        assert await wait() == "wait"

    asyncio.run(main())
    assert recorder.log == [("start", "wait"), ("stop", "wait")]


def test_parent_and_current_are_passed_on(configure: Configure) -> None:
    """`parent_span` and `current` hold for a block and for each call of a decorated function."""
    recorder = configure()
    remote = SpanContext(1, 2)

    @timed_span("call", parent_span=remote, current=False)
    def call() -> str:
        return current_span().name

    with timed_span("outer") as outer:
        with timed_span("root", parent_span=ROOT) as root:
            assert current_span() is root
        assert current_span() is outer
        with timed_span("beside", current=False) as beside:
            assert current_span() is not beside
            assert beside.parent_span_id == outer.span_id
    call()
    assert root.parent_span_id is None
    assert recorder.spans[-1].parent_span_id == remote.span_id
    assert not any(span.is_recording() for span in recorder.spans)


def test_grouped_cancellations_are_no_errors(configure: Configure) -> None:
    """A group of exceptions is an error if one of its members is."""
    recorder = configure()
    cancelled = asyncio.CancelledError()
    with pytest.raises(BaseExceptionGroup), timed_span("a"):
        raise BaseExceptionGroup("both", [cancelled, BaseExceptionGroup("inner", [cancelled])])
    with pytest.raises(BaseExceptionGroup), timed_span("b"):
        raise BaseExceptionGroup("both", [cancelled, ValueError("no")])
    assert [name for what, name in recorder.log if what == "error"] == ["b"]


def test_a_cancelled_task_has_no_error(configure: Configure) -> None:
    """Each span that a cancellation leaves is stopped without an error; the one whose work timed out has it."""
    recorder = configure()

    @timed_span("inner")
    async def inner() -> None:
        async with timed_span("innermost"):
            await asyncio.sleep(60)

    async def main() -> None:
        with timed_span("outer"):
            await asyncio.wait_for(inner(), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert recorder.log[3:] == [("stop", "innermost"), ("stop", "inner"), ("error", "outer"), ("stop", "outer")]


def test_unconfigured_nothing_is_between(configure: Configure) -> None:
    """Before anything is configured, a decorated function is called as it is, of whatever kind it is."""

    @timed_span
    async def wait() -> int:
        return len(inspect.stack())

    @timed_span
    def steps() -> Generator[int, int, str]:
        assert (yield 1) == 2
        return "end"

    generator = steps()
    assert next(generator) == 1
    with pytest.raises(StopIteration) as stop:
        generator.send(2)
    assert stop.value.value == "end"
    assert doubled(1) == 2
    assert asyncio.run(wait()) > 0
    assert current_span() is NOOP_SPAN
