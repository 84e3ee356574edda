import gc
import json
import re
import traceback
import weakref
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from one_logger.core import ErrorEvent, Resource, Span
from one_logger.core.spi import weigh
from one_logger.exporter.memory import InMemoryExporter

_READS = """
import json
import sys
from one_logger.core import ErrorEvent

opened = []
try:
    json.loads("")
except ValueError as error:
    sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)
    events = [ErrorEvent("failed", error) for _ in range(3)]
    made = len(opened)
    for event in events:
        event.exception_type, event.exception_message, event.message, repr(event)
print(made, len(opened), "raise JSONDecodeError" in events[0].stack_trace, len(opened) > 0)
"""


_E = TypeVar("_E", bound=BaseException)


class _Text(str):
    """A subclass of `str`."""

    __slots__ = ()


class _SilentError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class _TranslatedError(Exception):
    def __str__(self) -> str:
        return _Text("lazily translated")


class _OddNotesError(ValueError):
    __notes__ = 5  # type: ignore[assignment]  # that is the point


def _raised(exception: _E, cause: BaseException | None = None) -> _E:
    try:
        if cause is None:
            raise exception
        raise exception from cause
    except BaseException:
        return exception


def _during(first: Exception, second: Exception) -> BaseException:
    try:
        try:
            raise first
        except Exception:
            raise second  # noqa: B904 - the context is the point
    except Exception as error:
        return error


def _suppressed(first: Exception, second: Exception) -> BaseException:
    try:
        try:
            raise first
        except Exception:
            raise second from None
    except Exception as error:
        return error


def _noted() -> BaseException:
    error = ValueError("no")
    error.add_note("first note")
    error.add_note("second\nnote")
    return _raised(error)


def _in_library() -> BaseException:
    try:
        json.loads("{")
    except ValueError as error:
        return error
    raise AssertionError


def _recursion() -> BaseException:
    def deeper() -> None:
        deeper()

    try:
        deeper()
    except RecursionError as error:
        return error
    raise AssertionError


def _trace(exception: BaseException) -> str:
    text = ErrorEvent("failed", exception).stack_trace
    assert text is not None
    return text


_SIMPLE: dict[str, Callable[[], BaseException]] = {
    "with message": lambda: _raised(ValueError("no")),
    "empty message": lambda: _raised(ValueError()),
    "several lines": lambda: _raised(ValueError("one\ntwo")),
    "never raised": lambda: ValueError("no"),
    "library": _in_library,
    "cause": lambda: _raised(ValueError("no"), _raised(KeyError("k"))),
    "cause never raised": lambda: _raised(ValueError("no"), KeyError("k")),
    "three causes": lambda: _raised(ValueError("no"), _raised(KeyError("k"), _raised(OSError(2, "gone")))),
    "context": lambda: _during(KeyError("k"), ValueError("no")),
    "suppressed": lambda: _suppressed(KeyError("k"), ValueError("no")),
    "notes": _noted,
    "own class": lambda: _raised(_TranslatedError()),
    "exit": lambda: _raised(SystemExit(3)),
    "interrupt": lambda: _raised(KeyboardInterrupt()),
}


@pytest.mark.parametrize("make", _SIMPLE.values(), ids=_SIMPLE)
def test_stack_trace_is_what_the_interpreter_prints(make: Callable[[], BaseException]) -> None:
    """The stack trace is the interpreter's, but for the line of markers below a line of source."""
    exception = make()
    lines = "".join(traceback.format_exception(exception)).splitlines(keepends=True)
    assert _trace(exception) == "".join(line for line in lines if set(line.strip()) - {"^", "~"} or not line.strip())


