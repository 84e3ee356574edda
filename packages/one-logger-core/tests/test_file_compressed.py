"""Compressed files: what is in them, what a tear costs, several processes, rotation, and a full disk."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from one_logger.core import Event, ExportError, OneLoggerError, Resource, Span, read_records, verify
from one_logger.exporter.file import FileExporter


def _steps(*paths: Path) -> list[int]:
    records = [record for path in paths for record in read_records(path)]
    return [record["attributes"]["step"] for record in records if record["type"] == "event"]


def _write(path: Path, steps: range, flush_every: int = 10, **settings: Any) -> None:
    exporter = FileExporter(path, compression="gzip", **settings)
    exporter.initialize(Resource())
    span = Span("work")
    for step in steps:
        exporter.export_event(Event("step", {"step": step}), span)
        if step % flush_every == 0:
            exporter.flush()
    exporter.close()


def _files(path: Path) -> list[Path]:
    """The rotated files, oldest first, and the one that is written to."""
    return [*sorted(path.parent.glob(f"{path.name}.*")), path]


def test_what_is_flushed_is_a_gzip_file(tmp_path: Path) -> None:
    """After each flush the file, under the name that was given, is one that gzip reads to its end."""
    path = tmp_path / "records.jsonl"
    exporter = FileExporter(path, compression="gzip")
    exporter.initialize(Resource())
    for step in range(5):
        exporter.export_event(Event("step", {"step": step}), Span("work"))
        exporter.flush()
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        assert list(read_records(lines)) == list(read_records(path))
        assert _steps(path) == list(range(step + 1))
    exporter.close()
    assert verify(path).whole
    assert [file.name for file in tmp_path.iterdir()] == ["records.jsonl"]


def test_other_tools_read_it(tmp_path: Path) -> None:
    """DuckDB reads a file that several processes of a job have written one after the other."""
    path = tmp_path / "records.jsonl.gz"
    for first in (0, 100, 200):
        _write(path, range(first, first + 100))
    read = duckdb.read_json(str(path), format="newline_delimited")
    assert read.aggregate("count(*), count(DISTINCT stream)").fetchall() == [(306, 3)]
    assert verify(path).lines_passed_over == 0


@pytest.mark.parametrize("parent", [None, Span("training")], ids=["of a trace each", "of one trace"])
def test_a_span_takes_an_eighth_of_the_bytes(parent: Span | None, tmp_path: Path) -> None:
    """A span with two attributes takes 45 bytes at most, where a thousand are flushed at once."""
    path = tmp_path / "records.jsonl"
    exporter = FileExporter(path, compression="gzip")
    exporter.initialize(Resource())
    for step in range(1_000):
        span = Span("epoch", {"step": step, "kind": "train"}, parent=parent)
        span.stop()
        exporter.export_start(span)
        exporter.export_stop(span)
    exporter.close()
    assert path.stat().st_size / 1_000 < 45


@pytest.mark.parametrize("cut", [1, 5, 30, 60])
def test_a_torn_end_costs_one_member(cut: int, tmp_path: Path) -> None:
    """What a killed process leaves half written hides nothing: neither what it had flushed nor what comes after it."""
    path = tmp_path / "records.jsonl"
    exporter = FileExporter(path, compression="gzip")
    exporter.initialize(Resource())
    exporter.export_event(Event("step", {"step": 0}), Span("work"))
    exporter.flush()
    flushed = path.stat().st_size
    exporter.export_event(Event("step", {"step": 1}), Span("work"))
    exporter.flush()
    os.truncate(path, max(flushed, path.stat().st_size - cut))
    _write(path, range(2, 50))
    assert [step for step in _steps(path) if step != 1] == [0, *range(2, 50)]
    assert [report.closed for report in verify(path)] == [False, True]


def test_what_is_appended_begins_a_new_line(tmp_path: Path) -> None:
    """Whatever the file ends with, the first member of another process does not go on with a line that was torn."""
    path = tmp_path / "records.jsonl"
    torn = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\n"
    for before in (torn, gzip.compress(b'{"v":1,"torn')):
        path.write_bytes(before)
        _write(path, range(3))
        lines = gzip.decompress(path.read_bytes()[len(before) :])
        assert lines.startswith(b'\n{"v":1,"type":"resource"')
    path.unlink()
    _write(path, range(3))
    assert gzip.decompress(path.read_bytes()).startswith(b"{")


WRITER = """
import os, sys
from one_logger.core import Event, Resource, Span
from one_logger.exporter.file import FileExporter

exporter = FileExporter(sys.argv[1], compression="gzip", max_bytes=int(sys.argv[2]) or None)
children = []
for writer in range(6):
    child = os.fork()
    if child == 0:
        exporter.initialize(Resource({"writer": writer}))
        span = Span("work")
        for step in range(600):
            exporter.export_event(Event("step", {"step": step}), span)
            if step % 20 == 0:
                exporter.flush()
        exporter.close()
        os._exit(0)
    children.append(child)
print([os.waitpid(child, 0)[1] for child in children])
"""


@pytest.mark.parametrize("max_bytes", [0, 20_000])
def test_processes_share_a_file(max_bytes: int, run_script: Callable[..., str], tmp_path: Path) -> None:
    """Members of processes that write to one file at once, and rotate it, stand whole beside each other."""
    path = tmp_path / "records.jsonl"
    assert run_script(WRITER, path, max_bytes) == "[0, 0, 0, 0, 0, 0]\n"
    files = _files(path)
    assert (len(files) > 2) == bool(max_bytes)
    for file in files:
        gzip.decompress(file.read_bytes())
    records = [record for file in files for record in read_records(file)]
    run = verify(records)
    assert [(report.whole, report.records) for report in run] == [(True, 602)] * 6
    assert run.lines_passed_over == 0


KILLED = """
import sys
from one_logger.core import Event, Resource, Span
from one_logger.exporter.file import FileExporter

