"""What the file exporter asks of the system: descriptors, permissions, and writes that are cut short."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from one_logger.core import ExportError, Resource, read_records, verify
from one_logger.exporter.file import FileExporter

_WITHOUT_STANDARD_STREAMS = """
import os
import sys
from one_logger.core import Event, Resource, Span
from one_logger.exporter.file import FileExporter

os.closerange(0, 3)
exporter = FileExporter(sys.argv[1])
exporter.initialize(Resource())
for descriptor in range(3):
    try:
        os.write(descriptor, b"what the job prints")
    except OSError:
        pass
exporter.export_event(Event("step"), Span("work"))
exporter.close()
os._exit(len(os.listdir("/proc/self/fd")) - 1)  # the folder that is listed is open itself
"""


def test_file_gets_no_descriptor_of_a_standard_stream(run_script: Callable[..., str], tmp_path: Path) -> None:
    """In a daemon that has closed its standard streams, what it prints doesn't get into the file; it is closed."""
    path = tmp_path / "records.jsonl"
    run_script(_WITHOUT_STANDARD_STREAMS, path)
    assert b"prints" not in path.read_bytes()
    assert verify(path)[0].whole


_MODE = """
import os
import sys
from one_logger.core import Resource
from one_logger.exporter.file import FileExporter

os.umask(int(sys.argv[2], 8))
exporter = FileExporter(sys.argv[1])
exporter.initialize(Resource())
exporter.close()
print(oct(os.stat(sys.argv[1]).st_mode & 0o777))
"""


@pytest.mark.parametrize(("umask", "mode"), [("000", "0o666"), ("022", "0o644"), ("077", "0o600")])
def test_umask_says_who_may_read_the_file(
    umask: str, mode: str, run_script: Callable[..., str], tmp_path: Path
) -> None:
    """Whoever the umask allows may read and write the file, and nobody run it."""
    assert run_script(_MODE, tmp_path / "records.jsonl", umask) == f"{mode}\n"


# The disk is full just behind the second of three lines, which are of the same length; then there is room again.
_FULL_BETWEEN_LINES = """
import os
import resource
import sys
from one_logger.core import Event, ExportError, Resource, Span
from one_logger.exporter.file import FileExporter

path, span = sys.argv[1], Span("work")
exporter = FileExporter(path)
exporter.initialize(Resource())
exporter.flush()
before = os.path.getsize(path)
exporter.export_event(Event("step"), span)
exporter.flush()
size = os.path.getsize(path)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 2 * (size - before), hard))
for step in range(3):
    exporter.export_event(Event("step"), span)
try:
    exporter.flush()
except ExportError as error:
    print(error.retriable, os.path.getsize(path) == size + 2 * (size - before))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
exporter.close()
"""


def test_disk_that_is_full_between_two_lines_tears_none(run_script: Callable[..., str], tmp_path: Path) -> None:
    """A write that is cut short at the end of a line leaves nothing to be closed off: the file has no empty line."""
    path = tmp_path / "records.jsonl"
    assert run_script(_FULL_BETWEEN_LINES, path) == "True True\n"
    lines = path.read_bytes().splitlines()
    assert [record["seq"] for record in read_records(lines)] == list(range(1, len(lines) + 1))
    assert len(lines) == 6


def test_file_that_somebody_else_has_made_in_the_meantime_is_opened(tmp_path: Path) -> None:
    """A file that could not be opened again is tried at the next flush, also if it is there by then."""
    path = tmp_path / "records.jsonl"
    exporter = FileExporter(path)
    exporter.initialize(Resource())
    path.unlink()
    path.mkdir()
    with pytest.raises(ExportError, match="cannot be opened for appending"):
        exporter.flush()
    path.rmdir()
    path.write_text("{}\n")
    exporter.close()
    assert [record["type"] for record in read_records(path.read_text().splitlines())] == ["resource", "end"]


def test_error_says_what_the_system_says(tmp_path: Path) -> None:
    """The message names the file, what could not be done with it, and the system's reason."""
    path = tmp_path / "records.jsonl"
    path.mkdir()
    with pytest.raises(ExportError) as raised:
        FileExporter(path).initialize(Resource())
    assert str(raised.value) == f"The file {str(path)!r} cannot be opened for appending: Is a directory."


@pytest.mark.parametrize(
    ("template", "attributes"),
    [
        ("{rank:05}.jsonl", {"one_logger.rank": [1, 2]}),
        ("{rank:d}.jsonl", {"one_logger.rank": "first"}),
        ("{rank:c}.jsonl", {"one_logger.rank": 0x110000}),
    ],
    ids=["list", "text", "no-character"],
)
def test_format_that_does_not_fit_the_value_is_an_error_of_the_exporter(
    template: str, attributes: dict[str, Any], tmp_path: Path
) -> None:
    """A placeholder whose value is not what its format wants makes `initialize` raise, for good."""
    exporter = FileExporter(tmp_path / template)
    with pytest.raises(ExportError, match=r"The file path '.*' cannot be filled in: .*\.") as raised:
        exporter.initialize(Resource(attributes))
    assert not raised.value.retriable
    assert list(tmp_path.iterdir()) == []
