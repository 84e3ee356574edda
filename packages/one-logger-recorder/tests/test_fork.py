"""A recorder in a process that forks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from one_logger.core import read_records, verify

# From 3.12 on Python warns of any fork in a process with threads, of which a recorder has one for each exporter.
PYTHON = (sys.executable, "-W", "ignore:This process")

SETUP = """
import multiprocessing, os, sys, threading
from one_logger.api import *
from one_logger.core import *
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder
recorder = DefaultRecorder([FileExporter(sys.argv[1])])

def fork(work):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0

def work(name="child"):
    with timed_span(name):
        pass

if __name__ == "__main__":
    configure_one_logger(OneLoggerConfig("app"), recorder)
"""


def _run(tmp_path: Path, code: str) -> list[dict[str, Any]]:
    script, file = tmp_path / "job.py", tmp_path / "records.jsonl"
    script.write_text(SETUP + "".join(f"    {line}\n" for line in code.strip().splitlines()))
    process = subprocess.run([*PYTHON, str(script), str(file)], check=False, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stderr) == (0, "")
    with file.open() as lines:
        return list(read_records(lines))


def _streams(records: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    streams: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        streams.setdefault(record["stream"], []).append(record)
    return list(streams.values())


def test_a_child_that_records_has_a_stream_of_its_own(tmp_path: Path) -> None:
    """What a forked child records is in a stream with the child's process id; both streams are whole."""
    records = _run(
        tmp_path,
        """
work("before")
fork(lambda: (work(), recorder.close()))
work("after")
""",
    )
    assert [report.whole for report in verify(records)] == [True, True]
    resources = [record["attributes"] for record in records if record["type"] == "resource"]
    assert len({resource["process.pid"] for resource in resources}) == 2
    assert len({resource["service.instance.id"] for resource in resources}) == 2
    names = [sorted({r["name"] for r in stream if "name" in r}) for stream in _streams(records)]
    assert sorted(names) == [["after", "before"], ["child"]]


def test_what_an_exporter_raises_as_it_forgets_its_parent_is_logged(tmp_path: Path) -> None:
    """An exporter that raises in `after_fork` is tried all the same in the child, whose log says what it raised."""
    script, file = tmp_path / "job.py", tmp_path / "records.jsonl"
    script.write_text(
        SETUP.replace(
            "recorder = DefaultRecorder([FileExporter(",
            """
class Clinging(FileExporter):
    def after_fork(self):
        super().after_fork()
        raise OSError("it clings")

recorder = DefaultRecorder([Clinging(""",
        )
        + "    fork(lambda: (work(), recorder.close()))\n"
    )
    process = subprocess.run([*PYTHON, str(script), str(file)], check=False, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stderr) == (0, "Exporter Clinging failed, it raised OSError: it clings.\n")
    assert [report.whole for report in verify(file)] == [True, True]


def test_a_child_that_does_not_record_writes_nothing(tmp_path: Path) -> None:
    """Neither what the parent had queued nor anything else is written by a child that only flushes, closes and ends."""
    records = _run(
        tmp_path,
        """
for number in range(1000):
    work(str(number))
    if number % 100 == 0:
        fork(lambda: (recorder.flush(), recorder.close()))
""",
    )
    (report,) = verify(records)
    assert report.whole
    assert len({record["span_id"] for record in records if "span_id" in record}) == 1_000


def test_a_span_around_the_fork_is_the_parent_of_the_child_s_spans(tmp_path: Path) -> None:
    """Spans of the child are children of the span that was current; that one is exported by the parent process only."""
    records = _run(
        tmp_path,
        """
with timed_span("outer") as outer:
    def child():
        work()
        recorder.stop(outer)
        work("later")
        recorder.close()
    fork(child)
""",
    )
    assert [report.whole for report in verify(records)] == [True, True]
    begun = {record["name"]: record for record in records if record["type"] in ("start", "complete")}
    assert begun["child"]["parent_span_id"] == begun["outer"]["span_id"]
    assert "parent_span_id" not in begun["later"]
    assert sum(record["type"] in ("stop", "complete") and record["name"] == "outer" for record in records) == 1
    assert not [record for record in records if record["type"] == "telemetry_data_error"]


def _run_children(tmp_path: Path, method: str, last_line: str) -> tuple[list[dict[str, Any]], str]:
    """The records of three children of `multiprocessing`, whose job ends with a line of code, and what they print."""
    setup = f"""
def job(name):
    provider = OneLoggerProvider.instance()
    if not provider.one_logger_ready:
        configure_one_logger(OneLoggerConfig("child"), recorder)
    work(name)
    {last_line}
"""
    code = f"""
context = multiprocessing.get_context("{method}")
processes = [context.Process(target=job, args=(str(number),)) for number in range(3)]
for process in processes: process.start()
for process in processes: process.join()
print([process.exitcode for process in processes])
"""
    script_code = setup.strip().splitlines()
    file = tmp_path / "records.jsonl"
    script = tmp_path / "job.py"
    main = SETUP.replace('if __name__ == "__main__":', "\n".join(script_code) + '\n\nif __name__ == "__main__":')
    script.write_text(main + "".join(f"    {line}\n" for line in code.strip().splitlines()))
    process = subprocess.run([*PYTHON, str(script), str(file)], check=False, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr
    return list(read_records(file)), process.stdout + process.stderr


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_children_are_closed_when_they_end(tmp_path: Path, method: str) -> None:
    """A child of `multiprocessing` delivers what it recorded when it ends, though it runs no exit handlers."""
    records, printed = _run_children(tmp_path, method, "pass")
    assert printed == "[0, 0, 0]\n"
    reports = verify(records)
    assert [(report.whole, report.reason) for report in reports] == [(True, "exit")] * 4, reports
    assert {record["name"] for record in records if "name" in record} == {"0", "1", "2"}


def test_multiprocessing_children_say_why_they_ended(tmp_path: Path) -> None:
    """A child that ends by an exception says so, where Python lets us know, and one that calls `sys.exit` does not."""
    records, printed = _run_children(tmp_path, "spawn", "sys.exit(3) if name == '0' else 1 / (int(name) - 1)")
    assert printed.startswith("[3, 1, 0]\n")
    names = {record["stream"]: record["name"] for record in records if "name" in record}
    reasons = {names[report.stream]: report.reason for report in verify(records) if report.stream in names}
    # From Python 3.13 on `multiprocessing` has handled the exception before anything is called at exit.
    failed = "exception" if sys.version_info < (3, 13) else "exit"
    assert reasons == {"0": "exit", "1": failed, "2": "exit"}
