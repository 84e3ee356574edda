"""Signs of life of a job that records nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from one_logger.core import Exporter, ExportError, OneLoggerError, read_records, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ProcessedExporter, SpanFilter

INTERVAL = 0.1


def _wait(happened: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    while not happened():
        assert monotonic() < deadline
        sleep(0.001)


def _open_spans(records: Iterable[dict[str, Any]]) -> list[int]:
    """How many spans are open by each sign of life: 0 by those given before a worker has taken the first start."""
    return [record["open_spans"] for record in records if record["type"] == "alive"]


def _types(exporter: InMemoryExporter) -> list[str]:
    return [record["type"] for record in exporter.records]


@pytest.mark.parametrize("processed", [False, True])
def test_an_idle_job_gives_signs_of_life(processed: bool) -> None:
    """While nothing is recorded, there is an `alive` record after each interval, with the number of open spans."""
    exporter = InMemoryExporter()
    given: Exporter = ProcessedExporter(exporter, [SpanFilter(exclude="hidden")]) if processed else exporter
    recorder = DefaultRecorder([given], flush_interval=0.01, alive_interval=INTERVAL)
    begun = monotonic()
    outer = recorder.start("outer")
    recorder.stop(recorder.start("inner"))
    _wait(lambda: _open_spans(exporter.records).count(1) >= 3)
    assert monotonic() - begun > 2 * INTERVAL
    recorder.stop(outer)
    assert recorder.close()
    times = [record["time_unix_nano"] for record in exporter.records if record["type"] == "alive"]
    assert all(later - earlier > 0.9e9 * INTERVAL for earlier, later in pairwise(times))
    assert [(stats.recorded, stats.exported, stats.dropped) for stats in recorder.stats().values()] == [(4, 4, 0)]
    assert verify(exporter.records).whole


def test_an_interval_that_is_over_at_once_is_no_problem(caplog: pytest.LogCaptureFixture) -> None:
    """A sign of life may be due again before the worker has finished with the last one: after a suspend, say."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], flush_interval=0.01, alive_interval=1e-6)
    recorder.start("work")
    _wait(lambda: _types(exporter).count("alive") >= 20)
    assert recorder.close(30) is True
    assert caplog.messages == []


def test_an_exporter_that_is_closed_gives_no_sign_of_life(faulty: Callable[..., Any]) -> None:
    """An exporter is not called again after its `close`, though the interval is over by then."""
    exporter = faulty(lambda method: None)
    recorder = DefaultRecorder([exporter], flush_interval=3_600, alive_interval=1e-6)
    recorder.start("work")
    assert recorder.close(30) is True
    assert exporter.calls[-1] == "close"


def test_a_long_flush_interval_does_not_hold_back_a_sign_of_life() -> None:
    """The worker looks as often as it has to for it, however long a record may wait."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], flush_interval=3_600, alive_interval=INTERVAL)
    recorder.start("work")
    _wait(lambda: "alive" in _types(exporter))
    recorder.close()


def test_a_busy_job_gives_no_sign_of_life() -> None:
    """Whoever gets records gets nothing else: they say that the process is alive."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], flush_interval=0.001, alive_interval=5.0)
    end = monotonic() + 0.3
    while monotonic() < end:
        recorder.stop(recorder.start("work"))
        sleep(0.001)
    recorder.close()
    assert "alive" not in _types(exporter)


def test_no_sign_of_life_is_given_where_none_is_wanted() -> None:
    """With an interval of 0 nothing is written while nothing is recorded."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], flush_interval=0.001, alive_interval=0)
    recorder.stop(recorder.start("work"))
    recorder.flush()
    sleep(3 * INTERVAL)  # the worker has looked a hundred times
    recorder.close()
    assert _types(exporter) == ["resource", "complete", "end"]


def test_an_inline_exporter_gives_no_sign_of_life() -> None:
    """Where there is no worker nobody could say so; and a flush after a silence is no reason to."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], delivery="inline", alive_interval=0.001)
    recorder.stop(recorder.start("work"))
    sleep(0.01)
    recorder.flush()
    recorder.close()
    assert _types(exporter) == ["resource", "start", "stop", "end"]


