"""What the recorder, its exporters and log handlers do themselves is not recorded, and the log is left as it is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from one_logger.api import OneLoggerConfig, timed_span
from one_logger.api.logging import EventHandler
from one_logger.api.testing import configured
from one_logger.core import Event
from one_logger.exporter.logger import LoggerExporter
from one_logger.recorder import DefaultRecorder

Faulty = Any
UseEverything = Callable[..., Any]


def test_an_exporter_that_records_is_not_recorded(faulty: Faulty) -> None:
    """Telemetry that an exporter makes while it exports is not recorded, so that it cannot feed itself."""

    def fault(method: str) -> None:
        span = recorder.start(f"in {method}")
        assert not span.is_recording()
        recorder.event(work, Event("in an exporter"))
        recorder.telemetry_data_error("in an exporter")
        recorder.stop(span)
        assert recorder.flush() is True

    exporter = faulty(fault)
    recorder = DefaultRecorder([exporter])
    work = recorder.start("work")
    recorder.stop(work)
    assert recorder.close(timeout=30) is True
    assert [record["type"] for record in exporter.records] == ["resource", "complete", "end"]


def test_a_log_handler_that_records_cannot_recurse(logged: Callable[[int], list[str]], faulty: Faulty) -> None:
    """If the application's log handler records telemetry, what the library logs about itself does not loop."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())
            recorder.event(None, Event("logged"))
            recorder.stop(recorder.start("logged"))

    seen: list[str] = []
    handler = Handler()
    logging.getLogger("one_logger").addHandler(handler)
    try:
        exporter = faulty.raising(OSError("disk"), "export_event")
        recorder = DefaultRecorder([exporter], flush_interval=0.01)
        recorder.event(None, Event("no span is open"))
        span = recorder.start("work")
        recorder.event(span, Event("is lost"))
        recorder.close(timeout=30)
        assert len(logged(3)) == len(seen) == 3
    finally:
        logging.getLogger("one_logger").removeHandler(handler)
    assert "logged" not in [record.get("name") for record in exporter.records]


@pytest.mark.parametrize("delivery", ["inline", "background"])
def test_log_records_of_an_exporter_become_no_events(delivery: Any) -> None:
    """Where log records become events, and an exporter logs each event, an event that was logged is not recorded."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger = logging.getLogger("app.telemetry")
    logger.setLevel(logging.INFO)
    handlers = [Keep(), EventHandler()]
    for handler in handlers:
        logger.addHandler(handler)
    try:
        recorder = DefaultRecorder([LoggerExporter(logger)], delivery=delivery)
        with configured(OneLoggerConfig("app"), recorder), timed_span("work"):
            logger.info("one record")
            assert recorder.flush(30)
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
    assert len([line for line in lines if 'name="log"' in line]) == 1


def test_the_library_does_not_touch_the_application_s_logging(faulty: Faulty, use_everything: UseEverything) -> None:
    """No handler is added and no level is changed anywhere."""
    names = ("", "one_logger", "one_logger.recorder")
    before = [(logging.getLogger(name).handlers[:], logging.getLogger(name).level) for name in names]
    recorder = DefaultRecorder([faulty.raising(OSError(), "flush")], flush_interval=0.001)
    use_everything(recorder)
    recorder.close(timeout=1)
    assert [(logging.getLogger(name).handlers[:], logging.getLogger(name).level) for name in names] == before
