"""How a recorder begins and ends: attached, unattached, at interpreter exit, in every kind of exit."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import UserDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from one_logger.api import OneLoggerConfig, OneLoggerProvider, timed_span
from one_logger.api.testing import configured
from one_logger.core import OneLoggerError, read_records, verify
from one_logger.exporter.file import FileExporter
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, Processor

SETUP = """
import atexit, sys, threading, time
from one_logger.api import *
from one_logger.core import *
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder
recorder = DefaultRecorder([FileExporter(sys.argv[1])], exit_timeout=10)
configure_one_logger(OneLoggerConfig("app"), recorder)
"""


def _run(tmp_path: Path, code: str) -> tuple[list[dict[str, Any]], subprocess.CompletedProcess[str]]:
    """The records that a script leaves, and how it ended."""
    file = tmp_path / "records.jsonl"
    process = subprocess.run(
        [sys.executable, "-c", SETUP + code, str(file)], check=False, capture_output=True, text=True, timeout=60
    )
    with file.open() as lines:
        return list(read_records(lines)), process


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("with timed_span('work'): pass", 0),
        ("with timed_span('work'): sys.exit(3)", 3),
        ("with timed_span('work'): raise ValueError('no')", 1),
        ("recorder.start('work'); raise KeyboardInterrupt", 130),
        ("recorder.start('work'); recorder.start('inner')", 0),
        ("threading.Thread(target=lambda: (recorder.start('work'), sys.exit(3))).start()", 0),
        ("atexit.register(lambda: recorder.stop(recorder.start('work')))", 0),
    ],
)
def test_a_stream_is_whole_after_every_orderly_exit(tmp_path: Path, code: str, status: int) -> None:
    """However the interpreter exits by itself, open spans are stopped, and the stream is whole."""
    records, process = _run(tmp_path, code)
    assert process.returncode == (-2 if status == 130 else status), process.stderr
    (report,) = verify(records)
    assert report.whole, report
    begun = [record["name"] for record in records if record["type"] in ("start", "complete")]
    ended = [record["name"] for record in records if record["type"] in ("stop", "complete")]
    assert "work" in begun
    assert sorted(begun) == sorted(ended)


CAUGHT = """
try:
    raise ValueError("no")
except ValueError as error:
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
"""


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("recorder.close()", "closed"),
        ("pass", "exit"),
        ("sys.exit(3)", "exit"),
        ("raise ValueError('no')", "exception"),
        ("raise KeyboardInterrupt", "signal SIGINT"),
        ("threading.Thread(target=lambda: 1 / 0).start()", "exit"),
        (f"def job():{CAUGHT.replace(chr(10), chr(10) + '  ')}\njob()", "exit"),
        (f"sys.ps1 = '> '\n{CAUGHT}", "exit"),
    ],
)
def test_the_end_says_why(tmp_path: Path, code: str, reason: str) -> None:
    """The `end` says whether the application closed, or the interpreter ended, and by an exception that nobody caught.

    What a shell or a test runner has caught and printed, as it leaves it in `sys.last_value`, is none of these.
    """
    records, _ = _run(tmp_path, code)
    assert [report.reason for report in verify(records)] == [reason]
    assert records[-1]["time_unix_nano"] >= records[0]["time_unix_nano"]


def test_open_spans_are_marked_and_stopped_from_the_inside_out(tmp_path: Path) -> None:
    """Spans that `close` has to stop say so; the inner ones are stopped before those around them."""
    records, _ = _run(tmp_path, "recorder.start('outer'); recorder.start('inner'); recorder.flush()")
    stops = [record for record in records if record["type"] == "stop"]
    assert [record["name"] for record in stops] == ["inner", "outer"]
    assert all(record["attributes"]["one_logger.unfinished"] is True for record in stops)


def test_a_finished_span_is_not_marked(tmp_path: Path) -> None:
    """A span that was stopped by the job has no such attribute."""
    records, _ = _run(tmp_path, "with timed_span('work'): recorder.flush()")
    assert "attributes" not in next(record for record in records if record["type"] == "stop")


def test_killed_is_not_whole(tmp_path: Path) -> None:
    """A process that ends without closing leaves what was flushed, and a stream that is cut short."""
    records, process = _run(tmp_path, "recorder.start('work'); recorder.flush(); import os; os._exit(7)")
    assert process.returncode == 7
    (report,) = verify(records)
    assert (report.closed, report.whole, report.records) == (False, False, 2)


def test_exit_does_not_wait_for_a_hanging_exporter(tmp_path: Path) -> None:
    """At exit the recorder waits no longer than its `exit_timeout`, and says how many records were left."""
    begun = time.monotonic()
    _, process = _run(
        tmp_path,
        """
