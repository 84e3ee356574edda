"""A process that gets no thread: in a container with a limit of processes, or an interpreter that allows none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from one_logger.core import read_records, verify

SETUP = """
import atexit, logging, os, resource, signal, sys, threading, time, _thread
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from one_logger.api import OneLoggerConfig, OneLoggerProvider, timed_span
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder
allowed = False
asked_at = []
def refusing(start):
    def refused(*arguments, **named):
        if "FileExporter" in arguments[0].__self__.name: asked_at.append(time.monotonic())
        if allowed: return start(*arguments, **named)
        raise RuntimeError("can't start new thread")
    return refused
for name in {"_start_new_thread", "_start_joinable_thread"} & vars(threading).keys():  # which one depends on Python
    setattr(threading, name, refusing(getattr(threading, name)))

recorder = DefaultRecorder([FileExporter(sys.argv[1])], flush_interval=0.01, flush_on_signals=[signal.SIGTERM])
OneLoggerProvider.instance().configure(OneLoggerConfig("app"), recorder)
def work(count):
    for number in range(count):
        with timed_span("work"): pass
"""


def _run(tmp_path: Path, code: str) -> tuple[list[dict[str, Any]], str, int]:
    """The records that a script leaves, what it prints, and how it ended."""
    file = tmp_path / "records.jsonl"
    process = subprocess.run(
        [sys.executable, "-c", SETUP + code, str(file)], check=False, capture_output=True, text=True, timeout=60
    )
    assert process.stderr == ""
    return list(read_records(file)) if file.exists() else [], process.stdout, process.returncode


def test_without_a_thread_close_delivers(tmp_path: Path) -> None:
    """The job notices nothing, the log says it once, and `flush` and `close` deliver."""
    records, printed, code = _run(tmp_path, "work(1000); print(recorder.flush(10)); work(1000); recorder.close(10)")
    assert code == 0
    assert printed.count("There is no thread for exporter FileExporter: can't start new thread") == 1
    assert "True" in printed
    (report,) = verify(records)
    assert report.whole
    assert sum(record["type"] == "complete" for record in records) == 2_000


LATE = """
class Late(FileExporter): pass
def record_late():
    late = DefaultRecorder([Late(sys.argv[1])])
    late.stop(late.start("work"))
"""


def test_without_a_thread_an_exit_handler_records_quietly(tmp_path: Path) -> None:
    """When it has returned, all is delivered: there is nothing to say. Python 3.12 starts no thread for one at all."""
    records, printed, code = _run(tmp_path, LATE + "atexit.register(record_late)")
    assert code == 0
    assert "There is no thread for exporter Late" not in printed
    assert [record["name"] for record in records if record["type"] == "complete"] == ["work"]
    assert all(report.whole for report in verify(records))


def test_without_a_thread_a_job_whose_main_thread_has_ended_is_told(tmp_path: Path) -> None:
    """Python waits for its other threads, however long they take: that only `close` delivers has to be said."""
    job = """
def go_on():
    while threading.main_thread().is_alive(): time.sleep(0.01)
    record_late()
allowed = True
threading.Thread(target=go_on).start()
allowed = False
"""
    records, printed, code = _run(tmp_path, LATE + job)
    assert code == 0
    assert printed.count("There is no thread for exporter Late: can't ") == 1
    assert [record["name"] for record in records if record["type"] == "complete"] == ["work"]
    assert all(report.whole for report in verify(records))


def test_a_thread_is_asked_for_again(tmp_path: Path) -> None:
    """When there is one to be had a second later, it delivers, also in a job that records little."""
    records, printed, code = _run(
        tmp_path,
        """
work(40)
allowed = True
while not os.path.exists(sys.argv[1]) or b"work" not in open(sys.argv[1], "rb").read():
    work(1)
    time.sleep(0.05)
print(asked_at[1] - asked_at[0], flush=True)
os._exit(0)
""",
    )
    assert code == 0
    assert float(printed.splitlines()[-1]) >= 1.0
    assert sum(record["type"] == "complete" for record in records) >= 4


def test_recording_does_not_wait_for_who_delivers_without_a_thread(tmp_path: Path) -> None:
    """While a `flush` hangs in the exporter, as it does the work of the thread itself, other threads record on."""
    records, printed, code = _run(
        tmp_path,
        """
inside, go_on, done = threading.Event(), threading.Event(), threading.Event()
class Slow(FileExporter):
    def write(self, lines):
        inside.set()
        go_on.wait()
        super().write(lines)
def flush():
    slow.flush(10)
    done.set()
recorder.close()
slow = DefaultRecorder([Slow(sys.argv[1])])
span = slow.start("job")
asked = time.monotonic()
_thread.start_new_thread(flush, ())  # which is not refused
inside.wait()
from one_logger.core import Event
while time.monotonic() < asked + 1.5:  # it is asked for a thread again after a second
    slow.event(span, Event("step"))
    time.sleep(0.01)
print("recorded")
go_on.set()
done.wait()
print(slow.close(10))
""",
    )
    assert code == 0
    assert [line for line in printed.splitlines() if line in ("recorded", "True")] == ["recorded", "True"]
    assert verify(records).whole


@pytest.mark.parametrize("later", [True, False])
def test_signals_need_no_thread_at_first(later: bool, tmp_path: Path) -> None:
    """The process ends by the signal, and, if there is a thread by then, everything was delivered before."""
    ending = f"work(10); allowed = {later}; os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)"
    records, _, code = _run(tmp_path, ending)
    assert code == -15
    assert [report.whole for report in verify(records)] == [True] * later


def test_an_interpreter_that_allows_no_threads(tmp_path: Path) -> None:
    """In an isolated subinterpreter the job goes on, and `close` delivers."""
    file = tmp_path / "records.jsonl"
    job = SETUP.replace("allowed = False", f"import sys; sys.argv = ['', {str(file)!r}]; allowed = True")
    script = f"""
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
interpreter = interpreters.create()
failed = interpreters.run_string(interpreter, {job + "work(10); assert recorder.close(10)"!r})
assert failed is None, failed
"""
    process = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr
    assert verify(read_records(file))[0].whole
