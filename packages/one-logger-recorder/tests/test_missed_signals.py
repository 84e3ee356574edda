"""Signals that Python by itself would miss: they end a worker that waits all the same, and a child just forked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from one_logger.core import read_records, verify

SETUP = """
import asyncio, ctypes, multiprocessing, os, signal, sys, threading, time
from one_logger.api import *
from one_logger.recorder import configure

FOLDER = sys.argv[1]

def set_up(**recorder):
    exporter = {"type": "file", "config": {"file_path": FOLDER + "/{pid}.jsonl"}}
    configure("app", exporters=[exporter], recorder=recorder)

def miss(number):
    # A signal that another thread gets does not interrupt the main one: as one that comes just before this waits.
    other = threading.Thread(target=time.sleep, args=(60,), daemon=True)
    other.start()
    signal.pthread_kill(other.ident, number)

def miss_later(number, seconds=0.1):
    threading.Timer(seconds, miss, [number]).start()

def wait():
    os.read(os.pipe()[0], 1)

class Mutex:
    # Who waits for it is in native code: a signal does not end that, and Python calls no handler before it has ended.
    def __init__(self):
        self.native, self.at = ctypes.CDLL(None), ctypes.create_string_buffer(128)

    def lock(self):
        self.native.pthread_mutex_lock(self.at)

    def unlock(self):
        self.native.pthread_mutex_unlock(self.at)

def status(process, key):
    # One word that the kernel says of a process's main thread. (proc(5), /proc/pid/status)
    with open(f"/proc/{process}/task/{process}/status") as file:
        return next(line.split()[1] for line in file if line.startswith(key + ":"))

def end(method, child):
    context = multiprocessing.get_context(method)
    process = context.Process(target=child, daemon=True)
    process.start()
    process.join(30)
    print(process.exitcode)
    os._exit(0) if process.exitcode is None else None
"""


def _run(tmp_path: Path, code: str) -> tuple[int, str, str]:
    """How a script ends, and what it prints."""
    script, folder = tmp_path / "job.py", tmp_path / "telemetry"
    script.write_text(SETUP + code)
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), str(folder)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def _reasons(tmp_path: Path) -> list[str]:
    """Why the streams were closed, in the order of the alphabet."""
    return sorted(
        report.reason or "" for file in (tmp_path / "telemetry").iterdir() for report in verify(read_records(file))
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_that_has_missed_the_signal_is_ended_by_it(tmp_path: Path, method: str) -> None:
    """A worker whose main thread waits for what never comes is ended by the signal, and its stream is whole."""
    assert _run(
        tmp_path,
        f"""
def child():
    set_up() if {method!r} != "fork" else None
    with timed_span("work"):
        pass
    with timed_span("waits"):
        miss_later(signal.SIGTERM)
        wait()

if __name__ == "__main__":
    set_up()
    with timed_span("main"):
        end({method!r}, child)
""",
    ) == (0, "-15\n", "")
    assert _reasons(tmp_path) == ["exit", "signal SIGTERM"]


def test_a_handler_of_the_job_is_called_once(tmp_path: Path) -> None:
    """One that was there before ours hears of each signal once, whether Python has missed it or not."""
    assert _run(
        tmp_path,
        """
def child():
    reading, writing = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(writing, b"called"))
    set_up(flush_on_signals=[signal.SIGTERM])
    with timed_span("work"):
        for seconds in (0.1, 0.01, 0.2):  # the reminder is still busy with the one before, or no longer
            os.kill(os.getpid(), signal.SIGTERM)
            assert os.read(reading, 100) == b"called"
            miss_later(signal.SIGTERM, seconds)
            assert os.read(reading, 100) == b"called"
        time.sleep(0.8)  # a signal that is sent again comes after 0.5
        os.set_blocking(reading, False)
        try:
            print(os.read(reading, 100), flush=True)
        except BlockingIOError:
            print("not again", flush=True)

if __name__ == "__main__":
    end("spawn", child)
""",
    ) == (0, "not again\n0\n", "")


def test_an_event_loop_keeps_its_file_descriptor(tmp_path: Path) -> None:
    """A worker's loop that handles signals goes on doing so where telemetry begins in it."""
    assert _run(
        tmp_path,
        """
async def loop():
    came = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, came.set)
    set_up()
    with timed_span("work"):
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.wait_for(came.wait(), 30)

def child():
    asyncio.run(loop())

if __name__ == "__main__":
    end("spawn", child)
""",
    ) == (0, "0\n", "")
    assert _reasons(tmp_path) == ["exit"]


def test_a_process_that_nobody_has_started_as_a_worker_is_left_alone(tmp_path: Path) -> None:
    """In a job's main process no file descriptor is set: event loops complain if they find one, as trio does."""
    assert _run(
        tmp_path,
        """
set_up()
with timed_span("work"):
    print(signal.set_wakeup_fd(-1))
""",
    ) == (0, "-1\n", "")


