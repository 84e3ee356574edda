"""What becomes of mistakes in using the library, under each strategy."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from one_logger.api import (
    OneLoggerConfig,
    OneLoggerErrorHandlingStrategy,
    OneLoggerProvider,
    get_recorder,
    record_error,
    record_event,
    timed_span,
)
from one_logger.api.testing import configured
from one_logger.core import Event, OneLoggerError, Span, Timestamp, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, Processor

PROPAGATE = OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS
DISABLE = OneLoggerErrorHandlingStrategy.DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR
CONTINUE = OneLoggerErrorHandlingStrategy.REPORT_METRIC_ERROR_AND_CONTINUE

Mistake = Callable[[DefaultRecorder], object]


class BrokenMapping(Mapping[str, object]):
    """A mapping that cannot be read."""

    def __getitem__(self, name: str) -> object:
        """Fail."""
        raise RuntimeError("broken")

    def __iter__(self) -> Iterator[str]:
        """One name."""
        return iter("a")

    def __len__(self) -> int:
        """One."""
        return 1


def _stopped(recorder: DefaultRecorder) -> Span:
    span = recorder.start("stopped")
    recorder.stop(span)
    return span


# What is wrong, and what the message says about it. `Any` values: the point of each is that its type is wrong.
MISTAKES: dict[str, tuple[Mistake, str]] = {
    "stop twice": (lambda recorder: recorder.stop(_stopped(recorder)), "stop() was called on .* which had ended"),
    "stop a foreign span": (lambda recorder: recorder.stop(Span("x")), "which this recorder has not started"),
    "stop no span": (lambda recorder: recorder.stop(_any(None)), "stop() was given NoneType; expected a Span"),
    "stop a list": (lambda recorder: recorder.stop(_any([])), "stop() was given list; expected a Span"),
    "event on a stopped span": (
        lambda recorder: recorder.event(_stopped(recorder), Event("e")),
        "event() on .* which has ended; it was dropped",
    ),
    "error on a stopped span": (
        lambda recorder: recorder.error(_stopped(recorder), "e"),
        "error() on .* which has ended; it was dropped",
    ),
    "event without a span": (lambda recorder: record_event("e"), "no span is open here"),
    "error without a span": (lambda recorder: record_error("e"), "no span is open here"),
    "no event": (lambda recorder: recorder.event(recorder.start("x"), _any("e")), "event() was given str"),
    "event on no span": (lambda recorder: recorder.event(_any("x"), Event("e")), "event() was given str as the span"),
    "name": (lambda recorder: recorder.start(_any(7)), "A name was given as int (7)"),
    "no name": (lambda recorder: recorder.start(_any(None)), "A name was given as NoneType (None)"),
    "event name": (lambda recorder: recorder.event(recorder.start("x"), Event(_any(7))), "A name was given as int (7)"),
    "attributes": (lambda recorder: recorder.start("x", _any([1])), "Attributes were given as list"),
    "broken attributes": (lambda recorder: recorder.start("x", BrokenMapping()), "raised RuntimeError"),
    "stop attributes": (
        lambda recorder: recorder.stop(recorder.start("x"), _any("y")),
        "Attributes were given as str",
    ),
    "event attributes": (
        lambda recorder: recorder.event(recorder.start("x"), Event("e", _any(7))),
        "Attributes were given as int",
    ),
    "exception": (
        lambda recorder: recorder.error(recorder.start("x"), "e", _any("no exception")),
        "exception was given as str",
    ),
    "parent": (lambda recorder: recorder.start("x", parent_span=_any("y")), "parent_span was given as str"),
    "start time": (lambda recorder: recorder.start("x", start_time=_any(7.0)), "start_time was given as float"),
    "stop time": (
        lambda recorder: recorder.stop(recorder.start("x"), stop_time=_any(7.0)),
        "stop_time was given as float",
    ),
    "event time": (
        lambda recorder: recorder.event(recorder.start("x"), Event("e", {}, _any(time.time()))),
        "timestamp was given as float",
    ),
    "start clocks": (
        lambda recorder: recorder.start("x", start_time=Timestamp(_any(time.time()), _any(time.monotonic()))),
        "expected a whole number of nanoseconds",
    ),
    "stop clocks": (
        lambda recorder: recorder.stop(recorder.start("x"), stop_time=Timestamp(time.time_ns(), _any(None))),
        "monotonic_ns of a Timestamp is None",
    ),
    "seconds": (
        lambda recorder: recorder.event(recorder.start("x"), Event("e", {}, Timestamp.from_unix_ns(int(time.time())))),
        "looks like seconds",
    ),
    "timeout": (lambda recorder: recorder.flush(_any(None)), "timeout is None"),
}


def _any(value: object) -> Any:
    return value


@pytest.fixture(params=MISTAKES, ids=str)
def mistake(request: pytest.FixtureRequest) -> tuple[Mistake, str]:
    """A mistake, and what is said of it."""
    call, sentence = MISTAKES[request.param]
    return call, sentence.replace("(", r"\(").replace(")", r"\)")


@contextmanager
def _job(strategy: OneLoggerErrorHandlingStrategy) -> Iterator[tuple[DefaultRecorder, list[InMemoryExporter]]]:
    exporters = [InMemoryExporter(), InMemoryExporter()]
    recorder = DefaultRecorder(exporters)
    with configured(OneLoggerConfig("app", error_handling_strategy=strategy), recorder):
        yield recorder, exporters


def _data_errors(exporter: InMemoryExporter) -> list[str]:
    return [record["message"] for record in exporter.records if record["type"] == "telemetry_data_error"]


def test_propagate_raises(mistake: tuple[Mistake, str]) -> None:
    """Under `PROPAGATE_EXCEPTIONS` a mistake raises a `OneLoggerError`, and every exporter is told all the same."""
    call, sentence = mistake
    with _job(PROPAGATE) as (recorder, exporters), pytest.raises(OneLoggerError, match=sentence) as caught:
        call(recorder)
    for exporter in exporters:
        assert _data_errors(exporter) == [str(caught.value)]


def test_continue_carries_on(mistake: tuple[Mistake, str], logged: Callable[[int], list[str]]) -> None:
    """Under `REPORT_METRIC_ERROR_AND_CONTINUE` nothing is raised, it is logged once, and recording goes on."""
    call, sentence = mistake
    with _job(CONTINUE) as (recorder, exporters):
        for _ in range(3):
            call(recorder)
        with timed_span("after"):
            pass
    for exporter in exporters:
        told = _data_errors(exporter)
        assert len(told) == 2, "of three occurrences, the first and the second"
        assert re.search(sentence, told[0])
        assert "after" in [record.get("name") for record in exporter.records]
    (message,) = logged(1)
    assert message.startswith("Telemetry error: ")


def test_disable_stops_recording(mistake: tuple[Mistake, str], logged: Callable[[int], list[str]]) -> None:
    """Under `DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR` it is logged once, and nothing is recorded any more."""
    call, _ = mistake
    with _job(DISABLE) as (recorder, exporters):
        call(recorder)
        call(recorder)
        with timed_span("after") as span:
            assert not span.is_recording()
        assert not recorder.start("after").is_recording()
        assert not OneLoggerProvider.instance().one_logger_enabled
        assert get_recorder().close(), "what was recorded before is delivered"
    for exporter in exporters:
        assert len(_data_errors(exporter)) == 1
        assert exporter.records[-1]["type"] == "end"
        assert "after" not in [record.get("name") for record in exporter.records]
        assert all(report.whole for report in verify(exporter.records))
    assert len(logged(1)) == 1


def _line_of(function: Callable[..., object]) -> int:
    return function.__code__.co_firstlineno


@pytest.mark.parametrize("strategy", [PROPAGATE, CONTINUE], ids=["propagate", "continue"])
def test_it_says_where_the_call_stands(
    strategy: OneLoggerErrorHandlingStrategy, logged: Callable[[int], list[str]]
) -> None:
    """File, line and function of the job's own call are in the log, in the exception, and in the record."""

    def job() -> None: record_event("e")  # fmt: skip

    def job_that_decorates() -> None: timed_span(_any(7))(job).__call__()  # fmt: skip

    with _job(strategy) as (recorder, (exporter, _)):
        for call in (job, job_that_decorates):
            with suppress(OneLoggerError):
                call()
        assert recorder.flush()
    records = [record for record in exporter.records if record["type"] == "telemetry_data_error"]
    for record, call in zip(records, (job, job_that_decorates), strict=True):
        place = {
            "code.file.path": __file__,
            "code.line.number": _line_of(call),
            "code.function.name": call.__qualname__,
        }
        assert record["attributes"] == place
        assert record["message"].endswith(f" Called at {__file__}:{_line_of(call)}, in {call.__qualname__}.")
    if strategy is CONTINUE:
        assert logged(2) == [f"Telemetry error: {record['message']}" for record in records]


