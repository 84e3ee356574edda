"""A recorder that is first used, flushed and closed by several threads at once."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from one_logger.core import Span, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder


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


class Calls(InMemoryExporter):
    """Keeps what it is called with for each span."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[int, list[str]] = {}

    def export_start(self, span: Span) -> None:
        self.calls.setdefault(span.span_id, []).append("start")
        super().export_start(span)

    def export_stop(self, span: Span) -> None:
        self.calls.setdefault(span.span_id, []).append("stop")
        super().export_stop(span)


@pytest.fixture
def hectic() -> Iterator[None]:
    """Threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("hectic")
def test_every_exporter_gets_every_start_and_stop_once() -> None:
    """Whether a worker takes a start before, after, or while its span is stopped, each exporter gets both, in order."""
    exporters = [Calls() for _ in range(3)]
    recorder = DefaultRecorder(exporters, flush_interval=0.001)

    def work() -> None:
        for _ in range(500):
            outer = recorder.start("outer")
            for _ in range(3):
                recorder.stop(recorder.start("inner"))
            recorder.stop(outer)

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work) for _ in range(4)]:
            future.result(timeout=60)
    assert recorder.close(timeout=60) is True
    for exporter in exporters:
        assert len(exporter.calls) == 8_000
        assert {tuple(calls) for calls in exporter.calls.values()} == {("start", "stop")}
        (report,) = verify(exporter.records)
        assert report.whole
        types = Counter(record["type"] for record in exporter.records)
        assert types["start"] == types["stop"]
        assert types["start"] + types["complete"] == 8_000
    for stats in recorder.stats().values():
        assert stats[:4] == (16_000, 16_000, 0, 0)


def test_a_span_that_was_not_stopped_by_the_recorder_is_delivered_once() -> None:
    """A span that ended behind the recorder's back, as if its stop had been interrupted, is still exported whole."""
    exporter = Calls()
    recorder = DefaultRecorder([exporter])
    interrupted, other = recorder.start("interrupted"), recorder.start("other")
    interrupted.stop()
    recorder.stop(other)
    assert recorder.flush(timeout=30) is True
    assert recorder.close(timeout=30) is True
    assert {tuple(calls) for calls in exporter.calls.values()} == {("start", "stop")}
    assert recorder.stats()["Calls"][:4] == (4, 4, 0, 0)


def test_a_flush_during_the_first_use_leaves_the_exporter_to_its_thread() -> None:
    """A thread that flushes while another uses the recorder first does not call the exporter beside its worker."""
    for _ in range(200):
        exporters = [InMemoryExporter() for _ in range(3)]
        recorder = DefaultRecorder(exporters)
        together = threading.Barrier(2)

        def flush(recorder: DefaultRecorder = recorder, together: threading.Barrier = together) -> None:
            together.wait(timeout=30)
            for _ in range(20):
                recorder.flush(timeout=30)

        with ThreadPoolExecutor(1) as pool:
            flushed = pool.submit(flush)
            together.wait(timeout=30)
            recorder.stop(recorder.start("work"))
            flushed.result(timeout=60)
        assert recorder.close(timeout=30) is True
        assert {stats.failures for stats in recorder.stats().values()} == {0}
        assert [verify(exporter.records)[0].whole for exporter in exporters] == [True] * 3


def test_a_flush_while_another_thread_closes_tells_the_truth() -> None:
    """A flush while the recorder is being closed says True when everything is delivered, and not before."""
    exporter = Gated()
    recorder = DefaultRecorder([exporter])
    recorder.stop(recorder.start("work"))
    assert exporter.reached.wait(timeout=30)
    with ThreadPoolExecutor(1) as pool:
        closed = pool.submit(recorder.close, 30)
        while not recorder.closed:
            time.sleep(0.001)
        assert recorder.flush(timeout=0.05) is False
        exporter.gate.set()
        assert recorder.flush(timeout=30) is True
        assert closed.result(timeout=30) is True


def test_a_telemetry_data_error_may_come_first() -> None:
    """What the application itself says about its telemetry is delivered, though nothing else was ever recorded."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter])
    recorder.telemetry_data_error("nothing was measured")
    assert recorder.close(timeout=30) is True
    assert [record["type"] for record in exporter.records] == ["resource", "telemetry_data_error", "end"]
    assert recorder.stats()["InMemoryExporter"][:4] == (1, 1, 0, 0)
