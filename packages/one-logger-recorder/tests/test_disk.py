"""A file that cannot be written, for a while or for good: the job goes on, and knows what became of its records."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from one_logger.core import Event, read_records, verify
from one_logger.exporter.file import FileExporter
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ExporterStats

Until = Callable[[Callable[[], object]], None]

FULL_DISK = """
import resource, sys, time
from one_logger.core import *
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

def stats():
    return recorder.stats()["FileExporter"]

hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
recorder = DefaultRecorder([FileExporter(sys.argv[1])], flush_interval=0.01, queue_capacity=1_000, cool_down=0.1)
span = recorder.start("work")
limit(5_000)
for step in range(5_000):
    recorder.event(span, Event("step", {"step": step}))
while not stats().disabled:
    time.sleep(0.001)
dropped = stats().dropped
limit(hard)
while stats().pending:
    time.sleep(0.001)
for step in range(5_000, 5_100):
    recorder.event(span, Event("step", {"step": step}))
recorder.stop(span)
print(recorder.close(30), dropped > 0, stats().dropped == dropped, stats().pending, dropped)
"""


def _stats(recorder: DefaultRecorder, name: str = "FileExporter") -> ExporterStats:
    return recorder.stats()[name]


def test_a_full_disk_that_has_room_again(tmp_path: Path) -> None:
    """What fits the queue while the disk is full is written later, what does not is counted, and the file says so."""
    file = tmp_path / "records.jsonl"
    command = [sys.executable, "-c", FULL_DISK, str(file)]
    process = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr
    *answers, dropped = process.stdout.split()
    assert answers == ["False", "True", "True", "0"]
    assert [line.split()[2] for line in process.stderr.splitlines()] == ["failed,", "has", "was"], "INFO is not shown"
    assert process.stderr.endswith(f" was closed with {int(dropped):,} records undelivered.\n")
    with file.open("rb") as lines:
        records = list(read_records(lines))
    (report,) = verify(records)
    assert (report.closed, report.gaps, report.dropped) == (True, [], int(dropped))
    steps = [record["attributes"]["step"] for record in records if record["type"] == "event"]
    assert len(steps) == 5_100 - int(dropped)
    assert steps == sorted(set(steps))
    assert steps[-100:] == list(range(5_000, 5_100))


def test_a_disk_that_stays_full(until: Until) -> None:
    """Where nothing can ever be written, all is counted as dropped, and the other exporter has it all."""
    other = InMemoryExporter()
    recorder = DefaultRecorder([FileExporter("/dev/full"), other], flush_interval=0.01)
    for _ in range(100):
        recorder.stop(recorder.start("work"))
    until(lambda: _stats(recorder, "InMemoryExporter").pending == 0)
    assert recorder.close(timeout=0.5) is False
    until(lambda: _stats(recorder).pending == 0)
    until(lambda: other.records[-1]["type"] == "end")
    stats = _stats(recorder)
    assert (stats.recorded, stats.exported, stats.dropped) == (200, 0, 200)
    assert stats.failures > 0
    assert verify(other.records)[0].whole


def test_a_pipe_that_nobody_reads(tmp_path: Path, until: Until) -> None:
    """A path on which even opening blocks holds up nobody; a reader that comes later gets it all."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    other = InMemoryExporter()
    recorder = DefaultRecorder([FileExporter(path), other], flush_interval=0.01)
    for _ in range(100):
        recorder.stop(recorder.start("work"))
    begun = time.monotonic()
    assert recorder.flush(timeout=0.2) is False
    assert time.monotonic() - begun < 30
    assert _stats(recorder).pending == 200
    until(lambda: _stats(recorder, "InMemoryExporter").pending == 0)
    reader = threading.Thread(target=path.read_bytes)
    reader.start()
    assert recorder.close(timeout=30) is True
    reader.join(timeout=30)
    assert not reader.is_alive()
    assert _stats(recorder).exported == 200


def test_close_on_a_pipe_that_nobody_reads_keeps_its_time(tmp_path: Path) -> None:
    """`close` returns False in time though the worker hangs in the system, and the process ends with a last word."""
    os.mkfifo(tmp_path / "pipe")
    code = f"""
import time
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder
recorder = DefaultRecorder([FileExporter({str(tmp_path / "pipe")!r})])
recorder.start("work")
begun = time.monotonic()
print(recorder.close(0.3), time.monotonic() - begun < 30)
"""
    process = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stdout, process.stderr) == (
        *(0, "False True\n"),
        "Exporter FileExporter was closed with 2 records undelivered.\n",
    )


def test_a_folder_that_is_removed_and_made_anew(tmp_path: Path) -> None:
    """While something stands where the folder was, records wait; once it is gone they are all written."""
    folder = tmp_path / "folder"
    recorder = DefaultRecorder([FileExporter(folder / "records.jsonl")], flush_interval=0.01)
    span = recorder.start("work")
    assert recorder.flush(timeout=30) is True
    folder.rename(tmp_path / "old")
    folder.write_text("in the way")
    recorder.event(span, Event("step"))
    end = time.monotonic() + 30
    while not _stats(recorder).failures:
        assert time.monotonic() < end
        time.sleep(0.001)
    folder.unlink()
    recorder.stop(span)
    assert recorder.close(timeout=30) is True
    lines = [
        line for where in ("old", "folder") for line in (tmp_path / where / "records.jsonl").read_bytes().splitlines()
    ]
    (report,) = verify(read_records(lines))
    assert report.whole
