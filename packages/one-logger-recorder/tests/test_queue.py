"""When the worker looks at its queue, how much the queue holds, and how long who waits for it has to."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import groupby, pairwise
from types import FrameType
from typing import Any

import pytest

from one_logger.core import Event, ExportError, Span
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ExporterStats

TRIES = 20
"""How often something that depends on the load of the machine may be tried."""


class Backend(InMemoryExporter):
    """Takes nothing while the gate is closed, nor as many times as `refusals` says. `calls` is when it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()
        self.refusals = 0
        self.calls: list[float] = []
        self.recorders: list[DefaultRecorder] = []

    def write(self, lines: list[str]) -> None:
        self.calls.append(time.monotonic())
        self.reached.set()
        self.gate.wait()
        if self.refusals > 0:
            self.refusals -= 1
            raise ExportError("busy", retriable=True)
        super().write(lines)


@pytest.fixture
def backend() -> Iterator[Backend]:
    """A backend whose gate is open. In the end it is open again, and the recorders of its jobs are closed."""
    backend = Backend()
    yield backend
    backend.gate.set()
    for recorder in backend.recorders:
        recorder.close(30)


def _until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.001)


class Job:
    """A job with one open span, whose start its backend has."""

    def __init__(self, backend: Backend, **settings: Any) -> None:
        self.recorder = DefaultRecorder([backend], **settings)
        backend.recorders.append(self.recorder)
        self._span = self.recorder.start("job")
        assert self.recorder.flush(30) is True

    def step(self, count: int = 1, text: str = "") -> None:
        """Record so many events."""
        for _ in range(count):
            self.recorder.event(self._span, Event("step", {"text": text}))

    @property
    def stats(self) -> ExporterStats:
        """The counters of the backend."""
        (stats,) = self.recorder.stats().values()
        return stats

    @property
    def held(self) -> tuple[int, int]:
        """How many records are pending, and how many were dropped."""
        return self.stats.pending, self.stats.dropped


def _stuck(backend: Backend, **settings: Any) -> Job:
    """A job whose worker is held by its exporter with one event, and has an empty queue."""
    job = Job(backend, flush_interval=0.001, **settings)
    backend.gate.clear()
    backend.reached.clear()
    job.step()
    assert backend.reached.wait(30)
    return job


def _spent(seconds: float) -> float:
    """How much of the time from now on this process keeps a processor busy."""
    begin, spent = time.monotonic(), time.process_time()
    time.sleep(seconds)
    return (time.process_time() - spent) / (time.monotonic() - begin)


@pytest.mark.parametrize("capacity", [1, 2, 3])
def test_record_that_finds_a_full_queue_wakes_the_worker(capacity: int, backend: Backend) -> None:
    """A queue that is too small to be half full first is emptied when a record does not fit in any more."""
    job = Job(backend, flush_interval=3_600, queue_capacity=capacity)
    for _ in range(TRIES):
        job.step(capacity + 1)
        _until(lambda: job.stats.pending == 0)
    job.recorder.close(30)


@pytest.mark.parametrize("capacity", [1, 2, 100])
def test_worker_with_nothing_to_do_sleeps(capacity: int, backend: Backend) -> None:
    """An empty queue keeps no processor busy, however small it is."""
    job = Job(backend, flush_interval=3_600, queue_capacity=capacity)
    assert _spent(0.5) < 0.03
    assert job.recorder.close(30) is True


def test_queue_that_is_less_than_half_full_waits_for_the_interval(backend: Backend) -> None:
    """Few records wake nobody: they are delivered together when the interval is over."""
    job = Job(backend, flush_interval=3_600, queue_capacity=200)
    calls = len(backend.calls)
    job.step(98)
    time.sleep(0.2)
    assert job.held == (98, 0)
    assert len(backend.calls) == calls
    assert job.recorder.close(30) is True


