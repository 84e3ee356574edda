"""Ctrl-C, and a handler that calls `sys.exit`, while the job is somewhere in the library: they reach the job."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from one_logger.api import OneLoggerConfig, current_span, record_event, timed_span
from one_logger.api.testing import configured
from one_logger.core import Event, Exporter, Span, read_records, verify
from one_logger.core.spi import counted
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, Processor

METHODS = sorted(Exporter.__abstractmethods__ - {"after_fork", "export_telemetry_data_error"})
SETUP = """
import os, signal, sys, threading, time
from one_logger.api import OneLoggerConfig, configure_one_logger, timed_span
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore Ctrl-C, which is inherited
"""
INTERRUPTIONS = [KeyboardInterrupt, SystemExit]
Faulty = Any


class Once:
    """A fault that raises once, in one call of one method."""

    def __init__(self, error: type[BaseException], method: str, call: int = 1) -> None:
        self._error = error
        self._method = method
        self._left = call

    def __call__(self, method: str) -> None:
        """Raise, if it is that call."""
        if method == self._method:
            self._left -= 1
            if self._left == 0:
                raise self._error


def _steps(recorder: DefaultRecorder) -> list[Callable[[], object]]:
    """What a job does, call by call. Five records, as far as it is not interrupted."""
    spans: list[Span] = []
    return [
        lambda: spans.append(recorder.start("work")),
        lambda: recorder.event(spans[0], Event("event")) if spans else None,
        lambda: recorder.error(spans[0], "error") if spans else None,
        lambda: recorder.stop(spans[0]) if spans else None,
        lambda: recorder.stop(recorder.start("more")),
        recorder.flush,
        lambda: recorder.close(timeout=30),
        lambda: recorder.close(timeout=30),
    ]


@pytest.mark.parametrize("error", INTERRUPTIONS)
@pytest.mark.parametrize("method", METHODS)
def test_an_interruption_in_an_inline_exporter_reaches_the_job(
    method: str, error: type[BaseException], faulty: Faulty, caplog: pytest.LogCaptureFixture
) -> None:
    """It is raised where the exporter was called, is no failure of it, and leaves a whole account for all exporters."""
    fault = Once(error, method, call=2 if method == "flush" else 1)  # the first flush ships nothing of the job's
    interrupted, after, beside = faulty(fault), InMemoryExporter(), InMemoryExporter()
    before = InMemoryExporter()
    for exporter in (before, interrupted, after):
        exporter.runs_inline = True
    recorder = DefaultRecorder({"before": before, "interrupted": interrupted, "after": after, "beside": beside})
    reached = 0
    for step in _steps(recorder):
        try:
            step()
        except error:
            reached += 1
    assert reached == 1
    stats = recorder.stats()
    for each in stats.values():
        assert each.recorded == each.exported + each.dropped
        assert (each.pending, each.failures, each.disabled) == (0, 0, False)
    for name, exporter in (("before", before), ("after", after), ("beside", beside)):
        assert stats[name].dropped == 0
        assert verify(exporter.records)[0].whole
    dropped = stats["interrupted"].dropped
    assert len(caplog.messages) == (dropped > 0)
    assert all(f"was closed with {counted(dropped, 'record')} undelivered." in message for message in caplog.messages)
    if method not in ("initialize", "close"):
        assert dropped > 0
        (report,) = verify(interrupted.records)
        assert (report.closed, report.dropped) == (True, stats["interrupted"].dropped)


@pytest.mark.parametrize("error", INTERRUPTIONS)
def test_a_recorder_that_was_interrupted_as_it_began_records(error: type[BaseException], faulty: Faulty) -> None:
    """Where the first call is interrupted in `initialize`, the next one begins again."""
    exporter, beside = faulty(Once(error, "initialize")), InMemoryExporter()
    exporter.runs_inline = True
    recorder = DefaultRecorder([exporter, beside])
    with pytest.raises(error):
        recorder.start("work")
    recorder.stop(recorder.start("work"))
    assert recorder.close(timeout=30) is True
    for records in (exporter.records, beside.records):
        assert [record["type"] for record in records][-1] == "end"
        assert verify(records)[0].whole
        assert len([record for record in records if record["type"] in ("start", "complete")]) == 1


def test_a_span_whose_start_was_interrupted_is_not_current(faulty: Faulty) -> None:
    """Nobody can stop a span that `start` has not returned: the one around it is current again."""
    exporter = faulty(Once(KeyboardInterrupt, "export_start"))
    recorder = DefaultRecorder([exporter], delivery="inline")
    with configured(OneLoggerConfig("app"), recorder):
        with pytest.raises(KeyboardInterrupt), timed_span("never entered"):
            raise AssertionError
        assert not current_span().is_recording()


def test_a_span_is_stopped_though_the_report_of_its_error_was_interrupted(faulty: Faulty) -> None:
    """An interruption while an exception passes `timed_span` goes on in its place, and the span is stopped."""
    exporter = faulty(Once(KeyboardInterrupt, "export_error"))
    recorder = DefaultRecorder([exporter], delivery="inline")
    with configured(OneLoggerConfig("app"), recorder):
        with pytest.raises(KeyboardInterrupt) as caught, timed_span("work"):
            raise ValueError("the job's")
        assert isinstance(caught.value.__context__, ValueError)
        assert exporter.records[-1]["type"] == "stop"


@pytest.mark.parametrize("method", ["on_start", "on_event", "on_stop"])
def test_an_interruption_in_a_processor_reaches_the_job(method: str) -> None:
    """It is none of the processor's mistakes, and every span that was exported has its stop."""
    fault = Once(KeyboardInterrupt, method)

    class Interrupted(Processor):
        def on_start(self, span: Span) -> None:
            fault("on_start")

        def on_event(self, event: Event, span: Span) -> Event:
            fault("on_event")
            return event

        def on_stop(self, span: Span) -> bool:
            fault("on_stop")
            return True

    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], processors=[Interrupted()])
    with configured(OneLoggerConfig("app"), recorder):
        with pytest.raises(KeyboardInterrupt), timed_span("work"):
            record_event("event")
        with timed_span("next") as following:
            assert following.parent_span_id is None
        assert recorder.close(timeout=30) is True
    (report,) = verify(exporter.records)
    assert report.whole
    types = [record["type"] for record in exporter.records]
    assert "telemetry_data_error" not in types
    assert types.count("start") == types.count("stop")


