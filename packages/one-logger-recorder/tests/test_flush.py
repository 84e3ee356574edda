"""`flush` and `close`: what they wait for, and what they say."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from one_logger.core import Event, ExportError
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder

UseEverything = Callable[..., Any]


def test_flush_and_close_say_true_when_all_is_delivered(use_everything: UseEverything) -> None:
    """`flush` returns once everything recorded before it has been shipped; `close` does, too, and may be repeated."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], flush_interval=3_600)

    def events() -> int:
        return sum(record["type"] == "event" for record in exporter.records)

    use_everything(recorder, 10)
    assert recorder.flush(timeout=30) is True
    assert events() == 10
    use_everything(recorder, 10)
    assert recorder.close(timeout=30) is True
    assert recorder.close(timeout=0) is True
    assert events() == 20
    assert exporter.records[-1]["type"] == "end"


@pytest.mark.parametrize("interval", [math.inf, 10**400, 1e300])
def test_interval_may_be_endless(interval: float) -> None:
    """With an interval that never ends, `flush` delivers, and so does `close`."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], flush_interval=interval)
    recorder.stop(recorder.start("one"))
    assert recorder.flush(timeout=30) is True
    recorder.stop(recorder.start("two"))
    assert recorder.close(timeout=30) is True
    assert [record["name"] for record in exporter.records if record["type"] == "complete"] == ["one", "two"]


def test_flush_while_others_record() -> None:
    """`flush` answers although other threads never stop recording."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], queue_capacity=10_000_000, queue_bytes=2**40)
    stop = threading.Event()

    def record() -> None:
        while not stop.is_set():
            recorder.stop(recorder.start("busy"))

    threads = [threading.Thread(target=record) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert recorder.flush(timeout=30) is True
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        recorder.close()


@pytest.mark.parametrize("failed_before", [False, True])
def test_flush_takes_the_stop_of_a_span_along(
    failed_before: bool,
    faulty: Callable[..., Any],
    gate_at: Callable[[str], Any],
    until: Callable[[Callable[[], object]], None],
) -> None:
    """Where a span has ended by the time that its start is exported, its stop is, too, though it came later."""
    gate = gate_at("export_event")
    failures = iter([ExportError("refused")] if failed_before else [])

    def fault(method: str) -> None:
        gate(method)
        if method == "flush" and "export_start" in slow.calls and (failure := next(failures, None)):
            raise failure

    fast, slow = InMemoryExporter(), faulty(fault)
    recorder = DefaultRecorder([fast, slow], flush_interval=3_600)
    recorder.stop(recorder.start("first"))
    assert recorder.flush(30) is not failed_before
    job = recorder.start("job")
    for _ in range(6):  # of eight records an exporter that has failed is flushed
        recorder.event(job, Event("step"))
    span = recorder.start("work")
    flushing = threading.Thread(target=recorder.flush, args=(30,))
    flushing.start()
    assert gate.reached.wait(30)
    until(lambda: "work" in [record.get("name") for record in fast.records])  # so its stop will be a record of its own
    recorder.stop(span)
    gate.open()
    flushing.join()
    assert [record["type"] for record in slow.records if record.get("name") == "work"] == ["complete"]
    assert recorder.close(30) is not failed_before


class Stages:
    """Keeps an exporter waiting at its first and 80th event, and at the flush after the first one."""

    def __init__(self) -> None:
        names = ("first", "flush", "last")
        self.reached = {name: threading.Event() for name in names}
        self.passed = {name: threading.Event() for name in names}
        self._events = 0

    def __call__(self, method: str) -> None:
        """Wait, if it is time to."""
        self._events += method == "export_event"
        match method, self._events:
            case "export_event", 1:
                self._wait("first")
            case "export_event", 40:
                end = time.monotonic() + 0.02  # so long that the worker looks whether somebody waits
                while time.monotonic() < end:
                    pass
            case "export_event", 80:
                self._wait("last")
            case "flush", 1:
                self._wait("flush")

    def _wait(self, name: str) -> None:
        self.reached[name].set()
        self.passed[name].wait(30)


def test_flush_does_not_wait_for_what_came_after_it(faulty: Callable[..., Any]) -> None:
    """Where a job goes on recording, `flush` returns when what came before it is delivered, not when all is."""
    stages, asked = Stages(), threading.Event()
    recorder = DefaultRecorder([faulty(stages)], flush_interval=0.001, queue_capacity=1_000)
    span = recorder.start("job")
    recorder.event(span, Event("step"))
    assert stages.reached["first"].wait(30)

    def see(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_name == "wait":
            asked.set()

    def flush() -> None:
        sys.setprofile(see)
        recorder.flush(30)
        sys.setprofile(None)

    for _ in range(10):
        recorder.event(span, Event("step"))
    flushing = threading.Thread(target=flush)
    flushing.start()
    assert asked.wait(30)
    stages.passed["first"].set()
    assert stages.reached["flush"].wait(30)
    for _ in range(100):
        recorder.event(span, Event("step"))
    stages.passed["flush"].set()
    assert stages.reached["last"].wait(30)
    flushing.join(5)
    assert not flushing.is_alive()
    stages.passed["last"].set()
    assert recorder.close(30) is True
