"""Records that come while the recorder is being closed."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from one_logger.core import Event, ExportError
from one_logger.recorder import DefaultRecorder


class Recording(threading.Thread):
    """A thread that records an event, and pauses just before a function is called for it."""

    def __init__(self, recorder: DefaultRecorder, function: str) -> None:
        super().__init__()
        self._recorder, self._function = recorder, function
        self._span = recorder.start("job")
        self._pauses, self._go_on = threading.Event(), threading.Event()

    def pause(self) -> None:
        """Start, and be where the pause is."""
        self.start()
        assert self._pauses.wait(30)

    def go_on(self) -> None:
        """End the pause, and the thread."""
        self._go_on.set()
        self.join()

    def run(self) -> None:
        """Record."""
        sys.setprofile(self._look)
        self._recorder.event(self._span, Event("late"))
        sys.setprofile(None)

    def _look(self, frame: FrameType, event: str, argument: object) -> None:
        name = frame.f_code.co_name if event == "call" else getattr(argument, "__name__", "")
        if event in ("call", "c_call") and name == self._function:
            self._pauses.set()
            self._go_on.wait(30)


def test_record_that_is_queued_while_another_thread_closes_is_the_only_loss(
    faulty: Callable[..., Any], gate_at: Callable[[str], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that was just about to queue a record when another one closed the recorder loses it.

    The stream says so. All that was recorded before is delivered, so the log says nothing.
    """
    exporter = faulty(gate := gate_at("export_start"))
    recorder = DefaultRecorder([exporter], flush_interval=3_600)
    recording = Recording(recorder, "append")
    closing = threading.Thread(target=recorder.close, args=(30,))
    recording.pause()
    closing.start()
    assert gate.reached.wait(30)
    recording.go_on()
    gate.open()
    closing.join()
    assert [record["type"] for record in exporter.records] == ["resource", "complete", "telemetry_data_error", "end"]
    assert caplog.messages == []


def test_record_that_comes_after_the_exporter_was_closed_is_counted(faulty: Callable[..., Any]) -> None:
    """A thread that was just about to queue a record when another one closed the recorder leaves nothing pending."""
    recorder = DefaultRecorder([faulty(lambda method: None)])
    recording = Recording(recorder, "queue_event")
    recording.pause()
    assert recorder.close(30) is True
    recording.go_on()
    (stats,) = recorder.stats().values()
    assert (stats.recorded, stats.exported, stats.dropped, stats.pending) == (3, 2, 1, 0)


def test_what_comes_after_close_is_not_counted_with_what_a_hanging_exporter_has_left(
    faulty: Callable[..., Any],
    gate_at: Callable[[str], Any],
    caplog: pytest.LogCaptureFixture,
    until: Callable[[Callable[[], object]], None],
) -> None:
    """The log says how many records were not delivered of those that were recorded before the recorder was closed."""
    recorder = DefaultRecorder([faulty(gate := gate_at("flush"))])
    recorder.start("job")
    closing = threading.Thread(target=recorder.close, args=(0.5,))
    closing.start()

    def is_closed() -> bool:
        recorder.start("late")
        (stats,) = recorder.stats().values()
        return stats.dropped > 0

    until(is_closed)
    closing.join()
    (stats,) = recorder.stats().values()
    gate.open()
    until(lambda: caplog.messages)
    assert caplog.messages[0] == f"Exporter FaultyExporter was closed with {stats.pending:,} records undelivered."


def test_close_that_was_interrupted_is_answered_though_the_worker_has_ended(
    faulty: Callable[..., Any], until: Callable[[Callable[[], object]], None]
) -> None:
    """Ctrl-C while `close` waits takes away its answer, not the delivery: who calls it again hears of that at once."""

    def interrupt(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_name == "wait":
            raise KeyboardInterrupt

    before = set(threading.enumerate())
    exporter = faulty(lambda method: None)
    recorder = DefaultRecorder([exporter])
    recorder.stop(recorder.start("work"))
    sys.setprofile(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            recorder.close(30)
    finally:
        sys.setprofile(None)
    until(lambda: set(threading.enumerate()) <= before)
    begin = time.monotonic()
    assert recorder.close(5) is True
    assert time.monotonic() - begin < 5
    assert exporter.calls.count("close") == 1


def test_closing_does_not_wait_for_a_flush_that_came_before(
    faulty: Callable[..., Any], until: Callable[[Callable[[], object]], None]
) -> None:
    """`close` gives up when its time is over, though another thread still waits for an exporter that fails.

    That thread waits no longer, either: what was still queued is lost.
    """
    exporter = faulty.raising(ExportError("busy", retriable=True), "flush")  # type: ignore[attr-defined]
    recorder = DefaultRecorder([exporter], max_failures=1_000, flush_interval=0.001)
    span = recorder.start("job")
    until(lambda: exporter.calls.count("flush") > 1)
    recorder.event(span, Event("queued"))
    flushing = threading.Thread(target=recorder.flush, args=(30,))
    flushing.start()
    flushes = exporter.calls.count("flush")
    until(lambda: exporter.calls.count("flush") > flushes + 1)  # so that it has been asked
    begin = time.monotonic()
    assert recorder.close(0.1) is False
    until(lambda: recorder.stats()["FaultyExporter"].pending == 0)
    flushing.join()
    assert time.monotonic() - begin < 10
