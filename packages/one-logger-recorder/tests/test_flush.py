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


def test_flush_does_not_wait_for_what_came_after_it(faulty: Callable[..., Any]) -> None:
    """Where a job goes on recording, `flush` returns when what came before it is delivered, not when all is."""
    gates = {name: (threading.Event(), threading.Event()) for name in ("first", "flush", "last")}

    def wait_at(name: str) -> None:
        reached, is_open = gates[name]
        reached.set()
        is_open.wait(30)

    def fault(method: str) -> None:
        events = exporter.calls.count("export_event")
        if method == "export_event" and events in (1, 80):
            wait_at("first" if events == 1 else "last")
        elif method == "export_event" and events == 40:
            end = time.monotonic() + 0.02  # so long that the worker looks whether somebody waits
            while time.monotonic() < end:
                pass
        elif method == "flush" and events == 1:
            wait_at("flush")

    def record(count: int) -> None:
        for _ in range(count):
            recorder.event(span, Event("step"))

    def pass_by(name: str) -> None:
        gates[name][1].set()

    asked = threading.Event()

    def see(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_name == "wait":
            asked.set()

    def flush() -> None:
        sys.setprofile(see)
        recorder.flush(30)
        sys.setprofile(None)

    exporter = faulty(fault)
    recorder = DefaultRecorder([exporter], flush_interval=0.001, queue_capacity=1_000)
    span = recorder.start("job")
    record(1)
    assert gates["first"][0].wait(30)
    record(10)
    flushing = threading.Thread(target=flush)
    flushing.start()
    assert asked.wait(30)
    pass_by("first")
    assert gates["flush"][0].wait(30)
    record(100)
    pass_by("flush")
    assert gates["last"][0].wait(30)
    flushing.join(5)
    assert not flushing.is_alive()
    pass_by("last")
    assert recorder.close(30) is True
