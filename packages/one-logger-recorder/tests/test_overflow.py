"""A job that records faster than a backend takes: what `overflow` does, and how far the queue's bounds hold."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from one_logger.core import Event, ExportError, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ExporterStats


class Gated(InMemoryExporter):
    """Writes nothing while the gate is closed. `reached` says that it tries to."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.reached = threading.Event()

    def write(self, lines: list[str]) -> None:
        self.reached.set()
        self.gate.wait()
        super().write(lines)


@pytest.fixture
def exporter() -> Iterator[Gated]:
    """An exporter whose gate is closed."""
    exporter = Gated()
    yield exporter
    exporter.gate.set()


def _stats(recorder: DefaultRecorder) -> ExporterStats:
    (stats,) = recorder.stats().values()
    assert stats.recorded == stats.exported + stats.dropped + stats.pending, stats
    return stats


def _until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.001)


def _events(exporter: InMemoryExporter) -> list[int]:
    return [record["attributes"]["step"] for record in exporter.records if record["type"] == "event"]


def _stuck(exporter: Gated, **settings: object) -> DefaultRecorder:
    """A recorder with one open span, whose worker is held by the exporter."""
    recorder = DefaultRecorder([exporter], flush_interval=0.001, **settings)  # type: ignore[arg-type]
    recorder.start("work")
    assert exporter.reached.wait(timeout=30)
    return recorder


def test_a_full_queue_drops_at_once_and_counts(exporter: Gated) -> None:
    """With `overflow="drop"` nobody waits, the bound holds to the record, and the counters add up at every moment."""
    recorder = _stuck(exporter, queue_capacity=64)
    held = _stats(recorder).pending
    for step in range(1, 1_001):
        recorder.event(None, Event("step", {"step": step}))
        stats = _stats(recorder)
        assert stats.recorded == held + step
        assert stats.pending <= held + 64
    assert _stats(recorder).dropped >= 1_000 - 64
    exporter.gate.set()
    assert recorder.close(timeout=30) is False
    stats = _stats(recorder)
    assert _events(exporter) == list(range(1, 1_001 - stats.dropped)), "the first ones were kept"
    assert verify(exporter.records)[0].dropped == stats.dropped


def test_a_span_that_is_dropped_costs_its_events_nothing(exporter: Gated) -> None:
    """After a burst there is room again: a span that starts then is whole, though one before it was dropped."""
    recorder = _stuck(exporter, queue_capacity=4)
    dropped = [recorder.start(f"{number}") for number in range(10)]
    exporter.gate.set()
    _until(lambda: _stats(recorder).pending == 0)
    later = recorder.start("later")
    recorder.stop(later)
    for span in reversed(dropped):
        recorder.stop(span)
    recorder.close(timeout=30)
    begun = [record["name"] for record in exporter.records if record["type"] in ("start", "complete")]
    ended = [record["name"] for record in exporter.records if record["type"] in ("stop", "complete")]
    assert "later" in begun
    assert sorted(begun) == sorted(ended)


def test_block_loses_nothing_while_there_is_room_in_time(exporter: Gated) -> None:
    """With `overflow="block"` a job that is faster than its backend is slowed down, and nothing is lost."""
    recorder = _stuck(exporter, queue_capacity=16, overflow="block", block_timeout=30)
    exporter.gate.set()
    for step in range(3_000):
        recorder.event(None, Event("step", {"step": step}))
    assert recorder.close(timeout=30) is True
    assert _events(exporter) == list(range(3_000))


def test_block_waits_as_long_as_it_was_told_and_then_drops(exporter: Gated) -> None:
    """A thread waits for `block_timeout` and no longer; its record is dropped then, and counted."""
    recorder = _stuck(exporter, queue_capacity=8, overflow="block", block_timeout=0.1)
    for step in range(7):  # the span's start is queued, too
        recorder.event(None, Event("step", {"step": step}))
    assert _stats(recorder).dropped == 0
    begun = time.monotonic()
    recorder.event(None, Event("step", {"step": 8}))
    assert 0.1 <= time.monotonic() - begun < 5
    assert _stats(recorder).dropped == 1
    exporter.gate.set()
    assert recorder.close(timeout=30) is False


