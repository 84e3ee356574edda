"""What becomes of the records while an exporter fails, and of the exporter."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from one_logger.core import (
    ExportError,
    verify,
)
from one_logger.recorder import DefaultRecorder

Faulty = Any
UseEverything = Callable[..., Any]


def test_a_retriable_failure_loses_nothing(faulty: Faulty, use_everything: UseEverything) -> None:
    """What was buffered when a flush failed retriably is delivered by a later flush, in order."""
    failures = iter([ExportError("busy", retriable=True)] * 3)

    def fault(method: str) -> None:
        if method == "flush" and (error := next(failures, None)):
            raise error

    exporter = faulty(fault)
    recorder = DefaultRecorder([exporter], flush_interval=0.01)
    use_everything(recorder, 10)
    assert recorder.flush(timeout=30) is True
    use_everything(recorder, 10)
    assert recorder.close(timeout=30) is True
    (report,) = verify(exporter.records)
    assert report.whole
    stats = recorder.stats()["FaultyExporter"]
    assert (stats.recorded, stats.exported, stats.failures, stats.disabled) == (100, 100, 3, False)


def test_a_lost_batch_is_counted_and_reported(faulty: Faulty) -> None:
    """What an exporter gives up is counted as dropped, and the backend is told as soon as it listens again."""
    errors = iter([ExportError("refused", lost=3)])

    def fault(method: str) -> None:
        if method == "flush" and "export_stop" in exporter.calls and (error := next(errors, None)):
            raise error

    exporter = faulty(fault)
    recorder = DefaultRecorder([exporter], flush_interval=0.01)
    recorder.stop(recorder.start("lost"))
    assert recorder.flush(timeout=30) is False, "not everything recorded so far was delivered"
    recorder.stop(recorder.start("kept"))
    assert recorder.close(timeout=30) is False
    stats = recorder.stats()["FaultyExporter"]
    assert stats.dropped == 2, "an exporter cannot lose more than it was given"
    told = [record for record in exporter.records if record["type"] == "telemetry_data_error"]
    assert [record["dropped"] for record in told] == [2]
    assert exporter.records[-1]["dropped"] == 2


def test_an_exporter_that_keeps_failing_is_disabled(
    logged: Callable[[int], list[str]], faulty: Faulty, use_everything: UseEverything
) -> None:
    """After a number of failures in a row an exporter gets no more records; the log has three lines, not thousands."""
    exporter = faulty.raising(ExportError("busy", retriable=True), "flush", "close")
    recorder = DefaultRecorder([exporter], flush_interval=0.001, max_failures=3, cool_down=3_600)
    recorded = use_everything(recorder, 10)
    assert recorder.flush(timeout=30) is False
    assert recorder.stats()["FaultyExporter"].disabled
    begun = time.monotonic()
    recorded += use_everything(recorder, 1_000)
    assert recorder.flush(timeout=30) is False, "a flush is one more attempt, and does not wait for a dead backend"
    assert recorder.close(timeout=0.5) is False
    assert time.monotonic() - begun < 5
    assert exporter.calls.count("export_event") == 0
    while (stats := recorder.stats()["FaultyExporter"]).pending:  # the worker ends a moment after the deadline
        assert time.monotonic() - begun < 30
    assert (stats.recorded, stats.dropped) == (recorded, recorded)
    messages = logged(3)
    assert len(messages) == 3
    assert messages[0] == "Exporter FaultyExporter failed, it raised ExportError: busy."
    assert "has failed too often and is disabled" in messages[1]
    assert messages[2] == (
        f"Exporter FaultyExporter was closed with {recorded:,} records undelivered. It last raised ExportError: busy."
    )


def test_failures_count_only_in_a_row(faulty: Faulty, use_everything: UseEverything) -> None:
    """An exporter that delivers something between its failures is not disabled, however often it fails."""
    healthy = [False]

    def fault(method: str) -> None:
        if method == "flush":
            healthy[0] = not healthy[0]
            if not healthy[0]:
                raise ExportError("every other time", retriable=True)

    exporter = faulty(fault)
    recorder = DefaultRecorder([exporter], flush_interval=0.001, max_failures=3)
    for _ in range(20):
        use_everything(recorder)
        assert recorder.flush(timeout=30) is True
    assert recorder.close(timeout=30)
    stats = recorder.stats()["FaultyExporter"]
    assert (stats.disabled, stats.dropped, stats.exported) == (False, 0, 100)
    assert stats.failures >= 10
