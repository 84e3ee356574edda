"""Rotation of the file by size."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from one_logger.core import Event, OneLoggerError, Resource, Span, read_records, verify
from one_logger.exporter.file import FileExporter


def _files(path: Path) -> list[Path]:
    """The rotated files, oldest first, and the one that is written to."""
    return [*sorted(path.parent.glob(f"{path.name}.*")), path]


def _records(path: Path) -> list[dict[str, Any]]:
    return [record for file in _files(path) for record in read_records(file.read_bytes().splitlines())]


def _steps(records: list[dict[str, Any]]) -> list[int]:
    return [record["attributes"]["step"] for record in records if record["type"] == "event"]


def _write(path: Path, steps: range, flush_every: int = 1, **settings: Any) -> None:
    exporter = FileExporter(path, **settings)
    exporter.initialize(Resource())
    span = Span("work")
    for step in steps:
        exporter.export_event(Event("step", {"step": step}), span)
        if step % flush_every == 0:
            exporter.flush()
    exporter.close()


@pytest.mark.parametrize("flush_every", [1, 7, 1_000])
def test_files_are_rotated_at_a_size_and_nothing_is_lost(flush_every: int, tmp_path: Path) -> None:
    """No file is larger than `max_bytes`, none is much smaller, each ends with a line, all together are whole."""
    path = tmp_path / "records.jsonl"
    _write(path, range(500), flush_every, max_bytes=10_000)
    sizes = [file.stat().st_size for file in _files(path)]
    assert len(sizes) > 5
    assert all(9_500 < size <= 10_000 for size in sizes[:-1])
    assert sizes[-1] <= 10_000
    assert all(file.read_bytes().endswith(b"\n") for file in _files(path))
    assert _steps(_records(path)) == list(range(500))
    (report,) = verify(_records(path))
    assert report.whole


def test_a_line_that_is_longer_than_a_file_may_be_is_written(tmp_path: Path) -> None:
    """A record that is longer than `max_bytes` gets a file of its own."""
    path = tmp_path / "records.jsonl"
    exporter = FileExporter(path, max_bytes=1_000)
    exporter.initialize(Resource())
    span = Span("work")
    for text in ("small", "x" * 5_000, "small"):
        exporter.export_event(Event("step", {"text": text, "step": len(text)}), span)
    exporter.close()
    assert _steps(_records(path)) == [5, 5_000, 5]
    assert verify(_records(path))[0].whole
    assert len([file for file in _files(path) if file.stat().st_size > 1_000]) == 1


def test_old_files_are_removed(tmp_path: Path) -> None:
    """With `backups`, that many rotated files are kept, the newest ones, and nobody else's files are touched."""
    path = tmp_path / "records.jsonl"
    others = [tmp_path / name for name in ("records.jsonl.bak", "records.jsonl.20200101T000000Z", "other.jsonl")]
    for other in others:
        other.write_text("")
    _write(path, range(500), max_bytes=10_000, backups=2)
    files = [file for file in _files(path) if file not in others]
    assert len(files) == 3
    assert all(other.exists() for other in others)
    kept = _steps([record for file in files for record in read_records(file.read_bytes().splitlines())])
    assert kept == list(range(kept[0], 500))


def test_no_backups_keeps_the_current_file_alone(tmp_path: Path) -> None:
    """With `backups=0` a full file is replaced by a new one."""
    path = tmp_path / "records.jsonl"
    _write(path, range(500), max_bytes=10_000, backups=0)
    assert _files(path) == [path]
    assert _steps(_records(path))[-1] == 499


def test_a_file_that_is_there_already_counts(tmp_path: Path) -> None:
    """What an earlier run has left counts for the size, and is rotated, not truncated."""
    path = tmp_path / "records.jsonl"
    path.write_text("x" * 9_990 + "\n")
    _write(path, range(3), max_bytes=10_000)
    old, new = _files(path)
    assert old.read_text() == "x" * 9_990 + "\n"
    assert _steps(_records(path)) == [0, 1, 2]
    assert new.stat().st_size < 10_000


def test_what_is_no_ordinary_file_is_not_rotated() -> None:
    """A device has no size and stays where it is."""
    _write(Path(os.devnull), range(100), max_bytes=100)
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_bytes": 0}, "max_bytes is 0; expected a number of bytes from 1, or None."),
        ({"max_bytes": "10"}, "max_bytes is '10'"),
        ({"max_bytes": True}, "max_bytes is True"),
        ({"backups": -1}, "backups is -1; expected a number of files from 0, or None."),
    ],
)
def test_mistakes_in_the_settings_are_errors(settings: dict[str, Any], message: str) -> None:
    """A size or number that is none is refused when the exporter is made."""
    with pytest.raises(OneLoggerError, match=message):
        FileExporter("records.jsonl", **settings)


_MANY_WRITERS = """
import os
import sys
from one_logger.core import Event, ExportError, Resource, Span
from one_logger.exporter.file import FileExporter

children = []
for writer in range(4):
    child = os.fork()
    if child == 0:
        exporter = FileExporter(sys.argv[1], max_bytes=20_000)
        exporter.initialize(Resource())
        span = Span("work")
        for step in range(1_000):
            exporter.export_event(Event("step", {"step": step}), span)
            if step % 3 == 0:
                exporter.flush()
        exporter.close()
        os._exit(0)
    children.append(child)
print([os.waitpid(child, 0)[1] for child in children])
"""


def test_processes_that_share_a_file_rotate_it_without_losing_a_line(
    run_script: Callable[..., str], tmp_path: Path
) -> None:
    """Four processes that write to one file, and rotate it all the time, get no error and lose nothing."""
    path = tmp_path / "records.jsonl"
    assert run_script(_MANY_WRITERS, path) == f"{[0] * 4}\n"
    records = _records(path)
    assert [report.whole for report in verify(records)] == [True] * 4
    assert Counter(_steps(records)) == dict.fromkeys(range(1_000), 4)
    assert len(_files(path)) > 20
    lines = [line for file in _files(path) for line in file.read_bytes().splitlines()]
    assert len(records) == sum(map(bool, lines)), "no line is torn; an empty one may follow a write that was under way"