def test_several_threads_may_wait_for_room(exporter: Gated) -> None:
    """Threads that wait for room are all let in once there is some, and lose nothing; the bound holds for all."""
    recorder = _stuck(exporter, queue_capacity=8, overflow="block", block_timeout=30)
    span = recorder.start("shared")
    with ThreadPoolExecutor(6) as pool:
        futures = [
            pool.submit(recorder.event, span, Event("step", {"step": step, "of": thread}))
            for thread in range(6)
            for step in range(20)
        ]
        _until(lambda: _stats_pending(recorder) >= 8)
        assert _stats_pending(recorder) <= 2 + 8 + 6
        assert not all(future.done() for future in futures)
        exporter.gate.set()
        for future in futures:
            future.result(timeout=30)
    assert recorder.close(timeout=30) is True
    assert sorted(_events(exporter)) == sorted(list(range(20)) * 6)


def _stats_pending(recorder: DefaultRecorder) -> int:
    """For while the counters move."""
    return sum(stats.pending for stats in recorder.stats().values())


def test_close_lets_a_blocked_thread_go(exporter: Gated) -> None:
    """A thread that waits for room goes on when the recorder is closed, though the backend never takes anything."""
    recorder = _stuck(exporter, queue_capacity=2, overflow="block", block_timeout=3_600)
    recorder.event(None, Event("step", {"step": 0}))
    waiting = threading.Thread(target=recorder.start, args=("one more",))
    waiting.start()
    assert recorder.close(timeout=0.1) is False
    waiting.join(timeout=30)
    assert not waiting.is_alive()
    exporter.gate.set()
    _until(lambda: _stats_pending(recorder) == 0)
    assert _stats(recorder).dropped >= 1


def test_an_inline_exporter_makes_room_itself() -> None:
    """Inline, a thread does not wait for room that only itself could make."""

    class Busy(InMemoryExporter):
        busy = True

        def write(self, lines: list[str]) -> None:
            if self.busy:
                raise ExportError("busy", retriable=True)
            super().write(lines)

    exporter = Busy()
    recorder = DefaultRecorder(
        [exporter], delivery="inline", queue_capacity=4, overflow="block", block_timeout=3_600, cool_down=3_600
    )
    for number in range(100):
        recorder.stop(recorder.start(f"{number}"))
    assert _stats(recorder).dropped > 0
    exporter.busy = False
    recorder.close(timeout=30)
    assert _stats(recorder).pending == 0


@pytest.mark.parametrize("where", ["event", "span", "error"])
def test_large_records_are_bounded_in_bytes(exporter: Gated, where: str) -> None:
    """A queue of megabytes is full long before its capacity in records, and what is queued stays near the bound."""
    recorder = _stuck(exporter, queue_bytes=8 * 2**20)
    for _ in range(2_000):
        text = "x" * 2**20
        if where == "event":
            recorder.event(None, Event("large", {"text": text}))
        elif where == "span":
            recorder.stop(recorder.start("large", {"text": text}))
        else:
            recorder.error(None, "large", attributes={"text": text})
    stats = _stats(recorder)
    assert 8 <= stats.pending <= 64, "the bound of 8, and what comes in between two looks at the size"
    exporter.gate.set()
    recorder.close(timeout=30)


def test_small_records_use_the_whole_capacity(exporter: Gated) -> None:
    """Records of ordinary size are bounded by their number alone, also after a large one."""
    recorder = _stuck(exporter, queue_capacity=10_000)
    recorder.event(None, Event("large", {"text": "x" * 2**20}))
    for step in range(10_000):
        recorder.event(None, Event("step", {"step": step}))
    assert _stats(recorder).dropped <= 2
    exporter.gate.set()
    recorder.close(timeout=30)


@pytest.mark.parametrize("place", range(8))
def test_large_records_in_a_pattern_are_bounded_too(exporter: Gated, place: int) -> None:
    """Where each eighth record is large, they are found, though not each record is looked at."""
    recorder = _stuck(exporter, queue_bytes=8 * 2**20)
    large = "x" * 2**20
    for step in range(20_000):
        recorder.event(None, Event("step", {"text": large if step % 8 == place else "small"}))
    assert _stats(recorder).pending < 8 * 31 + 100
    exporter.gate.set()
    recorder.close(timeout=30)
