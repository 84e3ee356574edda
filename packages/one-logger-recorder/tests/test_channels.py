"""What an exporter that is slow, hangs, or fails does to the job and to the other exporters: nothing."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from one_logger.core import (
    ErrorEvent,
    Event,
    Exporter,
    ExportError,
    Resource,
    Span,
    TelemetryDataError,
    verify,
)
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ExporterStats

METHODS = (
    "initialize",
    "export_start",
    "export_stop",
    "export_event",
    "export_error",
    "export_telemetry_data_error",
    "flush",
    "close",
)


class FaultyExporter(Exporter):
    """An `InMemoryExporter` behind something that may go wrong: `fault` is called with each method's name first."""

    def __init__(self, fault: Callable[[str], None]) -> None:
        self.behind = InMemoryExporter()
        self.calls: list[str] = []
        self.threads: set[int] = set()
        self._fault = fault

    def _call(self, name: str, *arguments: object) -> None:
        self.calls.append(name)
        self.threads.add(threading.get_ident())
        self._fault(name)
        getattr(self.behind, name)(*arguments)

    def initialize(self, resource: Resource) -> None:
        self._call("initialize", resource)

    def export_start(self, span: Span) -> None:
        self._call("export_start", span)

    def export_stop(self, span: Span) -> None:
        self._call("export_stop", span)

    def export_event(self, event: Event, span: Span) -> None:
        self._call("export_event", event, span)

    def export_error(self, event: ErrorEvent, span: Span) -> None:
        self._call("export_error", event, span)

    def export_telemetry_data_error(self, error: TelemetryDataError) -> None:
        self._call("export_telemetry_data_error", error)

    def flush(self) -> None:
        self._call("flush")

    def after_fork(self) -> None:
        self._call("after_fork")

    def close(self) -> None:
        self._call("close")

    @property
    def records(self) -> list[dict[str, Any]]:
        """What got through."""
        return self.behind.records


