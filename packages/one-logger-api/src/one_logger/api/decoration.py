"""`timed_span` as a decorator: a span for each call, whatever kind of function it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import partial, wraps
from inspect import CO_ITERABLE_COROUTINE, isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, isroutine
from types import coroutine

from one_logger.api.provider import OneLoggerProvider
from one_logger.api.suspended import begun, timed_later
from one_logger.api.timing import TimedSpan, timed_span
from one_logger.core import NOOP_SPAN, OneLoggerError
from one_logger.core.spi import shown

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

# dill pickles a decorated function with all that this module has: nothing that can't be pickled may be imported here.
_provider = OneLoggerProvider.instance()


def decorated(function: F, timed: TimedSpan) -> F:
    """The function, with a span for each call.

    Args:
        function: A function, a method, or anything else that can be called.
        timed: What to start for each call. If it has no name, the function's qualified name is taken.

    Raises:
        OneLoggerError: It cannot be decorated; the error says what to write instead.
    """
    if isinstance(function, type) or not callable(function) or isinstance(function, staticmethod):
        raise _refusal(function)
    plain: Any = function
    while isinstance(plain, partial):
        plain = plain.func
    named = plain if hasattr(plain, "__qualname__") else type(plain)
    start = _starter(timed, named.__qualname__)
    code = plain if isroutine(plain) else type(plain).__call__
    result: Any
    if isgeneratorfunction(code):
        result = _timed_generator(function, start)
        if code.__code__.co_flags & CO_ITERABLE_COROUTINE:  # it was made for `await`
            result = coroutine(result)
    elif isasyncgenfunction(code):
        result = _timed_async_generator(function, start)
    elif iscoroutinefunction(code) or iscoroutinefunction(function):
        result = _timed_coroutine_function(function, start)
    else:
        result = _timed_function(function, start)
    timed_function: F = wraps(function)(result)  # type: ignore[assignment]  # it keeps the signature
    return timed_function


def _starter(timed: TimedSpan, default: str) -> Callable[[], TimedSpan]:
    """Makes objects like `timed`, one for each call; `default` is their name if it has none."""
    name, span_attributes, start_event_attributes, parent_span, current = timed.arguments()
    name = default if name is None else name
    return lambda: timed_span(name, span_attributes, start_event_attributes, parent_span=parent_span, current=current)


def _refusal(given: object) -> OneLoggerError:
    kind = type(given).__name__
    if isinstance(given, type):
        hint = f"is the class {given.__qualname__}; decorate its methods, such as __init__."
    elif hasattr(type(given), "__get__"):
        hint = f"is a {kind}; write @{kind} above @timed_span, so that timed_span gets the function itself."
    else:
        hint = f"is {kind} ({shown(given)}); it expects a function."
    return OneLoggerError(f"What timed_span is to decorate {hint}")


def _timed_coroutine_function(
    function: Callable[..., Coroutine[object, object, object]], start: Callable[[], TimedSpan]
) -> Callable[..., Coroutine[object, object, object]]:
    async def timed_coroutine(*args: object, **kwargs: object) -> object:
        if _provider._recorder is _provider.NOTHING:
            return await function(*args, **kwargs)
        with start():
            return await function(*args, **kwargs)

    return timed_coroutine


def _timed_function(function: Callable[..., object], start: Callable[[], TimedSpan]) -> Callable[..., object]:
    def timed_function(*args: object, **kwargs: object) -> object:
        if _provider._recorder is _provider.NOTHING:
            return function(*args, **kwargs)
        with (timed := start()) as span:
            result = function(*args, **kwargs)
            if result is not None and hasattr(type(result), "__await__") and span is not NOOP_SPAN:
                return timed_later(result, timed, span)
            return result

    return timed_function


def _timed_generator(
    function: Callable[..., Generator[object, object, object]], start: Callable[[], TimedSpan]
) -> Callable[..., Generator[object, object, object]]:
    """A generator function with a span from the first step of each generator to its end."""

    def timed(*args: object, **kwargs: object) -> Generator[object, object, object]:
        generator = function(*args, **kwargs)
        work, inside = begun(start)
        with work:
            step: Callable[[Any], object] = generator.send
            given: object = None
            values = []  # of one step: taken out of it, no value is kept alive until the next step
            while True:
                with inside:
                    try:
                        values.append(step(given))
                    except StopIteration as end:
                        return end.value
                    finally:
                        given = None
                try:
                    given = yield values.pop()
                    step = generator.send
                except BaseException as error:  # `GeneratorExit`, too
                    step, given = generator.throw, error

    return timed


def _timed_async_generator(
    function: Callable[..., AsyncGenerator[object, object]], start: Callable[[], TimedSpan]
) -> Callable[..., AsyncGenerator[object, object]]:
    """The same for an asynchronous one."""

    async def timed(*args: object, **kwargs: object) -> AsyncGenerator[object, object]:
        generator = function(*args, **kwargs)
        work, inside = begun(start)
        with work:
            step: Callable[[Any], Coroutine[object, object, object]] = generator.asend
            given: object = None
            values = []
            while True:
                with inside:
                    try:
                        values.append(await step(given))
                    except StopAsyncIteration:
                        return
                    finally:
                        given = None
                try:
                    given = yield values.pop()
                    step = generator.asend
                except BaseException as error:
                    step, given = generator.athrow, error

    return timed
