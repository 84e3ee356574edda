"""Step by step, on the thread that records: what an exporter is called with, and what counts as exported or dropped."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from itertools import count
from types import FrameType
from typing import Any, ClassVar

import pytest

from one_logger.api import OneLoggerConfig
from one_logger.api.testing import configured
from one_logger.core import Event, ExportError, Span
from one_logger.core.spi import counted
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ExporterStats

Faulty = Callable[[Callable[[str], None]], Any]
BUSY = ExportError("busy", retriable=True)


class Script:
    """What goes wrong: the next errors of each method, in order."""

    def __init__(self, **errors: list[BaseException | None]) -> None:
        self.errors = errors

    def __call__(self, method: str) -> None:
        """Raise what is next."""
        errors = self.errors.get(method)
        error = errors.pop(0) if errors else None
        if error is not None:
            raise error


class Job:
    """A job whose exporter is called on its own thread, with a pause of hours after it was disabled."""

    def __init__(self, faulty: Faulty, script: Script, **settings: Any) -> None:
        self.script = script
        self.exporter = faulty(script)
        self.recorder = DefaultRecorder(
            [self.exporter], **{"delivery": "inline", "max_failures": 1, "cool_down": 3_600, **settings}
        )
        self.span = self.recorder.start("job")

    def step(self, count: int = 1) -> None:
        """Record so many events."""
        for _ in range(count):
            self.recorder.event(self.span, Event("step"))

    @property
    def stats(self) -> ExporterStats:
        """The counters."""
        (stats,) = self.recorder.stats().values()
        return stats

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many records are exported, dropped and pending."""
        assert self.stats.recorded == sum(self.stats[1:4])
        return self.stats[1:4]

    def told(self) -> list[int]:
        """What the backend was told is missing, each time."""
        records = self.exporter.records
        return [record["dropped"] for record in records if record["type"] == "telemetry_data_error"]


def test_each_record_is_counted_once(faulty: Faulty) -> None:
    """Everything that is recorded counts as exported as soon as it was shipped."""
    job = Job(faulty, Script())
    assert job.counts == (1, 0, 0)
    job.step()
    assert job.counts == (2, 0, 0)
    job.recorder.error(job.span, "error", ValueError("no"))
    job.recorder.telemetry_data_error("data")
    assert job.counts == (4, 0, 0)
    job.recorder.stop(job.span)
    assert job.counts == (5, 0, 0)
    assert job.recorder.close() is True
    assert job.stats == ExporterStats(5, 5, 0, 0, 0, disabled=False)


def test_what_could_not_be_shipped_is_pending(faulty: Faulty) -> None:
    """A retriable failure leaves the record with the exporter, and those behind it in the queue, until the next try."""
    job = Job(faulty, Script())
    job.script.errors["flush"] = [BUSY]
    job.step()
    assert job.counts == (1, 0, 1)
    job.step(3)
    assert job.counts == (1, 0, 4)
    assert job.exporter.calls.count("export_event") == 1
    assert job.recorder.flush() is True
    assert job.counts == (5, 0, 0)
    assert job.recorder.close() is True
    assert job.told() == []


def test_what_an_exporter_has_kept_is_shipped_without_another_record(faulty: Faulty) -> None:
    """An exporter that was disabled with something buffered is tried again for that, though nothing more is queued."""
    job = Job(faulty, Script())
    job.script.errors["flush"] = [BUSY]
    job.step()
    assert (job.counts, job.stats.disabled) == ((1, 0, 1), True)
    assert job.recorder.flush() is True
    assert (job.counts, job.stats.disabled) == ((2, 0, 0), False)


def test_what_is_held_for_a_part_of_a_backend_is_pending(faulty: Faulty) -> None:
    """Each time that an exporter says that it holds records for a part of its backend counts as one failure."""
    job = Job(faulty, Script())
    job.script.errors["flush"] = [ExportError("the half is away", lost=0, held=1)] * 2
    job.step(2)
    assert (job.counts, job.stats.failures, job.stats.disabled) == ((3, 0, 0), 2, False)
    job.script.errors["flush"] = [ExportError("the half is away", lost=0, held=1)] * 3
    job.step()
    assert (job.counts, job.stats.failures, job.stats.disabled) == ((3, 0, 1), 4, False)
    assert job.recorder.flush() is True
    assert (job.counts, job.stats.failures) == ((4, 0, 0), 5)