def test_queue_that_is_exactly_half_full_wakes_the_worker(backend: Backend) -> None:
    """The record that makes half of the capacity wakes the worker, where the queue is looked at just then."""
    job = Job(backend, flush_interval=3_600, queue_capacity=64)
    for _ in range(TRIES):
        job.step(32)
        _until(lambda: job.stats.pending == 0)
        assert job.recorder.flush(30) is True
    assert job.recorder.close(30) is True


def test_queue_that_has_filled_up_while_the_worker_was_busy_keeps_it_busy(backend: Backend) -> None:
    """When its exporter is done with what came before, the worker goes on, though nobody wakes it any more."""
    job = Job(backend, flush_interval=3_600, queue_capacity=200)
    backend.gate.clear()
    backend.reached.clear()
    job.step(131)  # more than half, and so many that one of the looks has seen it
    assert backend.reached.wait(30)
    job.step(150)
    backend.gate.set()
    _until(lambda: job.stats.pending < 100)
    assert job.recorder.close(30) is True


def test_records_wait_as_long_as_the_interval_says(backend: Backend) -> None:
    """A record that comes while the worker sleeps is delivered when the interval is over, not before."""
    job = Job(backend, flush_interval=0.5)
    backend.calls.clear()
    for _ in range(4):
        job.step()
        _until(lambda: job.stats.pending == 0)
    waits = [later - earlier for earlier, later in pairwise(backend.calls)]
    assert len(waits) == 3
    assert min(waits) >= 0.5
    assert min(waits) < 0.9
    assert job.recorder.close(30) is True


@pytest.mark.parametrize("capacity", [1, 2, 30, 31, 32, 63, 100])
def test_queue_holds_exactly_its_capacity(capacity: int, backend: Backend) -> None:
    """As many records as the capacity says are kept, and each one more is dropped."""
    job = _stuck(backend, queue_capacity=capacity)
    for more in range(1, 2 * capacity + 1):
        job.step()
        assert job.held == (1 + min(more, capacity), max(0, more - capacity))


def test_queue_that_is_beyond_its_capacity_takes_no_record(backend: Backend) -> None:
    """The stops of spans that were taken are queued beyond the capacity, and nothing else is."""
    job = _stuck(backend, queue_capacity=4)
    spans = [job.recorder.start(f"{depth}") for depth in range(4)]  # each one in that before
    for span in reversed(spans):
        job.recorder.stop(span)
    pending, dropped = job.held
    assert (pending, dropped) == (1 + 8, 0)
    job.step(3)
    job.recorder.stop(job.recorder.start("one more"))
    assert job.held == (pending, 3 + 2)


def test_span_whose_start_and_event_were_dropped_has_no_stop(backend: Backend) -> None:
    """A span that did not fit in is dropped whole, also if there is room again when it stops."""
    job = _stuck(backend, queue_capacity=4)
    job.step(4)
    span = job.recorder.start("dropped")
    job.recorder.event(span, Event("dropped"))
    assert job.held == (1 + 4, 2)
    backend.gate.set()
    job.recorder.flush(30)
    job.recorder.stop(span)
    job.recorder.flush(30)
    assert job.held == (0, 3)
    assert [record for record in backend.records if record.get("name") == "dropped"] == []


def test_event_that_was_dropped_does_not_cost_its_span_the_stop(backend: Backend) -> None:
    """A span that was taken is stopped, though what happened in it did not fit in."""
    job = _stuck(backend, queue_capacity=4)
    span = job.recorder.start("taken")
    job.step(3)
    job.recorder.event(span, Event("dropped"))
    job.recorder.error(span, "dropped")
    assert job.held == (1 + 4, 2)
    backend.gate.set()
    job.recorder.flush(30)
    job.recorder.stop(span)
    job.recorder.flush(30)
    assert job.held == (0, 2)
    assert [r["type"] for r in backend.records if r.get("name") == "taken"] in (["start", "stop"], ["complete"])


