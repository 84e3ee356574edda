"""What users test their instrumented code with: all that was recorded is there, whenever they look."""

from __future__ import annotations

import asyncio
import threading

import pytest

from one_logger.api import (
    OneLoggerConfig,
    OneLoggerErrorHandlingStrategy,
    OneLoggerProvider,
    carry_context,
    get_recorder,
    record_error,
    record_event,
    timed_span,
)
from one_logger.core import OneLoggerError, verify
from one_logger.recorder import SpanFilter
from one_logger.recorder.testing import RecordedTelemetry, recorded_telemetry


def _names(telemetry: RecordedTelemetry, *kinds: str) -> list[str]:
    return [record["name"] for record in telemetry.records if record["type"] in kinds]


def test_all_is_there_at_any_point() -> None:
    """Starts, events, errors and stops are there as soon as the call that records them has returned."""
    with recorded_telemetry() as telemetry:
        assert [record["type"] for record in telemetry.records] == ["resource"]
        with timed_span("outer"):
            assert _names(telemetry, "start") == ["outer"]
            record_event("step", {"loss": 0.5})
            assert telemetry.records[-1]["attributes"] == {"loss": 0.5}
            with timed_span("inner"):
                assert _names(telemetry, "start") == ["outer", "inner"]
            assert _names(telemetry, "stop") == ["inner"]
            record_error("it failed")
            assert telemetry.records[-1]["error"]["message"] == "it failed"
        assert _names(telemetry, "stop") == ["inner", "outer"]
        get_recorder().telemetry_data_error("a part is missing")
        assert telemetry.records[-1]["message"] == "a part is missing"
    assert verify(telemetry.records)[0].whole


def test_all_is_there_from_threads_and_tasks() -> None:
    """What threads and tasks have recorded is there when they have ended, and belongs to the span that they were in."""

    async def work(name: str) -> None:
        with timed_span(name):
            await asyncio.sleep(0)

    async def several() -> None:
        await asyncio.gather(*(work(f"task {number}") for number in range(3)))

    with recorded_telemetry() as telemetry, timed_span("outer") as outer:
        threads = [
            threading.Thread(target=carry_context(record_event), args=(f"thread {number}",)) for number in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(several())
        assert sorted(_names(telemetry, "event")) == [f"thread {number}" for number in range(3)]
        assert sorted(_names(telemetry, "stop", "complete")) == [f"task {number}" for number in range(3)]
        parents = {record["parent_span_id"] for record in telemetry.records if record.get("parent_span_id")}
        assert parents == {f"{outer.span_id:016x}"}


def test_configuration_and_processors_are_the_application_s() -> None:
    """What is recorded depends on the configuration and the processors that are given."""
    config = OneLoggerConfig(
        "app", error_handling_strategy=OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS, custom_metadata={"a": 1}
    )
    with recorded_telemetry(config, processors=[SpanFilter(exclude="hidden")]) as telemetry:
        with timed_span("hidden"), timed_span("shown"):
            pass
        with pytest.raises(OneLoggerError):
            record_event("outside of any span")
    assert _names(telemetry, "start") == ["shown"]
    resource = telemetry.records[0]["attributes"]
    assert (resource["service.name"], resource["a"]) == ("app", 1)


def test_blocks_know_nothing_of_each_other() -> None:
    """A block in a block keeps its own records, and what was before is there again after it."""
    before = get_recorder()
    with recorded_telemetry() as outer:
        with recorded_telemetry() as inner, timed_span("inner"):
            pass
        with timed_span("outer"):
            pass
    assert (_names(inner, "start"), _names(outer, "start")) == (["inner"], ["outer"])
    assert get_recorder() is before is OneLoggerProvider().recorder


def test_records_are_kept_after_a_failure() -> None:
    """An exception of the test goes on, and what was recorded until then can still be looked at."""
    with pytest.raises(ZeroDivisionError), recorded_telemetry() as telemetry, timed_span("work"):
        _ = 1 / 0
    assert _names(telemetry, "start", "stop") == ["work", "work"]
    assert [record["error"]["exception_type"] for record in telemetry.records if record["type"] == "error"] == [
        "ZeroDivisionError"
    ]
