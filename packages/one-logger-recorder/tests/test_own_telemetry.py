"""What the recorder, its exporters and log handlers do themselves is not recorded, and the log is left as it is."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from one_logger.api import OneLoggerConfig, timed_span
from one_logger.api.logging import EventHandler
from one_logger.api.testing import configured
from one_logger.core import Event, diagnostics, verify
from one_logger.exporter.logger import LoggerExporter
from one_logger.exporter.memory import InMemoryExporter
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


def test_what_is_left_out_is_counted_and_said(faulty: Faulty, caplog: pytest.LogCaptureFixture) -> None:
    """A signal handler that records while an exporter is called: its telemetry is left out, and that can be known."""
    before = diagnostics.occurrences("in an exporter's call")
    recorder = DefaultRecorder([faulty(lambda method: os.kill(os.getpid(), signal.SIGUSR1))], delivery="inline")

    def handler(number: int, frame: FrameType | None) -> None:
        recorder.stop(recorder.start("in the handler"))

    previous = signal.signal(signal.SIGUSR1, handler)
    try:
        recorder.stop(recorder.start("work"))
        assert recorder.close(timeout=30)
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert diagnostics.occurrences("in an exporter's call") > before
    assert sum("Telemetry was left out" in message for message in caplog.messages) == (before == 0)


@pytest.mark.parametrize("delivery", ["background", "inline"])
def test_telemetry_beside_an_exporter_s_call_is_recorded(delivery: Any) -> None:
    """What happens to run on a thread of the library, such as a finalizer, records like anything else.

    So it is where a job's signal handler interrupts the library between two calls of an exporter.
    """
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], delivery=delivery, flush_interval=0.01)
    recorded = 0

    def finalizer(frame: FrameType, event: str, _: object) -> None:
        nonlocal recorded
        if event == "call" and frame.f_globals.get("__name__") == "one_logger.recorder.channel" and recorded < 100:
            recorded += 1
            sys.setprofile(None)
            recorder.stop(recorder.start("finalizer"))
            sys.setprofile(finalizer)

    threading.setprofile(finalizer)
    try:
        if delivery == "inline":
            sys.setprofile(finalizer)
        for _ in range(10):
            recorder.stop(recorder.start("work"))
            recorder.flush(30)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    assert recorder.close(timeout=30)
    assert verify(exporter.records)[0].whole
    names = [record["name"] for record in exporter.records if record["type"] in ("start", "complete")]
    assert names.count("work") == 10
    assert 0 < recorded == names.count("finalizer")


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
        logged(3)
        assert len([message for message in seen if "Telemetry was left out" not in message]) == 3
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


def test_a_full_disk_is_reported_after_the_job_has_configured_its_log() -> None:
    """`logging.config` disables every logger that a configuration does not name: the library enables its own again."""
    script = """
import logging.config
from one_logger.core import ExportError
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder
class Full(InMemoryExporter):
    def write(self, lines):
        raise ExportError("No space left on device", retriable=True)
logging.getLogger("one_logger")
recorder = DefaultRecorder([Full()])
logging.config.dictConfig({
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}},
    "root": {"handlers": ["console"]},
})
recorder.stop(recorder.start("work"))
recorder.close(0.1)
"""
    process = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60)
    assert process.stderr == ""
    assert "No space left on device" in process.stdout
