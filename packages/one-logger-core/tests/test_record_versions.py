"""Files of the first release are read today, and files of today by the reader of the first release."""

from __future__ import annotations

import importlib.util
import json
import math
import re
from pathlib import Path
from threading import Thread
from types import ModuleType

import jsonschema
import pytest

from one_logger.core import ErrorEvent, Event, Resource, Span, read_records, read_spans, record_schema, verify
from one_logger.exporter.file import FileExporter

DATA = Path(__file__).parent / "data"
OLD = DATA / "records-0.1.jsonl"
"""A stream that was closed, and one whose process was killed, as 0.1 wrote them."""
PAGE = (Path(__file__).parents[1] / "docs/record.md").read_text(encoding="utf-8")
NEW = "".join(re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)).splitlines()
"""A record of each type that there is today, with every field."""


@pytest.fixture
def old_reader() -> ModuleType:
    """The module of 0.1."""
    spec = importlib.util.spec_from_file_location("reader_0_1", DATA / "reader_0_1.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_old_files_are_read() -> None:
    """All records of an old file are read, and fulfil the schema, which says what may be missing."""
    records = list(read_records(OLD))
    assert records == [json.loads(line) for line in OLD.read_text(encoding="utf-8").splitlines()[:-1]]
    validator = jsonschema.Draft202012Validator(record_schema())
    for record in records:
        validator.validate(record)
    assert {record["type"] for record in records} >= {"resource", "start", "stop", "complete", "event", "error", "end"}


def test_old_files_are_verified() -> None:
    """What can be proved of an old file is what 0.1 could prove, and more."""
    run = verify(OLD)
    assert [(s.rank, s.host, s.state, s.records, s.gaps, s.dropped, s.reason) for s in run] == [
        (0, "node-1", "dropped", 10, [], 2, None),
        (1, "node-2", "cut short", 3, [], 0, None),
    ]
    assert (run.missing_ranks, run.lines_passed_over, run.unknown_versions) == ([], 1, {})
    assert run.first_time is not None
    assert run.last_time is not None


def test_spans_of_old_files_are_put_together() -> None:
    """Spans of an old file have what was recorded of them; one is open, as its process was killed."""
    spans = list(read_spans(OLD))
    assert [(s.name, s.open, len(s.events), len(s.errors), s.thread) for s in spans] == [
        ("application", False, 0, 0, None),
        ("read", False, 1, 1, None),
        ("save", False, 0, 0, None),
        ("application", True, 1, 0, None),
    ]


def test_new_files_are_read_by_the_old_reader(old_reader: ModuleType) -> None:
    """The reader of 0.1 gives every record of a new file, and proves of it what there is to prove."""
    assert list(old_reader.read_records(NEW)) == [json.loads(line) for line in NEW]
    (report,) = old_reader.verify(old_reader.read_records(NEW))
    assert (report.closed, report.records, report.gaps, report.dropped) == (True, len(NEW), [], 2)
    assert old_reader.verify(old_reader.read_records(NEW[:5] + NEW[6:]))[0].gaps == [range(6, 7)]


def test_what_is_written_today_is_read_by_the_old_reader(old_reader: ModuleType, tmp_path: Path) -> None:
    """The reader of 0.1 gives every record that today's exporter writes, and proves the stream whole."""
    path = tmp_path / "records.jsonl"
    exporter = FileExporter(path)
    exporter.initialize(Resource.create("job"))
    span = Span("work", {"none": None, "nested": {"a": [1, None]}, "big": 2**64})
    exporter.export_start(span)
    exporter.export_alive()
    recorded: list[Event] = []
    thread = Thread(target=lambda: recorded.append(Event("step", {"loss": math.nan})))
    thread.start()
    thread.join()
    exporter.export_event(recorded[0], span)
    exporter.export_error(ErrorEvent("failed", stack_trace="Traceback"), span)
    span.stop()
    exporter.export_stop(span)
    exporter.close_reason = "exit"
    exporter.close()
    lines = path.read_text(encoding="utf-8").splitlines()
    records = list(old_reader.read_records(lines))
    assert [record["type"] for record in records] == [
        *("resource", "start", "alive", "thread", "event", "error", "stop", "end"),
    ]
    assert records == list(read_records(path))
    (report,) = old_reader.verify(records)
    assert report.whole
    validator = jsonschema.Draft202012Validator(record_schema())
    for record in records:
        validator.validate(record)
