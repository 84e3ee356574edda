"""Records say which thread they come from, and the stream says what that is called."""

from __future__ import annotations

import _thread
import gc
import json
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from one_logger.core import ErrorEvent, Event, ExportError, Resource, Span, read_spans
from one_logger.core.spi import SpanView, ThreadInfo
from one_logger.exporter.memory import InMemoryExporter


def _in_thread(function: Callable[[], Any], name: str | None = None) -> Any:
    """What `function` gives in a thread of its own, which has ended then."""
    given: list[Any] = []
    thread = threading.Thread(target=lambda: given.append(function()), name=name)
    thread.start()
    thread.join()
    return given[0]


def _exported(*spans: Span) -> list[dict[str, Any]]:
    """The records of an exporter that gets an event, an error and the stop of each span."""
    exporter = InMemoryExporter()
    exporter.initialize(Resource())
    for span in spans:
        exporter.export_start(span)
        exporter.export_stop(span)
    exporter.close()
    return exporter.records[1:-1]


def _stopped(name: str = "work") -> Span:
    span = Span(name)
    span.stop()
    return span


def test_main_thread_is_left_out() -> None:
    """What the main thread records says nothing of a thread."""
    assert Span("work").thread is None
    assert Event("step").thread is None
    assert [record.keys() & {"thread"} for record in _exported(_stopped())] == [set()]


def test_another_thread_is_named_once() -> None:
    """Spans, events and errors of another thread have its number, and one record before them has its name."""
    outer = Span("outer")

    def record() -> tuple[Span, Event, ErrorEvent]:
        return _stopped(), Event("step"), ErrorEvent("failed")

    span, event, error = _in_thread(record, "loader ü")
    exporter = InMemoryExporter()
    exporter.initialize(Resource())
    exporter.export_start(outer)
    exporter.export_event(event, outer)
    exporter.export_error(error, outer)
    exporter.export_start(span)
    exporter.export_stop(span)
    exporter.close()
    _, start, thread, *rest, _ = exporter.records
    assert "thread" not in start
    assert (thread["type"], thread["name"]) == ("thread", "loader ü")
    assert [record["type"] for record in rest] == ["event", "error", "complete"]
    assert {record["thread"] for record in rest} == {thread["thread"]}
    spans = {span.name: span for span in read_spans(map(json.dumps, exporter.records))}
    assert (spans["work"].thread_name, spans["outer"].thread_name) == ("loader ü", None)


def test_open_span_of_another_thread_has_its_number() -> None:
    """A `start` has the number of its thread; its `stop`, which may come from another one, has none."""
    exporter = InMemoryExporter()
    exporter.initialize(Resource())
    span = _in_thread(lambda: Span("work"))
    exporter.export_start(span)
    span.stop()
    exporter.export_stop(span)
    exporter.close()
    _, thread, start, stop, _ = exporter.records
    assert start["thread"] == thread["thread"]
    assert "thread" not in stop


def test_threads_one_after_the_other_are_told_apart() -> None:
    """A thread that gets the operating system's identifier of one that has ended has a number and a name of its own."""
    spans = [_in_thread(_stopped, name) for name in ("first", "second", "third")]
    records = _exported(*spans)
    names = {record["thread"]: record["name"] for record in records if record["type"] == "thread"}
    assert [names[record["thread"]] for record in records if record["type"] == "complete"] == [
        "first",
        "second",
        "third",
    ]


def test_each_stream_names_its_threads() -> None:
    """A thread that two exporters have records of is named in the streams of both."""
    span = _in_thread(_stopped)
    assert [[record["type"] for record in _exported(span)] for _ in range(2)] == [["thread", "complete"]] * 2


def test_threads_that_python_has_not_started_have_a_number() -> None:
    """A thread that Python's `threading` does not know is told by the operating system's number, and not kept there."""
    given: list[tuple[Span, int]] = []
    done = threading.Event()

    def record() -> None:
        given.append((_stopped(), _thread.get_native_id()))
        done.set()

    known = threading.active_count()
    _thread.start_new_thread(record, ())
    assert done.wait(10)
    (span, number) = given[0]
    assert span.thread is not None
    assert span.thread.name == f"native thread {number}"
    assert threading.active_count() <= known


def test_threads_that_have_ended_take_no_memory() -> None:
    """What is known of a thread goes with the thread and with what it has recorded."""
    events = [_in_thread(lambda: Event("step")) for _ in range(3)]
    numbers = {event.thread.number for event in events}
    assert numbers <= _known_numbers()
    del events
    gc.collect()
    assert not numbers & _known_numbers()


def _known_numbers() -> set[int]:
    """The numbers of the threads that there is an object of."""
    return {each.number for each in gc.get_objects() if type(each) is ThreadInfo}


class _Losing(InMemoryExporter):
    """Loses what it is to write as long as `loses` is true."""

    loses = False

    def write(self, lines: list[str]) -> None:
        if self.loses:
            raise ExportError("It is lost.")
        super().write(lines)


class _Keeping(InMemoryExporter):
    """Keeps the lines that it is to write."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def write(self, lines: list[str]) -> None:
        self.lines += lines
        lines.clear()


def test_threads_whose_names_were_lost_are_named_again() -> None:
    """An exporter that has lost its buffer gives the names again that may have been in it."""
    exporter = _Losing()
    exporter.initialize(Resource())
    exporter.flush()
    span = _in_thread(_stopped, "loader")
    exporter.loses = True
    exporter.export_start(span)
    with pytest.raises(ExportError):
        exporter.flush()
    exporter.loses = False
    exporter.export_start(span)
    exporter.close()
    assert [record.get("name") for record in exporter.records if record["type"] == "thread"] == ["loader"]


def test_names_are_no_records_that_were_recorded() -> None:
    """Lines that say something of the stream do not count as recorded ones."""
    span = _in_thread(_stopped)
    exporter = _Keeping()
    exporter.initialize(Resource())
    exporter.export_start(span)
    exporter.export_stop(span)
    exporter.close()
    assert [json.loads(line)["type"] for line in exporter.lines] == ["resource", "thread", "complete", "end"]
    assert exporter.records_in(exporter.lines) == 2


def test_view_of_a_span_has_its_thread() -> None:
    """What a processor of one exporter is shown of a span says the same of its thread."""
    span = _in_thread(_stopped)
    assert SpanView(span, None).thread is span.thread


def test_event_with_other_attributes_has_the_same_thread() -> None:
    """A processor that changes an event's attributes does not change where it comes from."""
    event = _in_thread(lambda: Event("step"))
    assert event.with_attributes({"a": 1}).thread is event.thread is not None


def test_thread_that_forks_is_the_main_one_in_the_child() -> None:
    """In a forked child the thread that has forked is the main one, and left out."""

    def fork() -> bytes:
        assert Event("step").thread is not None
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            os.write(writing, repr(Event("step").thread).encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            return file.read()

    assert _in_thread(fork) == b"None"
