"""Several processes that write to one pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from one_logger.core import verify

_WRITER = """
import sys
from one_logger.core import Event, Resource, Span
from one_logger.exporter.file import FileExporter

exporter = FileExporter(sys.argv[1], compression=sys.argv[2] if sys.argv[2:] else None)
exporter.initialize(Resource())
for step in range(1_000):
    exporter.export_event(Event("step", {"step": step, "text": "x" * (step % 3_500)}), Span("work"))
    if step % 100 == 99:
        exporter.flush()
exporter.close()
"""


@pytest.mark.parametrize(("path", "compression"), [("/dev/stdout", []), ("fifo", []), ("/dev/stdout", ["gzip"])])
def test_what_processes_write_to_one_pipe_is_whole(path: str, compression: list[str], tmp_path: Path) -> None:
    """No line or member gets into the middle of another one, however slowly the pipe is read."""
    if path == "fifo":
        path = str(tmp_path / "fifo")
        os.mkfifo(path)
        reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(reading, True)
        writing = os.open(path, os.O_WRONLY)
    else:
        reading, writing = os.pipe()
    command = [sys.executable, "-c", _WRITER, path, *compression]
    writers = [subprocess.Popen(command, stdout=writing) for _ in range(3)]
    os.close(writing)
    pieces = []
    while piece := os.read(reading, 1_000):
        pieces.append(piece)
    os.close(reading)
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    run = verify(b"".join(pieces))
    assert (run.whole, run.records, run.lines_passed_over) == (True, 3 * 1_002, 0)
