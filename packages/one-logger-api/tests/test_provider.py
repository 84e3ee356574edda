"""Behaviour of `OneLoggerProvider`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from one_logger.api import (
    NOOP_RECORDER,
    OneLoggerConfig,
    OneLoggerErrorHandlingStrategy,
    OneLoggerProvider,
    configure_one_logger,
    get_recorder,
)
from one_logger.api.testing import configured
from one_logger.core import OneLoggerError, SpanContext

Configure = Callable[..., Any]
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_there_is_one_provider() -> None:
    """`instance` always gives the same object, and so does calling the class."""
    assert OneLoggerProvider.instance() is OneLoggerProvider.instance() is OneLoggerProvider()


def test_instance_may_be_forgotten(configure: Configure) -> None:
    """Who calls the class instead of `instance` configures the process, and calls it again without any harm."""
    first = configure()
    first.close()
    second = type(first)()
    OneLoggerProvider().configure(OneLoggerConfig("second"), second)
    assert OneLoggerProvider().recorder is get_recorder() is second


def test_configure_sets_config_and_recorder(configure: Configure) -> None:
    """What was configured can be asked for, and the recorder has got the configuration."""
    config = OneLoggerConfig("app")
    recorder = configure(config)
    provider = OneLoggerProvider.instance()
    assert provider.config is recorder.config is config
    assert provider.recorder is get_recorder()
    assert get_recorder() is recorder
    assert (provider.one_logger_ready, provider.one_logger_enabled) == (True, True)


@pytest.mark.parametrize("strategy", OneLoggerErrorHandlingStrategy)
def test_second_configure_is_a_telemetry_error(configure: Configure, strategy: OneLoggerErrorHandlingStrategy) -> None:
    """The first configuration stands, the backends are told, and the strategy decides on the rest."""
    recorder = configure(OneLoggerConfig("first", error_handling_strategy=strategy))
    second = OneLoggerConfig("second")
    if strategy is OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS:
        with pytest.raises(OneLoggerError, match="a second time; the first configuration stays"):
            configure_one_logger(second, type(recorder)())
    else:
        configure_one_logger(second, type(recorder)())
    provider = OneLoggerProvider.instance()
    assert provider.config is not None
    assert provider.config.application_name == "first"
    assert [what for what, _ in recorder.log] == ["telemetry_data_error"]
    disabled = strategy is OneLoggerErrorHandlingStrategy.DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR
    assert provider.one_logger_enabled is not disabled


def test_configure_again_after_close(configure: Configure) -> None:
    """A process whose recorder was closed may be configured anew, as a notebook is when a cell runs again."""
    first = configure()
    first.close()
    second = type(first)()
    configure_one_logger(OneLoggerConfig("second"), second)
    assert get_recorder() is second


@pytest.mark.parametrize(("config", "recorder"), [(None, NOOP_RECORDER), (OneLoggerConfig("app"), "recorder")])
def test_configure_wants_a_config_and_a_recorder(config: Any, recorder: Any) -> None:
    """Arguments of other types are refused, and the process stays unconfigured."""
    with pytest.raises(OneLoggerError, match="expected a OneLoggerConfig and a Recorder"):
        configure_one_logger(config, recorder)
    assert not OneLoggerProvider.instance().one_logger_ready


def test_traceparent_is_read_once(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorder gets the span that `TRACEPARENT` names as `configure` is called."""
    monkeypatch.setenv("TRACEPARENT", TRACEPARENT)
    recorder = configure()
    monkeypatch.setenv("TRACEPARENT", TRACEPARENT.replace("b7", "b8"))
    assert recorder.parent == SpanContext.from_traceparent(TRACEPARENT)


@pytest.mark.parametrize("text", ["", "00-xyz", TRACEPARENT.upper(), "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
def test_malformed_traceparent_is_ignored(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    """What is no `traceparent` starts a new trace, as W3C Trace Context asks."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("TRACEPARENT", text)
    assert configure().parent is None
    assert not caplog.records


def test_configured_restores_what_was_before(configure: Configure) -> None:
    """After a `configured` block the process is configured as before it, and the block's recorder is closed."""
    outer = configure()
    inner = type(outer)()
    with configured(OneLoggerConfig("inner"), inner):
        assert get_recorder() is inner
    assert get_recorder() is outer
    assert inner.closed
    assert not outer.closed