def test_a_mistake_that_is_ours_has_no_place(logged: Callable[[int], list[str]]) -> None:
    """What a processor does wrong in a thread in which no code of the job runs comes from none of its calls."""

    class Wrong(Processor):
        def on_close(self) -> None:
            raise ValueError("no")

    recorder = DefaultRecorder([InMemoryExporter()], processors=[Wrong()])
    thread = threading.Thread(target=recorder.close)
    recorder.start("x")
    thread.start()
    thread.join()
    (message,) = logged(1)
    assert message.endswith("raised ValueError: no")


@pytest.mark.parametrize(
    "call",
    [
        lambda recorder: recorder.start(_any(7)),
        lambda recorder: recorder.start("x", _any([1])),
        lambda recorder: recorder.start("x", parent_span=_any("y")),
        lambda recorder: recorder.start("x", start_time=_any(7.0)),
        lambda recorder: recorder.stop(Span("x")),
        lambda recorder: recorder.flush(_any(None)),
        lambda recorder: record_event("e"),
    ],
    ids=["name", "attributes", "parent", "start time", "a foreign span", "timeout", "no span"],
)
@pytest.mark.parametrize("processors", [0, 1])
def test_disabled_before_anything_was_recorded_there_is_no_data(call: Mistake, processors: int) -> None:
    """A backend hears whether it has some data or none. None is what there is: no span is recorded with the mistake."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], processors=[Processor() for _ in range(processors)])
    with configured(OneLoggerConfig("app", error_handling_strategy=DISABLE), recorder):
        recorder.telemetry_data_error("is no telemetry")
        call(recorder)
        assert not recorder.start("after").is_recording()
    assert [record["type"] for record in exporter.records] == [
        "resource",
        "telemetry_data_error",
        "telemetry_data_error",
        "end",
    ]
    assert [record.get("error_type") for record in exporter.records[1:3]] == [
        "incomplete_telemetry_data",
        "no_telemetry_data",
    ]


def test_disabled_by_a_processor_before_anything_was_recorded_there_is_no_data() -> None:
    """The same where the mistake is a processor's: its span is not recorded."""

    class Wrong(Processor):
        def on_start(self, span: Span) -> None:
            raise ValueError

    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], processors=[Wrong()])
    with configured(OneLoggerConfig("app", error_handling_strategy=DISABLE), recorder), timed_span("work") as span:
        assert not span.is_recording()
    assert [record.get("error_type") for record in exporter.records[1:]] == ["no_telemetry_data", None]