recorder.close()
class Hanging(FileExporter):
    def write(self, lines):
        threading.Event().wait()
hanging = DefaultRecorder([Hanging(sys.argv[1])], exit_timeout=0.2)
hanging.start("work")
""",
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr == "Exporter Hanging was closed with 2 records undelivered.\n"
    assert time.monotonic() - begun < 9


def test_first_use_after_threads_can_be_started(tmp_path: Path) -> None:
    """A recorder that is first used in an exit handler, when no thread can be started any more, still delivers."""
    records, process = _run(
        tmp_path,
        """
recorder.close()
late = DefaultRecorder([FileExporter(sys.argv[1])])
def at_exit():
    late.stop(late.start("late"))
    print(late.close(10))
atexit.register(at_exit)
""",
    )
    assert (process.returncode, process.stdout.strip()) == (0, "True"), process.stderr
    assert verify(records)[-1].whole
    assert "late" in [record.get("name") for record in records]


def test_nothing_happens_before_the_first_use(tmp_path: Path) -> None:
    """Neither a thread nor a file is there for a recorder that was made and not used, or closed unused."""
    file = tmp_path / "folder" / "records.jsonl"
    threads = set(threading.enumerate())
    recorder = DefaultRecorder([FileExporter(file)])
    assert threads >= set(threading.enumerate())  # those of other tests may have ended
    assert recorder.flush() is True
    assert recorder.close() is True
    assert not file.parent.exists()


def test_a_disabled_rank_touches_nothing(tmp_path: Path) -> None:
    """On a rank that is not enabled the output of an earlier attempt is neither erased nor opened."""
    file = tmp_path / "records.jsonl"
    file.write_text("the earlier attempt\n")
    threads = set(threading.enumerate())
    with configured(OneLoggerConfig("app", enable_for_current_rank=False), DefaultRecorder([FileExporter(file)])):
        with timed_span("work"):
            pass
        assert threads >= set(threading.enumerate())
    assert file.read_text() == "the earlier attempt\n"


def test_a_recorder_works_without_a_provider() -> None:
    """Used directly, without `configure`, a recorder records for an unknown service."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter])
    recorder.stop(recorder.start("work"))
    assert recorder.close() is True
    assert exporter.records[0]["attributes"]["service.name"] == "unknown_service:python"
    assert verify(exporter.records)[0].whole


def test_the_resource_says_who_records() -> None:
    """The configuration's session tag, rank, world size and metadata are attributes of the resource."""
    exporter = InMemoryExporter()
    config = OneLoggerConfig("app", session_tag="run-7", rank=1, world_size=2, custom_metadata={"team": "vision"})
    with configured(config, DefaultRecorder([exporter])):
        pass
    attributes = exporter.records[0]["attributes"]
    assert attributes["service.name"] == "app"
    assert attributes["one_logger.session_tag"] == "run-7"
    assert (attributes["one_logger.rank"], attributes["one_logger.world_size"]) == (1, 2)
    assert attributes["team"] == "vision"


def test_a_restart_appends_a_stream_of_its_own(tmp_path: Path) -> None:
    """A job that is restarted with the same file leaves both attempts in it, each whole."""
    file = tmp_path / "records.jsonl"
    for attempt in ("first", "second"):
        with configured(OneLoggerConfig("app"), DefaultRecorder([FileExporter(file)])), timed_span(attempt):
            pass
    with file.open() as lines:
        reports = verify(read_records(lines))
    assert [report.whole for report in reports] == [True, True]


