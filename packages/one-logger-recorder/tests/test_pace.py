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


@pytest.mark.parametrize(
    ("waits", "slice_", "part"),
    [
        ("nobody", 0.2e-3, 1.0),
        ("a queue that is half full", 1e-3, 0.5),  # until it is not any more
        ("flush", 1e-3, 1.0),
        ("close", 10e-3, 1.0),
    ],
)
def test_worker_stands_aside_again_and_again(
    waits: str, slice_: float, part: float, faulty: Callable[..., Any]
) -> None:
    """With a long backlog the worker sleeps for a moment after each fraction of a millisecond, and lets the job run.

    It works on for longer where that is more urgent. How often it has slept the system counts.
    """
    seen: list[tuple[float, float, int]] = []
    begun, queued, done = threading.Event(), threading.Event(), threading.Event()

    def work(method: str) -> None:
        if method == "export_event":
            begun.set()
            queued.wait(30)
            end = time.thread_time() + 20e-6
            while time.thread_time() < end:
                pass
            slept = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
            seen.append((time.monotonic(), time.thread_time(), slept))
            if len(seen) == RECORDS:
                done.set()

    capacity = RECORDS if waits == "a queue that is half full" else 4 * RECORDS
    recorder = DefaultRecorder([faulty(work)], flush_interval=0.001, queue_capacity=capacity)
    span = recorder.start("job")
    assert recorder.flush(30) is True
    recorder.event(span, Event("step"))
    assert begun.wait(30)
    for _ in range(RECORDS - 1):
        recorder.event(span, Event("step"))
    queued.set()
    if waits in ("flush", "close"):
        assert getattr(recorder, waits)(30) is True
    assert done.wait(30)
    assert recorder.close(30) is True
    # It takes a while until it knows that somebody waits.
    (begin, worked_before, slept_before), (end, worked, slept) = seen[RECORDS // 10], seen[int(RECORDS * part * 0.9)]
    assert slept - slept_before > (worked - worked_before) / (3 * slice_ + 1e-3)
    if waits not in ("flush", "close"):
        assert slept - slept_before < (end - begin) / slice_ + 10


def test_worker_does_nothing_in_the_first_half_second() -> None:
    """An exporter is not initialised while a server may still be about to fork, but soon after."""

    class Noting(InMemoryExporter):
        def initialize(self, resource: Resource) -> None:
            self.begun = time.monotonic()
            super().initialize(resource)
            ready.set()

    for _ in range(10):
        ready, exporter = threading.Event(), Noting()
        begin = time.monotonic()
        recorder = DefaultRecorder([exporter], flush_interval=3_600)
        recorder.start("job")
        assert ready.wait(30)
        recorder.close(30)
        assert exporter.begun - begin >= 0.5
        if exporter.begun - begin < 1.5:
            return
    pytest.fail("It is not soon, however often it is tried.")


def test_exporter_is_flushed_once_an_interval(faulty: Callable[..., Any]) -> None:
    """While a job records little, but all the time, what it records is shipped together, not one by one."""
    exporter = faulty(lambda method: None)
    recorder = DefaultRecorder([exporter], flush_interval=0.05)
    span = recorder.start("job")
    assert recorder.flush(30) is True
    exporter.calls.clear()
    begin = time.monotonic()
    while exporter.calls.count("flush") < 5:
        recorder.event(span, Event("step"))
        end = time.monotonic() + 50e-6  # fewer records than wake the worker before the interval is over
        while time.monotonic() < end:
            pass
    assert time.monotonic() - begin > 0.2
    assert recorder.close(30) is True


@pytest.mark.parametrize("alive_interval", [0, 0.1, 30])
def test_worker_of_a_job_that_records_nothing_hardly_wakes(
    alive_interval: float, until: Callable[[Callable[[], object]], None]
) -> None:
    """It sleeps for long, however short the interval is in which it flushes, until there is a record."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], flush_interval=0.001, alive_interval=alive_interval)
    span = recorder.start("job")
    assert recorder.flush(30) is True
    for _ in range(20):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
        threading.Event().wait(0.1)
        if resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before < 20:
            break
    else:
        pytest.fail("It wakes all the time, as the system's count of its pauses shows.")
    recorder.event(span, Event("step"))
    until(lambda: "event" in [record["type"] for record in exporter.records])
    assert recorder.close(30) is True


def test_worker_that_is_about_to_sleep_for_long_sees_the_last_record(
    until: Callable[[Callable[[], object]], None],
) -> None:
    """A record that comes just before it falls asleep is delivered without another one."""
    exporter = InMemoryExporter()
    about_to, go_on = threading.Event(), threading.Event()

    def pause(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_name == "_sleep_long":
            about_to.set()
            go_on.wait(30)

    recorder = DefaultRecorder([exporter], flush_interval=0.001, alive_interval=0)
    threading.setprofile(pause)
    try:
        span = recorder.start("job")
    finally:
        threading.setprofile(None)
    assert about_to.wait(30)
    recorder.event(span, Event("step"))
    go_on.set()
    until(lambda: "event" in [record["type"] for record in exporter.records])
    assert recorder.close(30) is True


def test_record_that_wakes_the_worker_waits_for_others() -> None:
    """Also the first record after a long time is shipped when the interval is over."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], flush_interval=0.1)
    span = recorder.start("job")
    assert recorder.flush(30) is True
    for _ in range(10):
        threading.Event().wait(0.4)  # mostly enough for it to see that nothing comes
        begin, before = time.monotonic(), len(exporter.records)
        recorder.event(span, Event("step"))
        while len(exporter.records) == before:
            threading.Event().wait(0.001)
        if time.monotonic() - begin >= 0.1:
            break
    else:
        pytest.fail("It is shipped at once.")
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
