"""A file whose last line is not complete: torn for good, or just being written by another process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from one_logger.core import Resource, read_records, verify
from one_logger.exporter.file import FileExporter

BEFORE = '{"v":1,"type":"resource","stream":"other","seq":1}\n{"v":1,"type":"ev'

# What another process does before each look but the first at the end of the file: it writes, or takes so many bytes
# away. The number of looks is printed.
_LOOKED_AT = """
import os
import sys
from one_logger.core import Resource
from one_logger.exporter.file import FileExporter

path, *changes = sys.argv[1:]
looks = 0

def write_on(event, arguments):
    global looks
    if event == "open" and arguments[:2] == (path, "r"):
        looks += 1
        change = changes[looks - 2] if 1 < looks < len(changes) + 2 else ""
        if change.isdecimal():
            os.truncate(path, os.path.getsize(path) - int(change))
        elif change:
            file = os.open(path, os.O_WRONLY | os.O_APPEND)
            os.write(file, change.encode())
            os.close(file)

sys.addaudithook(write_on)
exporter = FileExporter(path)
exporter.initialize(Resource())
exporter.close()
print(looks)
"""


def _open_and_close(path: Path) -> None:
    exporter = FileExporter(path)
    exporter.initialize(Resource())
    exporter.close()


@pytest.mark.parametrize(
    "writes", [['ent","stream":"other","seq":2}\n'], ["ent", '","stream":"other"', ',"seq":2}\n']], ids=["one", "three"]
)
@pytest.mark.parametrize("first", ["", "\n"], ids=repr)
def test_line_that_another_process_completes_is_left_alone(
    first: str, writes: list[str], run_script: Callable[..., str], tmp_path: Path
) -> None:
    """A line that grows is waited for: nothing is written into its middle, nor an empty line behind it."""
    path = tmp_path / "records.jsonl"
    path.write_text(first + BEFORE)
    assert run_script(_LOOKED_AT, path, *writes) == f"{1 + len(writes)}\n"
    text = path.read_text()
    assert text.startswith(first + BEFORE + "".join(writes) + '{"v":1,"type":"resource"')
    assert [report.records for report in verify(read_records(text.splitlines()))] == [2, 2]


def test_line_that_another_process_begins_again_is_left_alone(run_script: Callable[..., str], tmp_path: Path) -> None:
    """A line that gets shorter is waited for as well."""
    path = tmp_path / "records.jsonl"
    path.write_text(BEFORE)
    assert run_script(_LOOKED_AT, path, "2", 'event"}\n') == "3\n"
    assert path.read_text().startswith(BEFORE[:-2] + 'event"}\n{"v":1,"type":"resource"')


def test_line_that_nobody_goes_on_with_is_closed_off(run_script: Callable[..., str], tmp_path: Path) -> None:
    """A torn line that has not grown between two looks is ended, and what follows begins a line."""
    path = tmp_path / "records.jsonl"
    path.write_text(BEFORE)
    assert run_script(_LOOKED_AT, path) == "2\n"
    assert path.read_text().startswith(BEFORE + '\n{"v":1,"type":"resource"')


def test_line_that_is_given_up_later_is_closed_off(run_script: Callable[..., str], tmp_path: Path) -> None:
    """A torn line that grows for a while, and then no more, is ended."""
    path = tmp_path / "records.jsonl"
    path.write_text(BEFORE)
    assert run_script(_LOOKED_AT, path, "ent", '","str') == "4\n"
    assert path.read_text().startswith(BEFORE + 'ent","str\n{"v":1,"type":"resource"')


def test_line_that_grows_for_ever_is_not_waited_for_as_long(run_script: Callable[..., str], tmp_path: Path) -> None:
    """A process that writes all the time, and never ends a line, does not keep another one from starting."""
    path = tmp_path / "records.jsonl"
    path.write_text(BEFORE)
    assert int(run_script(_LOOKED_AT, path, *["x"] * 1_000)) < 100


@pytest.mark.parametrize("text", ["", "{}\n"], ids=["empty", "whole"])
def test_file_that_is_whole_is_looked_at_once(text: str, run_script: Callable[..., str], tmp_path: Path) -> None:
    """Opening a file that ends with a line, or has none, waits for nothing."""
    path = tmp_path / "records.jsonl"
    path.write_text(text)
    assert run_script(_LOOKED_AT, path) == "1\n"


def test_torn_line_delays_the_start_but_little(tmp_path: Path) -> None:
    """Opening a file with a torn line takes less than half a second, at the best of five."""
    times = []
    for number in range(5):
        path = tmp_path / f"{number}.jsonl"
        path.write_text(BEFORE)
        begin = time.monotonic()
        _open_and_close(path)
        times.append(time.monotonic() - begin)
    assert min(times) < 0.5


@pytest.mark.parametrize("torn", [b"{", b"x", b"\xe2"], ids=repr)
def test_file_of_one_byte_is_torn(torn: bytes, tmp_path: Path) -> None:
    """A file that holds nothing but the first byte of a line is closed off, too."""
    path = tmp_path / "records.jsonl"
    path.write_bytes(torn)
    _open_and_close(path)
    assert path.read_bytes().startswith(torn + b'\n{"v":1')


def test_pipe_gets_no_empty_line(tmp_path: Path) -> None:
    """What is no ordinary file has no torn line: the first thing that its reader gets is a record."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[bytes] = []

    def read_all() -> None:
        with path.open("rb") as pipe:
            read.extend(pipe)

    reader = threading.Thread(target=read_all)
    reader.start()
    _open_and_close(path)
    reader.join()
    assert [record["type"] for record in read_records(read)] == ["resource", "end"]
    assert len(read) == 2


_UNREADABLE = """
import os
import tempfile
from one_logger.core import Resource
from one_logger.exporter.file import FileExporter

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "records.jsonl")
    with open(path, "w") as file:
        file.write('{"v":1,"torn')
    os.chmod(path, 0o222)
    os.chmod(folder, 0o777)
    exporter = FileExporter(path)
    if os.geteuid() == 0:
        os.seteuid(65534)  # root may read everything
    exporter.initialize(Resource())
    exporter.close()
    os.seteuid(os.getuid())
    os.chmod(path, 0o666)
    with open(path) as file:
        print(file.read()[:len('{"v":1,"torn') + 7])
"""


def test_file_that_may_not_be_read_is_taken_for_torn(run_script: Callable[..., str]) -> None:
    """Where nobody can look at the end of a file, a stream begins on a line of its own all the same."""
    assert run_script(_UNREADABLE) == '{"v":1,"torn\n{"v":1\n'
