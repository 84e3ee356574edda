import gc
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, StrEnum

import pytest

from one_logger.core import ErrorEvent, Event, Resource, Span, Status, Timestamp, diagnostics
from one_logger.exporter.memory import InMemoryExporter


class _Name(StrEnum):
    TRAIN = "train.epoch"


class _OldName(str, Enum):
    TRAIN = "train.epoch"


class _Colour(Enum):
    RED = 1


class _LoudText(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("not to be called")


class _Unbound:
    """Like the proxies of web frameworks: nothing can be asked of it outside a request, not even its class."""

    @property  # type: ignore[misc]  # that is what such proxies do
    def __class__(self) -> type:
        raise RuntimeError("working outside of request context")


class _WhileReading(Mapping[str, object]):
    """Attributes that do something when they are read, as a signal handler could at that moment."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action

    def __iter__(self) -> Iterator[str]:
        self._action()
        return iter(("a",))

    def __len__(self) -> int:
        return 1

    def __getitem__(self, name: str) -> object:
        return 1


@pytest.mark.parametrize(
    "name", ["train.epoch", _Name.TRAIN, _OldName.TRAIN, _LoudText("train.epoch")], ids=lambda n: type(n).__name__
)
def test_name_becomes_a_plain_text(name: str) -> None:
    """The name of a span is a plain `str`: the value of an Enum, the characters of a subclass."""
    span = Span(name)
    assert span.name == "train.epoch"
    assert type(span.name) is str
    assert span.problem is None


@pytest.mark.parametrize("name", ["", "n" * 100_000], ids=["empty", "huge"])
def test_name_may_have_any_length(name: str) -> None:
    """An empty name and a huge one are kept."""
    assert Span(name).name == name
    assert Span(name).problem is None


@pytest.mark.parametrize("name", [None, 5, _Colour.RED, ["a"]], ids=["none", "int", "enum", "list"])
def test_name_that_is_no_text_is_a_problem_not_an_error(name: object) -> None:
    """A name of another type does not raise; the span has some text for it and says what was wrong."""
    span = Span(name, {"a": 1})  # type: ignore[arg-type]  # that is the point
    assert type(span.name) is str
    assert span.name
    assert span.problem is not None
    assert "name" in span.problem
    assert span.attributes == {"a": 1}


def test_name_that_cannot_be_asked_its_class_is_a_problem_not_an_error() -> None:
    """A name that raises whatever is asked of it does not raise here."""
    span = Span(_Unbound())  # type: ignore[arg-type]  # that is the point
    assert type(span.name) is str
    assert span.problem is not None


def test_attributes_that_are_no_mapping_are_a_problem_not_an_error() -> None:
    """Attributes that are no mapping do not raise; the span keeps what it can and says what was wrong."""
    span = Span("work", 5, {"b": 2})  # type: ignore[arg-type]  # that is the point
    assert span.attributes == {"one_logger.invalid_attributes": "5"}
    assert span.start_event.attributes == {"b": 2}
    assert span.problem is not None
    assert "int" in span.problem


def test_attributes_are_of_the_span_and_start_event_attributes_of_its_start() -> None:
    """The attributes of a span and those of its start event are kept apart."""
    span = Span("work", {"a": 1}, {"b": 2})
    assert span.attributes == span.initial_attributes == {"a": 1}
    assert span.start_event.attributes == {"b": 2}
    assert span.start_event.timestamp == span.start_time


def test_initial_attributes_stay_as_they_were() -> None:
    """Attributes set later replace and follow the initial ones, which can still be told apart."""
    span = Span("work", {"a": 1, "b": 2})
    span.set_attribute("a", 3)
    span.set_attributes({"c": 4, "d": [5]})
    span.set_attribute("c", 6)
    assert span.attributes == {"a": 3, "b": 2, "c": 6, "d": (5,)}
    assert list(span.attributes) == ["a", "b", "c", "d"]
    assert span.initial_attributes == {"a": 1, "b": 2}


def test_attributes_read_earlier_do_not_change() -> None:
    """What was read of a span's attributes stays as it was when the span gets more."""
    span = Span("work", {"a": 1})
    before = span.attributes
    span.set_attribute("b", 2)
    assert before == {"a": 1}


def test_one_mapping_serves_many_spans() -> None:
    """A mapping used for two spans, and the spans themselves, have no effect on each other."""
    values = {"a": 1}
    one, other = Span("one", values), Span("other", values)
    one.set_attribute("a", 2)
    assert other.attributes == values == {"a": 1}


def test_odd_attributes_do_not_raise() -> None:
    """Setting attributes of other types, or no mapping, does not raise."""
    span = Span("work")
    span.set_attribute(5, object)  # type: ignore[arg-type]  # that is the point
    span.set_attributes(7)  # type: ignore[arg-type]  # that is the point
    assert span.attributes == {"5": repr(object), "one_logger.invalid_attributes": "7"}


def test_root_has_no_parent() -> None:
    """A span without parent begins a trace."""
    one, other = Span("one"), Span("other")
    assert one.parent_span_id is None
    assert one.trace_id != other.trace_id


def test_open_span_has_no_end() -> None:
    """As long as a span is open it has no end, no duration and no stop event, and is recording."""
    span = Span("work")
    assert span.is_recording()
    assert span.end_time is None
    assert span.end_unix_ns is None
    assert span.duration_ns is None
    assert span.stop_event is None


def test_stop_ends_the_span() -> None:
    """Stopping gives the span an end, a duration and a stop event with its own attributes."""
    span = Span("work", {"a": 1})
    assert span.stop({"b": 2}) is True
    assert not span.is_recording()
    assert span.end_time is not None
    assert span.stop_event is not None
    assert span.stop_event.timestamp == span.end_time
    assert span.stop_event.attributes == {"b": 2}
    assert span.attributes == {"a": 1}
    assert span.start_event.timestamp.unix_ns <= span.stop_event.timestamp.unix_ns


def test_duration_is_of_the_monotonic_clock() -> None:
    """A wall clock that is set back while a span is open does not change its duration, and no nanosecond is lost."""
    span = Span("work", start_time=Timestamp(5_000_000_000, 1_000))
    span.stop(stop_time=Timestamp(4_000_000_000, 300_000_999))
    assert span.duration_ns == 299_999_999
    assert span.start_time == Timestamp(5_000_000_000, 1_000)
    assert span.end_time == Timestamp(4_000_000_000, 300_000_999)
    assert (span.start_unix_ns, span.end_unix_ns) == (5_000_000_000, 4_000_000_000)
    assert (span.start_monotonic_ns, span.end_monotonic_ns) == (1_000, 300_000_999)


def test_times_are_now_unless_given() -> None:
    """Without times, start and stop are read from the clocks."""
    before = Timestamp.now()
    span = Span("work")
    span.stop()
    after = Timestamp.now()
    assert before.unix_ns <= span.start_unix_ns <= after.unix_ns
    assert before.monotonic_ns <= span.start_monotonic_ns <= span.end_monotonic_ns <= after.monotonic_ns
    assert span.end_unix_ns is not None
    assert before.unix_ns <= span.end_unix_ns <= after.unix_ns


def test_second_stop_changes_nothing() -> None:
    """Stopping a span that has ended returns False and changes nothing."""
    span = Span("work")
    span.stop({"a": 1}, stop_time=Timestamp(5, 5))
    assert span.stop({"a": 2}, stop_time=Timestamp(9, 9)) is False
    assert span.end_time == Timestamp(5, 5)
    assert span.stop_event is not None
    assert span.stop_event.attributes == {"a": 1}


def test_stop_during_a_stop_ends_the_span_once() -> None:
    """Of a stop and another that comes in while it runs, from a signal handler or thread, one ends the span."""
    span = Span("work")
    results: list[bool] = []
    results.append(span.stop(_WhileReading(lambda: results.append(span.stop()))))
    assert sorted(results) == [False, True]


def test_one_of_several_threads_ends_a_span() -> None:
    """Of four threads that stop the same spans at once, one ends each span, so that its stop is exported once."""
    spans = [Span("work") for _ in range(20_000)]
    barrier = threading.Barrier(4)

    def stop_all() -> list[bool]:
        barrier.wait()
        return [span.stop() for span in spans]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            results = [future.result() for future in [pool.submit(stop_all) for _ in range(4)]]
    finally:
        sys.setswitchinterval(interval)
    assert {sum(ended) for ended in zip(*results, strict=True)} == {1}


def test_attributes_that_cannot_be_read_do_not_keep_a_span_from_stopping() -> None:
    """A stop with attributes that are no mapping ends the span, which says what was wrong."""
    span = Span("work")
    assert span.stop(5) is True  # type: ignore[arg-type]  # that is the point
    assert span.problem is not None
    assert span.stop_event is not None
    assert span.stop_event.attributes == {"one_logger.invalid_attributes": "5"}


def test_status_is_unset_until_it_is_set() -> None:
    """The status is UNSET at first and then what was set last."""
    span = Span("work")
    assert span.status.value == "UNSET"
    span.set_status(Status.ERROR)
    span.set_status(Status.OK)
    assert span.status.value == "OK"


def test_status_of_another_type_is_ignored() -> None:
    """A status that is none is ignored and counted."""
    before = diagnostics.occurrences("set_status without a Status")
    span = Span("work")
    span.set_status("OK")  # type: ignore[arg-type]  # that is the point
    assert span.status is Status.UNSET
    assert diagnostics.occurrences("set_status without a Status") == before + 1


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("set_attribute", lambda span: span.set_attribute("a", 2)),
        ("set_attributes", lambda span: span.set_attributes({"a": 2})),
        ("set_status", lambda span: span.set_status(Status.ERROR)),
    ],
    ids=["set_attribute", "set_attributes", "set_status"],
)
def test_changes_after_the_end_are_ignored(
    method: str, change: Callable[[Span], None], reports: Callable[[], list[str]]
) -> None:
    """What is set on a span that has ended changes nothing, is counted, and logged once at most."""
    before = diagnostics.occurrences(f"{method} on an ended span")
    spans = [Span("ended", {"a": 1}) for _ in range(3)]
    for span in spans:
        span.stop()
        change(span)
        assert span.attributes == {"a": 1}
        assert span.status is Status.UNSET
    assert diagnostics.occurrences(f"{method} on an ended span") == before + 3
    messages = reports()
    assert len(messages) == (0 if before else 1)
    assert all("'ended'" in message and f"{method}()" in message for message in messages)


