"""Spans that are stopped by their own `stop`, and spans that no recorder of ours has started."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from one_logger.api import OneLoggerConfig, current_span, get_recorder, record_event, timed_span
from one_logger.api.context import CURRENT_SPAN
from one_logger.api.testing import configured
from one_logger.core import Event, Span, Timestamp, read_records, verify
from one_logger.exporter.file import FileExporter
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import Decision, DefaultRecorder, Processor, SpanFilter

Recording = Callable[..., AbstractContextManager[list[dict[str, Any]]]]


class Undecided(Processor):
    """Keeps a span if it has the attribute `keep`, which it says when the span stops."""

    def decide(self, name: str) -> Decision:
        """Later."""
        return Decision.DEFER

    def on_stop(self, span: Span) -> bool:
        """Now."""
        return "keep" in span.attributes


def _names(records: list[dict[str, Any]], *types: str) -> list[str]:
    return [record["name"] for record in records if record["type"] in types]


def test_a_span_stopped_inside_its_block_is_exported(recording: Recording, caplog: pytest.LogCaptureFixture) -> None:
    """`span.stop()` inside `timed_span` is the stop that is exported, and the end of the block is none."""
    with recording() as records:
        with timed_span("work") as span:
            get_recorder().flush()
            assert span.stop({"b": 2}) is True
            assert current_span() is not span
        assert get_recorder().flush() is True
        (stop,) = (record for record in records if record["type"] == "stop")
    assert stop["stop_event"] == {"b": 2}
    assert "attributes" not in stop, "it was not close() that stopped it"
    assert caplog.messages == []


def test_a_span_that_was_started_by_hand_may_stop_itself(recording: Recording) -> None:
    """What `start` gives can be stopped by its own `stop`, at a given time; the span around it is current again."""
    with recording() as records:
        outer = get_recorder().start("outer")
        inner = get_recorder().start("inner")
        inner.stop(stop_time=Timestamp(inner.start_unix_ns + 7, inner.start_monotonic_ns + 5))
        assert current_span() is outer
        record_event("event")
        outer.stop()
    (inner_record,) = (record for record in records if record.get("name") == "inner")
    assert (inner_record["type"], inner_record["duration_ns"]) == ("complete", 5)
    assert sorted(_names(records, "stop", "complete")) == ["inner", "outer"]


def test_to_stop_a_span_twice_is_a_mistake_whichever_way(recording: Recording) -> None:
    """A second `stop`, of the span or of the recorder, is a telemetry error and changes nothing."""
    with recording() as records:
        span = get_recorder().start("work")
        assert span.stop() is True
        assert span.stop({"late": True}) is False
        get_recorder().stop(span)
    told = [record for record in records if record["type"] == "telemetry_data_error"]
    assert [record["attributes"].get("one_logger.occurrences") for record in told] == [None, 2]
    assert all("which had ended" in record["message"] for record in told)
    (complete,) = (record for record in records if record["type"] == "complete")
    assert "stop_event" not in complete


def test_a_span_that_is_not_exported_may_stop_itself(recording: Recording) -> None:
    """A filtered span is over when its own `stop` was called: `close` doesn't find it open."""
    with recording(SpanFilter(exclude=["filtered"])) as records:
        with timed_span("filtered") as filtered:
            assert filtered.stop() is True
            with timed_span("next") as after:
                assert after.parent_span_id is None
        assert get_recorder().flush() is True
    assert _names(records, "complete") == ["next"]
    assert not [record for record in records if record["type"] == "telemetry_data_error"]


@pytest.mark.parametrize("keep", [True, False])
def test_an_undecided_span_may_stop_itself(keep: bool, recording: Recording) -> None:
    """Its own `stop` has the processors decide on a span, as the recorder's has."""
    with recording(Undecided()) as records, timed_span("work", {"keep": True} if keep else None) as span:
        span.stop()
    assert _names(records, "complete") == (["work"] if keep else [])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_an_inherited_span_may_stop_itself(tmp_path: Path) -> None:
    """In a forked child, a span of the parent that stops itself is not current any more; the parent exports it."""
    path = tmp_path / "records.jsonl"
    recorder = DefaultRecorder([FileExporter(path)])
    with configured(OneLoggerConfig("app"), recorder):
        span = recorder.start("parent's")
        child = os.fork()
        if child == 0:
            span.stop()
            os._exit(int(current_span() is span))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert span.stop() is True
    with path.open() as lines:
        records = list(read_records(lines))
    assert _names(records, "stop", "complete") == ["parent's"]


@pytest.mark.parametrize("how", ["given", "current"])
def test_a_span_below_one_that_nobody_records_is_recorded(how: str) -> None:
    """A span that no recorder has started may be the parent: its ids are exported, and nothing goes wrong."""
    exporter, foreign = InMemoryExporter(), Span("foreign")
    recorder = DefaultRecorder([exporter])
    with configured(OneLoggerConfig("app"), recorder):
        if how == "current":
            CURRENT_SPAN.set(foreign)
        span = recorder.start("work", parent_span=foreign if how == "given" else None)
        assert (span.trace_id, span.parent_span_id) == (foreign.trace_id, foreign.span_id)
        span.stop()
    assert verify(exporter.records)[0].whole
    assert _names(exporter.records, "complete") == ["work"]


def test_an_event_of_a_span_that_nobody_records_is_a_mistake() -> None:
    """An event on a span that was never exported would belong to nothing: it is a telemetry error that says so."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter])
    with configured(OneLoggerConfig("app"), recorder):
        recorder.event(Span("foreign"), Event("event"))
    (told,) = (record for record in exporter.records if record["type"] == "telemetry_data_error")
    assert "which no recorder has started" in told["message"]
    assert _names(exporter.records, "event") == []
