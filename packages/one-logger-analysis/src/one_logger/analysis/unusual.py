"""Lines that DuckDB might read in another way than `read_records` does: they are read by core, and written again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import IO, Any, NamedTuple

from one_logger.analysis.columns import COLUMNS, EXTRA, INTEGERS, LINE
from one_logger.core import read_records

_USUAL = LINE.encode()
_LONE = re.compile("[\ud800-\udfff]")


class Repaired(NamedTuple):
    """What `repair` found.

    Attributes:
        records: How many records were written.
        no_records: How many lines hold no record. Blank ones are not counted.
        unknown_versions: How many records are of a version that core doesn't know. They are not written.
    """

    records: int
    no_records: int
    unknown_versions: int


def repair(lines: Iterable[bytes], out: IO[bytes]) -> Repaired:
    """Write the records in `lines` to `out` as lines that DuckDB reads as core does, each with the fields of `row`.

    Args:
        lines: Lines as an open file gives them.
        out: Where they go to.
    """
    written = 0
    records = read_records(lines)
    for record in records:
        out.write(_json(row(record), ensure_ascii=False).encode() + b"\n")
        written += 1
    return Repaired(written, records.lines_passed_over, sum(records.unknown_versions.values()))


def is_usual(line: bytes) -> bool:
    """Whether DuckDB is trusted with a line, but for a key that stands twice among the attributes."""
    if not re.fullmatch(_USUAL, line):
        return False
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def row(record: dict[str, Any]) -> dict[str, Any]:
    """A record as a row: a value for each column, and under `extra` what no column can hold."""
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in record.items():
        kind = COLUMNS.get(name)
        if kind == "BIGINT" and type(value) is int and value in INTEGERS:
            values[name] = value
        elif kind == "VARCHAR" and isinstance(value, str):
            values[name] = _LONE.sub("\ufffd", value)
            if values[name] != value:
                extra[name] = value
        elif kind == "JSON" and isinstance(value, dict):
            # As an object: a column of JSON would hold a text as a string.
            text = _json(value, ensure_ascii=False)
            readable = _LONE.sub("\ufffd", text)
            values[name] = value
            if readable != text:
                values[name] = json.loads(readable)
                extra[name] = value
        else:
            extra[name] = value
    if extra:
        values[EXTRA] = _json(extra)
    return values


def _json(value: object, *, ensure_ascii: bool = True) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=ensure_ascii)
