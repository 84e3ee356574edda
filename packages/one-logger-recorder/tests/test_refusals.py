"""An exporter that refuses records: all of them, though it takes a report of missing ones, or some."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from itertools import count, pairwise
from typing import Any

import pytest

from one_logger.core import ErrorEvent, Event, ExportError, Span, TelemetryDataError, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ExporterStats

BUSY = ExportError("busy", retriable=True)
LOST = ExportError("refused")
COOL_DOWN = 0.1
PROBES = 4


class Refusing(InMemoryExporter):
    """Refuses records while `refuses` says so of their type; raises `write_error` for a buffer that holds any."""

    def __init__(
        self,
        refuses: Callable[[str], bool] = lambda kind: False,
        write_error: Callable[[], Exception | None] | None = None,
    ) -> None:
        super().__init__()
        self.refuses = refuses
        self.write_error = write_error
        self.tried: list[float] = []
        """When it was called after a flush, with records or to ship those that it has kept."""
        self._shipped = True

    def _try(self, kind: str) -> None:
        if self._shipped:
            self.tried.append(time.monotonic())
        self._shipped = False
        if self.refuses(kind):
            raise ValueError(f"a record of type {kind} is refused")

    def export_start(self, span: Span) -> None:
        self._try("start")
        super().export_start(span)

    def export_stop(self, span: Span) -> None:
        self._try("stop")
        super().export_stop(span)

    def export_event(self, event: Event, span: Span) -> None:
        self._try("event")
        super().export_event(event, span)

    def export_error(self, event: ErrorEvent, span: Span) -> None:
        self._try("error")
        super().export_error(event, span)

    def flush(self) -> None:
        if self._shipped:
            self.tried.append(time.monotonic())
        self._shipped = True
        super().flush()

    def write(self, lines: list[str]) -> None:
        data = any('"type":"telemetry_data_error"' not in line and '"type":"resource"' not in line for line in lines)
        if data and self.write_error is not None and (error := self.write_error()) is not None:
            raise error
        super().write(lines)

    def heal(self) -> None:
        """Refuse nothing any more."""
        self.refuses, self.write_error = (lambda kind: False), None

    def missing(self) -> list[int]:
        """What the backend was told is missing, each time."""
        return [r["dropped"] for r in self.records if r["type"] == "telemetry_data_error"]

    def shipped(self) -> int:
        """How many records the backend has: a span has two, also where they are in one."""
        values = {"start": 1, "stop": 1, "complete": 2, "event": 1, "error": 1}
        return sum(values.get(record["type"], 0) for record in self.records)


ALL: dict[str, Callable[[], Refusing]] = {
    "each record raises": lambda: Refusing(lambda kind: True),
    "each buffer is lost": lambda: Refusing(write_error=lambda: LOST),
    "each buffer raises": lambda: Refusing(write_error=lambda: OSError("no")),
    "each buffer is kept": lambda: Refusing(write_error=lambda: BUSY),
}


def _every_second(*errors: Any) -> Callable[..., Any]:
    numbers = count()
    return lambda *kind: errors[next(numbers) % 2]


SOME: dict[str, Callable[[], Refusing]] = {
    "events": lambda: Refusing(lambda kind: kind == "event"),
    "stops": lambda: Refusing(lambda kind: kind == "stop"),
    "every second record": lambda: Refusing(_every_second(True, False)),
    "every second buffer": lambda: Refusing(write_error=_every_second(LOST, None)),
    "every second buffer, which it keeps": lambda: Refusing(write_error=_every_second(BUSY, None)),
    "one record of each buffer": lambda: Refusing(write_error=lambda: ExportError("one is too large", lost=1)),
}


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the library has logged, at any level."""
    caplog.set_level(logging.DEBUG, logger="one_logger")
    return lambda: [record.getMessage() for record in caplog.records]