def test_disabled_later_the_data_is_incomplete() -> None:
    """Where anything was recorded before the mistake, the backend hears that it is not all."""
    with _job(DISABLE) as (recorder, exporters):
        span = recorder.start("work")
        recorder.start(_any(7))
        recorder.stop(span)
    for exporter in exporters:
        (told,) = (record for record in exporter.records if record["type"] == "telemetry_data_error")
        assert told["error_type"] == "incomplete_telemetry_data"
        assert "7" not in [record.get("name") for record in exporter.records]


def test_nothing_is_lost_with_a_mistake() -> None:
    """A span with a wrong name and wrong attributes is recorded, with what was given as text."""
    with _job(CONTINUE) as (recorder, exporters):
        span = recorder.start(_any(7), _any([1]))
        recorder.event(span, Event(_any(None), _any("text")))
        recorder.stop(span, _any("stopped"))
    records = {record["type"]: record for record in exporters[0].records}
    span_record = {**records.get("start", {}), **records.get("stop", {}), **records.get("complete", {})}
    assert span_record["name"] == "7"
    assert span_record["attributes"] == {"one_logger.invalid_attributes": "[1]"}
    assert span_record["stop_event"] == {"one_logger.invalid_attributes": "'stopped'"}
    assert records["event"]["name"] == "None"


def test_backends_are_not_flooded() -> None:
    """A mistake in a loop is reported the 1st, 2nd, 4th, 8th ... time, with the number of times so far."""
    with _job(CONTINUE) as (recorder, exporters):
        span = _stopped(recorder)
        for _ in range(1_000):
            recorder.event(span, Event("late"))
    told = [record for record in exporters[0].records if record["type"] == "telemetry_data_error"]
    assert [record.get("attributes", {}).get("one_logger.occurrences", 1) for record in told] == [
        2**power for power in range(10)
    ]


@pytest.mark.parametrize("strategy", OneLoggerErrorHandlingStrategy)
def test_the_exception_of_the_job_comes_first(strategy: OneLoggerErrorHandlingStrategy) -> None:
    """Whatever the strategy, an exception leaves a block as it is, though its span has a wrong name and was stopped."""
    exception = ValueError()
    with _job(strategy) as (recorder, _), pytest.raises(ValueError, match=r"^$") as caught, timed_span("work") as span:
        recorder.stop(span)
        raise exception
    assert caught.value is exception


