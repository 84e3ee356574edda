"""In which pieces lines get into a file, and descriptors that are closed at the worst moment."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from one_logger.core import Event, ExportError, OneLoggerError, Resource, Span, verify
from one_logger.exporter.file import FileExporter

LINES = [os.urandom(500).hex() + "\n" for _ in range(40)]


def _writes() -> int:
    """How often this process has written something."""
    (line,) = (line for line in Path("/proc/self/io").read_text().splitlines() if line.startswith("syscw"))
    return int(line.split()[1])


def _write(path: Path, lines: list[str], **settings: Any) -> list[Path]:
    """Write lines in one go. The rotated files, and the one that is written to."""
    exporter = FileExporter(path, **settings)
    exporter.open(Resource())
    exporter.write(list(lines))
    exporter.release()
    return [*sorted(path.parent.glob(f"{path.name}.*")), path]


@pytest.mark.parametrize("room", [None, 0, 1, 10_000])
def test_lines_that_fit_are_written_at_once(room: int | None, tmp_path: Path) -> None:
    """What is flushed is one write, if `max_bytes` allows it, be it to the byte."""
    path = tmp_path / "records.jsonl"
    length = sum(map(len, LINES))
    counts = []
    for _ in range(5):  # others may write something meanwhile, such as what runs the tests
        exporter = FileExporter(path, max_bytes=None if room is None else length + room)
        exporter.open(Resource())
        before = _writes()
        exporter.write(list(LINES))
        counts.append(_writes() - before)
        exporter.release()
        assert path.stat().st_size == length
        path.unlink()
    assert min(counts) == 1


def test_members_are_as_large_as_they_may_be(tmp_path: Path) -> None:
    """Compressed lines that fit to the byte are one member, and with a byte less they are two, in two files."""
    (path,) = _write(tmp_path / "all", LINES[:2], compression="gzip")
    size = path.stat().st_size
    (path,) = _write(tmp_path / "fits", LINES[:2], compression="gzip", max_bytes=size)
    assert path.stat().st_size == size
    files = _write(tmp_path / "does not", LINES[:2], compression="gzip", max_bytes=size - 1)
    assert len(files) == 2
    assert max(file.stat().st_size for file in files) < size


@pytest.mark.parametrize("length", [5_000, 50_000])
def test_pipe_takes_a_line_of_any_length(length: int) -> None:
    """A line that is longer than a pipe takes at once gets there, too."""
    reading, writing = os.pipe()
    read: list[bytes] = []

    def read_all() -> None:
        with os.fdopen(reading, "rb") as pipe:
            read.append(pipe.read())

    reader = threading.Thread(target=read_all)
    reader.start()
    line = "x" * length + "\n"
    _write(Path(f"/proc/self/fd/{writing}"), [line, "short\n"])
    os.close(writing)
    reader.join()
    assert read == [f"{line}short\n".encode()]


@pytest.mark.parametrize("setting", ["max_bytes", "backups"])
def test_numbers_are_whole(setting: str) -> None:
    """Half a byte, or half a file, is a mistake."""
    settings: dict[str, Any] = {setting: 2.5}
    with pytest.raises(OneLoggerError, match=f"^{setting} is 2.5; expected "):
        FileExporter("records.jsonl", **settings)


@contextmanager
def _closing_before(function: Any, path: Path, times: int) -> Iterator[None]:
    """The descriptor of a file is closed so many times, each time that this function of the system is to be called."""
    left = times

    def close(frame: FrameType, event: str, argument: object) -> None:
        nonlocal left
        if event == "c_call" and argument is function and left:
            left -= 1
            sys.setprofile(None)
            (link,) = (link for link in Path("/proc/self/fd").iterdir() if link.exists() and link.samefile(path))
            os.close(int(link.name))
            sys.setprofile(close)

    sys.setprofile(close)
    try:
        yield
    finally:
        sys.setprofile(None)
    assert left == 0


def test_descriptor_that_is_closed_just_before_a_write_is_opened_anew(tmp_path: Path) -> None:
    """Once that costs nothing; twice it is an error, after which nothing is lost either."""
    path = tmp_path / "records.jsonl"
    exporter = FileExporter(path)
    exporter.initialize(Resource())
    exporter.flush()
    for step, times in enumerate((1, 2)):
        exporter.export_event(Event("step", {"step": step}), Span("work"))
        with _closing_before(os.write, path, times):
            if times == 1:
                exporter.flush()
            else:
                with pytest.raises(ExportError, match="cannot be written to: Bad file descriptor") as raised:
                    exporter.flush()
                assert raised.value.retriable
    exporter.close()
    (report,) = verify(path)
    assert (report.whole, report.records) == (True, 4)


def test_descriptor_that_cannot_be_closed_is_an_error_of_the_exporter(tmp_path: Path) -> None:
    """What the system says when the file is closed, for example that a server has not kept it, is said."""
    path = tmp_path / "records.jsonl"
    exporter = FileExporter(path)
    exporter.initialize(Resource())
    with (
        _closing_before(os.close, path, 1),
        pytest.raises(ExportError, match=r"records\.jsonl' cannot be closed: Bad file descriptor\.$"),
    ):
        exporter.close()
    assert verify(path).whole