def _until(condition: Callable[[], object], job: Callable[[], object] = lambda: None) -> None:
    """Go on with the job until something is so."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        job()
        time.sleep(0.001)


def _stats(recorder: DefaultRecorder) -> ExporterStats:
    (stats,) = recorder.stats().values()
    return stats


def _work(recorder: DefaultRecorder) -> None:
    with_events = recorder.start("work")
    recorder.event(with_events, Event("event"))
    recorder.stop(with_events)
    recorder.stop(recorder.start("work"))


@pytest.mark.parametrize("kind", ALL)
def test_an_exporter_that_refuses_all_records_is_disabled_and_probed(kind: str, log: Callable[[], list[str]]) -> None:
    """However it refuses them, it is tried once after each cool-down, which grows, and the log has three lines at most.

    That its backend takes the report of what is missing doesn't make it work.
    """
    exporter = ALL[kind]()
    recorder = DefaultRecorder([exporter], flush_interval=0.001, max_failures=3, cool_down=COOL_DOWN)
    job = lambda: _work(recorder)  # noqa: E731 - it is what goes on
    _until(lambda: _stats(recorder).disabled, job)
    tried, dropped, failures = len(exporter.tried), _stats(recorder).dropped, _stats(recorder).failures
    begun = time.monotonic()
    _until(lambda: time.monotonic() > begun + COOL_DOWN * 2**PROBES, job)
    probes = exporter.tried[tried:]
    assert PROBES - 1 <= len(probes) <= PROBES + 1, (
        "half of each cool-down may be random: 0.05, 0.1, 0.2, 0.4, 0.8 seconds"
    )
    for number, (earlier, later) in enumerate(pairwise(probes)):
        assert later - earlier >= COOL_DOWN * 2**number
    stats = _stats(recorder)
    assert stats.disabled
    assert stats.failures > failures
    assert stats.dropped - dropped <= (PROBES + 1) * 20, "each probe risks a few records"
    assert len(log()) <= 3, log()
    exporter.heal()
    _until(lambda: not _stats(recorder).disabled, job)
    recorder.close(timeout=30)
    stats = _stats(recorder)
    assert (stats.pending, stats.exported) == (0, exporter.shipped())
    assert sum(exporter.missing()) == stats.dropped
    (report,) = verify(exporter.records)
    assert (report.closed, report.dropped) == (True, stats.dropped)
    assert len(log()) <= 4, "one more: that it works again"


@pytest.mark.parametrize("kind", SOME)
def test_an_exporter_that_takes_some_records_is_not_disabled(kind: str, log: Callable[[], list[str]]) -> None:
    """What it takes it gets, what it refuses is counted and reported, and the log doesn't say so each time."""
    exporter = SOME[kind]()
    recorder = DefaultRecorder([exporter], flush_interval=0.001, max_failures=3, cool_down=3_600)
    for _ in range(100):
        _work(recorder)
        time.sleep(0.002)
    _until(lambda: _stats(recorder).pending == 0)
    stats = _stats(recorder)
    assert not stats.disabled
    assert stats.exported > 0
    exporter.heal()
    recorder.close(timeout=30)
    stats = _stats(recorder)
    assert stats.recorded == 500 == stats.exported + stats.dropped
    if kind in ("events", "every second buffer", "every second buffer, which it keeps"):
        assert stats.exported == exporter.shipped()
    assert sum(exporter.missing()) == stats.dropped == verify(exporter.records)[0].dropped
    assert len(log()) <= 4, log()
    assert not stats.dropped or f"was closed with {stats.dropped:,} records undelivered." in log()[-1]


def test_an_exporter_that_takes_no_report_gets_its_records_all_the_same(log: Callable[[], list[str]]) -> None:
    """A backend that cannot be told what is missing gets what there is."""

    class Speechless(Refusing):
        def export_telemetry_data_error(self, error: TelemetryDataError) -> None:
            raise NotImplementedError

    exporter = Speechless(lambda kind: kind == "event")
    recorder = DefaultRecorder([exporter], flush_interval=0.001, max_failures=3, cool_down=3_600)
    for _ in range(20):
        _work(recorder)
        assert recorder.flush(timeout=30) is False
    assert not _stats(recorder).disabled
    assert exporter.shipped() == 80
    assert len(log()) == 2, log()
    recorder.close(30)


def test_a_buffer_that_is_lost_once_is_reported_without_another_record() -> None:
    """Unless the exporter is disabled, its backend hears what is missing though nothing is recorded any more."""
    errors = iter([LOST])
    exporter = Refusing(write_error=lambda: next(errors, None))
    recorder = DefaultRecorder([exporter], flush_interval=0.001)
    recorder.start("work")
    _until(lambda: exporter.missing() == [1])
    recorder.close(30)


def test_a_probe_takes_a_span_whole(gate_at: Callable[[str], Any], faulty: Any) -> None:
    """The few records that a failing exporter is tried with end with a span, so that this arrives or is lost whole."""
    failures = iter([LOST])
    gate = gate_at("export_telemetry_data_error")
    flushed: list[list[str]] = []

    def fault(method: str) -> None:
        gate(method)
        if method == "flush":
            flushed.append(list(exporter.calls))
            exporter.calls.clear()
            if "export_start" in flushed[-1] and (failure := next(failures, None)) is not None:
                raise failure

    exporter = faulty(fault)
    recorder = DefaultRecorder([exporter], flush_interval=3_600)
    recorder.stop(recorder.start("lost"))
    assert recorder.flush(timeout=30) is False
    assert gate.reached.wait(timeout=30), "the next attempt begins with the report"
    span = recorder.start("work")
    for _ in range(21):
        recorder.event(span, Event("event"))
    recorder.stop(span)
    recorder.stop(recorder.start("next"))
    gate.open()
    recorder.close(timeout=30)
    probe = next(calls for calls in flushed if "export_event" in calls)
    assert probe == ["export_telemetry_data_error", "export_start", *["export_event"] * 21, "export_stop", "flush"]