def test_open_span_keeps_no_events() -> None:
    """Of a thousand events exported for an open span, none is alive once they are flushed."""

    def alive() -> int:
        gc.collect()
        return sum(type(kept) in (Event, ErrorEvent) for kept in gc.get_objects())

    before = alive()
    exporter = InMemoryExporter()
    exporter.initialize(Resource())
    span = Span("work")
    exporter.export_start(span)
    for number in range(1_000):
        exporter.export_event(Event("step", {"number": number}), span)
        exporter.export_error(ErrorEvent("failed", ValueError(number)), span)
    exporter.flush()
    exporter.records.clear()
    assert span.is_recording()
    assert alive() == before
    exporter.close()


def test_initial_attributes_may_be_added_to() -> None:
    """What is added before the start is exported is among the initial attributes, later ones before it or not."""
    span = Span("work", {"a": 1, "b": 1})
    span.set_attribute("c", 3)
    span.set_initial_attributes({"b": 2, "c": 2})
    assert dict(span.initial_attributes) == {"a": 1, "b": 2, "c": 2}
    assert dict(span.attributes) == {"a": 1, "b": 2, "c": 3}


def test_repr_names_the_span() -> None:
    """The repr of a span shows its name and ids."""
    span = Span("work")
    ids = f"{span.span_id:016x} of trace {span.trace_id:032x}"
    assert re.fullmatch(rf"<Span 'work': open for \d+\.\d{{3}} s, {ids}>", repr(span))
    span.stop()
    assert re.fullmatch(rf"<Span 'work': \d+\.\d{{3}} ms, {ids}>", repr(span))
