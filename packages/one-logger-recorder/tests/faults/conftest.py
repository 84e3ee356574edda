"""Running jobs that are to be hurt."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from one_logger.core import read_records, record_schema

PRELUDE = """
import os, random, resource, sys, threading, time
from one_logger.api import *
from one_logger.core import *
from one_logger.exporter.file import FileExporter
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder

class Dead(InMemoryExporter):
    def open(self, resource):
        raise ExportError("There is no such backend.", retriable=True)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

"""


@pytest.fixture
def start_job(tmp_path: Path) -> Callable[[str], subprocess.Popen[str]]:
    """Starts a script, whose first argument is the path of `records`."""

    def start(code: str) -> subprocess.Popen[str]:
        (tmp_path / "job.py").write_text(PRELUDE + code)
        command = [sys.executable, str(tmp_path / "job.py"), str(tmp_path / "records.jsonl")]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


@pytest.fixture
def run_job(start_job: Callable[[str], subprocess.Popen[str]]) -> Callable[..., str]:
    """Runs a script to its end, which has to have the given status, and gives what it prints."""

    def run(code: str, status: int = 0) -> str:
        with start_job(code) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == status, err
        return out

    return run


@pytest.fixture
def lines(tmp_path: Path) -> Callable[[], list[bytes]]:
    """Gives the lines that jobs have written, and removes them."""

    def read() -> list[bytes]:
        path = tmp_path / "records.jsonl"
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    return read


@pytest.fixture
def records(lines: Callable[[], list[bytes]]) -> Callable[[], list[dict[str, Any]]]:
    """Gives the records that jobs have written, each of which was a whole line, and removes them."""

    def read() -> list[dict[str, Any]]:
        found = lines()
        records = list(read_records(found))
        assert len(records) == len(found), "a line is torn"
        return records

    return read


@pytest.fixture(scope="session")
def validate() -> Callable[[bytes], dict[str, Any]]:
    """Decodes a line and holds it to the schema of a record."""
    validator = Draft202012Validator(record_schema())

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    def validate(line: bytes) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(line.decode(), parse_constant=refuse)
        assert validator.is_valid(record), line[:2_000]
        return record

    return validate
