"""Rotation to the byte, what rotated files are called, and others who move and remove them."""

from __future__ import annotations

import os
import re
import time
from calendar import timegm
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from one_logger.core import Event, Resource, Span, read_records
from one_logger.exporter.file import FileExporter

OLD = [f"records.jsonl.2020010{day}T000000.000000000Z-1" for day in range(1, 5)]


def _write(path: Path, events: int, before: bytes = b"", **settings: Any) -> list[Path]:
    """Write a stream whose events are flushed in one go. The files, the oldest first."""
    path.write_bytes(before)
    exporter = FileExporter(path, **settings)
    exporter.initialize(Resource())
    for step in range(events):
        exporter.export_event(Event("step", {"step": step}), Span("work"))
    exporter.flush()
    exporter.close()
    return [*sorted(path.parent.glob(f"{path.name}.*")), path]


@pytest.fixture
def lengths(tmp_path: Path) -> list[int]:
    """How long the lines are that `_write` writes: the resource, nine events, and the end."""
    (path,) = _write(tmp_path / "lengths", 9)
    return [len(line) for line in path.read_bytes().splitlines(keepends=True)]


@pytest.mark.parametrize("before", [b"", b"{}\n"], ids=repr)
@pytest.mark.parametrize("events", range(1, 6))
def test_file_is_filled_to_the_last_byte(events: int, before: bytes, lengths: list[int], tmp_path: Path) -> None:
    """What fits exactly is written, be it all that is flushed or the first lines of it."""
    full = len(before) + sum(lengths[: events + 1])
    for flushed in range(events, 7):
        path = tmp_path / f"{flushed}" / "records.jsonl"
        path.parent.mkdir()
        first, *_ = _write(path, flushed, before, max_bytes=full)
        assert first.stat().st_size == full
        assert first != path


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_file_does_not_grow_by_a_byte_too_many(missing: int, lengths: list[int], tmp_path: Path) -> None:
    """A line for which a byte is missing goes to the next file, also behind a torn line that is to be ended."""
    torn = b'{"v":1,"torn'
    for before in (b"", torn):
        path = tmp_path / f"{len(before)}" / "records.jsonl"
        path.parent.mkdir()
        fits = len(before) + bool(before) + sum(lengths[:3])
        first, second, *_ = _write(path, 5, before, max_bytes=fits - missing)
        assert first.stat().st_size == fits - lengths[2]
        assert second.read_bytes().startswith(b'{"v":1,"type":"event"')


def test_file_of_one_byte_is_rotated(tmp_path: Path) -> None:
    """Only an empty file takes a line that is too long for any."""
    first, second, *_ = _write(tmp_path / "records.jsonl", 1, b"\n", max_bytes=10)
    assert first.read_bytes() == b"\n"
    assert second.read_bytes().startswith(b'{"v":1,"type":"resource"')


def test_rotated_file_is_called_after_moment_and_process(tmp_path: Path) -> None:
    """The suffix is the moment of the rotation, in UTC and to the nanosecond, and the process id."""
    path = tmp_path / "records.jsonl"
    begin = time.time_ns()
    *rotated, _ = _write(path, 5, max_bytes=200)
    end = time.time_ns()
    moments = []
    for file in rotated:
        suffix = re.fullmatch(r"records\.jsonl\.(\d{8}T\d{6})\.(\d{9})Z-(\d+)", file.name)
        assert suffix is not None
        assert int(suffix[3]) == os.getpid()
        moments.append(timegm(time.strptime(suffix[1], "%Y%m%dT%H%M%S")) * 10**9 + int(suffix[2]))
    assert len(moments) > 3
    assert [begin, *moments, end] == sorted({begin, *moments, end})


def test_fewer_files_than_backups_are_all_kept(tmp_path: Path) -> None:
    """Nothing is removed as long as there are not more rotated files than `backups` says."""
    for name in OLD[:3]:
        (tmp_path / name).touch()
    files = _write(tmp_path / "records.jsonl", 0, b"x\n", max_bytes=10, backups=9)
    assert [file.name for file in files[:3]] == OLD[:3]


def test_as_many_files_are_removed_as_there_are_too_many(tmp_path: Path) -> None:
    """Those that `backups` leaves are the newest ones."""
    for name in OLD:
        (tmp_path / name).touch()
    exporter = FileExporter(tmp_path / "records.jsonl", max_bytes=10, backups=3)
    exporter.initialize(Resource())
    exporter.close()
    assert sorted(path.name for path in tmp_path.iterdir())[1:3] == OLD[2:]


# Another process is faster, each time that this one is about to rename or remove a file for the first time.
_FASTER = """
import os
import sys
from one_logger.core import Event, Resource, Span
from one_logger.exporter.file import FileExporter

path, step, backups = sys.argv[1:]
done = False

def be_faster(event, arguments):
    global done
    if event == step and not done:
        done = True
        if step == "os.remove":
            os.remove(arguments[0])
        else:
            os.rename(arguments[0], arguments[0] + ".taken")

exporter = FileExporter(path, max_bytes=10, backups=int(backups))
exporter.initialize(Resource())
exporter.flush()
exporter.export_event(Event("step"), Span("work"))
sys.addaudithook(be_faster)
exporter.flush()
print(*os.listdir(os.path.dirname(path)))
exporter.close()
assert done
"""


def test_old_file_that_another_process_has_removed_is_no_failure(
    run_script: Callable[..., str], tmp_path: Path
) -> None:
    """Where another process was faster with one of the old files, the rest of them is removed."""
    for name in OLD:
        (tmp_path / name).touch()
    assert run_script(_FASTER, tmp_path / "records.jsonl", "os.remove", 0) == "records.jsonl\n"


def test_file_that_another_process_has_rotated_is_no_failure(run_script: Callable[..., str], tmp_path: Path) -> None:
    """Where another process has just moved the file out of the way, a new one is begun, and nothing is lost."""
    path = tmp_path / "records.jsonl"
    run_script(_FASTER, path, "os.rename", 9)
    files = [path.with_name("records.jsonl.taken"), *sorted(tmp_path.glob("*Z-*")), path]
    records = [record for file in files for record in read_records(file.read_bytes().splitlines())]
    assert [record["type"] for record in records] == ["resource", "event", "end"]