class _Failing(InMemoryExporter):
    """Fails to ship as long as it is told to, and counts what it was asked for."""

    def __init__(self, error: ExportError) -> None:
        super().__init__()
        self.error = error
        self.fails = threading.Event()
        self.tried = self.asked = 0

    def export_alive(self) -> None:
        self.asked += 1
        super().export_alive()

    def flush(self) -> None:
        if self.fails.is_set():
            self.tried += 1
            raise self.error
        super().flush()


@pytest.mark.parametrize(
    "error",
    [
        ExportError("It is away.", retriable=True),
        ExportError("It is busy.", retriable=True, retry_after=0.01),
    ],
    ids=str,
)
def test_a_failing_exporter_gets_no_pile_of_signs_of_life(error: ExportError) -> None:
    """While the backend is away one sign of life may wait for it, and not one for each interval."""
    exporter = _Failing(error)
    recorder = DefaultRecorder([exporter], flush_interval=0.005, alive_interval=0.01, max_failures=1_000)
    recorder.stop(recorder.start("work"))
    assert recorder.flush()
    exporter.fails.set()
    asked = exporter.asked
    _wait(lambda: exporter.tried >= 3)
    assert exporter.asked <= asked + 1
    exporter.fails.clear()
    _wait(lambda: exporter.asked > asked + 2)
    assert recorder.close()
    assert verify(exporter.records).whole


def test_a_backend_that_is_there_in_part_gets_signs_of_life_as_ever() -> None:
    """While a part of the backend is away, the other one gets a sign of life after each interval, and no more."""
    exporter = _Failing(ExportError("The half is away.", lost=0, held=1))
    recorder = DefaultRecorder([exporter], flush_interval=0.005, alive_interval=INTERVAL)
    exporter.fails.set()
    recorder.stop(recorder.start("work"))
    assert not recorder.flush()
    begun, asked = monotonic(), exporter.asked
    _wait(lambda: exporter.asked >= asked + 3)
    assert monotonic() - begun > 2 * INTERVAL
    exporter.fails.clear()
    assert recorder.close()


class _Refusing(InMemoryExporter):
    """Cannot say that the process is alive."""

    asked = 0

    def export_alive(self) -> None:
        self.asked += 1
        raise ValueError("It knows no such thing.")


def test_an_exporter_that_cannot_say_so_loses_nothing(logged: Callable[[int], list[str]]) -> None:
    """What `export_alive` raises is logged once and counted each time, and the exporter goes on exporting."""
    exporter = _Refusing()
    recorder = DefaultRecorder([exporter], flush_interval=0.005, alive_interval=0.01)
    recorder.start("open")
    _wait(lambda: recorder.stats()["_Refusing"].failures >= 3)
    recorder.stop(recorder.start("work"))
    assert recorder.close()
    assert [message for message in logged(1) if "knows no such thing" in message] == [
        "Exporter _Refusing cannot tell its backend how the recorder is, it raised ValueError: It knows no such thing."
    ]
    assert recorder.stats()["_Refusing"].failures == exporter.asked
    assert verify(exporter.records).whole


HANGING = """
import ctypes, sys
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder

recorder = DefaultRecorder([FileExporter(sys.argv[1])], flush_interval=0.01, alive_interval=0.05)
recorder.start("work")
print("hangs", flush=True)
ctypes.CDLL(None).pause()  # it lets go of the interpreter lock, as a collective operation of a GPU does
"""


def test_a_job_that_hangs_in_native_code_gives_signs_of_life(tmp_path: Path) -> None:
    """Signs of life go on while the main thread hangs in C, and end with the process."""
    file = tmp_path / "records.jsonl"
    with subprocess.Popen([sys.executable, "-c", HANGING, str(file)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"hangs\n"
        try:
            _wait(lambda: file.exists() and file.read_text().count('"open_spans":1') >= 3)
            assert verify(file)[0].state == "alive"
        finally:
            process.kill()
    (report,) = verify(file)
    assert not report.closed
    assert verify(file, now=(report.last_time or 0) / 1e9 + 91)[0].state == "cut short"
    numbers = _open_spans(read_records(file))
    assert numbers == sorted(numbers)
    assert numbers[-1] == 1


@pytest.mark.parametrize("interval", [-1, "soon", float("nan")])
def test_an_interval_that_is_none_is_refused(interval: object) -> None:
    """What is no number of seconds from 0 on is said at once."""
    with pytest.raises(OneLoggerError, match="alive_interval"):
        DefaultRecorder([], alive_interval=interval)  # type: ignore[arg-type]