def test_disabled_exporter_is_left_alone_until_there_is_a_record(faulty: Faulty) -> None:
    """An exporter that has lost all it had, and is disabled, is not called for the news of that alone."""
    job = Job(faulty, Script())
    job.script.errors["flush"] = [ExportError("refused")]
    job.step()
    assert (job.counts, job.stats.disabled) == ((1, 1, 0), True)
    calls = len(job.exporter.calls)
    for _ in range(3):
        assert job.recorder.flush() is False
    assert len(job.exporter.calls) == calls
    job.step()
    job.recorder.flush()
    assert (job.counts, job.stats.disabled, job.told()) == ((2, 1, 0), False, [1])


def test_exporter_that_has_refused_its_only_record_is_not_called_healthy(faulty: Faulty) -> None:
    """That an exporter takes the report of what is missing, after it has refused a record, enables it no more."""
    job = Job(faulty, Script())
    job.script.errors["export_event"] = [OSError("no")]
    job.step()
    for _ in range(3):
        job.recorder.flush()
        assert (job.counts, job.stats.disabled) == ((1, 1, 0), True)
    job.step()
    job.recorder.flush()
    assert (job.counts, job.stats.disabled) == ((2, 1, 0), False)


@pytest.mark.parametrize("method", ["initialize", "flush"])
def test_exporter_that_has_failed_before_any_record_is_enabled_by_working(
    method: str, faulty: Faulty, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no record was at stake, it takes none to show that an exporter works again, and the log says none is."""
    errors: dict[str, list[BaseException | None]] = {method: [BUSY]}
    recorder = DefaultRecorder([faulty(Script(**errors))], delivery="inline", max_failures=1, cool_down=3_600)
    with configured(OneLoggerConfig("app"), recorder):
        assert recorder.stats()["FaultyExporter"].disabled
        assert caplog.messages[0] == "Exporter FaultyExporter failed, it raised ExportError: busy."
        assert recorder.flush() is True
        assert not recorder.stats()["FaultyExporter"].disabled
        assert recorder.close() is True


def test_report_that_fails_once_disables_an_exporter_no_longer_than_that(faulty: Faulty) -> None:
    """An exporter that has delivered records, and then fails with a report alone, works as soon as it takes that."""
    job = Job(faulty, Script())
    job.script.errors["flush"] = [BUSY, None, None, BUSY]
    job.step(3)
    job.script.errors["export_event"] = [None, OSError("no")]
    job.recorder.flush()
    assert (job.counts, job.stats.disabled, job.told()) == ((3, 1, 0), True, [])
    job.recorder.flush()
    assert (job.counts, job.stats.disabled, job.told()) == ((3, 1, 0), False, [1])


def test_missing_records_are_told_without_another_one(faulty: Faulty) -> None:
    """What an exporter has refused is told right after those that were with it, not with the next record."""
    job = Job(faulty, Script(), delivery="background", flush_interval=3_600)
    assert job.recorder.flush(30) is True
    job.script.errors["export_event"] = [None, OSError("no"), None]
    job.step(3)
    assert job.recorder.flush(30) is False
    end = time.monotonic() + 30
    while job.told() != [1]:
        assert time.monotonic() < end, "it never was told"
        time.sleep(0.001)
    job.recorder.close(30)


def test_flush_is_not_answered_before_the_last_record(faulty: Faulty) -> None:
    """While an exporter hangs in one of the last of many records, nobody is told that all of them are delivered."""
    events, gate = count(1), threading.Event()

    def fault(method: str) -> None:
        if method == "export_event" and next(events) == 1_450:
            gate.wait(30)

    recorder = DefaultRecorder([faulty(fault)], flush_interval=3_600)
    span = recorder.start("job")
    assert recorder.flush(30) is True
    for _ in range(1_500):
        recorder.event(span, Event("step"))
    assert recorder.flush(0.5) is False
    gate.set()
    assert recorder.flush(30) is True
    recorder.close(30)


def _stop_slowly(recorder: DefaultRecorder, span: Any, ended: threading.Event, go_on: threading.Event) -> None:
    """Stop a span in such a way that others run when it has ended and its recorder has not been told so yet."""

    def pause(frame: FrameType, event: str, argument: object) -> None:
        if event == "return" and frame.f_code is Span.stop.__code__:
            ended.set()
            go_on.wait(30)

    sys.setprofile(pause)
    try:
        recorder.stop(span)
    finally:
        sys.setprofile(None)


def test_span_that_is_just_being_stopped_is_looked_at_again(faulty: Faulty) -> None:
    """A worker that finds spans ended, and not known yet whether their stop follows, delivers each stop once it is."""
    recorder = DefaultRecorder([faulty(lambda method: None)], flush_interval=3_600)
    recorder.stop(recorder.start("earlier"))
    assert recorder.flush(30) is True  # so that the worker has begun, and sleeps while the span is stopped

    def work(ended: threading.Event, go_on: threading.Event) -> None:
        _stop_slowly(recorder, recorder.start("job"), ended, go_on)

    threads: list[tuple[threading.Thread, threading.Event]] = []
    for _ in range(2):
        ended, go_on = threading.Event(), threading.Event()
        threads.append((threading.Thread(target=work, args=(ended, go_on)), go_on))
        threads[-1][0].start()
        assert ended.wait(30)
    for _ in range(2):
        recorder.flush(30)
        (stats,) = recorder.stats().values()
        assert stats[:4] == (4, 4, 0, 0)
    for number, (thread, go_on) in enumerate(threads, start=1):
        go_on.set()
        thread.join()
        assert recorder.flush(30) is True
        (stats,) = recorder.stats().values()
        assert stats[:4] == (4 + number, 4 + number, 0, 0)
    assert recorder.close(30) is True


def test_span_that_is_just_being_stopped_is_delivered_whole_by_closing(faulty: Faulty) -> None:
    """Closing does not wait for whoever is about to say whether the stop of a span follows: the stop is exported."""
    recorder = DefaultRecorder([faulty(lambda method: None)], flush_interval=3_600)
    recorder.stop(recorder.start("earlier"))
    assert recorder.flush(30) is True  # so that the worker has begun, and sleeps while the span is stopped
    span = recorder.start("job")
    ended, go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=_stop_slowly, args=(recorder, span, ended, go_on))
    thread.start()
    assert ended.wait(30)
    recorder.flush(30)
    assert recorder.close(30) is True
    go_on.set()
    thread.join()
    (stats,) = recorder.stats().values()
    assert stats[:4] == (4, 4, 0, 0)


def test_interrupted_start_of_a_finished_span_costs_the_start_alone(faulty: Faulty) -> None:
    """Where the job is interrupted in the export of a start, the stop is another record, and is still exported."""
    job = Job(faulty, Script(initialize=[BUSY], export_start=[None, KeyboardInterrupt()]))
    job.recorder.stop(job.recorder.start("other"))
    assert job.counts == (0, 0, 3)
    with pytest.raises(KeyboardInterrupt):
        job.recorder.flush()
    job.recorder.flush()
    assert job.counts == (2, 1, 0)
    assert job.exporter.calls.count("export_stop") == 1
    job.recorder.stop(job.span)
    job.recorder.close()
    assert job.counts == (3, 1, 0)
    assert job.exporter.calls.count("export_stop") == 2


def test_stop_of_a_finished_span_that_is_refused_costs_the_stop_alone(faulty: Faulty) -> None:
    """Where the exporter raises for the stop of a span that had ended before its start was exported, that is counted.

    If it is called on a thread of the job, an interruption goes on to the job.
    """
    job = Job(faulty, Script(initialize=[BUSY], export_stop=[OSError("no"), KeyboardInterrupt()]))
    for _ in range(2):
        job.recorder.stop(job.recorder.start("other"))
    with pytest.raises(KeyboardInterrupt):
        job.recorder.flush()
    job.recorder.flush()
    assert job.counts == (3, 2, 0)
    assert job.stats.failures == 1 + 1, "the first call, and the stop that was refused"


def test_closing_waits_for_an_exporter_that_may_come_back(faulty: Faulty) -> None:
    """Where trying again may help, `close` does so until its deadline, though the exporter is disabled."""
    job = Job(faulty, Script())
    job.script.errors["flush"] = [BUSY] * 2
    job.step()
    job.recorder.stop(job.span)
    assert job.recorder.close(30) is True
    assert job.counts == (3, 0, 0)


def test_report_that_is_lost_while_closing_is_made_again() -> None:
    """Where the last flush loses what it was to say of missing records, the backend hears it with the end."""

    class Losing(InMemoryExporter):
        errors: ClassVar = [ExportError("refused"), ExportError("refused"), ExportError("refused")]

        def write(self, lines: list[str]) -> None:
            if ready and self.errors:
                raise self.errors.pop()
            super().write(lines)

    ready: list[bool] = []
    backend = Losing()
    recorder = DefaultRecorder([backend], delivery="inline", max_failures=1, cool_down=3_600)
    span = recorder.start("job")
    ready.append(True)
    recorder.event(span, Event("lost"))
    recorder.stop(span)
    assert recorder.close(30) is False
    assert backend.errors == []
    assert recorder.stats()["Losing"][:4] == (3, 1, 2, 0)
    assert [r["dropped"] for r in backend.records if r["type"] in ("telemetry_data_error", "end")] == [2, 2]


def test_report_that_is_kept_while_closing_is_not_made_again(faulty: Faulty) -> None:
    """Where the last flush keeps what it was to say of missing records, the end of the exporter ships that alone."""
    job = Job(faulty, Script(), max_failures=100)
    job.script.errors["flush"] = [BUSY] * 1_000
    job.step()
    job.recorder.stop(job.span)
    job.recorder.close(0.3)
    assert job.counts == (2, 1, 0)
    assert job.told() == [1]


@pytest.mark.parametrize(
    ("overflow", "lost", "said"),
    [
        (0, 0, "failed, it raised ExportError: away."),
        (0, 1, "was closed with 1 record undelivered. It last raised ExportError: away."),
        (1, 0, "was closed with 1 record undelivered. It last raised ExportError: away."),
        (1, 1, "was closed with 2 records undelivered. It last raised ExportError: away."),
    ],
)
def test_failure_to_close_is_said_once(
    overflow: int, lost: int, said: str, faulty: Faulty, caplog: pytest.LogCaptureFixture
) -> None:
    """What `close` raises is in one line of the log: that which says how many records are missing, if any are."""
    gate, reached = threading.Event(), threading.Event()

    def fault(method: str) -> None:
        if method == "export_event":
            reached.set()
            gate.wait(30)
        elif method == "close":
            raise ExportError("away", lost=lost)

    recorder = DefaultRecorder([faulty(fault)], queue_capacity=2, flush_interval=0.001)
    span = recorder.start("job")
    recorder.event(span, Event("step"))
    assert reached.wait(30)
    for _ in range(2 + overflow):
        recorder.event(span, Event("step"))
    gate.set()
    recorder.close(30)
    assert recorder.stats()["FaultyExporter"].dropped == overflow + lost
    assert caplog.messages == [f"Exporter FaultyExporter {said}"]


def test_stop_that_is_far_away_is_not_waited_for(faulty: Faulty) -> None:
    """An exporter ships about as many records at once as ever, though a span that has ended is exported in part."""
    flushed, since, go_on = [], count(), threading.Event()

    def fault(method: str) -> None:
        nonlocal since
        if method == "initialize":
            go_on.wait(30)
        elif method == "flush":
            flushed.append(next(since))
            since = count()
        else:
            next(since)

    recorder = DefaultRecorder([faulty(fault)])
    outer = recorder.start("outer")
    for _ in range(1_000):
        recorder.stop(recorder.start("inner"))
    recorder.event(outer, Event("last"))
    recorder.stop(outer)
    go_on.set()
    assert recorder.close(30) is True
    assert max(flushed) < 1_100


def test_closing_does_not_wait_for_an_exporter_that_is_beyond_help(faulty: Faulty) -> None:
    """Where trying again does not help, `close` gives up as soon as the exporter is disabled."""
    job = Job(faulty, Script(initialize=[OSError("no")] * 100))
    job.recorder.stop(job.span)
    begin = time.monotonic()
    assert job.recorder.close(30) is False
    assert time.monotonic() - begin < 20
    assert job.counts == (0, 2, 0)


@pytest.mark.parametrize("lost", [None, -1, 0, 1, 5])
def test_what_a_failure_loses_is_what_it_says(lost: int | None, faulty: Faulty) -> None:
    """A failure for good loses as many records as it says, all that was buffered if it doesn't, never more than that.

    An exporter may hold records back that it has taken: what counted as exported may turn out to be lost.
    """
    job = Job(faulty, Script(), max_failures=100)
    job.step(2)
    job.script.errors["flush"] = [ExportError("refused", lost=lost)]
    job.step()
    dropped = {None: 1, -1: 0, 0: 0, 1: 1, 5: 4}[lost]
    assert job.counts == (4 - dropped, dropped, 0)
    assert job.recorder.flush() is (dropped == 0)
    assert job.told() == ([dropped] if dropped else [])
    job.recorder.close()
    assert job.told() == ([dropped] if dropped else [])


@pytest.mark.parametrize(("lost", "disabled"), [(None, True), (0, False), (1, True), (5, True)])
def test_exporter_that_ships_nothing_has_failed(lost: int | None, disabled: bool, faulty: Faulty) -> None:
    """A failure by which at least one record got through does not disable an exporter; any other does. Both count."""
    job = Job(faulty, Script())
    job.step(3)
    job.script.errors["flush"] = [ExportError("refused", lost=lost)]
    job.step()
    assert (job.stats.failures, job.stats.disabled) == (1, disabled)


def test_refusal_among_others_is_one_failure(faulty: Faulty) -> None:
    """Where an exporter refuses one of several records and ships the others, that counts once, and disables nothing."""
    job = Job(faulty, Script())
    job.script.errors["flush"] = [BUSY]
    job.step(5)
    job.script.errors["export_event"] = [None, OSError("no")]
    assert job.recorder.flush() is False
    assert job.counts == (5, 1, 0)
    assert (job.stats.failures, job.stats.disabled) == (1 + 1, False)


def test_missing_records_are_told_once_and_more_of_them_again(faulty: Faulty) -> None:
    """The backend is told of each missing record once, be it the only one."""
    job = Job(faulty, Script(), max_failures=100)
    for number in range(1, 4):
        job.script.errors["export_event"] = [OSError("no")]
        job.step()
        job.recorder.flush()
        assert job.counts == (1, number, 0)
        job.recorder.flush()
        assert job.told() == [1] * number
    job.recorder.close()
    assert job.told() == [1, 1, 1]
    assert job.exporter.records[-1]["dropped"] == 3


def test_refusal_of_one_record_costs_that_one_alone(faulty: Faulty) -> None:
    """An exporter that raises for one record gets the next ones, and its failures count."""
    job = Job(faulty, Script(), max_failures=100)
    job.script.errors["export_event"] = [None, OSError("no"), None]
    job.step(3)
    job.recorder.flush()
    assert job.counts == (3, 1, 0)
    assert job.stats.failures == 1 + 1, "the record, and the delivery that had none but it"
    assert [record["type"] for record in job.exporter.records].count("event") == 2
    assert not job.stats.disabled


def test_start_that_was_refused_costs_the_start_alone(faulty: Faulty) -> None:
    """Where an exporter raises for the start of a span, it is given the stop all the same, and counts it."""
    job = Job(faulty, Script(), max_failures=100)
    job.script.errors["export_start"] = [OSError("no")]
    span = job.recorder.start("other")
    assert job.counts == (1, 1, 0)
    job.recorder.stop(span)
    job.recorder.flush()
    assert job.counts == (2, 1, 0)
    assert job.exporter.calls.count("export_stop") == 1


def test_exporter_that_cannot_be_told_of_losses_is_told_later(faulty: Faulty) -> None:
    """A report of missing records that the exporter refuses is made again, until it is taken."""
    job = Job(faulty, Script(), max_failures=100)
    job.script.errors["flush"] = [ExportError("refused")]
    job.script.errors["export_telemetry_data_error"] = [OSError("no")] * 100
    job.step()
    assert job.counts == (1, 1, 0)
    for _ in range(3):
        job.recorder.flush()
    assert job.told() == []
    reports = job.exporter.calls.count("export_telemetry_data_error")
    assert reports >= 3
    assert job.stats.failures == 1 + reports
    job.script.errors["export_telemetry_data_error"] = []
    job.recorder.flush()
    assert job.told() == [1]
    job.recorder.stop(job.span)
    job.recorder.close()
    assert job.counts == (2, 1, 0)
    assert job.told() == [1]
    assert job.exporter.records[-1]["dropped"] == 1


def test_exporter_that_cannot_be_made_ready_gets_nothing(faulty: Faulty) -> None:
    """Before `initialize` has worked the exporter is called for nothing else; then it gets everything, in order."""
    script = Script(initialize=[BUSY, BUSY])
    job = Job(faulty, script)
    job.step(2)
    assert job.counts == (0, 0, 3)
    job.recorder.flush(0)
    assert set(job.exporter.calls) == {"initialize"}
    assert job.recorder.flush() is True
    assert job.counts == (3, 0, 0)
    assert [record["type"] for record in job.exporter.records] == ["resource", "start", "event", "event"]


def test_flush_of_an_exporter_that_is_not_ready_is_no_delivery(faulty: Faulty) -> None:
    """As long as an exporter is not initialised nothing counts as delivered, be there anything or not."""
    recorder = DefaultRecorder([faulty(Script(initialize=[BUSY] * 1_000))], flush_interval=0.001, max_failures=1_000)
    recorder.start("job")
    for _ in range(3):
        assert recorder.flush(0.1) is False
    recorder.close(0)


def test_exporter_that_never_was_ready_is_not_closed(faulty: Faulty) -> None:
    """What was never initialised has nothing to be closed, and everything recorded counts as dropped."""
    job = Job(faulty, Script(initialize=[OSError("no")] * 10))
    job.step(2)
    job.recorder.stop(job.span)
    assert job.recorder.close(0.5) is False
    assert set(job.exporter.calls) == {"initialize"}
    assert job.counts == (0, 4, 0)


def test_exporter_without_records_is_left_alone(faulty: Faulty) -> None:
    """What was shipped is not shipped again: an exporter that has nothing gets no call, however often it is flushed."""
    job = Job(faulty, Script())
    calls = len(job.exporter.calls)
    for _ in range(3):
        assert job.recorder.flush() is True
    assert len(job.exporter.calls) == calls


@pytest.mark.parametrize("lost", [None, 0, 1])
def test_what_closing_loses_is_counted(lost: int | None, faulty: Faulty, caplog: pytest.LogCaptureFixture) -> None:
    """When `close` fails, what the exporter has buffered is dropped, or as much as it says, and all that is queued.

    The log has the number.
    """
    job = Job(faulty, Script(), max_failures=100)
    job.script.errors["flush"] = [BUSY] * 100
    job.step()
    job.recorder.stop(job.span)
    job.script.errors["close"] = [ExportError("away", lost=lost)]
    assert job.recorder.close(0.3) is False
    dropped = 1 if lost == 0 else 2
    assert job.counts == (3 - dropped, dropped, 0)
    assert f"was closed with {counted(dropped, 'record')} undelivered." in caplog.messages[-1]


def test_log_says_what_was_raised(faulty: Faulty, caplog: pytest.LogCaptureFixture) -> None:
    """A failure is logged as a sentence that ends once; a kind of refusal is logged once."""
    caplog.set_level(logging.DEBUG, logger="one_logger")
    job = Job(faulty, Script(), max_failures=2)
    job.script.errors["export_event"] = [ValueError("odd"), None, ValueError("odder"), None, KeyError("k"), None]
    for _ in range(6):
        job.step()
        job.recorder.flush()
    job.script.errors["flush"] = [OSError("Where is it?"), OSError("Gone!")]
    job.step()
    job.recorder.flush(0)
    job.step()
    job.recorder.flush()
    messages = [record.getMessage() for record in caplog.records]
    assert "Exporter FaultyExporter lost records, it raised ValueError: odd." in messages
    assert "Exporter FaultyExporter lost records, it raised KeyError: 'k'." in messages
    assert len([message for message in messages if "lost records" in message]) == 2
    failed, disabled, works = messages[-3:]
    assert failed == "Exporter FaultyExporter failed, it raised OSError: Where is it?"
    assert disabled.endswith("is disabled, it last raised OSError: Gone! It will be tried again.")
    assert works == "Exporter FaultyExporter works again."
