"""How long a failing exporter is left alone, when it is disabled, and what wakes its worker in the meantime."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count, pairwise

import pytest

from one_logger.core import Event, ExportError
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ExporterStats

TRIES = 50
"""How often something that depends on chance and on the load of the machine may be tried."""


class Backend(InMemoryExporter):
    """A backend that takes nothing as many times as `refusals` says. `calls` is when it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 0
        self.calls: list[float] = []

    def write(self, lines: list[str]) -> None:
        self.calls.append(time.monotonic())
        if self.refusals > 0:
            self.refusals -= 1
            raise ExportError("busy", retriable=True)
        super().write(lines)


def _until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.001)


def _stats(recorder: DefaultRecorder) -> ExporterStats:
    (stats,) = recorder.stats().values()
    return stats


def _waits(failures: int, **settings: float) -> Iterator[list[float]]:
    """The pauses between the attempts at a backend that fails so many times, again and again."""
    backend = Backend()
    recorder = DefaultRecorder([backend], flush_interval=0.001, **settings)  # type: ignore[arg-type]
    span = recorder.start("work")
    try:
        for step in count():
            _until(lambda: _stats(recorder).pending == 0)
            backend.refusals = failures
            backend.calls.clear()
            recorder.event(span, Event("step", {"step": step}))
            _until(lambda: len(backend.calls) == failures + 1)
            yield [later - earlier for earlier, later in pairwise(backend.calls)]
    finally:
        recorder.close(30)


def _holds_mostly(values: Iterator[bool]) -> bool:
    """Whether something holds so much more often than not that it is not by chance."""
    lead = 0
    for _ in range(TRIES):
        lead += 1 if next(values) else -1
        if abs(lead) == 8:
            break
    return lead > 0


def test_first_pause_is_a_tenth_of_a_second_and_shortened_by_up_to_half() -> None:
    """After one failure an exporter is left alone for 0.05 to 0.1 seconds."""
    seen: list[float] = []

    def is_short() -> Iterator[bool]:
        for (wait,) in _waits(1):
            seen.append(wait)
            yield wait < 0.1

    assert _holds_mostly(is_short())
    assert min(seen) >= 0.05
    assert max(seen) - min(seen) > 0.001, "they have a random part"


def test_pauses_double_while_failures_go_on() -> None:
    """The pause after the fourth failure in a row is eight times the first one: at most 0.8 seconds."""
    rounds = _waits(4)
    for _ in range(TRIES):
        waits = next(rounds)
        assert all(wait >= 0.05 * 2**number for number, wait in enumerate(waits))
        if waits[3] < 1.0:
            break
    else:
        pytest.fail("The pauses are longer than they should be.")


def test_cool_downs_double_from_what_was_asked_for() -> None:
    """An exporter is disabled for half to all of the cool-down; each failed probe doubles that."""
    rounds = _waits(3, max_failures=1, cool_down=0.4)
    for _ in range(TRIES):
        waits = next(rounds)
        assert all(wait >= 0.2 * 2**number for number, wait in enumerate(waits))
        if waits[0] < 0.55 and waits[2] < 1.75:
            break
    else:
        pytest.fail("The cool-downs are longer than they should be.")


def test_back_off_does_not_depend_on_the_cool_down() -> None:
    """An exporter that is not disabled yet is tried again soon, however long the cool-down is."""
    backend = Backend()
    backend.refusals = 1_000
    recorder = DefaultRecorder([backend], flush_interval=0.001, max_failures=3, cool_down=3_600)
    recorder.start("work")
    _until(lambda: _stats(recorder).disabled)
    assert (_stats(recorder).failures, len(backend.calls)) == (3, 3)
    backend.refusals = 0
    assert recorder.close(30) is True


@pytest.mark.parametrize("max_failures", [1, 2, 5])
def test_exporter_is_disabled_by_so_many_failures_in_a_row(max_failures: int) -> None:
    """An exporter is disabled from its `max_failures`th failure in a row, not before; a delivery closes the breaker."""
    backend = Backend()
    recorder = DefaultRecorder([backend], delivery="inline", max_failures=max_failures, cool_down=3_600)
    span = recorder.start("work")
    failures = 0
    for step in range(3):
        backend.refusals = max_failures + 1
        recorder.event(span, Event("step", {"step": step}))  # the first attempt
        for number in range(1, max_failures + 2):
            if number > 1:
                recorder.flush(0)  # another one
            failures += 1
            assert _stats(recorder)[4:] == (failures, number >= max_failures)
        recorder.flush(0)
        assert _stats(recorder)[1:] == (2 + step, 0, 0, failures, False)
    assert recorder.close(30) is True


@pytest.mark.parametrize("failed_before", [False, True])
def test_queue_that_is_half_full_wakes_the_worker(failed_before: bool) -> None:
    """Records are delivered long before the interval is over once half of the queue is in use."""
    backend = Backend()
    recorder = DefaultRecorder([backend], flush_interval=3_600, queue_capacity=200)
    span = recorder.start("work")
    backend.refusals = int(failed_before)
    assert recorder.flush(30) is True
    for step in range(20):
        for _ in range(190):
            recorder.event(span, Event("step", {"step": step}))
        _until(lambda: _stats(recorder).pending < 100)
        assert recorder.flush(30) is True
    assert _stats(recorder).dropped == 0
    assert recorder.close(30) is True


@pytest.mark.parametrize("max_failures", [1, 3])
def test_full_queue_of_a_disabled_exporter_wakes_nobody(max_failures: int) -> None:
    """While an exporter is left alone its worker sleeps, however much is queued, and for longer than a second."""
    backend = Backend()
    backend.refusals = 1_000
    recorder = DefaultRecorder(
        [backend], flush_interval=0.001, max_failures=max_failures, cool_down=3_600, queue_capacity=100
    )
    span = recorder.start("work")
    _until(lambda: _stats(recorder).disabled)
    for step in range(200):
        recorder.event(span, Event("step", {"step": step}))
    worker = next(each for each in reversed(threading.enumerate()) if each.name == "one-logger Backend")
    clock = time.pthread_getcpuclockid(worker.ident or 0)
    begin, spent = time.monotonic(), time.clock_gettime(clock)
    time.sleep(1.1)
    assert time.clock_gettime(clock) - spent < 0.03 * (time.monotonic() - begin)
    assert len(backend.calls) == max_failures
    backend.refusals = 0
    recorder.close(30)