@pytest.mark.parametrize("delivery", ["background", "inline"])
def test_record_that_is_larger_than_the_queue_may_be_is_delivered(delivery: str, backend: Backend) -> None:
    """However few bytes the queue may hold, one record fits."""
    job = Job(backend, flush_interval=3_600, queue_bytes=1_024, delivery=delivery)
    for _ in range(TRIES):
        job.step(text="x" * 2**16)
        assert job.recorder.flush(30) is True
    assert job.held == (0, 0)
    assert job.recorder.close(30) is True


def test_queue_holds_one_of_the_records_that_are_larger_than_it_may_be(backend: Backend) -> None:
    """Of records that are each larger than the queue may be, one is kept, and the others are dropped."""
    job = Job(backend, delivery="inline", queue_bytes=1_024, max_failures=1, cool_down=3_600)
    backend.refusals = 1_000
    job.step(5, text="x" * 2**16)
    assert job.held == (2, 3), "one in the exporter, one in the queue"
    backend.refusals = 0
    job.recorder.close(30)


@pytest.mark.parametrize("size", [5_000, 20_000])
def test_queue_holds_as_many_records_as_its_bytes_allow(size: int, backend: Backend) -> None:
    """Where records are all of a size, so many are kept as fit in `queue_bytes`, roughly."""
    job = _stuck(backend, queue_bytes=200 * size)
    job.step(1_000, text="x" * size)
    assert 150 < job.stats.pending < 250


def test_spans_that_grow_while_they_are_queued_are_bounded_in_bytes(backend: Backend) -> None:
    """What an open span is given after its start was queued counts as well, though the start was small."""
    job = _stuck(backend, queue_bytes=2**20)
    for _ in range(1_000):
        span = job.recorder.start("work")
        assert isinstance(span, Span)
        span.set_attribute("text", "x" * 2**17)
    assert job.stats.pending < 200


def test_attempts_while_closing_are_a_second_apart(backend: Backend) -> None:
    """While `close` waits, an exporter that is disabled for long is tried each second, neither more nor less often."""
    job = Job(backend, flush_interval=0.001, max_failures=1, cool_down=3_600)
    backend.refusals = 1_000
    job.step()
    _until(lambda: job.stats.disabled)
    backend.refusals = 3
    backend.calls.clear()
    assert job.recorder.close(30) is True
    waits = [later - earlier for earlier, later in pairwise(backend.calls)][:3]
    assert len(waits) == 3
    assert min(waits) >= 1.0
    assert min(waits) < 1.8


def test_thread_that_waits_for_room_goes_on_as_soon_as_there_is_some() -> None:
    """A job that was slowed down goes on without delay, at the best of some tries, when its backend takes more."""
    times = []
    for _ in range(5):
        backend = Backend()
        job = _stuck(backend, queue_capacity=4, overflow="block", block_timeout=3_600)
        job.step(4)
        waiting = threading.Thread(target=job.step)
        waiting.start()
        begin = time.monotonic()
        backend.gate.set()
        waiting.join(30)
        times.append(time.monotonic() - begin)
        assert job.recorder.close(30) is True
    assert min(times) < 0.5


def test_exporter_is_given_a_thousand_records_at_a_time(faulty: Callable[..., Any]) -> None:
    """A long backlog is shipped in pieces that are neither large nor small."""
    exporter = faulty(lambda method: None)
    recorder = DefaultRecorder([exporter], flush_interval=3_600)
    job = recorder.start("job")
    assert recorder.flush(30) is True
    exporter.calls.clear()
    for _ in range(1_000):
        recorder.stop(recorder.start("step"))
        for _ in range(4):
            recorder.event(job, Event("step"))
    assert recorder.flush(30) is True
    pieces = [len(list(calls)) for flush, calls in groupby(exporter.calls, lambda name: name == "flush") if not flush]
    assert sum(pieces) == 6_000
    assert max(pieces) <= 1_024 + 16
    assert len(pieces) < 15
    recorder.close(30)