def test_application_reports_a_data_error() -> None:
    """`telemetry_data_error` reaches every exporter, with its attributes."""
    with _job(CONTINUE) as (recorder, exporters):
        recorder.telemetry_data_error("half of the ranks are missing", {"ranks": 4})
    for exporter in exporters:
        (record,) = (record for record in exporter.records if record["type"] == "telemetry_data_error")
        assert record["message"] == "half of the ranks are missing"
        assert record["error_type"] == "incomplete_telemetry_data"
        assert record["attributes"] == {"ranks": 4}


@pytest.mark.parametrize("strategy", [CONTINUE, DISABLE])
def test_use_after_close_is_logged_once(
    strategy: OneLoggerErrorHandlingStrategy, caplog: pytest.LogCaptureFixture
) -> None:
    """After `close` everything still works, nothing is recorded, and the log has no more than a line about it."""
    caplog.set_level(logging.DEBUG)
    with _job(strategy) as (recorder, exporters):
        span = recorder.start("open")
        recorder.close()
        before = list(exporters[0].records)
        for _ in range(100):
            with timed_span("late") as late:
                late.set_attribute("a", 1)
                record_event("late")
            recorder.event(span, Event("late"))
            recorder.error(span, "late")
            recorder.stop(span)
            recorder.telemetry_data_error("late")
            assert recorder.flush() is True
            assert recorder.close() is True
    assert exporters[0].records == before
    assert len(caplog.records) <= 1


def test_use_after_close_raises_if_asked_for() -> None:
    """Under `PROPAGATE_EXCEPTIONS`, recording after `close` raises."""
    with _job(PROPAGATE) as (recorder, _):
        recorder.close()
        with pytest.raises(OneLoggerError, match="The recorder is closed"):
            recorder.start("late")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"exporters": InMemoryExporter()}, "exporters is InMemoryExporter; expected a list"),
        ({"exporters": ["file"]}, r"exporters\[0\] is str; expected an instance of one_logger.core.Exporter"),
        ({"exporters": [InMemoryExporter]}, r"exporters\[0\] is ABCMeta; expected"),
        ({"exporters": [], "delivery": "later"}, "delivery is 'later'; expected one of 'background', 'inline'"),
        ({"exporters": [], "queue_capacity": 0}, "queue_capacity is 0; expected a number of records from 1"),
        ({"exporters": [], "queue_capacity": True}, "queue_capacity is True"),
        ({"exporters": [], "flush_interval": -1}, "flush_interval is -1; expected a number of seconds"),
        ({"exporters": [], "flush_interval": float("nan")}, "flush_interval is nan"),
        ({"exporters": [], "alive_interval": 1e10}, "alive_interval is 10000000000.0; expected .* to 31536000"),
        ({"exporters": [], "block_timeout": float("inf")}, "block_timeout is inf; expected .* to 31536000"),
        ({"exporters": [], "cool_down": float("inf")}, "cool_down is inf; expected .* to 31536000"),
        ({"exporters": [], "exit_timeout": float("inf")}, "exit_timeout is inf; expected .* to 31536000"),
        ({"exporters": [], "queue_bytes": 10**400}, "queue_bytes is .*; expected a number of bytes from 1 to"),
        ({"exporters": [], "queue_capacity": 10**400}, "queue_capacity is .*; expected a number of records from 1 to"),
        ({"exporters": [], "max_failures": "5"}, "max_failures is '5'"),
        ({"exporters": [], "exit_timeout": None}, "exit_timeout is None"),
    ],
)
def test_constructor_says_what_is_wrong(arguments: dict[str, Any], sentence: str) -> None:
    """Arguments are checked where they are given."""
    with pytest.raises(OneLoggerError, match=sentence):
        DefaultRecorder(**arguments)


def test_one_exporter_is_given_once() -> None:
    """The same exporter twice in the list is refused: it would get everything from two threads."""
    exporter = InMemoryExporter()
    with pytest.raises(OneLoggerError, match=r"exporters\[1\] is there twice"):
        DefaultRecorder([exporter, exporter])


@pytest.mark.parametrize(("flush_interval", "alive_interval"), [(float("inf"), 0), (1e10, 31_536_000), (18e9, 0)])
def test_the_largest_numbers_work(flush_interval: float, alive_interval: float) -> None:
    """With each number as large as it may be, records are delivered, and nothing of the recorder ends by it."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder(
        [exporter],
        flush_interval=flush_interval,
        alive_interval=alive_interval,
        block_timeout=31_536_000,
        cool_down=31_536_000,
        exit_timeout=31_536_000,
        queue_capacity=2**63 - 1,
        queue_bytes=2**63 - 1,
        max_failures=2**63 - 1,
    )
    for _ in range(3):
        recorder.stop(recorder.start("work"))
        assert recorder.flush(30)
    assert recorder.close(30)
    assert verify(exporter.records)[0].whole
