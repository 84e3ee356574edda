"""When the worker works, and when it stands aside for the job."""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from one_logger.core import Event, Resource
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder

RECORDS = 2_000


@pytest.mark.parametrize(("waits", "slice_"), [("nobody", 0.2e-3), ("flush", 1e-3), ("close", 10e-3)])
def test_worker_stands_aside_again_and_again(waits: str, slice_: float, faulty: Callable[..., Any]) -> None:
    """With a long backlog the worker sleeps for a moment after each fraction of a millisecond, and lets the job run.

    It works on for longer while somebody waits for it. How often it has slept the system counts.
    """
    seen: list[tuple[float, int]] = []
    done = threading.Event()

    def work(method: str) -> None:
        if method == "export_event":
            end = time.thread_time() + 50e-6
            while time.thread_time() < end:
                pass
            seen.append((time.thread_time(), resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw))
            if len(seen) == RECORDS:
                done.set()

    recorder = DefaultRecorder([faulty(work)], flush_interval=0.05, queue_capacity=4 * RECORDS)
    span = recorder.start("job")
    assert recorder.flush(30) is True
    for _ in range(RECORDS):
        recorder.event(span, Event("step"))
    if waits == "flush":
        assert recorder.flush(30) is True
    elif waits == "nobody":
        assert done.wait(30)
    assert recorder.close(30) is True
    (begin, slept_before), (end, slept) = seen[RECORDS // 10], seen[-1]  # when it begins somebody is not yet waiting
    assert slept - slept_before > (end - begin) / (3 * slice_ + 1e-3)


def test_worker_does_nothing_in_the_first_half_second() -> None:
    """An exporter is not initialised while a server may still be about to fork, but soon after."""

    class Noting(InMemoryExporter):
        def initialize(self, resource: Resource) -> None:
            self.begun = time.monotonic()
            super().initialize(resource)
            ready.set()

    ready, exporter = threading.Event(), Noting()
    begin = time.monotonic()
    recorder = DefaultRecorder([exporter], flush_interval=3_600)
    recorder.start("job")
    assert ready.wait(30)
    assert 0.5 <= exporter.begun - begin < 1.5
    recorder.close(30)


def test_exporter_is_flushed_once_an_interval(faulty: Callable[..., Any]) -> None:
    """While a job records little, but all the time, what it records is shipped together, not one by one."""
    exporter = faulty(lambda method: None)
    recorder = DefaultRecorder([exporter], flush_interval=0.1)
    span = recorder.start("job")
    assert recorder.flush(30) is True
    exporter.calls.clear()
    begin = time.monotonic()
    while exporter.calls.count("flush") < 3:
        recorder.event(span, Event("step"))
        threading.Event().wait(0.001)
    assert time.monotonic() - begin > 0.2
    assert recorder.close(30) is True


@pytest.mark.parametrize("alive_interval", [0, 0.1, 30])
def test_worker_of_a_job_that_records_nothing_hardly_wakes(alive_interval: float) -> None:
    """However short the interval is in which it flushes, it sleeps for long, as the system's count of pauses shows."""
    recorder = DefaultRecorder([InMemoryExporter()], flush_interval=0.001, alive_interval=alive_interval)
    recorder.start("job")
    assert recorder.flush(30) is True
    for _ in range(20):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        threading.Event().wait(0.1)
        if resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before < 20:
            break
    else:
        pytest.fail("It wakes all the time.")
    assert recorder.close(30) is True


def test_most_records_are_only_appended() -> None:
    """Of some 30 records that a job queues, one at most costs a look at how large the queue is."""
    recorder = DefaultRecorder([InMemoryExporter()], flush_interval=3_600)
    span = recorder.start("job")
    assert recorder.flush(30) is True
    looks = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal looks
        looks += event == "call" and frame.f_code.co_name == "look"

    sys.setprofile(count)
    for _ in range(2_000):
        recorder.event(span, Event("step"))
    sys.setprofile(None)
    assert 0 < looks < 80
    assert recorder.close(30) is True


def test_start_of_the_worker_takes_no_time() -> None:
    """The job goes on as soon as the worker sleeps, which takes less than 0.1 seconds at the best of some tries."""
    times = []
    for _ in range(5):
        recorder = DefaultRecorder([InMemoryExporter()], flush_interval=3_600)
        begin = time.monotonic()
        recorder.start("job")
        times.append(time.monotonic() - begin)
        recorder.close(30)
    assert min(times) < 0.1


def test_worker_that_starts_slowly_is_the_only_one(until: Callable[[Callable[[], object]], None]) -> None:
    """On a busy machine another thread may be asked for before the first one has begun; it ends at once."""
    go_on = threading.Event()
    begun: list[threading.Thread] = []

    def pause(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_name == "_begin":
            begun.append(threading.current_thread())
            go_on.wait(30)

    def record() -> bool:
        recorder.event(span, Event("step"))
        return len(begun) > 1

    recorder = DefaultRecorder([InMemoryExporter()], flush_interval=3_600)
    threading.setprofile(pause)
    try:
        span = recorder.start("job")
        until(record)
    finally:
        threading.setprofile(None)
        go_on.set()
    until(lambda: sum(thread.is_alive() for thread in begun) == 1)
    assert recorder.close(30) is True