class Gate:
    """A fault that blocks in `method` until the gate is opened."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._open = threading.Event()
        self.reached = threading.Event()

    def __call__(self, method: str) -> None:
        """Block, if it is the method."""
        if method == self._method:
            self.reached.set()
            self._open.wait()

    def open(self) -> None:
        """Let everybody through from now on."""
        self._open.set()


def _raise(error: BaseException, *methods: str) -> Callable[[str], None]:
    def fault(method: str) -> None:
        if method in methods:
            raise error

    return fault


def _use_everything(recorder: DefaultRecorder, times: int = 1) -> int:
    """Call every method of the recorder. How many records that makes."""
    for _ in range(times):
        span = recorder.start("work", {"a": 1})
        recorder.event(span, Event("event"))
        recorder.error(span, "error", ValueError("no"))
        recorder.telemetry_data_error("data")
        recorder.stop(span)
    return 5 * times


def _assert_adds_up(stats: ExporterStats) -> None:
    assert stats.recorded == stats.exported + stats.dropped + stats.pending, stats


@pytest.mark.parametrize(
    "error", [ExportError("down"), ExportError("busy", retriable=True), OSError("disk"), SystemExit()], ids=repr
)
@pytest.mark.parametrize("method", METHODS)
def test_an_exporter_may_raise_anywhere(method: str, error: BaseException) -> None:
    """Whatever an exporter raises, wherever, the job does not see it, and the other exporter gets everything."""
    faulty, healthy = FaultyExporter(_raise(error, method)), InMemoryExporter()
    recorder = DefaultRecorder([faulty, healthy], flush_interval=0.01)
    recorded = _use_everything(recorder, 20)
    recorder.flush(timeout=0.05)
    assert recorder.close(timeout=0.5) is False or method == "close"
    (report,) = verify(healthy.records)
    assert report.whole
    stats = recorder.stats()
    assert stats["InMemoryExporter"] == ExporterStats(recorded, recorded, 0, 0, 0, disabled=False)
    assert stats["FaultyExporter"].recorded == recorded
    assert stats["FaultyExporter"].failures > 0
    _assert_adds_up(stats["FaultyExporter"])
    if method != "export_telemetry_data_error":  # that one refuses to be told
        assert not any(report.whole for report in verify(faulty.records))


def test_an_exporter_is_called_from_one_thread_and_not_the_job() -> None:
    """All calls of one exporter come from one thread, which is not the one that records."""
    exporter = FaultyExporter(lambda method: None)
    recorder = DefaultRecorder([exporter])
    _use_everything(recorder, 10)
    recorder.close()
    assert len(exporter.threads) == 1
    assert threading.get_ident() not in exporter.threads
    assert exporter.calls[0] == "initialize"
    assert exporter.calls[-1] == "close"


@pytest.mark.parametrize("method", ["initialize", "export_start", "flush"])
def test_a_hanging_exporter_holds_up_nobody(method: str) -> None:
    """While one exporter hangs, recording goes on, the other gets everything, `flush` and `close` keep their time."""
    gate = Gate(method)
    hanging, healthy = FaultyExporter(gate), InMemoryExporter()
    recorder = DefaultRecorder([hanging, healthy], queue_capacity=100, flush_interval=0.01)
    recorder.start("first")
    assert gate.reached.wait(timeout=30)
    recorded = _use_everything(recorder, 10)
    begun = time.monotonic()
    assert recorder.flush(timeout=0.3) is False
    assert recorder.close(timeout=0.3) is False
    assert time.monotonic() - begun < 1.0
    (report,) = verify(healthy.records)
    assert report.whole
    stats = recorder.stats()["FaultyExporter"]
    assert stats.recorded == recorded + 2
    assert stats.pending > 0
    _assert_adds_up(stats)
    gate.open()


def test_what_does_not_fit_the_queue_is_dropped_counted_and_reported() -> None:
    """The queue is bounded; what is dropped is counted, the backend is told how many, and the stream is not whole."""
    gate = Gate("export_start")
    exporter = FaultyExporter(gate)
    recorder = DefaultRecorder([exporter], queue_capacity=100, flush_interval=0.01)
    first = recorder.start("first")
    assert gate.reached.wait(timeout=30)
    for number in range(1_000):
        recorder.stop(recorder.start(f"{number}"))
    stats = recorder.stats()["FaultyExporter"]
    assert stats.recorded == 2_001
    assert stats.pending <= 102
    assert stats.dropped >= 2_001 - 102
    _assert_adds_up(stats)
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


def test_a_span_is_dropped_whole_or_not_at_all() -> None:
    """However full the queue is, a span whose start was exported has its stop, and one without start has none."""
    gate = Gate("export_start")
    exporter = FaultyExporter(gate)
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


def test_a_retriable_failure_loses_nothing() -> None:
    """What was buffered when a flush failed retriably is delivered by a later flush, in order."""
    failures = iter([ExportError("busy", retriable=True)] * 3)

    def fault(method: str) -> None:
        if method == "flush" and (error := next(failures, None)):
            raise error

    exporter = FaultyExporter(fault)
    recorder = DefaultRecorder([exporter], flush_interval=0.01)
    _use_everything(recorder, 10)
    assert recorder.flush(timeout=30) is True
    _use_everything(recorder, 10)
    assert recorder.close(timeout=30) is True
    (report,) = verify(exporter.records)
    assert report.whole
    stats = recorder.stats()["FaultyExporter"]
    assert (stats.recorded, stats.exported, stats.failures, stats.disabled) == (100, 100, 3, False)


def test_a_lost_batch_is_counted_and_reported() -> None:
    """What an exporter gives up is counted as dropped, and the backend is told as soon as it listens again."""
    errors = iter([ExportError("refused", lost=3)])

    def fault(method: str) -> None:
        if method == "flush" and "export_stop" in exporter.calls and (error := next(errors, None)):
            raise error

    exporter = FaultyExporter(fault)
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


def test_an_exporter_that_keeps_failing_is_disabled(logged: Callable[[int], list[str]]) -> None:
    """After a number of failures in a row an exporter gets no more records; the log has two lines, not thousands."""
    exporter = FaultyExporter(_raise(ExportError("busy", retriable=True), "flush", "close"))
    recorder = DefaultRecorder([exporter], flush_interval=0.001, max_failures=3, cool_down=3_600)
    recorded = _use_everything(recorder, 10)
    assert recorder.flush(timeout=30) is False
    assert recorder.stats()["FaultyExporter"].disabled
    begun = time.monotonic()
    recorded += _use_everything(recorder, 1_000)
    assert recorder.flush(timeout=30) is False, "a flush is one more attempt, and does not wait for a dead backend"
    assert recorder.close(timeout=0.5) is False
    assert time.monotonic() - begun < 5
    assert exporter.calls.count("export_event") == 0
    while (stats := recorder.stats()["FaultyExporter"]).pending:  # the worker ends a moment after the deadline
        assert time.monotonic() - begun < 30
    assert (stats.recorded, stats.dropped) == (recorded, recorded)
    messages = logged(2)
    assert len(messages) == 2
    assert messages[0] == "Exporter FaultyExporter failed, it raised ExportError: busy."
    assert "has failed too often and is disabled" in messages[1]


def test_failures_count_only_in_a_row() -> None:
    """An exporter that delivers something between its failures is not disabled, however often it fails."""
    healthy = [False]

    def fault(method: str) -> None:
        if method == "flush":
            healthy[0] = not healthy[0]
            if not healthy[0]:
                raise ExportError("every other time", retriable=True)

    exporter = FaultyExporter(fault)
    recorder = DefaultRecorder([exporter], flush_interval=0.001, max_failures=3)
    for _ in range(20):
        _use_everything(recorder)
        assert recorder.flush(timeout=30) is True
    assert recorder.close(timeout=30)
    stats = recorder.stats()["FaultyExporter"]
    assert (stats.disabled, stats.dropped, stats.exported) == (False, 0, 100)
    assert stats.failures >= 10


def test_flush_and_close_say_true_when_all_is_delivered() -> None:
    """`flush` returns once everything recorded before it has been shipped; `close` does, too, and may be repeated."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], flush_interval=3_600)

    def events() -> int:
        return sum(record["type"] == "event" for record in exporter.records)

    _use_everything(recorder, 10)
    assert recorder.flush(timeout=30) is True
    assert events() == 10
    _use_everything(recorder, 10)
    assert recorder.close(timeout=30) is True
    assert recorder.close(timeout=0) is True
    assert events() == 20
    assert exporter.records[-1]["type"] == "end"


