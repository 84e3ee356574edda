"""Exporters that are called on the thread that records."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from one_logger.core import (
    Event,
    Exporter,
    verify,
)
from one_logger.recorder import DefaultRecorder, ExporterStats

METHODS = sorted(Exporter.__abstractmethods__ - {"after_fork"})
Faulty = Any
UseEverything = Callable[..., Any]


def assert_adds_up(stats: ExporterStats) -> None:
    """No record is counted twice or not at all."""
    assert stats.recorded == stats.exported + stats.dropped + stats.pending, stats


def test_inline_delivery_exports_at_once_on_the_recording_thread(faulty: Faulty) -> None:
    """With `delivery="inline"` the exporter is called on the thread that records, before the call returns."""
    exporter = faulty(lambda method: None)
    recorder = DefaultRecorder([exporter], delivery="inline")
    span = recorder.start("work")
    assert [record["type"] for record in exporter.records] == ["resource", "start"]
    recorder.event(span, Event("event"))
    assert exporter.records[-1]["name"] == "event"
    recorder.stop(span)
    assert recorder.flush() is True
    assert recorder.close() is True
    assert exporter.threads == {threading.get_ident()}
    (report,) = verify(exporter.records)
    assert report.whole


def test_an_exporter_may_ask_for_inline_delivery(faulty: Faulty, use_everything: UseEverything) -> None:
    """An exporter that says `runs_inline` is called on the recording thread, while others are not."""

    class InlineExporter(faulty):  # type: ignore[misc]  # a class from a fixture
        runs_inline = True

    inline, background = InlineExporter(lambda method: None), faulty(lambda method: None)
    recorder = DefaultRecorder([inline, background])
    use_everything(recorder)
    recorder.close()
    assert inline.threads == {threading.get_ident()}
    assert threading.get_ident() not in background.threads
    assert [verify(exporter.records)[0].whole for exporter in (inline, background)] == [True, True]


@pytest.mark.parametrize("method", METHODS)
def test_inline_delivery_contains_failures_too(method: str, faulty: Faulty, use_everything: UseEverything) -> None:
    """An exporter that raises inline does not raise into the job."""
    exporter = faulty.raising(OSError("disk"), method)
    recorder = DefaultRecorder([exporter], delivery="inline", max_failures=3)
    recorded = use_everything(recorder, 5)
    recorder.flush(timeout=0)
    recorder.close(timeout=0)
    stats = recorder.stats()["FaultyExporter"]
    assert stats.recorded == recorded
    assert_adds_up(stats)


def test_threads_share_an_inline_exporter_one_at_a_time(faulty: Faulty, use_everything: UseEverything) -> None:
    """Inline, several threads that record call the exporter one at a time, and nothing is lost."""
    inside = [0]

    def fault(method: str) -> None:
        inside[0] += 1
        assert inside[0] == 1
        time.sleep(0)
        inside[0] -= 1

    exporter = faulty(fault)
    recorder = DefaultRecorder([exporter], delivery="inline")
    threads = [threading.Thread(target=use_everything, args=(recorder, 50)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.close() is True
    assert recorder.stats()["FaultyExporter"].exported == 4 * 50 * 5


def test_signal_handler_within_a_delivery_goes_on_at_once(faulty: Faulty) -> None:
    """What it records is delivered as soon as it has returned; what it asks for is not, and it hears that."""
    exporter = faulty(lambda method: None)
    recorder = DefaultRecorder([exporter], delivery="inline")
    span = recorder.start("work")
    answers: list[bool] = []

    def interrupt(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_name == "_answer":
            sys.setprofile(None)
            recorder.event(span, Event("from the handler"))
            answers.append(recorder.flush(30))

    sys.setprofile(interrupt)
    try:
        recorder.event(span, Event("event"))
    finally:
        sys.setprofile(None)
    assert answers == [False]
    assert [record["name"] for record in exporter.records[-2:]] == ["event", "from the handler"]
    assert recorder.close() is True
