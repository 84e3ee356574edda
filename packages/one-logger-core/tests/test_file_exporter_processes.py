"""The file exporter in forked children, among other processes, and on a full disk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from one_logger.core import read_records, verify

_START = """
import os
import resource
import sys
from one_logger.core import Event, ExportError, Resource, Span
from one_logger.exporter.file import FileExporter

exporter = FileExporter(sys.argv[1])

def export(first, last):
    for step in range(first, last):
        exporter.export_event(Event("step", {"step": step}), span)

span = Span("work")
"""

_FORK = (
    _START
    + """
exporter.initialize(Resource({"process": "parent"}))
export(0, 3)
exporter.flush()
export(3, 5)
child = os.fork()
if child == 0:
    exporter.after_fork()
    exporter.initialize(Resource({"process": "child"}))
    export(100, 102)
    exporter.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
export(5, 7)
exporter.close()
"""
)

_SILENT_CHILD = (
    _START
    + """
exporter.initialize(Resource())
export(0, 3)
child = os.fork()
if child == 0:
    exporter.after_fork()
    exporter.close()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
size = os.path.getsize(sys.argv[1])
exporter.close()
print(size)
"""
)

_MANY_WRITERS = (
    _START
    + """
children = []
for writer in range(6):
    child = os.fork()
    if child == 0:
        exporter.initialize(Resource({"writer": writer}))
        for batch in range(30):
            export(batch * 20, batch * 20 + 20)
            exporter.flush()
        exporter.close()
        os._exit(0)
    children.append(child)
print([os.waitpid(child, 0)[1] for child in children])
"""
)

_FULL_DISK = (
    _START
    + """
exporter.initialize(Resource())
export(0, 20)
exporter.flush()
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
size = os.path.getsize(sys.argv[1])
failures = []
for extra in (1_000, 1_000, 1_001, 1_500):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + extra, hard))
    export(20, 40)
    try:
        exporter.flush()
    except ExportError as error:
        failures.append((error.retriable, "cannot be written" in str(error)))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
exporter.flush()
export(40, 60)
exporter.close()
print(failures)
"""
)

_FULL_ANYWHERE = (
    _START
    + """
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for room in range(1, 700):
    exporter = FileExporter(f"{sys.argv[1]}.{room}")
    exporter.initialize(Resource())
    exporter.flush()
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(f"{sys.argv[1]}.{room}") + room, hard))
    export(0, 3)
    try:
        exporter.flush()
    except ExportError as error:
        pass
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    if room % 2:
        export(3, 4)
        exporter.close()
"""
)

_FULL_AT_CLOSE = (
    _START
    + """
exporter.initialize(Resource())
exporter.flush()
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(sys.argv[1]), hard))
export(0, 20)
probe = os.open("/", os.O_RDONLY)
os.close(probe)
try:
    exporter.close()
except ExportError as error:
    print(error.retriable)
exporter.close()
released = os.open("/", os.O_RDONLY)
print(released < probe)
"""
)


def _records(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        return list(read_records(file))


def _steps(path: Path, stream: str) -> list[int]:
    return [r["attributes"]["step"] for r in _records(path) if r["stream"] == stream and r["type"] == "event"]


def test_forked_child_has_a_stream_of_its_own(run_script: Callable[..., str], tmp_path: Path) -> None:
    """A forked child writes a stream of its own with nothing of its parent's buffer; the parent loses nothing."""
    path = tmp_path / "records.jsonl"
    run_script(_FORK, path)
    streams = {r["attributes"]["process"]: r["stream"] for r in _records(path) if r["type"] == "resource"}
    assert [report.whole for report in verify(_records(path))] == [True, True]
    assert _steps(path, streams["parent"]) == [0, 1, 2, 3, 4, 5, 6]
    assert _steps(path, streams["child"]) == [100, 101]


def test_forked_child_that_records_nothing_writes_nothing(run_script: Callable[..., str], tmp_path: Path) -> None:
    """A forked child that is closed, or exits, writes nothing of what its parent has buffered."""
    path = tmp_path / "records.jsonl"
    assert run_script(_SILENT_CHILD, path) == "0\n"
    assert [(report.whole, report.records) for report in verify(_records(path))] == [(True, 5)]


def test_processes_share_a_file(run_script: Callable[..., str], tmp_path: Path) -> None:
    """Six processes that write to one file at once leave six whole streams, and no line torn."""
    path = tmp_path / "records.jsonl"
    assert run_script(_MANY_WRITERS, path) == f"{[0] * 6}\n"
    reports = verify(_records(path))
    assert [report.whole for report in reports] == [True] * 6
    assert [_steps(path, report.stream) for report in reports] == [list(range(600))] * 6
    assert all(json.loads(line)["v"] == 1 for line in path.read_bytes().splitlines() if line)


def test_full_disk_is_recovered_from(run_script: Callable[..., str], tmp_path: Path) -> None:
    """On a full disk flushing raises a retriable error and keeps the buffer; nothing is lost once there is room."""
    path = tmp_path / "records.jsonl"
    assert run_script(_FULL_DISK, path) == f"{[(True, True)] * 4}\n"
    (report,) = verify(_records(path))
    assert report.whole
    assert report.records == 2 + 20 + 4 * 20 + 20
    assert _steps(path, report.stream) == [*range(20), *[*range(20, 40)] * 4, *range(40, 60)]
    lines = [line for line in path.read_bytes().splitlines() if line]
    torn = len(lines) - report.records
    assert 1 <= torn <= 4  # one for each time the disk was full
    assert max(map(len, lines)) < 1_000


def test_a_disk_that_is_full_at_any_byte_doubles_no_record(run_script: Callable[..., str], tmp_path: Path) -> None:
    """Wherever in a line the room ends, each record can be read once, and once there is room again all of them."""
    path = tmp_path / "records.jsonl"
    run_script(_FULL_ANYWHERE, path)
    read = []
    for room in range(1, 700):
        records = _records(Path(f"{path}.{room}"))
        steps = [record["attributes"]["step"] for record in records if record["type"] == "event"]
        assert steps == list(range(len(steps))), room
        assert len(steps) == 4 or room % 2 == 0, room
        read.append(len(steps))
    assert set(read) == {0, 1, 2, 3, 4}


def test_close_on_a_full_disk_gives_up(run_script: Callable[..., str], tmp_path: Path) -> None:
    """Closing on a full disk raises an error that is not retriable, as nothing is kept, and releases the file."""
    path = tmp_path / "records.jsonl"
    assert run_script(_FULL_AT_CLOSE, path) == "False\nTrue\n"
    (report,) = verify(_records(path))
    assert not report.closed
