"""`flush_on_signals`: what a signal that ends the process leaves behind, and who else hears of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from one_logger.api import OneLoggerErrorHandlingStrategy
from one_logger.core import StreamReport, read_records, verify

SETUP = """
import multiprocessing, os, signal, sys, threading, time
from one_logger.api import *
from one_logger.core import *
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder

def make(number=1, **settings):
    return DefaultRecorder([FileExporter(sys.argv[number])], flush_on_signals=[signal.SIGTERM], **settings)

def receive():
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(1000):
        time.sleep(0.01)
    print("still here")

"""

Result = tuple[list[dict[str, Any]], "subprocess.CompletedProcess[str]"]


def _run(tmp_path: Path, code: str) -> Result:
    """The records that a script leaves, and how it ended."""
    script, files = tmp_path / "job.py", [tmp_path / "records.jsonl", tmp_path / "others.jsonl"]
    script.write_text(SETUP + code)
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(script), *map(str, files)]
    process = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    lines = [line for file in files if file.exists() for line in file.read_text().splitlines()]
    return list(read_records(lines)), process


def _reports(result: Result) -> list[StreamReport]:
    return verify(result[0])


def _unfinished(records: list[dict[str, Any]]) -> list[str]:
    return [r["name"] for r in records if r.get("attributes", {}).get("one_logger.unfinished") is True]


def test_the_signal_ends_the_process_after_everything_was_delivered(tmp_path: Path) -> None:
    """Without a handler the process dies by the signal itself; the stream is whole, open spans are marked."""
    records, process = _run(
        tmp_path,
        """
recorder = make()
recorder.start("outer")
recorder.start("inner")
recorder.stop(recorder.start("finished"))
receive()
""",
    )
    assert (process.returncode, process.stdout, process.stderr) == (-signal.SIGTERM, "", "")
    (report,) = verify(records)
    assert (report.whole, report.reason) == (True, "signal SIGTERM")
    assert sorted(_unfinished(records)) == ["inner", "outer"]


@pytest.mark.parametrize("strategy", OneLoggerErrorHandlingStrategy)
def test_a_job_that_records_until_the_signal_ends_it_has_made_no_mistake(
    tmp_path: Path, strategy: OneLoggerErrorHandlingStrategy
) -> None:
    """What the job records while the signal has the recorder closed is neither raised nor logged as a mistake."""
    records, process = _run(
        tmp_path,
        f"""
class Slow(FileExporter):
    def close(self):
        super().close()
        time.sleep(0.3)

strategy = OneLoggerErrorHandlingStrategy.{strategy.name}
recorder = DefaultRecorder([Slow(sys.argv[1])], flush_on_signals=[signal.SIGTERM])
configure_one_logger(OneLoggerConfig("app", error_handling_strategy=strategy), recorder)
with timed_span("work") as work:
    os.kill(os.getpid(), signal.SIGTERM)
    while True:
        work.set_attribute("step", 1)
        work.set_attributes({{"step": 1}})
        work.set_status(Status.OK)
        with timed_span("step"):
            record_event("event")
""",
    )
    assert (process.returncode, process.stdout, process.stderr) == (-signal.SIGTERM, "", "")
    (report,) = verify(records)
    assert report.closed
    assert not report.gaps


def test_the_application_s_handler_is_called_and_the_job_goes_on(tmp_path: Path) -> None:
    """An application's own handler decides; what was recorded so far is flushed, and recording goes on."""
    records, process = _run(
        tmp_path,
        """
called = threading.Event()
signal.signal(signal.SIGTERM, lambda number, frame: called.set())
recorder = make(flush_interval=3600)
span = recorder.start("work")
os.kill(os.getpid(), signal.SIGTERM)
assert called.wait(30)
while recorder.stats()["FileExporter"].exported < 1:
    time.sleep(0.001)
recorder.stop(span)
print(recorder.close(30))
""",
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "True\n", "")
    assert [record["type"] for record in records] == ["resource", "start", "stop", "end"]
    assert _unfinished(records) == []