def test_a_signal_of_a_child_that_was_forked_unseen_is_not_the_worker_s(tmp_path: Path) -> None:
    """What comes to a process that native code has forked, and waits there, is nothing that the worker is ended for."""
    assert _run(
        tmp_path,
        """
def child():
    set_up()
    with timed_span("work"):
        mutex = Mutex()
        mutex.lock()
        forked = ctypes.PyDLL(None).fork()
        if forked == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(30)
            mutex.lock()
        while status(forked, "State") != "S":
            time.sleep(0.01)
        os.kill(forked, signal.SIGTERM)
        time.sleep(0.8)  # a signal that is sent again comes after 0.5
        os.kill(forked, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]), flush=True)

if __name__ == "__main__":
    end("spawn", child)
""",
    ) == (0, "-9\n0\n", "")
    assert _reasons(tmp_path) == ["exit"]


@pytest.mark.parametrize("ours", ["SIGTERM", "SIGUSR1"], ids=["the job's", "the job's, called by ours"])
def test_a_signal_that_was_noticed_is_not_sent_again(tmp_path: Path, ours: str) -> None:
    """The handler of the job hears of it once, whether it is called by Python or by ours."""
    assert _run(
        tmp_path,
        f"""
def child():
    came = []
    signal.signal(signal.SIGUSR1, lambda *_: came.append("called"))
    set_up(flush_on_signals=[signal.{ours}])
    with timed_span("work"):
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.8)  # a signal that is sent again comes after 0.5
    print(came, flush=True)

if __name__ == "__main__":
    end("spawn", child)
""",
    ) == (0, "['called']\n0\n", "")


def test_native_code_is_disturbed_less_and_less_often(tmp_path: Path) -> None:
    """A signal is sent again after 0.5, 1.5 and 3.5 seconds, not 8 times in 4 seconds; then it ends the worker."""
    assert _run(
        tmp_path,
        """
def child():
    def waits():  # how often the main thread has begun to wait
        return int(status(os.getpid(), "voluntary_ctxt_switches"))

    def disturb():
        before = -1
        while before != (before := waits()) or status(os.getpid(), "State") != "S":
            time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(4)
        print(3 <= waits() - before <= 6, flush=True)
        mutex.unlock()

    set_up()
    with timed_span("work"):
        mutex = Mutex()
        mutex.lock()
        threading.Thread(target=disturb, daemon=True).start()
        mutex.lock()
        wait()

if __name__ == "__main__":
    end("spawn", child)
""",
    ) == (0, "True\n-15\n", "")
    assert _reasons(tmp_path) == ["signal SIGTERM"]


def test_a_forked_child_that_does_not_record_cannot_miss_the_signal(tmp_path: Path) -> None:
    """It is ended as if there were no telemetry: in the moment in which it is forked, and while it waits."""
    assert _run(
        tmp_path,
        """
def fork(child):
    number = os.fork()
    if number == 0:
        child()
        time.sleep(30)
        os._exit(0)
    return number

set_up()
with timed_span("main"):
    children = [fork(lambda: miss_later(signal.SIGTERM))]
    for _ in range(100):
        children.append(fork(lambda: None))
        os.kill(children[-1], signal.SIGTERM)
    print({os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children})
""",
    ) == (0, "{-15}\n", "")
    assert _reasons(tmp_path) == ["exit"]


def test_a_handler_that_calls_ours_does_so_in_a_forked_child(tmp_path: Path) -> None:
    """If the job has wrapped the recorder's handler, the signal ends a forked child that records, after all is out."""
    assert _run(
        tmp_path,
        """
set_up()
with timed_span("main"):
    ours = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *arguments: ours(*arguments))
    child = os.fork()
    if child == 0:
        with timed_span("work"):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
    ) == (0, "-15\n", "")
    assert _reasons(tmp_path) == ["exit", "signal SIGTERM"]


@pytest.mark.parametrize("at", [("return", "pthread_sigmask"), ("call", "_let_through")])
def test_what_a_handler_raises_during_a_fork_leaves_no_signal_held_back(tmp_path: Path, at: tuple[str, str]) -> None:
    """A time limit of the job may come in the middle of what is done at a fork: parent and child get the signal."""
    assert _run(
        tmp_path,
        f"""
def interrupt(frame, event, argument):
    if (event, frame.f_code.co_name) == {at!r}:
        sys.setprofile(None)
        raise TimeoutError

set_up()
with timed_span("main"):
    sys.unraisablehook = lambda _: None  # as Python says that it ignores it
    sys.setprofile(interrupt)
    child = os.fork()
    sys.setprofile(None)
    held = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    if child == 0:
        os._exit(len(held))
    print(held, os.waitpid(child, 0)[1])
""",
    ) == (0, "set() 0\n", "")
