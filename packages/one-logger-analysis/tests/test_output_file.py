"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from one_logger.analysis.output_file import output_file


def test_a_file_is_there_once_it_is_whole(tmp_path: Path) -> None:
    """Until all is written the old file is there, and then the new one, with the permissions that any file gets."""
    path = tmp_path / "report.html"
    path.write_text("old")

    with output_file(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"

    assert path.read_text() == "new"
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_finished_is_not_there(tmp_path: Path) -> None:
    """If something goes wrong meanwhile, Ctrl-C included, the old file is kept and nothing is left behind."""
    path = tmp_path / "report.html"
    path.write_text("old")

    with pytest.raises(KeyboardInterrupt), output_file(path) as file:
        file.write(b"new")
        raise KeyboardInterrupt

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error names the path that was given."""
    path = tmp_path / "no" / "report.html"

    with pytest.raises(FileNotFoundError) as raised, output_file(path):
        pass

    assert raised.value.filename == str(path)
    with pytest.raises(IsADirectoryError), output_file(tmp_path):
        pass


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """What is no regular file is written to as it is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with output_file(pipe) as file:
            file.write(b"through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_full_disk_is_said_with_the_path() -> None:
    """If there is no room the error names the path that was given."""
    with pytest.raises(OSError, match="No space left on device") as raised, output_file("/dev/full") as file:
        file.write(b"x" * 100_000)

    assert raised.value.filename == "/dev/full"


def test_stdout_may_be_a_pipe(tmp_path: Path) -> None:
    """`/dev/stdout` is written to also where it is a pipe, whose real path is none."""
    code = (
        "from one_logger.analysis.output_file import output_file\nwith output_file('/dev/stdout') as f: f.write(b'out')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=tmp_path)

    assert (done.stdout, list(tmp_path.iterdir())) == (b"out", [])


def test_a_link_still_points_to_its_file(tmp_path: Path) -> None:
    """A symbolic link is followed: the file that it points to is replaced."""
    (tmp_path / "latest").symlink_to(tmp_path / "first.html")

    with output_file(tmp_path / "latest") as file:
        file.write(b"new")

    assert (tmp_path / "latest").is_symlink()
    assert (tmp_path / "first.html").read_text() == "new"