def test_the_application_s_handler_may_end_the_process(tmp_path: Path) -> None:
    """A handler that raises `SystemExit` ends the process with its status, and the stream is whole."""
    result = _run(
        tmp_path,
        """
def handler(number, frame):
    sys.exit(7)

signal.signal(signal.SIGTERM, handler)
recorder = make()
recorder.start("work")
receive()
""",
    )
    assert (result[1].returncode, result[1].stdout, result[1].stderr) == (7, "", "")
    assert [report.whole for report in _reports(result)] == [True]
    assert _unfinished(result[0]) == ["work"]


def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    """Where the signal is ignored, the process goes on, and what was recorded is flushed."""
    result = _run(
        tmp_path,
        """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
recorder = make(flush_interval=3600)
recorder.start("work")
os.kill(os.getpid(), signal.SIGTERM)
while recorder.stats()["FileExporter"].exported < 1:
    time.sleep(0.001)
print(recorder.close(30), signal.getsignal(signal.SIGTERM) == signal.SIG_IGN)
""",
    )
    assert (result[1].returncode, result[1].stdout) == (0, "True True\n")
    assert [report.whole for report in _reports(result)] == [True]


@pytest.mark.parametrize("slow", [1, 2])
def test_two_recorders_are_both_closed_before_the_process_ends(tmp_path: Path, slow: int) -> None:
    """With two recorders the process dies by the signal, and both streams are whole, whichever takes longer."""
    records, process = _run(
        tmp_path,
        f"""
class Slow(FileExporter):
    def write(self, lines):
        time.sleep(0.3)
        super().write(lines)

recorders = []
for number in (1, 2):
    exporter = (Slow if number == {slow} else FileExporter)(sys.argv[number])
    recorders.append(DefaultRecorder([exporter], flush_on_signals=[signal.SIGTERM]))
    recorders[-1].start(f"work of {{number}}")
receive()
""",
    )
    assert (process.returncode, process.stderr) == (-signal.SIGTERM, "")
    assert [report.whole for report in verify(records)] == [True, True]
    assert sorted(_unfinished(records)) == ["work of 1", "work of 2"]


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_recorders_one_may_be_closed_before(tmp_path: Path, first: int) -> None:
    """When one of two recorders was closed, in either order, the signal still closes the other and ends the process."""
    records, process = _run(
        tmp_path,
        f"""
recorders = [make(1), make(2)]
for recorder in recorders:
    recorder.start("work")
assert recorders[{first}].close(30)
receive()
""",
    )
    assert (process.returncode, process.stderr) == (-signal.SIGTERM, "")
    assert [report.whole for report in verify(records)] == [True, True]


@pytest.mark.parametrize("before", ["signal.SIG_DFL", "signal.SIG_IGN", "signal.default_int_handler"])
def test_the_handler_that_was_there_is_back_after_close(tmp_path: Path, before: str) -> None:
    """Closing the recorder puts back what was there before, unless somebody else has installed a handler since."""
    _, process = _run(
        tmp_path,
        f"""
signal.signal(signal.SIGTERM, {before})
recorder = make()
recorder.start("work")
assert signal.getsignal(signal.SIGTERM) != {before}
recorder.close(30)
assert signal.getsignal(signal.SIGTERM) == {before}

def newer(number, frame):
    print("newer")

recorder = make()
recorder.start("work")
signal.signal(signal.SIGTERM, newer)
recorder.close(30)
assert signal.getsignal(signal.SIGTERM) is newer
""",
    )
    assert (process.returncode, process.stderr) == (0, "")


