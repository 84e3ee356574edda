"""An application that PyInstaller has packed into a folder, without a word about this library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from one_logger.core import read_records, verify

APPLICATION = """
import sys
from one_logger.api import timed_span
from one_logger.core import record_schema
from one_logger.recorder import configure
recorder = configure(application_name="packed", exporters=[
    {"type": "file", "config": {"file_path": sys.argv[1]}},
    {"type": "logger", "config": {"logger": "packed"}},
    {"type": "memory"},
])
with timed_span("work"):
    pass
recorder.close(10)
print(sorted(record_schema())[:1])
"""


@pytest.mark.frameworks
def test_a_packed_application_finds_exporters_and_schema(tmp_path: Path) -> None:
    """The exporters that its configuration names are in the folder, and the schema of the record."""
    (tmp_path / "application.py").write_text(APPLICATION)
    packing = [sys.executable, "-m", "PyInstaller", "--onedir", "--log-level=ERROR", "application.py"]
    packed = subprocess.run(packing, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=600)
    assert packed.returncode == 0, packed.stderr
    file = tmp_path / "records.jsonl"
    process = subprocess.run(
        [str(tmp_path / "dist/application/application"), str(file)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout == "['$defs']\n"
    (report,) = verify(read_records(file))
    assert report.closed
    assert "work" in file.read_text()
