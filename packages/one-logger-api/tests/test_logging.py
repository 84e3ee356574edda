"""Log records as events of the current span, and its ids in log records."""

from __future__ import annotations

import logging
import logging.config
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from one_logger.api import OneLoggerConfig, OneLoggerErrorHandlingStrategy, carry_context, timed_span
from one_logger.api.logging import EventHandler, TraceContextFilter
from one_logger.core import OneLoggerError

Configure = Callable[..., Any]


@pytest.fixture
def log() -> logging.Logger:
    """A logger that only the handlers of the test hear of."""
    return logging.Logger("train.data", logging.DEBUG)  # noqa: LOG001 - getLogger() gives one that others know


def _events(recorder: Any) -> list[dict[str, object]]:
    return [dict(event.attributes) for event in recorder.events]


def test_log_records_become_events(configure: Configure, log: logging.Logger) -> None:
    """Level, logger and message of a log record are an event of the current span."""
    recorder = configure()
    log.addHandler(EventHandler(logging.INFO))
    with timed_span("work"):
        log.info("epoch %d of %s", 3, "ten")
        log.debug("is below the level")
        log.warning("%(what)s is slow", {"what": "disk"})
    assert _events(recorder) == [
        {"level": "INFO", "logger": "train.data", "message": "epoch 3 of ten"},
        {"level": "WARNING", "logger": "train.data", "message": "disk is slow"},
    ]
    assert [event.name for event in recorder.events] == ["log", "log"]


def test_exceptions_come_along(configure: Configure, log: logging.Logger) -> None:
    """The exception of a log record is in the event, with its frames, and is no error of the span."""
    recorder = configure()
    log.addHandler(EventHandler())
    with timed_span("work"):
        try:
            raise OneLoggerError("no")
        except OneLoggerError:
            log.exception("It failed.")
        log.error("without", exc_info=True)  # noqa: LOG014 - a mistake that people make
    first, second = _events(recorder)
    assert first["exception.type"] == "one_logger.core.errors.OneLoggerError"
    assert first["exception.message"] == "no"
    assert str(first["exception.stacktrace"]).startswith(f'  File "{__file__}", line ')
    assert "exception.type" not in second
    assert recorder.errors == []


def test_outside_a_span_nothing_happens(configure: Configure, log: logging.Logger) -> None:
    """Log records outside a span, and while nothing is configured, are passed over."""
    log.addHandler(EventHandler())
    log.info("unconfigured")
    with timed_span("work"):
        log.info("unconfigured")
    recorder = configure(
        OneLoggerConfig("app", error_handling_strategy=OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS)
    )
    log.info("outside")
    assert recorder.log == []


def test_messages_and_their_number_are_bounded(configure: Configure, log: logging.Logger) -> None:
    """A long message is cut, and in one second so many records become events; what is left out is counted."""
    recorder = configure()
    handler = EventHandler(max_per_second=3, max_characters=10)
    log.addHandler(handler)
    with timed_span("work"), pytest.MonkeyPatch.context() as patch:
        now = 100.0
        patch.setattr("one_logger.api.logging.monotonic", lambda: now)
        for _ in range(8):
            log.info("x" * 1_000_000)
        now += 1
        log.info("short")
        log.info("again")
    assert [event["message"] for event in _events(recorder)] == ["xxxxxxxxxx..."] * 3 + ["short", "again"]
    assert [event.get("left_out") for event in _events(recorder)] == [None, None, None, 5, None]


@pytest.mark.parametrize("argument", ["max_per_second", "max_characters"])
def test_bounds_are_checked(argument: str) -> None:
    """A bound that is no number above zero is refused by name."""
    bounds: dict[str, Any] = {argument: 0}
    with pytest.raises(OneLoggerError, match=argument):
        EventHandler(**bounds)


class OnDevice:
    """Looks like a tensor on an accelerator: its text costs a synchronisation."""

    device = "cuda:0"

    def __str__(self) -> str:
        """Synchronise."""
        raise AssertionError("it was read")

    __repr__ = __format__ = __float__ = __str__  # type: ignore[assignment]  # all of them read it


def test_nothing_is_read_from_a_device(configure: Configure, log: logging.Logger) -> None:
    """A message has of a tensor on an accelerator that it was not read, and of an array in memory its value."""
    recorder = configure()
    log.addHandler(EventHandler())
    with timed_span("work"):
        log.info("loss %s", OnDevice())
        log.info("loss %.2f", OnDevice())
        log.info(OnDevice())
        log.info("loss %.2f", np.float32(0.5))
    messages = [str(event["message"]) for event in _events(recorder)]
    assert messages[0].startswith("loss <")
    assert "not read" in messages[0]
    assert messages[1].startswith("loss %.2f (TypeError: ")
    assert "not read" in messages[2]
    assert messages[3] == "loss 0.50"


def test_a_log_call_never_raises(configure: Configure, log: logging.Logger) -> None:
    """Arguments that don't fit the format, and a recorder that raises, are no trouble of who logs."""
    recorder = configure(failing=("event",))
    log.addHandler(EventHandler())
    with timed_span("work"):
        log.info("%d", "text")
        log.info("fine")
    assert recorder.events == []
    recorder = configure()
    with timed_span("work"):
        log.info("%d items", "text")
    assert str(_events(recorder)[0]["message"]).startswith("%d items (TypeError: %d format")


def test_set_up_by_a_dictionary(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    """Handler and filter can be named in `logging.config.dictConfig`; ids are empty outside a span."""
    recorder = configure()
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"ids": {"()": "one_logger.api.logging.TraceContextFilter"}},
            "formatters": {"ids": {"format": "%(message)s [%(trace_id)s %(span_id)s]"}},
            "handlers": {
                "out": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stdout",
                    "filters": ["ids"],
                    "formatter": "ids",
                },
                "events": {"class": "one_logger.api.logging.EventHandler", "level": "WARNING"},
            },
            "loggers": {"orders": {"level": "INFO", "handlers": ["out", "events"], "propagate": False}},
        }
    )
    orders = logging.getLogger("orders")
    try:
        orders.warning("before")
        with timed_span("work") as span:
            carry_context(orders.info)("inside")
            orders.warning("late")
    finally:
        orders.handlers.clear()
    ids = f"[{span.trace_id:032x} {span.span_id:016x}]"
    assert capsys.readouterr().out == f"before [ ]\ninside {ids}\nlate {ids}\n"
    assert [event["message"] for event in _events(recorder)] == ["late"]


def test_filters_decide(configure: Configure, log: logging.Logger) -> None:
    """A filter of the handler may stop a record; `TraceContextFilter` stops none."""
    recorder = configure()
    handler = EventHandler()
    handler.addFilter(TraceContextFilter())
    handler.addFilter(lambda record: "secret" not in record.getMessage())
    log.addHandler(handler)
    with timed_span("work"):
        log.info("a secret")
        log.info("told")
    assert [event["message"] for event in _events(recorder)] == ["told"]
