"""A backend that is away for a while: what is tried when, what is kept, what is lost, and who is told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from one_logger.api import OneLoggerConfig
from one_logger.api.testing import configured
from one_logger.core import Event, ExportError, Resource, Span, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ExporterStats

BUSY = ExportError("busy", retriable=True)
LOST = ExportError("refused")


class Backend(InMemoryExporter):
    """A backend that may be away: `open_error` and `write_error` are raised while they are set. `calls` is when."""

    def __init__(self) -> None:
        super().__init__()
        self.open_error: BaseException | None = None
        self.write_error: BaseException | None = None
        self.calls: list[float] = []

    def open(self, resource: Resource) -> None:
        self._attempt(self.open_error)

    def write(self, lines: list[str]) -> None:
        self._attempt(self.write_error)
        super().write(lines)

    def _attempt(self, error: BaseException | None) -> None:
        self.calls.append(time.monotonic())
        if error is not None:
            raise error

    def steps(self) -> list[int]:
        """The events that arrived, in their order."""
        return [record["attributes"]["step"] for record in self.records if record["type"] == "event"]

    def missing(self) -> list[int]:
        """What the backend was told is missing, each time."""
        return [r["dropped"] for r in self.records if r["type"] == "telemetry_data_error"]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, str]]]:
    """What the library has logged: level and message."""
    caplog.set_level(logging.DEBUG, logger="one_logger")
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records]


def _until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.001)


def _stats(recorder: DefaultRecorder) -> ExporterStats:
    (stats,) = recorder.stats().values()
    assert stats.recorded == stats.exported + stats.dropped + stats.pending, stats
    return stats


def _delays(calls: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(calls)]


def test_a_failing_exporter_is_left_alone_longer_and_longer() -> None:
    """Between attempts at a failing exporter there is a pause, which doubles and has a random part."""
    backend = Backend()
    recorder = DefaultRecorder([backend], flush_interval=0.001)
    recorder.start("work")
    assert recorder.flush(timeout=30)
    backend.calls.clear()
    backend.write_error = BUSY
    recorder.start("more")
    _until(lambda: len(backend.calls) == 4)
    for number, delay in enumerate(_delays(backend.calls)):
        assert delay >= 0.05 * 2**number, "half of a tenth of a second, doubled each time"
    backend.write_error = None
    assert recorder.close(timeout=30) is True


def test_a_disabled_exporter_gets_one_probe_per_cool_down_and_cool_downs_grow() -> None:
    """Once the breaker is open the exporter is called once after each cool-down, and each cool-down is longer."""
    backend = Backend()
    backend.write_error = BUSY
    recorder = DefaultRecorder([backend], flush_interval=0.001, max_failures=2, cool_down=0.2)
    recorder.start("work")
    _until(lambda: _stats(recorder).disabled)
    disabled_after = len(backend.calls)
    while len(backend.calls) < disabled_after + 3:
        recorder.stop(recorder.start("while it is disabled"))
        time.sleep(0.001)
    probes = backend.calls[disabled_after - 1 :]
    for number, delay in enumerate(_delays(probes)):
        assert delay >= 0.1 * 2**number, "half of the cool-down, doubled by each failed probe"
    backend.write_error = None
    assert recorder.close(timeout=30) is True


def test_what_was_queued_while_the_backend_was_away_arrives_in_order() -> None:
    """After retriable failures, also ones that have disabled the exporter, nothing is missing or out of order."""
    backend = Backend()
    recorder = DefaultRecorder([backend], flush_interval=0.001, max_failures=2, cool_down=0.1)
    span = recorder.start("work")
    backend.write_error = BUSY
    for step in range(100):
        recorder.event(span, Event("step", {"step": step}))
    _until(lambda: _stats(recorder).disabled)
    for step in range(100, 200):
        recorder.event(span, Event("step", {"step": step}))
    backend.write_error = None
    _until(lambda: _stats(recorder).pending == 0)
    recorder.stop(span)
    assert recorder.close(timeout=30) is True
    assert backend.steps() == list(range(200))
    (report,) = verify(backend.records)
    assert report.whole


def test_after_a_recovery_the_backend_first_hears_what_is_missing() -> None:
    """The first record that reaches a backend again says exactly how many it has missed; then come the others."""
    backend = Backend()
    recorder = DefaultRecorder([backend], flush_interval=0.001, max_failures=1, cool_down=0.1, queue_capacity=50)
    span = recorder.start("work")
    assert recorder.flush(timeout=30) is True
    before = len(backend.records)
    backend.write_error = BUSY
    for step in range(200):
        recorder.event(span, Event("step", {"step": step}))
    _until(lambda: _stats(recorder).disabled)
    for step in range(200, 300):
        recorder.event(span, Event("step", {"step": step}))
    dropped = _stats(recorder).dropped
    assert dropped >= 50
    backend.write_error = None
    _until(lambda: _stats(recorder).pending == 0)
    recorder.event(span, Event("step", {"step": 300}))
    recorder.stop(span)
    assert recorder.close(timeout=30) is False, "not everything was delivered"
    assert _stats(recorder).dropped == dropped
    assert sum(backend.missing()) == dropped
    news = [(record["type"], record.get("attributes", {}).get("step", 0)) for record in backend.records[before:]]
    told = [kind for kind, _ in news].index("telemetry_data_error")
    # What the exporter had in its buffer as it failed comes before; nothing that was queued after that does.
    assert all(step < 200 for _, step in news[:told])
    assert backend.steps() == sorted(backend.steps())
    assert len(backend.steps()) == 301 - dropped
    (report,) = verify(backend.records)
    assert (report.closed, report.gaps, report.dropped) == (True, [], dropped)


def test_a_lost_batch_is_reported_before_anything_that_comes_later() -> None:
    """Where the exporter lost its buffer, the news of that is the first thing its backend hears."""
    backend = Backend()
    recorder = DefaultRecorder([backend], flush_interval=3_600)
    span = recorder.start("work")
    assert recorder.flush(timeout=30) is True
    before = len(backend.records)
    errors = iter([LOST])
    backend.write_error = next(errors)
    for step in range(10):
        recorder.event(span, Event("step", {"step": step}))
    assert recorder.flush(timeout=30) is False
    assert _stats(recorder).dropped == 10
    recorder.event(span, Event("step", {"step": 10}))
    backend.write_error = None
    recorder.close(timeout=30)
    types = [(record["type"], record.get("dropped")) for record in backend.records[before:]]
    assert types == [("telemetry_data_error", 10), ("event", None), ("stop", None), ("end", 10)]


def _span_and_stats(recorder: DefaultRecorder) -> ExporterStats:
    recorder.stop(recorder.start("work"))
    (stats,) = recorder.stats().values()
    return stats


def test_the_log_has_one_line_for_each_change(log: Callable[[], list[tuple[str, str]]]) -> None:
    """Failing, disabled and recovered are logged once each, in every round, however many records there were."""
    backend = Backend()
    recorder = DefaultRecorder([backend], flush_interval=0.001, max_failures=2, cool_down=0.1)
    for _ in range(2):
        backend.write_error = OSError(28, "No space left on device")
        _until(lambda: _span_and_stats(recorder).disabled)
        backend.write_error = None
        _until(lambda: not _span_and_stats(recorder).disabled)
    recorder.close(timeout=30)
    wanted = [
        ("WARNING", "Exporter Backend failed, it raised OSError: [Errno 28] No space left on device."),
        (
            "ERROR",
            "Exporter Backend has failed too often and is disabled, it last raised OSError: [Errno 28] No space ",
        ),
        ("INFO", "Exporter Backend works again."),
    ] * 2
    wanted.append(("ERROR", f"Exporter Backend was closed with {_stats(recorder).dropped:,} records undelivered."))
    assert [(level, message[: len(text)]) for (level, message), (_, text) in zip(log(), wanted, strict=True)] == wanted


def test_waiting_as_a_backend_asks_is_no_failure(log: Callable[[], list[tuple[str, str]]]) -> None:
    """A backend that asks for a pause is left alone as long, a flush waits for it, and no failure is counted."""
    backend = Backend()
    backend.write_error = ExportError("busy", retriable=True, retry_after=0.3)
    recorder = DefaultRecorder([backend], flush_interval=0.01, max_failures=2)
    recorder.stop(recorder.start("work"))
    _until(lambda: backend.calls)
    threading.Timer(0.5, lambda: setattr(backend, "write_error", None)).start()
    assert recorder.flush(timeout=30)
    assert min(_delays(backend.calls)[1:3]) > 0.25
    stats = _stats(recorder)
    assert (stats.failures, stats.disabled, stats.exported) == (0, False, 2)
    assert [level for level, _ in log()] == ["WARNING", "INFO"]
    recorder.close(timeout=30)


def test_pause_that_a_backend_asks_for_costs_nothing() -> None:
    """While a backend is left alone as it asks, a long queue does not keep the worker busy."""
    backend = Backend()
    backend.write_error = ExportError("busy", retriable=True, retry_after=1.0)
    recorder = DefaultRecorder([backend], flush_interval=0.01)
    span = recorder.start("work")
    _until(lambda: backend.calls)
    for step in range(5_000):
        recorder.event(span, Event.create("step", {"step": step}))
    calls, begin, used = len(backend.calls), time.monotonic(), time.process_time()
    _until(lambda: len(backend.calls) > calls)
    used, took = time.process_time() - used, time.monotonic() - begin
    backend.write_error = None
    recorder.close(timeout=30)
    assert used < took / 2


def test_what_waits_for_a_pause_is_delivered_by_itself() -> None:
    """However many pauses a backend asks for in a row, it is called again, though the job records nothing more."""
    backend = Backend()
    recorder = DefaultRecorder([backend], flush_interval=0.01, alive_interval=0)
    recorder.stop(recorder.start("first"))
    assert recorder.flush(timeout=30)
    backend.write_error = ExportError("busy", retriable=True, retry_after=0.05)
    recorder.stop(recorder.start("work"))
    calls = len(backend.calls)
    _until(lambda: len(backend.calls) > calls + 5)
    backend.write_error = None
    _until(lambda: _stats(recorder).exported == 4)
    recorder.close(timeout=30)


class HalfAway(Backend):
    """A backend of two parts, of which one keeps the last two records while it is away."""

    def flush(self) -> None:
        super().flush()
        if self.write_error is not None:
            raise self.write_error

    def write(self, lines: list[str]) -> None:
        InMemoryExporter.write(self, lines)


def test_a_part_of_a_backend_that_is_away_keeps_nothing_else_back(log: Callable[[], list[tuple[str, str]]]) -> None:
    """What an exporter holds for a part of its backend is pending, and it gets everything else all the same."""
    backend = HalfAway()
    backend.write_error = ExportError("the half is away", lost=0, held=2)
    recorder = DefaultRecorder([backend], flush_interval=0.01, max_failures=2)
    for _ in range(20):
        recorder.stop(recorder.start("work"))
        assert recorder.flush(timeout=30) is False
    stats = _stats(recorder)
    assert (stats.exported, stats.pending, stats.disabled) == (38, 2, False)
    backend.write_error = None
    assert recorder.flush(timeout=30)
    assert _stats(recorder).exported == 40
    assert [level for level, _ in log()] == ["WARNING", "INFO"]
    recorder.close(timeout=30)


def test_missing_records_are_told_once_while_a_part_of_a_backend_is_away(
    log: Callable[[], list[tuple[str, str]]],
) -> None:
    """The part that is there hears of each missing record once, however often the other is tried. So does the log."""

    class Refusing(HalfAway):
        def export_event(self, event: Event, span: Span) -> None:
            raise ValueError("no")

    backend = Refusing()
    backend.write_error = ExportError("the half is away", lost=0, held=2)
    recorder = DefaultRecorder([backend], flush_interval=3_600)
    span = recorder.start("work")
    for number in range(1, 4):
        recorder.event(span, Event("refused"))
        for _ in range(3):
            recorder.flush(timeout=30)
        assert backend.missing() == [1] * number
    assert [message for _, message in log()] == [
        "Exporter Refusing failed, it raised ExportError: the half is away.",
        "Exporter Refusing lost records, it raised ValueError: no.",
    ]
    recorder.close(timeout=30)


def test_what_waits_for_a_part_of_a_backend_is_delivered_by_itself() -> None:
    """However long that part is away, it gets what is held for it, though the job records nothing more."""
    backend = HalfAway()
    recorder = DefaultRecorder([backend], flush_interval=0.01, alive_interval=0)
    recorder.stop(recorder.start("first"))
    assert recorder.flush(timeout=30)
    backend.write_error = ExportError("the half is away", lost=0, held=2)
    recorder.stop(recorder.start("work"))
    failures = _stats(recorder).failures
    _until(lambda: _stats(recorder).failures > failures + 5)
    backend.write_error = None
    _until(lambda: _stats(recorder).exported == 4)
    recorder.close(timeout=30)


@pytest.mark.parametrize("capacity", [1, 100])
def test_a_part_of_a_backend_that_is_away_is_not_called_without_pause(capacity: int) -> None:
    """An exporter that holds something for it is flushed a few times in each interval, however short the queue is."""
    interval = 0.05
    backend = HalfAway()
    backend.write_error = ExportError("the half is away", lost=0, held=1)
    recorder = DefaultRecorder([backend], flush_interval=interval, queue_capacity=capacity)
    recorder.start("work")
    _until(lambda: _stats(recorder).failures)
    begun, failures = time.monotonic(), _stats(recorder).failures
    _until(lambda: time.monotonic() > begun + 4 * interval)
    failures = _stats(recorder).failures - failures
    assert failures <= 3 * ((time.monotonic() - begun) / interval + 1)
    backend.write_error = None
    recorder.close(timeout=30)


def test_the_last_line_of_the_log_says_what_was_not_delivered(log: Callable[[], list[tuple[str, str]]]) -> None:
    """A job that ends with records undelivered has a last line with their number and the reason."""
    backend = Backend()
    backend.write_error = OSError(28, "No space left on device")
    recorder = DefaultRecorder([backend], flush_interval=0.01, max_failures=2)
    recorder.stop(recorder.start("work"))
    assert recorder.close(timeout=0.5) is False
    _until(lambda: "closed" in log()[-1][1])
    level, message = log()[-1]
    assert level == "ERROR"
    assert message.startswith("Exporter Backend was closed with 2 records undelivered. It last raised OSError: [Errno")


@pytest.mark.parametrize("error", [OSError("no route"), BUSY, LOST, SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_a_backend_that_is_not_there_at_first_loses_nothing(error: BaseException) -> None:
    """Whatever `initialize` raises, it is called again, and all that was recorded in the meantime is delivered."""
    backend = Backend()
    backend.open_error = error
    recorder = DefaultRecorder([backend], flush_interval=0.001, max_failures=2, cool_down=0.1)
    span = recorder.start("work")
    for step in range(10):
        recorder.event(span, Event("step", {"step": step}))
    _until(lambda: _stats(recorder).failures >= 3)
    assert _stats(recorder).disabled
    backend.open_error = None
    recorder.stop(span)
    assert recorder.close(timeout=30) is True
    assert backend.steps() == list(range(10))
    assert verify(backend.records)[0].whole


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), MemoryError()], ids=repr)
def test_an_exporter_that_raises_no_ordinary_exception_is_contained(
    error: BaseException, log: Callable[[], list[tuple[str, str]]]
) -> None:
    """Exceptions that are no `Exception` end neither the worker nor the job: the batch is lost, the next one is not."""
    backend = Backend()
    recorder = DefaultRecorder([backend], flush_interval=0.001)
    span = recorder.start("work")
    assert recorder.flush(timeout=30) is True
    backend.write_error = error
    recorder.event(span, Event("step", {"step": 0}))
    _until(lambda: _stats(recorder).dropped == 1)
    backend.write_error = None
    recorder.event(span, Event("step", {"step": 1}))
    recorder.stop(span)
    recorder.close(timeout=30)
    assert (backend.steps(), backend.missing()) == ([1], [1])
    assert log()[0][1].startswith(f"Exporter Backend failed, it raised {type(error).__name__}")


@pytest.mark.parametrize("method", ["flush", "close"])
def test_flush_and_close_do_not_wait_for_a_back_off(method: str) -> None:
    """Whoever asks for a delivery has the exporter tried at once, however long it was to be left alone."""
    backend = Backend()
    backend.write_error = BUSY
    recorder = DefaultRecorder([backend], max_failures=1, cool_down=3_600, flush_interval=0.001)
    recorder.start("work")
    _until(lambda: _stats(recorder).disabled)
    backend.write_error = None
    begun = time.monotonic()
    assert getattr(recorder, method)(timeout=30) is True
    assert time.monotonic() - begun < 10
    recorder.close(timeout=30)


def test_a_flush_that_waits_does_not_call_a_failing_exporter_without_pause() -> None:
    """While somebody waits for a flush and the job records on, there are pauses between attempts all the same."""
    backend = Backend()
    recorder = DefaultRecorder([backend], flush_interval=0.01, max_failures=1_000, queue_capacity=6_000)
    recorder.start("work")
    assert recorder.flush(timeout=30) is True
    backend.write_error = BUSY
    over = threading.Event()

    def job() -> None:
        while not over.is_set():
            recorder.stop(recorder.start("busy"))

    thread = threading.Thread(target=job)
    thread.start()
    try:
        _until(lambda: _stats_recorded(recorder) > 5_000)
        backend.calls.clear()
        recorder.flush(timeout=0.3)
        assert len(backend.calls) <= 8
    finally:
        over.set()
        thread.join()
    backend.write_error = None
    recorder.close(timeout=30)


def _stats_recorded(recorder: DefaultRecorder) -> int:
    return sum(stats.recorded for stats in recorder.stats().values())


def test_close_goes_on_after_a_lost_batch() -> None:
    """A batch that is lost while closing does not take with it what is still queued."""
    backend = Backend()
    recorder = DefaultRecorder([backend], flush_interval=3_600)
    span = recorder.start("work")
    assert recorder.flush(timeout=30) is True
    for step in range(1_500):
        recorder.event(span, Event("step", {"step": step}))
    backend.write_error = ExportError("one is too large", lost=1)
    closing = threading.Thread(target=recorder.close, args=(30,))
    failures = _stats(recorder).failures
    closing.start()
    _until(lambda: sum(stats.failures for stats in recorder.stats().values()) > failures)
    backend.write_error = None
    closing.join()
    stats = _stats(recorder)
    assert (stats.recorded, stats.pending) == (1_502, 0)
    assert 1 <= stats.dropped <= 5, "a batch is tried, and loses one record, until the breaker opens"


@pytest.mark.parametrize("errors", [[LOST], [ExportError("nothing was lost", lost=0)], [BUSY, LOST]], ids=repr)
def test_a_failing_exporter_with_nothing_to_do_costs_nothing(errors: list[ExportError]) -> None:
    """An exporter that has failed before anything was recorded keeps no processor busy until something is."""
    left = iter(errors)

    class Once(Backend):
        def write(self, lines: list[str]) -> None:
            self.write_error = next(left, None)
            super().write(lines)

    backend = Once()
    recorder = DefaultRecorder([backend], flush_interval=0.05)
    with configured(OneLoggerConfig("app"), recorder):
        _until(lambda: len(backend.calls) == 1 + len(errors))
        time.sleep(0.15)  # longer than the back-off
        begun, spent = time.monotonic(), time.process_time()
        while time.monotonic() < begun + 0.3:
            time.sleep(0.1)
        assert time.process_time() - spent < 0.15, "half of the time"
        recorder.stop(recorder.start("work"))
        assert recorder.flush(timeout=30) is True


def test_a_cool_down_of_nothing_is_still_a_pause() -> None:
    """With `cool_down=0` a dead exporter is tried often, but not without pause."""
    backend = Backend()
    backend.write_error = BUSY
    recorder = DefaultRecorder([backend], max_failures=1, cool_down=0, flush_interval=0.001)
    recorder.start("work")
    _until(lambda: len(backend.calls) == 3)
    assert all(delay >= 0.05 for delay in _delays(backend.calls[1:]))
    backend.write_error = None
    assert recorder.close(timeout=30) is True


def test_close_gives_up_on_an_exporter_that_is_beyond_hope() -> None:
    """Where trying again does not help, `close` gives up when the breaker opens, and counts what was lost."""
    backend = Backend()
    backend.open_error = OSError("no such host")
    recorder = DefaultRecorder([backend], max_failures=3)
    recorder.stop(recorder.start("work"))
    begun = time.monotonic()
    assert recorder.close(timeout=30) is False
    assert time.monotonic() - begun < 10
    assert _stats(recorder)[:4] == (2, 0, 2, 0)
