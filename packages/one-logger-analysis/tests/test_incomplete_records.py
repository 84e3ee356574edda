"""Records that lack a field: damaged ones, or those of a program that writes records in its own way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from analysis_streams import lines, write

from one_logger.analysis import Run
from one_logger.analysis.overview import overview
from one_logger.analysis.ranking import ranking
from one_logger.analysis.schemas import command_schema

_RECORDS: list[dict[str, Any]] = [json.loads(line) for line in (*lines(dropped=1, end=False), *lines(rank=1))]
_TYPES = sorted({record["type"] for record in _RECORDS})


@pytest.mark.parametrize("kind", _TYPES)
def test_run_is_shown_though_no_record_of_a_type_has_a_field(kind: str, tmp_path: Path) -> None:
    """Whatever field all records of a type lack, the run is shown, and the answers keep to their schemas."""
    for field in sorted({field for record in _RECORDS if record["type"] == kind for field in record}):
        written = [
            {name: value for name, value in record.items() if name != field or record["type"] != kind}
            for record in _RECORDS
        ]
        write(tmp_path / "a.jsonl", [f"{json.dumps(record, separators=(',', ':'))}\n".encode() for record in written])
        with Run.open(tmp_path, cache=False) as run:
            jsonschema.validate(overview(run).as_json(), command_schema("show"))
            jsonschema.validate(ranking(run).as_json(), command_schema("ranks"))


def test_error_without_a_time_is_told_of(tmp_path: Path) -> None:
    """Where no error has a time, the sentence about errors leaves it out."""
    written = [
        line.replace(b'"time_unix_nano"', b'"ime_unix_nano"') if b'"error"' in line else line for line in lines()
    ]
    write(tmp_path / "a.jsonl", written)
    with Run.open(tmp_path) as run:
        [finding] = [finding for finding in overview(run).verdict.findings if finding.kind == "errors"]
    assert finding.sentence == "1 error was recorded by rank 0: ValueError (1)."