def _run(tmp_path: Path, code: str) -> tuple[list[dict[str, Any]], subprocess.CompletedProcess[str]]:
    """The records that a script leaves, and how it ended."""
    file = tmp_path / "records.jsonl"
    command = [sys.executable, "-c", SETUP + code, str(file)]
    process = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    with file.open() as lines:
        return list(read_records(lines)), process


@pytest.mark.parametrize("method", ["flush", "close"])
def test_waiting_for_a_delivery_can_be_interrupted(method: str, tmp_path: Path) -> None:
    """Ctrl-C ends a `flush` or `close` that waits for an exporter, and what was recorded is delivered all the same."""
    records, process = _run(
        tmp_path,
        f"""
class Slow(FileExporter):
    def write(self, lines):
        if not interrupted.is_set():
            waiting.wait(30)
            os.kill(os.getpid(), signal.SIGINT)
            interrupted.wait(30)
        super().write(lines)

waiting, interrupted = threading.Event(), threading.Event()
recorder = DefaultRecorder([Slow(sys.argv[1])])
recorder.stop(recorder.start("work"))
try:
    waiting.set()
    recorder.{method}(timeout=50)
except KeyboardInterrupt:
    print("interrupted")
interrupted.set()
print(recorder.close(timeout=30))
""",
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "interrupted\nTrue\n", "")
    assert verify(records)[0].whole


def test_ctrl_c_in_an_inline_exporter_ends_the_job_as_ever(tmp_path: Path) -> None:
    """The process dies by SIGINT with the job's traceback, and what was lost by that is said in the stream."""
    records, process = _run(
        tmp_path,
        """
class Slow(FileExporter):
    def write(self, lines):
        if '"type":"start"' in lines[-1] and "unlucky" in lines[-1]:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        super().write(lines)

configure_one_logger(OneLoggerConfig("app"), DefaultRecorder([Slow(sys.argv[1])], delivery="inline"))
with timed_span("work"):
    with timed_span("unlucky"):
        raise AssertionError
""",
    )
    assert process.returncode == -signal.SIGINT
    *_, error, last_word = process.stderr.splitlines()
    assert error.startswith("KeyboardInterrupt")
    assert last_word == "Exporter Slow was closed with 1 record undelivered. It last raised KeyboardInterrupt."
    assert "AssertionError" not in process.stderr
    (report,) = verify(records)
    assert (report.closed, report.dropped) == (True, 1)