@pytest.mark.parametrize(
    ("exception", "kind", "text"),
    [
        (ValueError(), "ValueError", ""),
        (ValueError("no"), "ValueError", "no"),
        (json.JSONDecodeError("no", "{", 1), "json.decoder.JSONDecodeError", "no: line 1 column 2 (char 1)"),
        (KeyboardInterrupt(), "KeyboardInterrupt", ""),
        (_SilentError(), f"{__name__}._SilentError", "<str() raised RuntimeError>"),
        (_TranslatedError(), f"{__name__}._TranslatedError", "lazily translated"),
        (_OddNotesError("no"), f"{__name__}._OddNotesError", "no"),
    ],
    ids=["empty", "message", "qualified", "interrupt", "silent", "translated", "odd-notes"],
)
def test_exception_is_described(exception: BaseException, kind: str, text: str) -> None:
    """An error has the qualified name of the exception's class and the exception's own text, and can be exported."""
    event = ErrorEvent("failed", _raised(exception))
    assert event.message == "failed"
    assert event.exception_type == kind
    assert event.exception_message == text
    assert kind in str(event.stack_trace)
    assert event.problem is None
    exporter = InMemoryExporter()
    exporter.initialize(Resource())
    exporter.export_error(event, Span("work"))
    exporter.close()
    assert exporter.records[1]["error"]["exception_type"] == kind
    assert exporter.records[1]["error"]["exception_message"] == text


@pytest.mark.parametrize("notes", [None, 5, ["text", 7]], ids=["none", "int", "mixed"])
def test_notes_of_other_types_do_not_raise(notes: object) -> None:
    """Notes that are none, which any code may set, are passed over."""
    error = ValueError("no")
    error.__notes__ = notes  # type: ignore[assignment]  # that is the point
    assert "ValueError: no" in _trace(error)


def test_error_without_exception_has_only_its_message() -> None:
    """An error without an exception has neither type nor stack trace, also outside an `except` block."""
    event = ErrorEvent("failed")
    assert (event.exception_type, event.exception_message, event.stack_trace) == (None, None, None)
    assert event.name == "exception"
    assert event.attributes == {"error.message": "failed"}


def test_error_with_an_empty_message_is_fine() -> None:
    """An empty message is kept, and is no attribute."""
    event = ErrorEvent("", ValueError())
    assert event.message == ""
    assert event.problem is None
    assert "error.message" not in event.attributes


def test_attributes_have_the_names_of_opentelemetry() -> None:
    """What is known of the exception is among the attributes, after the given ones, which stay."""
    event = ErrorEvent("failed", _raised(ValueError("no")), {"a": 1})
    assert event.attributes == {
        "a": 1,
        "error.message": "failed",
        "exception.type": "ValueError",
        "exception.message": "no",
        "exception.stacktrace": event.stack_trace,
    }


def test_an_error_is_made_of_texts() -> None:
    """An error that comes from elsewhere has the type, the message and the trace that were given, wherever asked."""
    texts: dict[str, Any] = {
        "exception_type": "java.lang.Error",
        "exception_message": "no",
        "stack_trace": "at Main.main(Main.java:3)",
    }
    for event in (ErrorEvent("failed", **texts), ErrorEvent.create("failed", **texts)):
        assert {name: getattr(event, name) for name in texts} == texts
        assert event.attributes == {
            "error.message": "failed",
            "exception.type": "java.lang.Error",
            "exception.message": "no",
            "exception.stacktrace": "at Main.main(Main.java:3)",
        }
        assert event.problem is None
        exporter = InMemoryExporter()
        exporter.initialize(Resource())
        exporter.export_error(event, Span("work"))
        exporter.close()
        assert exporter.records[1]["error"] == {"message": "failed", **texts}
        assert "attributes" not in exporter.records[1]


def test_texts_go_before_what_an_exception_says() -> None:
    """What is given beside an exception is said instead of what the exception says."""
    event = ErrorEvent("failed", _raised(ValueError("no")), stack_trace="elsewhere")
    assert (event.exception_type, event.exception_message, event.stack_trace) == ("ValueError", "no", "elsewhere")


def test_a_long_trace_weighs_what_it_is() -> None:
    """A queue that is bounded in bytes counts a trace that was given as text."""
    assert weigh(None, ErrorEvent("failed", stack_trace="x" * 200_000)) > 200_000


def test_what_is_no_exception_is_a_problem_not_an_error() -> None:
    """An exception that is none does not raise; the error says what was wrong."""
    event = ErrorEvent("failed", "text")  # type: ignore[arg-type]  # that is the point
    assert event.exception_type is None
    assert event.problem is not None
    assert "str" in event.problem


