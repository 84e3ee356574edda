"""Behaviour of the facade while nothing is configured, or telemetry is disabled."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from one_logger.api import (
    OneLoggerConfig,
    OneLoggerProvider,
    current_span,
    get_recorder,
    record_error,
    record_event,
    timed_span,
)
from one_logger.core import NOOP_SPAN, ErrorEvent, Event, Span, Status

Configure = Callable[..., Any]


def _instrumented_job() -> None:
    with timed_span("work", {"a": object()}) as span:
        assert span is NOOP_SPAN
        assert current_span() is NOOP_SPAN
        span.set_attribute("a", 1)
        span.set_attributes({"b": 2})
        span.set_status(Status.OK)
        assert not span.is_recording()
        record_event("event", {"c": 3})
        assert isinstance(record_error("error", ValueError("no")), ErrorEvent)
        recorder = get_recorder()
        started = recorder.start("other")
        assert isinstance(started, Span)
        event = Event("event")
        assert recorder.event(started, event) is event
        recorder.error(started, "error")
        recorder.telemetry_data_error("data")
        recorder.stop(started)
        recorder.stop(started)
    with pytest.raises(ValueError, match="mine"), timed_span("work"):
        raise ValueError("mine")


def test_unconfigured_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    """Every call works, records nothing, logs nothing, and spans are an object on which everything works."""
    caplog.set_level(logging.DEBUG)
    _instrumented_job()
    assert get_recorder().flush() is True
    assert get_recorder().close() is True
    assert get_recorder().stats() == {}
    assert not caplog.records
    provider = OneLoggerProvider.instance()
    assert (provider.one_logger_ready, provider.one_logger_enabled, provider.config) == (False, False, None)


@pytest.mark.parametrize("enabled", [False, lambda rank: rank == 0], ids=["bool", "function"])
def test_disabled_rank_is_silent(configure: Configure, caplog: pytest.LogCaptureFixture, enabled: object) -> None:
    """On a rank that is not enabled the recorder is not even attached."""
    caplog.set_level(logging.DEBUG)
    recorder = configure(
        OneLoggerConfig.from_mapping(
            {"application_name": "app", "rank": 1, "world_size": 2, "enable_for_current_rank": enabled}
        )
    )
    _instrumented_job()
    provider = OneLoggerProvider.instance()
    assert (provider.one_logger_ready, provider.one_logger_enabled) == (True, False)
    assert recorder.config is None
    assert recorder.log == []
    assert not caplog.records


@pytest.mark.parametrize("value", ["true", "TRUE", "1", " yes "])
def test_environment_disables(configure: Configure, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """`ONE_LOGGER_DISABLED=true` keeps the recorder from being attached."""
    monkeypatch.setenv("ONE_LOGGER_DISABLED", value)
    recorder = configure()
    _instrumented_job()
    assert recorder.config is None
    assert not OneLoggerProvider.instance().one_logger_enabled


@pytest.mark.parametrize("value", ["", "false", "0", "no"])
def test_environment_does_not_disable(configure: Configure, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Other values of `ONE_LOGGER_DISABLED` disable nothing."""
    monkeypatch.setenv("ONE_LOGGER_DISABLED", value)
    assert configure().config is not None


def test_telemetry_may_be_disabled_in_the_middle(configure: Configure, caplog: pytest.LogCaptureFixture) -> None:
    """After `force_disable_logging` nothing is recorded; spans that are open are stopped, and `close` still closes."""
    caplog.set_level(logging.DEBUG)
    recorder = configure()
    provider = OneLoggerProvider.instance()
    with timed_span("before"):
        provider.force_disable_logging()
        provider.force_disable_logging()
        with timed_span("after") as span:
            assert span is NOOP_SPAN
        record_event("after")
    assert recorder.log == [("start", "before"), ("stop", "before")]
    assert (provider.one_logger_ready, provider.one_logger_enabled) == (True, False)
    get_recorder().flush()
    get_recorder().close()
    assert recorder.log[2:] == [("flush", ""), ("close", "")]
    assert get_recorder().stats()["list"].recorded == 4, "what was recorded before is still counted"
    assert not caplog.records


def test_importing_the_facade_is_light() -> None:
    """The facade imports only the standard library, and of that nothing that is known to be slow."""
    code = """
import sys
before = set(sys.modules)
import one_logger.api
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(new - set(sys.stdlib_module_names)))
print(*sorted(new & {"asyncio", "dataclasses", "inspect", "logging", "socket", "threading", "traceback", "typing"}))
"""
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output.splitlines() == ["one_logger", ""]
