"""Files that cannot be rotated, or only in part: nothing is lost by that."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from one_logger.core import Event, Resource, Span, read_records, verify
from one_logger.exporter.file import FileExporter

Reports = Callable[[], list[str]]

OLD = "records.jsonl.20260101T000000.000000001Z-7"


def _write(path: Path, steps: int = 120, **settings: Any) -> None:
    """Write events, and flush after each."""
    exporter = FileExporter(path, max_bytes=1_000, **settings)
    exporter.initialize(Resource())
    for step in range(steps):
        exporter.export_event(Event("step", {"step": step}), Span("work"))
        exporter.flush()
    exporter.close()


def _whole(*paths: Path) -> bool:
    lines = [line for path in paths for line in path.read_bytes().splitlines()]
    return verify(lines).whole and len(lines) >= 122


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_a_file_whose_name_is_too_long_grows(compression: str | None, tmp_path: Path, reports: Reports) -> None:
    """Where the name has no room for a suffix, all is written to the file, and that is said once."""
    path = tmp_path / ("r" * 240)
    _write(path, compression=compression)
    assert list(tmp_path.iterdir()) == [path]
    run = verify(path)
    assert (run.whole, run.records) == (True, 122)
    (said,) = reports()
    assert said == f"The file {str(path)!r} cannot be rotated, and grows beyond max_bytes: File name too long"


_UNWRITABLE = """
import logging, os, sys, tempfile
from one_logger.core import Event, Resource, Span, diagnostics
from one_logger.exporter.file import FileExporter

logging.basicConfig(stream=sys.stdout, format="%(message)s")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "records.jsonl")
    exporter = FileExporter(path, max_bytes=1_000, backups=1)
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)  # nobody may lose permissions, root cannot
    exporter.initialize(Resource())
    exporter.flush()
    for mode in (0o555, 0o755):
        os.chmod(folder, mode)
        for step in range(60):
            exporter.export_event(Event("step", {"step": step}), Span("work"))
            exporter.flush()
        print([os.path.getsize(each) > 5_000 for each in os.scandir(folder)])
    exporter.close()
    diagnostics.write_reports()
    os.seteuid(os.getuid())  # who may remove the folder
"""


def test_a_folder_that_may_not_be_written_to_is_no_failure(run_script: Callable[..., str]) -> None:
    """While the folder is forbidden the file grows, with one warning; then it is rotated again."""
    first, second, said = run_script(_UNWRITABLE).splitlines()
    assert (first, second) == ("[True]", "[False, False]")
    assert re.match(r"The file '.*' cannot be rotated, and grows beyond max_bytes: Permission denied\.", said)


def test_old_files_that_cannot_be_removed_are_no_failure(tmp_path: Path, reports: Reports) -> None:
    """Something that is called like an old file, and can't be removed, keeps nothing from being written."""
    path = tmp_path / "records.jsonl"
    (tmp_path / OLD).mkdir()
    _write(path, backups=0)
    assert verify(path)[0].records > 0
    (said,) = reports()
    assert said.startswith(f"Old files of {str(path)!r} cannot be removed: ")


def test_rotation_follows_a_symbolic_link(tmp_path: Path) -> None:
    """The file that the link names is rotated where it is, and the link stays."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "here").symlink_to("disk")
    (tmp_path / "here" / "link.jsonl").symlink_to("records.jsonl")
    path = tmp_path / "here" / "link.jsonl"
    _write(path)
    assert path.is_symlink()
    names = sorted(each.name for each in (tmp_path / "disk").iterdir())
    assert names[:2] == ["link.jsonl", "records.jsonl"]
    assert len(names) > 10
    assert all(re.fullmatch(r"records\.jsonl\..*Z-\d+", name) for name in names[2:])
    assert _whole(*((tmp_path / "disk" / name) for name in [*names[2:], names[1]]))


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    """A link that leads to itself is reported as what it is, and not followed for ever."""
    path = tmp_path / "records.jsonl"
    path.symlink_to(path)
    with pytest.raises(Exception, match="Too many levels of symbolic links"):
        _write(path)


_WRITE = """
from one_logger.core import Event, Resource, Span
from one_logger.exporter.file import FileExporter

def write(path):
    exporter = FileExporter(path, max_bytes=1_000)
    exporter.initialize(Resource())
    for step in range(120):
        exporter.export_event(Event("step", {"step": step}), Span("work"))
        exporter.flush()
    exporter.close()
"""


@pytest.mark.parametrize("name", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1"])
def test_an_output_stream_is_not_rotated(name: str, run_script: Callable[..., str], tmp_path: Path) -> None:
    """The job's output may be a file: it grows, and its name stays where it is, as does the device's."""
    path = tmp_path / "output"
    script = f"{_WRITE}\nwrite({name!r})"
    with path.open("wb") as output:
        done = subprocess.run([sys.executable, "-c", script], stdout=output, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [path]
    assert Path("/dev/stdout").is_symlink()
    assert _whole(path)


def test_mode_and_owner_stay(tmp_path: Path) -> None:
    """The new file may be read by those who could read the old one, and by nobody else."""
    path = tmp_path / "records.jsonl"
    path.touch()
    path.chmod(0o604)
    if os.geteuid() == 0:
        os.chown(path, 65534, 12345)
    before = path.stat()
    _write(path)
    for file in tmp_path.iterdir():
        after = file.stat()
        assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert len(list(tmp_path.iterdir())) > 10


@pytest.mark.parametrize("newest", ["20990101T000000.999999999", "20991231T235959.123456789"])
def test_the_newest_is_kept_though_the_clock_was_set_back(newest: str, tmp_path: Path) -> None:
    """Files that were rotated under a clock that was wrong are older than what is rotated now."""
    path = tmp_path / "records.jsonl"
    for process in range(1, 4):
        (tmp_path / f"records.jsonl.{newest}Z-{process}").touch()
    _write(path, backups=3)
    rotated = sorted(each for each in tmp_path.iterdir() if each != path)
    assert len(rotated) == 3
    records = [record for file in rotated for record in read_records(file)]
    steps = [record["attributes"]["step"] for record in records if record["type"] == "event"]
    assert steps == list(range(steps[0], steps[0] + len(steps)))
    assert steps[-1] >= 115
