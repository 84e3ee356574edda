"""Forks of a process that is busy recording: no deadlock, nothing twice, nothing lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from one_logger.core import StreamReport, read_records, verify

SETUP = """
import multiprocessing, os, signal, sys, threading, time
from one_logger.api import *
from one_logger.core import *
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder

def work(name):
    with timed_span(name):
        record_event("event")

def end_of(child):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]

def fork(function):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function()
            status = 0
        finally:
            os._exit(status)
    return child

class Busy:
    def __init__(self, threads):
        self.over = threading.Event()
        self.done = [0] * threads
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(threads)]

    def run(self, number):
        while not self.over.is_set():
            work("parent")
            self.done[number] += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        for thread in self.threads:
            thread.join()

def configure(*exporters, **settings):
    recorder = DefaultRecorder(exporters or [FileExporter(sys.argv[1])], overflow="block", block_timeout=60, **settings)
    configure_one_logger(OneLoggerConfig("app"), recorder)
    return recorder

"""


def _run(tmp_path: Path, code: str, said: str = "") -> tuple[list[dict[str, Any]], str]:
    """The records that a script leaves, and what it prints. `said` is what the log has to say."""
    script, file = tmp_path / "job.py", tmp_path / "records.jsonl"
    script.write_text(SETUP + code)
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(script), str(file)]
    process = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    assert (process.returncode, process.stderr) == (0, said)
    with file.open("rb") as lines:
        return list(read_records(lines)), process.stdout.strip()


def _by_stream(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    streams: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        streams.setdefault(record["stream"], []).append(record)
    return streams


def _names(records: list[dict[str, Any]]) -> list[str]:
    return [record["name"] for record in records if record["type"] in ("start", "complete")]


def _not_whole(records: list[dict[str, Any]]) -> list[StreamReport]:
    return [report for report in verify(records) if not report.whole]


CHILDREN = """
recorder = configure()

def child():
    for _ in range(20):
        work("child")
    if not recorder.close(30):
        raise SystemExit

"""


def test_forks_while_several_threads_record(tmp_path: Path) -> None:
    """Children forked while four threads record have whole streams of their own; the parent's has each span once."""
    records, printed = _run(
        tmp_path,
        CHILDREN
        + """
with Busy(4) as busy:
    statuses = [end_of(fork(child)) for _ in range(10)]
print(recorder.close(60), statuses, sum(busy.done))
""",
    )
    closed, statuses, spans = printed.replace("[", "|").replace("]", "|").split("|")
    assert (closed.strip(), statuses) == ("True", ", ".join("0" * 10))
    assert not _not_whole(records)
    streams = sorted(_names(stream) for stream in _by_stream(records).values())
    assert streams[:10] == [["child"] * 20] * 10
    assert streams[10:] == [["parent"] * int(spans)]
    begun = [record["span_id"] for record in records if record["type"] in ("start", "complete")]
    assert len(begun) == len(set(begun))


def test_forks_in_several_threads_at_once(tmp_path: Path) -> None:
    """Threads may fork, at once and while they record; in the child the thread that forked goes on."""
    records, printed = _run(
        tmp_path,
        CHILDREN
        + """
statuses = []

def forks():
    for _ in range(4):
        with timed_span("around"):
            statuses.append(end_of(fork(child)))

threads = [threading.Thread(target=forks) for _ in range(3)]
with Busy(1):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(statuses, recorder.close(60))
""",
    )
    assert printed == f"{[0] * 12} True"
    assert not _not_whole(records)
    children = [stream for stream in _by_stream(records).values() if "child" in _names(stream)]
    around = {record["span_id"] for record in records if record.get("name") == "around"}
    assert len(around) == len(children) == 12
    for stream in children:
        assert _names(stream) == ["child"] * 20
        assert {record["parent_span_id"] for record in stream if "parent_span_id" in record} <= around


def test_a_fork_at_the_first_use(tmp_path: Path) -> None:
    """Children forked while another thread uses the recorder first, or closes it, neither hang nor write twice."""
    records, printed = _run(
        tmp_path,
        """
statuses = []
for round in range(40):
    recorder = DefaultRecorder([FileExporter(sys.argv[1])])
    together = threading.Barrier(2)

    def use():
        together.wait()
        recorder.stop(recorder.start("parent"))
        recorder.close(30)

    def child():
        begun = time.monotonic()
        recorder.stop(recorder.start("child"))
        recorder.close(30)
        if time.monotonic() - begun > 25:
            raise SystemExit

    thread = threading.Thread(target=use)
    thread.start()
    together.wait()
    time.sleep(0.0002 * (round % 10))
    statuses.append(end_of(fork(child)))
    thread.join()
print(set(statuses))
""",
    )
    assert printed == "{0}"
    assert not _not_whole(records)
    assert [name for stream in _by_stream(records).values() for name in _names(stream)].count("parent") == 40


def test_a_fork_while_an_exporter_hangs(tmp_path: Path) -> None:
    """A child of a process whose exporter hangs starts afresh: it is not held up, and delivers what it records."""
    records, printed = _run(
        tmp_path,
        """
class Hanging(FileExporter):
    def write(self, lines):
        if os.getpid() == parent:
            hanging.set()
            threading.Event().wait()
        super().write(lines)

parent, hanging = os.getpid(), threading.Event()
recorder = configure(Hanging(sys.argv[1]), exit_timeout=0.1, flush_interval=0.01)
work("parent")
assert hanging.wait(30)

def child():
    work("child")
    if not recorder.close(30):
        raise SystemExit

print([end_of(fork(child)) for _ in range(3)], recorder.close(0.1))
""",
        "Exporter Hanging was closed with 3 records undelivered.\n",
    )
    assert printed == "[0, 0, 0] False"
    assert [_names(stream) for stream in _by_stream(records).values()] == [["child"]] * 3
    assert not _not_whole(records)


def test_a_fork_while_another_thread_closes(tmp_path: Path) -> None:
    """In a child that was forked while another thread was closing the recorder, it is closed, and nobody waits."""
    _, printed = _run(
        tmp_path,
        """
class Slow(FileExporter):
    def close(self):
        if os.getpid() == parent:
            closing.set()
            time.sleep(0.5)
        super().close()

parent, closing = os.getpid(), threading.Event()
recorder = configure(Slow(sys.argv[1]))
work("parent")
thread = threading.Thread(target=recorder.close, args=(30,))
thread.start()
assert closing.wait(30)

def child():
    begun = time.monotonic()
    work("child")
    recorder.flush(30)
    recorder.close(30)
    if time.monotonic() - begun > 25:
        raise SystemExit

print(end_of(fork(child)))
thread.join()
""",
    )
    assert printed == "0"


def test_a_pool_whose_workers_record(tmp_path: Path) -> None:
    """Workers of a pool, forked from a busy process, record in streams of their own, whole when the pool is closed."""
    records, printed = _run(
        tmp_path,
        """
def task(number):
    work(f"task {number}")
    return os.getpid()

if __name__ == "__main__":
    recorder = configure()
    with Busy(2), multiprocessing.get_context("fork").Pool(3, maxtasksperchild=10) as pool:
        workers = set(pool.map(task, range(60), chunksize=1))
        pool.close()
        pool.join()
    print(len(workers), recorder.close(60))
""",
    )
    workers, closed = printed.split()
    assert closed == "True"
    assert not _not_whole(records)
    streams = _by_stream(records).values()
    assert len(streams) == int(workers) + 1
    tasks = sorted(name for stream in streams for name in _names(stream) if name.startswith("task"))
    assert tasks == sorted(f"task {number}" for number in range(60))
