"""Processors that go wrong: what they raise reaches nobody but whoever asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import pytest

from one_logger.api import (
    OneLoggerConfig,
    OneLoggerErrorHandlingStrategy,
    current_span,
    record_error,
    record_event,
    timed_span,
)
from one_logger.api.testing import configured
from one_logger.core import Event, OneLoggerError, Span, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import Decision, DefaultRecorder, Processor, SpanFilter

Record = dict[str, Any]
Recording = Callable[..., AbstractContextManager[list[Record]]]


def use(name: str) -> None:
    """Record something of every kind in a span."""
    with timed_span(name):
        record_event("event")
        record_error("error")


def names(records: list[Record], kind: str) -> list[str]:
    """The names of the records of a kind."""
    return [record["name"] for record in records if record["type"] == kind]


class Broken(Processor):
    """Raises in one of its methods, or gives nonsense."""

    def __init__(self, method: str, behaviour: Callable[[], Any]) -> None:
        self._method = method
        self._behaviour = behaviour

    def _call(self, method: str, otherwise: Any) -> Any:
        return self._behaviour() if method == self._method else otherwise

    def sample_trace(self, trace_id: int) -> bool:
        return bool(self._call("sample_trace", True))

    def decide(self, name: str) -> Decision:
        decision: Decision = self._call("decide", Decision.KEEP)
        return decision

    def on_start(self, span: Span) -> Mapping[str, object] | None:
        added: Mapping[str, object] | None = self._call("on_start", None)
        return added

    def on_event(self, event: Event, span: Span) -> Event | None:
        left: Event | None = self._call("on_event", event)
        return left

    def on_stop(self, span: Span) -> bool:
        return bool(self._call("on_stop", True))

    def on_close(self) -> None:
        self._call("on_close", None)


def _raise() -> None:
    raise RuntimeError("broken")


METHODS = ["sample_trace", "decide", "on_start", "on_event", "on_stop", "on_close"]


@pytest.mark.parametrize("method", METHODS)
def test_a_processor_that_raises_is_skipped(recording: Recording, method: str, logged: Callable[..., Any]) -> None:
    """Everything is recorded and seen by the others; each backend is told, and the log once."""
    stopped: list[str] = []

    class Witness(Processor):
        def on_stop(self, span: Span) -> bool:
            stopped.append(span.name)
            return True

    with recording(Broken(method, _raise), Witness()) as records:
        for _ in range(3):
            use("work")
    assert names(records, "complete") == ["work"] * 3
    assert len(names(records, "event")) == len(names(records, "error")) == 3
    assert stopped == ["work"] * 3
    sentence = f"The processor Broken (number 1) was skipped: its {method}() raised RuntimeError: broken."
    told = [
        record["message"].partition(" Called at ")[0] for record in records if record["type"] == "telemetry_data_error"
    ]
    assert method == "on_close" or set(told) == {sentence}
    assert logged(1)[0].partition(" Called at ")[0] == f"Telemetry error: {sentence}"


@pytest.mark.parametrize("method", ["decide", "on_start", "on_event"])
def test_a_processor_that_gives_nonsense_is_skipped(recording: Recording, method: str) -> None:
    """So is one that returns something else than it may."""
    with recording(Broken(method, lambda: 7)) as records:
        use("work")
    assert (names(records, "complete"), names(records, "event")) == (["work"], ["event"])
    told = [
        record["message"].partition(" Called at ")[0] for record in records if record["type"] == "telemetry_data_error"
    ]
    assert f"its {method}() returned 7; expected a" in told[0]


@pytest.mark.parametrize("method", ["on_event", "on_stop"])
def test_under_propagate_exceptions_it_is_raised_and_recorded(method: str) -> None:
    """The strategy raises a `OneLoggerError`, caused by what the processor raised, after the record is safe."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], processors=[Broken(method, _raise)])
    strategy = OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS
    with configured(OneLoggerConfig("app", error_handling_strategy=strategy), recorder):
        span = recorder.start("work")
        with pytest.raises(OneLoggerError, match="The processor Broken") as raised:
            recorder.event(span, Event("event"))
            recorder.stop(span)
        assert isinstance(raised.value.__cause__, RuntimeError)
        assert recorder.close(timeout=30)
    assert verify(exporter.records)[0].whole
    assert names(exporter.records, "event") == ["event"]
    assert len(names(exporter.records, "complete") + names(exporter.records, "stop")) == 1


def test_under_propagate_exceptions_a_start_that_fails_leaves_nothing_behind() -> None:
    """The span that `start` was to make is not current, and not there."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], processors=[Broken("on_start", _raise)])
    strategy = OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS
    with configured(OneLoggerConfig("app", error_handling_strategy=strategy), recorder):
        with pytest.raises(OneLoggerError, match="on_start"):
            recorder.start("work")
        assert not current_span().is_recording()
        assert recorder.close(timeout=30)
    assert names(exporter.records, "complete") == []


def test_disable_quietly_disables() -> None:
    """Under that strategy the first failure ends recording; what was recorded is delivered."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], processors=[Broken("on_event", _raise)])
    strategy = OneLoggerErrorHandlingStrategy.DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR
    with configured(OneLoggerConfig("app", error_handling_strategy=strategy), recorder) as provider:
        for _ in range(3):
            use("work")
        assert not provider.one_logger_enabled
        assert recorder.close(timeout=30)
    assert names(exporter.records, "event") == ["event"]


def test_a_processor_serves_one_recorder() -> None:
    """A second recorder refuses it, and so does a list that has it twice."""
    processor = SpanFilter()
    with pytest.raises(OneLoggerError, match="This SpanFilter is in use already"):
        DefaultRecorder([], processors=[processor, processor])
    with pytest.raises(OneLoggerError, match="in use already"):
        DefaultRecorder([], processors=[processor])


@pytest.mark.parametrize("given", [SpanFilter(), "text", [SpanFilter], [7]], ids=["one", "text", "class", "number"])
def test_what_is_given_has_to_be_processors(given: Any) -> None:
    """Anything else is refused where it is given."""
    with pytest.raises(OneLoggerError, match=r"processors(\[0\])? is \w+; expected a"):
        DefaultRecorder([], processors=given)
