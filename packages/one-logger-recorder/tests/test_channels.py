"""What an exporter that is slow, hangs, or fails does to the job and to the other exporters: nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from one_logger.core import (
    Exporter,
    ExportError,
    verify,
)
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ExporterStats

METHODS = sorted(Exporter.__abstractmethods__ - {"after_fork"})
Faulty = Any
Gates = Callable[..., Any]
UseEverything = Callable[..., Any]
Until = Callable[[Callable[[], object]], None]


def assert_adds_up(stats: ExporterStats) -> None:
    """No record is counted twice or not at all."""
    assert stats.recorded == stats.exported + stats.dropped + stats.pending, stats


@pytest.mark.parametrize(
    "error", [ExportError("down"), ExportError("busy", retriable=True), OSError("disk"), SystemExit()], ids=repr
)
@pytest.mark.parametrize("method", METHODS)
def test_an_exporter_may_raise_anywhere(
    method: str, error: BaseException, faulty: Faulty, use_everything: UseEverything, until: Until
) -> None:
    """Whatever an exporter raises, wherever, the job does not see it, and the other exporter gets everything."""
    failing, healthy = faulty.raising(error, method), InMemoryExporter()
    recorder = DefaultRecorder([failing, healthy], flush_interval=0.01)
    recorded = use_everything(recorder, 20)
    recorder.flush(timeout=0.05)
    until(lambda: recorder.stats()["InMemoryExporter"].pending == 0)
    assert recorder.close(timeout=0.5) is False or method == "close"
    until(lambda: not any(stats.pending for stats in recorder.stats().values()))  # a worker ends after the deadline
    until(lambda: healthy.records[-1]["type"] == "end")
    (report,) = verify(healthy.records)
    assert report.whole
    stats = recorder.stats()
    assert stats["InMemoryExporter"] == ExporterStats(recorded, recorded, 0, 0, 0, disabled=False)
    assert stats["FaultyExporter"].recorded == recorded
    assert stats["FaultyExporter"].failures > 0
    assert_adds_up(stats["FaultyExporter"])
    if method != "export_telemetry_data_error":  # that one refuses to be told
        assert not any(report.whole for report in verify(failing.records))


def test_an_exporter_is_called_from_one_thread_and_not_the_job(faulty: Faulty, use_everything: UseEverything) -> None:
    """All calls of one exporter come from one thread, which is not the one that records."""
    exporter = faulty(lambda method: None)
    recorder = DefaultRecorder([exporter])
    use_everything(recorder, 10)
    recorder.close()
    assert len(exporter.threads) == 1
    assert threading.get_ident() not in exporter.threads
    assert exporter.calls[0] == "initialize"
    assert exporter.calls[-1] == "close"


@pytest.mark.parametrize("method", ["initialize", "export_start", "flush"])
def test_a_hanging_exporter_holds_up_nobody(
    method: str, faulty: Faulty, gate_at: Gates, use_everything: UseEverything, until: Until
) -> None:
    """While one exporter hangs, recording goes on, the other gets everything, `flush` and `close` keep their time."""
    gate = gate_at(method)
    hanging, healthy = faulty(gate), InMemoryExporter()
    recorder = DefaultRecorder([hanging, healthy], queue_capacity=100, flush_interval=0.01)
    first = recorder.start("first")
    assert gate.reached.wait(timeout=30)
    recorded = use_everything(recorder, 10)
    recorder.stop(first)
    until(lambda: recorder.stats()["InMemoryExporter"].pending == 0)
    begun = time.monotonic()
    assert recorder.flush(timeout=0.3) is False
    assert recorder.close(timeout=0.3) is False
    assert time.monotonic() - begun < 30
    until(lambda: healthy.records[-1]["type"] == "end")
    (report,) = verify(healthy.records)
    assert report.whole
    stats = recorder.stats()["FaultyExporter"]
    assert stats.recorded == recorded + 2
    assert stats.pending > 0
    assert_adds_up(stats)
    gate.open()


def test_what_does_not_fit_the_queue_is_dropped_counted_and_reported(faulty: Faulty, gate_at: Gates) -> None:
    """The queue is bounded; what is dropped is counted, the backend is told how many, and the stream is not whole."""
    gate = gate_at("export_start")
    exporter = faulty(gate)
    recorder = DefaultRecorder([exporter], queue_capacity=100, flush_interval=0.01)
    first = recorder.start("first")
    assert gate.reached.wait(timeout=30)
    for number in range(1_000):
        recorder.stop(recorder.start(f"{number}"))
    stats = recorder.stats()["FaultyExporter"]
    assert stats.recorded == 2_001
    assert stats.pending <= 2 * 100 + 1  # a span that has ended is one item of the queue, and two records
    assert stats.dropped >= 2_001 - 201
    assert_adds_up(stats)
    gate.open()
    recorder.stop(first)
    assert recorder.close(timeout=30) is False
    stats = recorder.stats()["FaultyExporter"]
    assert stats.pending == 0
    assert stats.recorded == stats.exported + stats.dropped == 2_002
    reported = sum(record["dropped"] for record in exporter.records if record["type"] == "telemetry_data_error")
    end = exporter.records[-1]
    assert (end["type"], end["dropped"], reported) == ("end", stats.dropped, stats.dropped)
    (report,) = verify(exporter.records)
    assert (report.closed, report.whole, report.dropped, report.gaps) == (True, False, stats.dropped, [])


def test_a_span_is_dropped_whole_or_not_at_all(faulty: Faulty, gate_at: Gates) -> None:
    """However full the queue is, a span whose start was exported has its stop, and one without start has none."""
    gate = gate_at("export_start")
    exporter = faulty(gate)
    recorder = DefaultRecorder([exporter], queue_capacity=7, flush_interval=0.01)
    spans = [recorder.start("0")]
    assert gate.reached.wait(timeout=30)
    spans += [recorder.start(f"{number}") for number in range(1, 30)]
    for span in reversed(spans):
        recorder.stop(span)
    gate.open()
    recorder.close(timeout=30)
    begun = {record["name"] for record in exporter.records if record["type"] in ("start", "complete")}
    ended = {record["name"] for record in exporter.records if record["type"] in ("stop", "complete")}
    assert begun == ended == {f"{number}" for number in range(8)}
    assert recorder.stats()["FaultyExporter"].dropped == 2 * 22


def test_stats_count_each_exporter(faulty: Faulty, use_everything: UseEverything) -> None:
    """Statistics are kept by exporter, also for two of one class."""
    recorder = DefaultRecorder([InMemoryExporter(), InMemoryExporter(), faulty.raising(OSError(), "export_event")])
    use_everything(recorder)
    recorder.close()
    stats = recorder.stats()
    assert list(stats) == ["InMemoryExporter", "InMemoryExporter-2", "FaultyExporter"]
    assert stats["InMemoryExporter"] == stats["InMemoryExporter-2"]
    assert (stats["FaultyExporter"].exported, stats["FaultyExporter"].dropped) == (4, 1)


def test_without_exporters_everything_works() -> None:
    """A recorder without exporters gives spans and delivers nothing, successfully."""
    recorder = DefaultRecorder([])
    span = recorder.start("work")
    assert span.is_recording()
    recorder.stop(span)
    assert recorder.flush() is True
    assert recorder.close() is True
    assert recorder.stats() == {}
