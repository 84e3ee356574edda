"""A descriptor that the job closes under the file exporter, or gives to a file of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from one_logger.core import Event, Resource, Span, verify
from one_logger.exporter.file import FileExporter

_LOST = """
import os
import sys
from one_logger.core import Event, Resource, Span
from one_logger.exporter.file import FileExporter

path, checkpoint, when = sys.argv[1:]
exporter = FileExporter(path)
exporter.initialize(Resource())
exporter.flush()
os.closerange(3, 64)
job = [os.open(checkpoint, os.O_RDWR | os.O_CREAT) for _ in range(3)]
os.write(job[0], b"weights")
if when == "written to":
    exporter.export_event(Event("step"), Span("work"))
    exporter.flush()
exporter.close()
os.write(job[0], b", and biases")
for descriptor in job:
    os.close(descriptor)
"""


@pytest.mark.parametrize("when", ["written to", "closed"])
def test_descriptor_that_is_somebody_elses_is_left_alone(
    when: str, run_script: Callable[..., str], tmp_path: Path
) -> None:
    """After the job has closed all descriptors, its own file gets none of our bytes and stays open, and ours is whole.

    That holds whether the exporter writes next or is closed at once.
    """
    path, checkpoint = tmp_path / "records.jsonl", tmp_path / "checkpoint"
    run_script(_LOST, path, checkpoint, when)
    assert checkpoint.read_bytes() == b"weights, and biases"
    assert verify(path)[0].whole


def test_descriptor_of_the_same_file_that_is_the_jobs_is_left_alone(tmp_path: Path) -> None:
    """Where the job reads the records by the number that was ours, the file is opened anew."""
    path = tmp_path / "records.jsonl"
    exporter = FileExporter(path)
    exporter.initialize(Resource())
    exporter.flush()
    ours = _descriptor_of(path)
    job = os.open(path, os.O_RDONLY)
    os.dup2(job, ours)
    exporter.export_event(Event("step"), Span("work"))
    exporter.close()
    os.close(job)
    assert os.read(ours, 10).startswith(b'{"v":1')
    os.close(ours)
    assert verify(path)[0].whole


def _descriptor_of(path: Path) -> int:
    (link,) = (link for link in Path("/proc/self/fd").iterdir() if link.exists() and link.samefile(path))
    return int(link.name)


def test_descriptor_that_the_job_has_closed_is_not_closed_again(tmp_path: Path) -> None:
    """An exporter whose descriptor is gone by the time that it is closed has nothing to close, and says nothing."""
    path = tmp_path / "records.jsonl"
    exporter = FileExporter(path)
    exporter.open(Resource())
    os.close(_descriptor_of(path))
    exporter.release()
    assert path.read_bytes() == b""


def test_descriptors_that_are_closed_again_and_again_cost_nothing(tmp_path: Path) -> None:
    """However often the number is taken away, all that is flushed is in the file."""
    path = tmp_path / "records.jsonl"
    exporter = FileExporter(path)
    exporter.initialize(Resource())
    for step in range(5):
        exporter.export_event(Event("step", {"step": step}), Span("work"))
        exporter.flush()
        os.close(_descriptor_of(path))
    exporter.close()
    (report,) = verify(path)
    assert (report.whole, report.records) == (True, 7)
