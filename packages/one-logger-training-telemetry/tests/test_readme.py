"""What the documents say is so."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from one_logger import training_telemetry as telemetry
from one_logger.core import read_records, verify
from one_logger.training_telemetry import AttributeName, EventName, SpanName

FOLDER = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_page_has_all_names() -> None:
    """The page of names lists each name once, and no other."""
    page = (FOLDER / "docs" / "names.md").read_text("utf-8")
    listed = re.findall(r"^\| \*?`(\w+)`\*? \|", page, re.MULTILINE)
    assert listed == [*SpanName, *EventName, *AttributeName]


def test_program_of_the_readme_runs(tmp_path: Path) -> None:
    """It runs as it is printed, and leaves a whole stream with its iterations and its checkpoints."""
    (program,) = BLOCK.findall((FOLDER / "README.md").read_text("utf-8"))
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (file,) = (tmp_path / "telemetry").iterdir()
    records = list(read_records(file))
    assert verify(records).whole
    names = [record["name"] for record in records if record["type"] in ("stop", "complete")]
    assert names.count(SpanName.CHECKPOINT_SAVE_SYNC) == 2
    assert names.count(SpanName.TRAINING_LOOP) == 1


@pytest.mark.parametrize("document", ["README.md", "docs/guide.md"])
def test_programs_of_documents_use_what_is_there(document: str) -> None:
    """Each program can be compiled, and what it imports of this library is there."""
    programs = BLOCK.findall((FOLDER / document).read_text("utf-8"))
    assert programs
    for program in programs:
        for node in ast.walk(ast.parse(program)):
            if isinstance(node, ast.ImportFrom) and node.module == "one_logger.training_telemetry":
                assert {alias.name for alias in node.names} <= set(telemetry.__all__)


def test_every_callback_is_there() -> None:
    """The 25 callbacks of NVIDIA's library have their names here."""
    callbacks = [name for name in telemetry.__all__ if name.startswith("on_")]
    assert len(callbacks) == 25
    assert all(callable(getattr(telemetry, name)) for name in callbacks)