def test_worker_that_is_faster_than_the_job_is_no_problem(backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
    """A job that was just about to look at the size of its queue goes on where the worker has emptied it."""
    job = Job(backend, flush_interval=3_600)
    queued, go_on = threading.Event(), threading.Event()

    def pause(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_name == "look":
            queued.set()
            go_on.wait(30)

    def record() -> None:
        job.step(31)
        sys.setprofile(pause)
        job.step()
        sys.setprofile(None)
        job.step()

    thread = threading.Thread(target=record)
    thread.start()
    assert queued.wait(30)
    assert job.recorder.flush(30) is True
    go_on.set()
    thread.join()
    assert job.recorder.flush(30) is True
    assert job.stats == ExporterStats(34, 34, 0, 0, 0, disabled=False)
    assert caplog.messages == []
    job.recorder.close(30)


def test_two_threads_may_wake_the_worker_at_once(backend: Backend) -> None:
    """A thread that was just about to wake the worker goes on where another one has done so."""
    job = _stuck(backend)
    looked, go_on = threading.Event(), threading.Event()
    answers = []

    def pause(frame: FrameType, event: str, argument: object) -> None:
        if event == "c_return" and frame.f_code.co_name == "wake":
            looked.set()
            go_on.wait(30)

    def flush() -> None:
        sys.setprofile(pause)
        try:
            answers.append(job.recorder.flush(0.1))
        finally:
            sys.setprofile(None)

    thread = threading.Thread(target=flush)
    thread.start()
    assert looked.wait(30)
    assert job.recorder.flush(0.1) is False
    go_on.set()
    thread.join()
    assert answers == [False]
    backend.gate.set()
    assert job.recorder.flush(30) is True
    job.recorder.close(30)


def test_closing_is_over_soon_after_its_deadline() -> None:
    """What an exporter that fails has not taken by then is given up and counted soon after, at the best of five."""
    times = []
    for _ in range(5):
        backend = Backend()
        job = Job(backend, flush_interval=0.001, max_failures=1, cool_down=3_600)
        backend.refusals = 1_000
        job.step()
        _until(lambda job=job: job.stats.disabled)  # type: ignore[misc]  # a lambda's default
        begin = time.monotonic()
        assert job.recorder.close(0.1) is False
        _until(lambda job=job: job.stats.pending == 0)  # type: ignore[misc]
        times.append(time.monotonic() - begin)
    assert min(times) >= 0.1
    assert min(times) < 0.6


@pytest.mark.parametrize("error", [RuntimeError("the log is broken"), SystemExit(3)], ids=repr)
def test_log_handler_that_raises_does_not_end_the_worker(error: BaseException, backend: Backend) -> None:
    """Where the application's log handler raises, telemetry is delivered all the same."""

    class Broken(logging.Handler):
        calls = 0

        def emit(self, record: logging.LogRecord) -> None:
            self.calls += 1
            raise error

    handler, logger = Broken(), logging.getLogger("one_logger")
    logger.addHandler(handler)
    try:
        job = Job(backend, flush_interval=0.001)
        for _ in range(3):
            backend.refusals = 1
            job.step()
            _until(lambda: backend.refusals == 0 and job.stats.pending == 0)
        assert handler.calls > 0
        job.step()
        assert job.recorder.flush(30) is True
    finally:
        logger.removeHandler(handler)
    job.recorder.close(30)


def test_backlog_is_delivered_fast(backend: Backend) -> None:
    """Ten thousand records take the worker less than five seconds, at the best of three tries."""
    job = Job(backend, flush_interval=3_600)
    times = []
    for _ in range(3):
        begin = time.monotonic()
        job.step(10_000)
        assert job.recorder.flush(30) is True
        times.append(time.monotonic() - begin)
    assert min(times) < 5
    assert job.held == (0, 0)
    assert job.recorder.close(30) is True
