"""The account of what became of the records, held against what a backend has, whatever fails."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from one_logger.core import Event, ExportError, Resource, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder

BUSY = ExportError("busy", retriable=True)
LOST = ExportError("refused")


class Flaky(InMemoryExporter):
    """Fails at random, in one of two ways; what it has buffered as it fails for good is lost."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)

    def _maybe_fail(self) -> None:
        if self._random.random() < 0.3:
            raise self._random.choice([BUSY, LOST])

    def open(self, resource: Resource) -> None:
        self._maybe_fail()

    def write(self, lines: list[str]) -> None:
        self._maybe_fail()
        super().write(lines)


def _exported(records: list[dict[str, Any]]) -> int:
    """How many records of the job the backend has: a span has two, also where they are in one."""
    count = {"start": 1, "stop": 1, "complete": 2, "event": 1, "error": 1}
    return sum(count.get(record["type"], 0) for record in records)


@pytest.mark.parametrize("seed", range(8))
def test_random_failures_are_all_accounted_for(seed: int) -> None:
    """However an exporter fails, what it recorded, exported and dropped adds up, and its backend has what it says."""
    backend = Flaky(seed)
    recorder = DefaultRecorder([backend], flush_interval=0.001, max_failures=1_000, queue_capacity=200)
    rhythm = random.Random(-seed)
    recorded = 0
    for _ in range(40):
        with_events = rhythm.randrange(10)
        span = recorder.start("work")
        for step in range(with_events):
            recorder.event(span, Event("step", {"step": step}))
        recorder.stop(span)
        recorded += 2 + with_events
        time.sleep(rhythm.choice([0, 0, 0.001, 0.003]))
    recorder.close(timeout=30)
    (stats,) = recorder.stats().values()
    assert stats.recorded == stats.exported + stats.dropped + stats.pending
    assert (stats.recorded, stats.pending) == (recorded, 0)
    assert _exported(backend.records) == stats.exported
    (report,) = verify(backend.records)
    assert report.dropped == stats.dropped if report.closed else not report.whole
    assert not report.whole or not stats.dropped


def test_what_is_lost_later_than_it_was_taken_is_counted() -> None:
    """An exporter may find that it has lost more than its buffer: what counted as exported then counts as dropped."""
    losses = iter([4])

    class LosesLater(InMemoryExporter):
        def write(self, lines: list[str]) -> None:
            if any('"last"' in line for line in lines) and (lost := next(losses, 0)):
                raise ExportError("An open span was lost, with events taken before.", lost=lost)
            super().write(lines)

    backend = LosesLater()
    recorder = DefaultRecorder([backend])
    span = recorder.start("work")
    for name in ("first", "second"):
        recorder.event(span, Event(name))
    assert recorder.flush(timeout=30) is True
    recorder.event(span, Event("last"))
    assert recorder.flush(timeout=30) is False
    stats = recorder.stats()["LosesLater"]
    assert (stats.recorded, stats.exported, stats.dropped, stats.pending) == (4, 0, 4, 0)
    recorder.close(timeout=30)
    assert backend.records[-1]["dropped"] == 4