exporter = FileExporter(sys.argv[1], compression="gzip")
exporter.initialize(Resource())
span, step = Span("work"), 0
while True:
    for _ in range(500):
        exporter.export_event(Event("step", {"step": step, "text": str(step) * 10}), span)
        step += 1
    exporter.flush()
    print(step, flush=True)
"""


def test_a_killed_process_leaves_what_it_has_flushed(tmp_path: Path) -> None:
    """After SIGKILL, at whatever moment, all that was flushed is read, also what the next process appends."""
    path = tmp_path / "records.jsonl"
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            flushed = [int(process.stdout.readline()) for _ in range(5)][-1]
            process.send_signal(signal.SIGKILL)
            flushed = max([flushed, *map(int, process.stdout.read().split())])
        streams = list(dict.fromkeys(record["stream"] for record in read_records(path)))
        last = [record for record in read_records(path) if record["stream"] == streams[-1]]
        assert len(last) >= flushed + 1
    assert [report.gaps for report in verify(path)] == [[], [], []]


@pytest.mark.parametrize("flush_every", [1, 7, 1_000])
def test_files_are_rotated_at_a_size_and_nothing_is_lost(flush_every: int, tmp_path: Path) -> None:
    """No file is larger than `max_bytes`, each is a gzip file of its own, all together are whole."""
    path = tmp_path / "records.jsonl"
    _write(path, range(1_000), flush_every, max_bytes=4_000)
    files = _files(path)
    assert len(files) > 2
    assert all(file.stat().st_size <= 4_000 for file in files)
    assert all(gzip.decompress(file.read_bytes()).endswith(b"\n") for file in files)
    assert _steps(*files) == list(range(1_000))


def test_a_line_that_is_longer_than_a_file_may_be_is_written(tmp_path: Path) -> None:
    """A record that is too long for any file gets one of its own."""
    path = tmp_path / "records.jsonl"
    _write(path, range(3), 1, max_bytes=20)
    assert _steps(*_files(path)) == [0, 1, 2]


FULL = """
import os, resource, sys
from one_logger.core import Event, ExportError, Resource, Span
from one_logger.exporter.file import FileExporter

exporter = FileExporter(sys.argv[1], compression="gzip")
exporter.initialize(Resource())
exporter.flush()
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for room in (50, 0, 70):
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(sys.argv[1]) + room, hard))
    for step in range(20):
        exporter.export_event(Event("step", {"step": step}), Span("work"))
    try:
        exporter.flush()
    except ExportError as error:
        print(error.retriable)
print(os.path.getsize(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
exporter.close()
"""


def test_a_full_disk_loses_nothing(run_script: Callable[..., str], tmp_path: Path) -> None:
    """A member of which the disk has taken only a part is written again when there is room, and begins a line."""
    path = tmp_path / "records.jsonl"
    *retriable, torn = run_script(FULL, path).splitlines()
    assert retriable == ["True"] * 3
    assert gzip.decompress(path.read_bytes()[int(torn) :]).startswith(b'\n{"v":1')
    assert _steps(path) == [*range(20)] * 3
    assert verify(path).whole
    with pytest.raises((EOFError, zlib.error, gzip.BadGzipFile)):
        gzip.decompress(path.read_bytes())  # for other tools the torn member is the end


CUT = """
import os, resource, sys
from one_logger.core import Event, ExportError, Resource, Span
from one_logger.exporter.file import FileExporter

exporter = FileExporter(sys.argv[1], compression="gzip")
exporter.initialize(Resource())
exporter.flush()
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(sys.argv[1]) + 4_000, hard))
for step in range(1_000):
    exporter.export_event(Event("step", {"step": step, "random": os.urandom(8).hex()}), Span("work"))
try:
    exporter.flush()
except ExportError:
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    exporter.close()
"""


def test_what_stands_in_a_torn_member_and_is_written_again_counts_once(
    run_script: Callable[..., str], tmp_path: Path
) -> None:
    """A reader gets the records of a torn member as far as it goes, and once more; `verify` counts each once."""
    path = tmp_path / "records.jsonl"
    run_script(CUT, path)
    steps = _steps(path)
    assert sorted(set(steps)) == [*range(1_000)]
    assert len(steps) > 1_000
    (report,) = verify(path)
    assert (report.state, report.records) == ("whole", 1_002)


@pytest.mark.parametrize("compression", ["gzip", None])
def test_a_file_of_the_other_kind_is_refused(compression: Any, tmp_path: Path) -> None:
    """A file in which compressed records stand beside others could not be read, so none is made."""
    path = tmp_path / "records.jsonl"
    other = FileExporter(path, compression=None if compression else "gzip")
    other.initialize(Resource())
    other.close()
    before = path.read_bytes()
    exporter = FileExporter(path, compression=compression)
    given, found = ("compressed", "not compressed") if compression else ("not compressed", "compressed")
    said = f"holds records that are {found}, and those to be appended are {given}; .* Give another path"
    with pytest.raises(ExportError, match=said) as caught:
        exporter.initialize(Resource())
    assert not caught.value.retriable
    exporter.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("compression", ["lz4", "", True, 6])
def test_an_unknown_compression_is_refused(compression: Any) -> None:
    """What is no compression that it knows is said where the exporter is made."""
    with pytest.raises(OneLoggerError, match=r"compression is .*'gzip'"):
        FileExporter("records.jsonl", compression=compression)