def test_flush_while_others_record() -> None:
    """`flush` answers although other threads never stop recording."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], queue_capacity=10_000_000, queue_bytes=2**40)
    stop = threading.Event()

    def record() -> None:
        while not stop.is_set():
            recorder.stop(recorder.start("busy"))

    threads = [threading.Thread(target=record) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert recorder.flush(timeout=30) is True
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        recorder.close()


def test_stats_count_each_exporter() -> None:
    """Statistics are kept by exporter, also for two of one class."""
    recorder = DefaultRecorder(
        [InMemoryExporter(), InMemoryExporter(), FaultyExporter(_raise(OSError(), "export_event"))]
    )
    _use_everything(recorder)
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


def test_an_exporter_that_records_is_not_recorded() -> None:
    """Telemetry that an exporter makes while it exports is not recorded, so that it cannot feed itself."""

    def fault(method: str) -> None:
        span = recorder.start(f"in {method}")
        assert not span.is_recording()
        recorder.event(work, Event("in an exporter"))
        recorder.telemetry_data_error("in an exporter")
        recorder.stop(span)
        assert recorder.flush() is True

    exporter = FaultyExporter(fault)
    recorder = DefaultRecorder([exporter])
    work = recorder.start("work")
    recorder.stop(work)
    assert recorder.close(timeout=30) is True
    assert [record["type"] for record in exporter.records] == ["resource", "complete", "end"]


def test_a_log_handler_that_records_cannot_recurse(logged: Callable[[int], list[str]]) -> None:
    """If the application's log handler records telemetry, what the library logs about itself does not loop."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())
            recorder.event(None, Event("logged"))
            recorder.stop(recorder.start("logged"))

    seen: list[str] = []
    handler = Handler()
    logging.getLogger("one_logger").addHandler(handler)
    try:
        exporter = FaultyExporter(_raise(OSError("disk"), "export_event"))
        recorder = DefaultRecorder([exporter], flush_interval=0.01)
        recorder.event(None, Event("no span is open"))
        span = recorder.start("work")
        recorder.event(span, Event("is lost"))
        recorder.close(timeout=30)
        assert len(logged(2)) == len(seen) == 2
    finally:
        logging.getLogger("one_logger").removeHandler(handler)
    assert "logged" not in [record.get("name") for record in exporter.records]


def test_the_library_does_not_touch_the_application_s_logging() -> None:
    """No handler is added and no level is changed anywhere."""
    names = ("", "one_logger", "one_logger.recorder")
    before = [(logging.getLogger(name).handlers[:], logging.getLogger(name).level) for name in names]
    recorder = DefaultRecorder([FaultyExporter(_raise(OSError(), "flush"))], flush_interval=0.001)
    _use_everything(recorder)
    recorder.close(timeout=1)
    assert [(logging.getLogger(name).handlers[:], logging.getLogger(name).level) for name in names] == before


def test_inline_delivery_exports_at_once_on_the_recording_thread() -> None:
    """With `delivery="inline"` the exporter is called on the thread that records, before the call returns."""
    exporter = FaultyExporter(lambda method: None)
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


def test_an_exporter_may_ask_for_inline_delivery() -> None:
    """An exporter that says `runs_inline` is called on the recording thread, while others are not."""

    class InlineExporter(FaultyExporter):
        runs_inline = True

    inline, background = InlineExporter(lambda method: None), FaultyExporter(lambda method: None)
    recorder = DefaultRecorder([inline, background])
    _use_everything(recorder)
    recorder.close()
    assert inline.threads == {threading.get_ident()}
    assert threading.get_ident() not in background.threads
    assert [verify(exporter.records)[0].whole for exporter in (inline, background)] == [True, True]


@pytest.mark.parametrize("method", METHODS)
def test_inline_delivery_contains_failures_too(method: str) -> None:
    """An exporter that raises inline does not raise into the job."""
    exporter = FaultyExporter(_raise(OSError("disk"), method))
    recorder = DefaultRecorder([exporter], delivery="inline", max_failures=3)
    recorded = _use_everything(recorder, 5)
    recorder.flush(timeout=0)
    recorder.close(timeout=0)
    stats = recorder.stats()["FaultyExporter"]
    assert stats.recorded == recorded
    _assert_adds_up(stats)


def test_threads_share_an_inline_exporter_one_at_a_time() -> None:
    """Inline, several threads that record call the exporter one at a time, and nothing is lost."""
    inside = [0]

    def fault(method: str) -> None:
        inside[0] += 1
        assert inside[0] == 1
        time.sleep(0)
        inside[0] -= 1

    exporter = FaultyExporter(fault)
    recorder = DefaultRecorder([exporter], delivery="inline")
    threads = [threading.Thread(target=_use_everything, args=(recorder, 50)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.close() is True
    assert recorder.stats()["FaultyExporter"].exported == 4 * 50 * 5