def test_a_signal_while_closing_waits_for_it(tmp_path: Path) -> None:
    """A signal that comes while the recorder is being closed ends the process only after that."""
    result = _run(
        tmp_path,
        """
class Slow(FileExporter):
    def write(self, lines):
        writing.set()
        time.sleep(0.3)
        super().write(lines)

writing = threading.Event()
recorder = DefaultRecorder([Slow(sys.argv[1])], flush_on_signals=[signal.SIGTERM], flush_interval=3600)
recorder.start("work")

def send():
    writing.wait()
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=send, daemon=True).start()
recorder.close(30)
receive()
""",
    )
    assert (result[1].returncode, result[1].stderr) == (-signal.SIGTERM, "")
    assert [report.whole for report in _reports(result)] == [True]


def test_a_hanging_exporter_does_not_keep_the_process_alive(tmp_path: Path) -> None:
    """The signal ends the process after `exit_timeout`, whether or not everything was delivered."""
    _, process = _run(
        tmp_path,
        """
class Hanging(FileExporter):
    def write(self, lines):
        threading.Event().wait()

recorder = DefaultRecorder([Hanging(sys.argv[1])], flush_on_signals=[signal.SIGTERM], exit_timeout=0.2)
recorder.start("work")
receive()
""",
    )
    assert (process.returncode, process.stdout) == (-signal.SIGTERM, "")


def test_a_terminated_child_of_multiprocessing_delivers(tmp_path: Path) -> None:
    """A child that records is ended by `terminate()`, as its parent expects, and leaves a whole stream."""
    records, process = _run(
        tmp_path,
        """
recorder = make()

def child(ready):
    recorder.start("child")
    ready.set()
    time.sleep(60)

context = multiprocessing.get_context("fork")
recorder.start("parent")
ready = context.Event()
process = context.Process(target=child, args=(ready,))
process.start()
assert ready.wait(30)
process.terminate()
process.join(30)
print(process.exitcode)
recorder.close(30)
""",
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "-15\n", "")
    assert [report.whole for report in verify(records)] == [True, True]
    assert sorted(_unfinished(records)) == ["child", "parent"]


def test_a_forked_child_that_never_records_still_dies_by_the_signal(tmp_path: Path) -> None:
    """In a child where the recorder is not used the signal ends the process as if there were no recorder."""
    records, process = _run(
        tmp_path,
        """
recorder = make()
recorder.start("parent")
child = os.fork()
if child == 0:
    receive()
    os._exit(0)
print(os.WTERMSIG(os.waitpid(child, 0)[1]))
recorder.close(30)
""",
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "15\n", "")
    (report,) = verify(records)
    assert report.whole


def test_off_the_main_thread_it_is_said_that_there_is_no_handler(tmp_path: Path) -> None:
    """A recorder first used off the main thread records, leaves the signal as it was, and says so in the log."""
    result = _run(
        tmp_path,
        """
recorder = make()
thread = threading.Thread(target=recorder.start, args=("work",))
thread.start()
thread.join()
assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
print(recorder.close(30))
""",
    )
    assert (result[1].returncode, result[1].stdout) == (0, "True\n")
    assert result[1].stderr.startswith("flush_on_signals has no effect")
    assert [report.whole for report in _reports(result)] == [True]


def test_a_handler_may_record(tmp_path: Path) -> None:
    """The application's handler may itself record and flush, whatever the job was doing when the signal came."""
    records, process = _run(
        tmp_path,
        """
handled = []

def handler(number, frame):
    recorder.stop(recorder.start("handler"))
    handled.append(number)

signal.signal(signal.SIGUSR1, handler)
recorder = make(overflow="block", block_timeout=30)
span = recorder.start("work")

def send():
    for _ in range(100):
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.001)

sender = threading.Thread(target=send)
sender.start()
while sender.is_alive():
    recorder.stop(recorder.start("job"))
recorder.stop(span)
print(recorder.close(30), recorder.stats()["FileExporter"].dropped, len(handled) > 0)
""",
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "True 0 True\n", "")
    assert verify(records)[0].whole
    assert not [record for record in records if record["type"] == "telemetry_data_error"]
