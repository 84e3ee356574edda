"""Telemetry in a notebook, tried in a real kernel: cells that are run again, errors, asynchronous cells, the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from one_logger.core import read_records, read_spans, verify


class Notebook:
    """A notebook, and its kernel.

    Args:
        folder: Where its kernel runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._book = nbformat.v4.new_notebook()
        self.client = NotebookClient(self._book, resources={"metadata": {"path": str(folder)}}, kernel_name="python3")

    def run(self, code: str) -> str:
        """Run code in a new cell. What it has printed, and the value of its last line."""
        cell = nbformat.v4.new_code_cell(code)
        self._book.cells.append(cell)
        self.client.execute_cell(cell, len(self._book.cells) - 1)
        texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
        return "".join(texts)

    @property
    def records(self) -> list[dict[str, Any]]:
        """What was recorded, of all streams."""
        return list(read_records(self.folder / "telemetry.jsonl"))


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A notebook whose kernel is this interpreter."""
    monkeypatch.setenv("JUPYTER_PATH", str(Path(sys.prefix, "share/jupyter")))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = Notebook(tmp_path)
    with notebook.client.setup_kernel():
        notebook.run(SETUP)
        yield notebook


SETUP = """
import asyncio
from one_logger.api import *
from one_logger.recorder import configure
"""
CONFIGURE = """
recorder = configure("notebook", exporters=[{"type": "file", "config": {"file_path": "telemetry.jsonl"}}], replace=True)
"""


def test_a_cell_may_be_run_again(notebook: Notebook) -> None:
    """With `replace=True`, the cell that configures ends the earlier stream and begins another one."""
    for number in range(2):
        assert notebook.run(CONFIGURE) == ""
        assert notebook.run(f"with timed_span('work', {{'number': {number}}}):\n    print('done')") == "done\n"
    assert notebook.run("recorder.close()") == "True"
    reports = verify(notebook.records)
    assert [(report.whole, report.reason) for report in reports] == [(True, "closed")] * 2
    assert [span.attributes["number"] for span in read_spans(notebook.records)] == [0, 1]
    assert "telemetry_data_error" not in [record["type"] for record in notebook.records]


def test_without_replace_the_first_configuration_stays(notebook: Notebook) -> None:
    """A second `configure` says what is wrong, and where it stands."""
    notebook.run(CONFIGURE)
    printed = notebook.run(CONFIGURE.replace(", replace=True", ""))
    assert "configure() was called a second time" in printed
    assert "recorder.close()" not in printed
    assert notebook.run("recorder.closed") == "False"


def test_what_is_shown_of_them(notebook: Notebook) -> None:
    """A recorder and a span, as the last line of a cell, say what one wants to know."""
    assert notebook.run("get_recorder()") == "<NoOpRecorder: nothing is recorded>"
    notebook.run(CONFIGURE)
    assert notebook.run("span = recorder.start('train', {'lr': 0.1})\nspan").startswith(
        "<RecordedSpan 'train': open for "
    )
    notebook.run("span.stop(), recorder.flush()")
    assert notebook.run("span").partition(", ")[0].endswith(" ms")
    assert notebook.run("recorder").startswith("<DefaultRecorder: 0 open spans; file: 2 records exported, 0 pending")


def test_a_span_may_last_over_cells(notebook: Notebook) -> None:
    """A span that one cell starts is current in the next one, and a cell that fails is an error of its own span."""
    notebook.run(CONFIGURE)
    notebook.run("span = recorder.start('session')")
    notebook.run("with timed_span('cell'):\n    pass")
    notebook.run("async with timed_span('asynchronous cell'):\n    await asyncio.sleep(0)")
    with pytest.raises(CellExecutionError):
        notebook.run("with timed_span('failing cell'):\n    1 / 0")
    notebook.run("span.stop()\nrecorder.flush()")
    spans = {span.name: span for span in read_spans(notebook.records)}
    session = spans.pop("session")
    assert set(spans) == {"cell", "asynchronous cell", "failing cell"}
    assert {span.parent_span_id for span in spans.values()} == {session.span_id}
    assert [error["error"]["exception_type"] for error in spans["failing cell"].errors] == ["ZeroDivisionError"]


def test_the_end_of_the_kernel_is_the_end_of_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the kernel is shut down, everything is delivered, and an open span is marked."""
    monkeypatch.setenv("JUPYTER_PATH", str(Path(sys.prefix, "share/jupyter")))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = Notebook(tmp_path)
    notebook.client.shutdown_kernel = "graceful"
    with notebook.client.setup_kernel():
        notebook.run(SETUP + CONFIGURE)
        notebook.run("span = recorder.start('session')")
    (report,) = verify(notebook.records)
    assert report.whole
    (session,) = read_spans(notebook.records)
    assert session.attributes == {"one_logger.unfinished": True}
