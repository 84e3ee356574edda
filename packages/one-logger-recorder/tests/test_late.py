"""A recorder that is used after it was closed, or first when the process is about to end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from one_logger.core import read_records, verify

CLOSED = "The recorder was used after close(); what came after it was not recorded.\n"
LATE = "The recorder was first used after the library's own exit handler has run."
IMPORTS = """
import atexit, os, sys, threading, time
from one_logger.api import OneLoggerConfig, OneLoggerProvider, get_recorder, timed_span
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder
def configure():
    recorder = DefaultRecorder([FileExporter(sys.argv[1])])
    OneLoggerProvider.instance().configure(OneLoggerConfig("app"), recorder)
    return recorder
def work():
    with timed_span("last checkpoint"): pass
"""


def _run(tmp_path: Path, code: str) -> tuple[list[dict[str, Any]], str, str]:
    """The records that a script leaves, and what it prints."""
    file = tmp_path / "records.jsonl"
    process = subprocess.run(
        [sys.executable, "-c", code, str(file)], check=False, capture_output=True, text=True, timeout=60
    )
    assert process.returncode == 0, process.stderr
    return list(read_records(file)) if file.exists() else [], process.stdout, process.stderr


def _names(records: list[dict[str, Any]]) -> list[str]:
    return [record["name"] for record in records if record["type"] in ("start", "complete")]


def test_exit_handlers_that_are_older_than_the_recorder_are_recorded(tmp_path: Path) -> None:
    """What the job registers after it has imported the library runs before the recorder is closed."""
    records, _, errors = _run(tmp_path, f"{IMPORTS}\natexit.register(work)\nconfigure()")
    assert (_names(records), errors) == (["last checkpoint"], "")
    assert verify(records)[0].whole


def test_a_recorder_that_is_configured_in_an_exit_handler_records(tmp_path: Path) -> None:
    """It is closed after that handler."""
    records, _, errors = _run(tmp_path, f"{IMPORTS}\natexit.register(lambda: (configure(), work()))")
    assert (_names(records), errors) == (["last checkpoint"], "")
    assert verify(records)[0].whole


def test_exit_handlers_that_are_older_than_the_library_are_counted(tmp_path: Path) -> None:
    """What they record comes too late: it is counted, and said once."""
    code = f"""
import atexit
atexit.register(lambda: (work(), work(), print(*(each.dropped for each in recorder.stats().values()))))
{IMPORTS}
recorder = configure()
"""
    records, printed, errors = _run(tmp_path, code)
    assert (_names(records), printed, errors) == ([], "2\n", CLOSED)
    assert verify(records)[0].whole


def test_a_recorder_that_nobody_will_close_says_so(tmp_path: Path) -> None:
    """One that is first used by a handler older than the library is said to need its user to close it."""
    code = f"import atexit\natexit.register(lambda: (configure(), work(), work()))\n{IMPORTS}"
    _, _, errors = _run(tmp_path, code)
    assert errors.count(LATE) == 1


def test_what_is_recorded_after_close_is_counted_and_said_once(tmp_path: Path) -> None:
    """Also when nothing of the library runs any more but the end of the process."""
    code = f"{IMPORTS}\nrecorder = configure()\nrecorder.close()\nfor _ in range(3): work()\nprint(recorder.stats())"
    records, printed, errors = _run(tmp_path, code)
    assert errors == CLOSED
    assert "recorded=3, exported=0, dropped=3" in printed
    assert _names(records) == []