@pytest.mark.parametrize("use", ["start", "close"])
def test_a_used_recorder_cannot_be_configured(use: str) -> None:
    """A recorder that was used or closed before `configure` is refused, and the process stays unconfigured."""
    recorder = DefaultRecorder([InMemoryExporter()])
    if use == "start":
        recorder.start("work")
    recorder.close()
    with pytest.raises(OneLoggerError, match="make a new one"):
        OneLoggerProvider.instance().configure(OneLoggerConfig("app"), recorder)
    assert not OneLoggerProvider.instance().one_logger_ready


def test_threads_that_come_first_lose_nothing() -> None:
    """Of several threads that use an unattached recorder first, at once, none loses what it records."""
    for _ in range(20):
        exporter = InMemoryExporter()
        recorder = DefaultRecorder([exporter])
        together = threading.Barrier(8)

        def work(recorder: DefaultRecorder = recorder, together: threading.Barrier = together) -> None:
            together.wait(timeout=30)
            recorder.stop(recorder.start("work"))

        with ThreadPoolExecutor(8) as pool:
            for future in [pool.submit(work) for _ in range(8)]:
                future.result()
        assert recorder.close() is True
        assert recorder.stats()["InMemoryExporter"].exported == 16


def test_threads_that_close_at_once_get_one_answer() -> None:
    """Several threads may close; the exporter is closed once, and all get the same answer."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter])
    recorder.start("work")
    with ThreadPoolExecutor(8) as pool:
        assert {future.result() for future in [pool.submit(recorder.close) for _ in range(8)]} == {True}
    assert [record["type"] for record in exporter.records].count("end") == 1


def test_recording_while_closing_neither_blocks_nor_breaks() -> None:
    """Threads that record while the recorder is closed go on, and the stream is closed without a gap."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter])
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            recorder.stop(recorder.start("work"))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    while recorder.stats()["InMemoryExporter"].recorded < 1_000:
        time.sleep(0)
    recorder.close(timeout=30)
    stop.set()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    (report,) = verify(exporter.records)
    assert report.closed
    assert not report.gaps


class Gate(UserDict[str, object]):
    """Attributes that keep the thread that reads them waiting until the gate is open."""

    def __init__(self) -> None:
        super().__init__({"a": 1})
        self.reached, self.open = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[str]:
        self.reached.set()
        assert self.open.wait(30)
        return super().__iter__()


class AfterTheSweep(Processor):
    """Does something when the open spans have been stopped, and before the exporters are closed."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.on_close = action  # type: ignore[method-assign]  # as a subclass would


def test_a_span_that_starts_while_another_thread_closes_is_whole_or_left_out() -> None:
    """A thread that is in the midst of `start` when the open spans are stopped records nothing of that span."""
    gate, exporter, spans = Gate(), InMemoryExporter(), []
    thread = threading.Thread(target=lambda: spans.append(recorder.start("late", gate)))

    def finish_the_start() -> None:
        gate.open.set()
        thread.join(30)

    recorder = DefaultRecorder([exporter], processors=[AfterTheSweep(finish_the_start)], flush_interval=3_600)
    recorder.stop(recorder.start("early"))
    thread.start()
    assert gate.reached.wait(30)
    assert recorder.close(30) is True
    assert not spans[0].is_recording()
    assert [record["name"] for record in exporter.records if "name" in record] == ["early"]
    assert verify(exporter.records).whole


def test_a_close_that_was_interrupted_is_answered_when_it_is_called_again(tmp_path: Path) -> None:
    """Ctrl-C while the exporter is being closed; the next `close` waits for that, and knows how it ended."""
    begin = time.monotonic()
    records, process = _run(
        tmp_path,
        """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
class Slow(FileExporter):
    def close(self):
        os.kill(os.getpid(), signal.SIGINT)
        interrupted.wait(30)
        time.sleep(0.2)  # so that the next close comes meanwhile
        super().close()
interrupted = threading.Event()
recorder = DefaultRecorder([Slow(sys.argv[1])])
recorder.stop(recorder.start("work"))
try:
    recorder.close(60)
except KeyboardInterrupt:
    interrupted.set()
    print(recorder.close(60))
""",
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "True\n", "")
    assert verify(records)[0].whole
    assert time.monotonic() - begin < 30