def test_members_of_a_group_are_described() -> None:
    """The stack trace of an exception group has the group and the traces of its members."""
    group = ExceptionGroup("several", [_raised(ValueError("one")), _raised(KeyError("two"))])
    text = _trace(_raised(group))
    assert "ExceptionGroup: several (2 sub-exceptions)" in text
    assert "ValueError: one" in text
    assert "KeyError: 'two'" in text
    assert text.count("Traceback (most recent call last):") == 3


def test_recursion_error_is_cut() -> None:
    """Of a very deep stack, the innermost frames are kept and the number of the others is given."""
    text = _trace(_recursion())
    assert "outer frames left out" in text
    assert "RecursionError: maximum recursion depth exceeded" in text
    assert len(text) < 20_000


def test_endless_chain_is_cut() -> None:
    """A chain of a thousand causes, or one that goes in a circle, becomes a text that ends."""
    chain: BaseException = ValueError(0)
    for number in range(1, 1_000):
        chain = _raised(ValueError(number), chain)
    assert _trace(chain).rstrip().endswith("ValueError: 999")
    assert _trace(chain).count("ValueError: ") < 100
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert _trace(one).count("ValueError: ") == 2


def test_wide_group_is_cut() -> None:
    """Of a group with a thousand members, only the first are described."""
    text = _trace(ExceptionGroup("many", [ValueError(number) for number in range(1_000)]))
    assert text.count("ValueError: ") == 16
    assert "... and 984 more exceptions of the group ..." in text


def test_groups_without_end_are_cut() -> None:
    """Groups in groups in groups, each as wide as can be shown, are bounded in number and in depth."""
    group: Exception = ValueError("innermost")
    for number in range(50):
        group = ExceptionGroup(f"group {number}", [group, *map(ValueError, range(20))])
    text = _trace(group)
    assert text.count("ValueError: ") + text.count("ExceptionGroup: ") <= 64
    assert max(line.count("  | ") for line in text.splitlines()) <= 11


_EXCEPTIONS: st.SearchStrategy[list[Any]] = st.recursive(
    st.just([]), lambda inner: st.lists(inner, min_size=1, max_size=4), max_leaves=12
)


@given(_EXCEPTIONS, st.integers(0, 999))
def test_groups_are_shown_whole(shape: list[Any], seed: int) -> None:
    """Groups in groups, and the causes of their members: the same exceptions as Python shows, in its order."""
    numbers, random = count(), Random(seed)

    def build(shape: list[Any]) -> Exception:
        name = str(next(numbers))
        error = ExceptionGroup(name, [build(each) for each in shape]) if shape else ValueError(name)
        if int(name) > 20:  # of more than 64 exceptions in all, not all are shown
            return error
        if random.random() < 0.3:
            error.__cause__ = build([])
        elif random.random() < 0.3:
            error.__context__ = build([[]])
        return error

    error = build(shape)
    expected = "".join(traceback.format_exception(error))
    headers = re.compile(r"^[ |+]*((?:ValueError|ExceptionGroup): \d+)", re.MULTILINE)
    assert headers.findall(_trace(error)) == headers.findall(expected)


def test_nothing_of_the_exception_is_kept_alive() -> None:
    """An error event keeps neither the exception nor the variables of its frames, which may be large, alive."""

    class FailureError(ValueError):
        pass

    def fail() -> tuple[ErrorEvent, weakref.ref[set[int]], weakref.ref[FailureError]]:
        big = {1}
        try:
            raise FailureError("no") from _raised(KeyError("k"))
        except FailureError as error:
            return ErrorEvent("failed", error), weakref.ref(big), weakref.ref(error)

    event, big, exception = fail()
    gc.collect()
    assert big() is None
    assert exception() is None
    assert "FailureError: no" in str(event.stack_trace)


def test_stack_trace_is_as_of_the_moment_of_the_error() -> None:
    """What happens to the exception after the event was made does not change the event."""
    error = _raised(ValueError("no"))
    event = ErrorEvent("failed", error)
    error.args = ("changed",)
    error.__traceback__ = None
    error.add_note("later")
    text = str(event.stack_trace)
    assert "ValueError: no" in text
    assert "in _raised" in text
    assert "later" not in text


def test_making_an_error_reads_no_file(run_script: Callable[..., str]) -> None:
    """An error event is made and described without reading files; the first to ask for the stack trace reads them."""
    assert run_script(_READS) == "0 0 True True\n"
