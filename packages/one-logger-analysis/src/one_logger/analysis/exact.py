"""Streams that SQL cannot prove, and core can: numbers that no column holds, or records that contradict each other."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb

from one_logger.analysis.columns import INTEGERS
from one_logger.analysis.duck import execute, quoted
from one_logger.analysis.loading import shown
from one_logger.analysis.sources import Source, unpack
from one_logger.core import StreamReport, read_records, verify

_LARGEST = INTEGERS[-1]

_CONTRADICTORY = """
    SELECT DISTINCT stream FROM records WHERE extra LIKE '%"seq":%' OR extra LIKE '%"dropped":%'
    UNION
    SELECT stream FROM records WHERE type = 'end' GROUP BY stream HAVING count(DISTINCT seq) > 1
"""
_REPEATED_OTHERWISE = """
    UNION
    SELECT stream FROM records GROUP BY stream, seq HAVING count(DISTINCT concat_ws(' ', type, dropped, extra)) > 1
"""


def exact_reports(
    connection: duckdb.DuckDBPyConnection, sources: Sequence[Source], scratch: str, *, repeats: bool
) -> dict[str, StreamReport]:
    """Core's reports on the streams that SQL cannot prove. The table `records` has to be there.

    Args:
        connection: To the database.
        sources: The files that were read, in their order: of records with the same number the first one counts.
        scratch: A folder for what is needed for a while.
        repeats: Whether records were read more than once.
    """
    query = _CONTRADICTORY + (_REPEATED_OTHERWISE if repeats else "")
    streams = {stream for (stream,) in execute(connection, query)}
    if not streams:
        return {}
    listed = ", ".join(map(quoted, streams))
    files = {file for (file,) in execute(connection, f"SELECT DISTINCT file FROM records WHERE stream IN ({listed})")}

    return {
        report.stream: report
        for report in verify(
            record
            for source in sources
            if shown(source.path) in files
            for record in _records(connection, source, scratch)
            if record["stream"] in streams
        )
    }


def _records(connection: duckdb.DuckDBPyConnection, source: Source, scratch: str) -> Iterator[dict[str, Any]]:
    if source.kind == "parquet":
        rows = execute(
            connection,
            f"SELECT stream, seq, type, dropped, extra FROM records WHERE file = {quoted(shown(source.path))}",
        )
        for stream, seq, kind, dropped, extra in rows:
            record = {"stream": stream, "seq": seq, "type": kind}
            if dropped is not None:
                record["dropped"] = dropped
            yield record | json.loads(extra or "{}")
        return
    path = source.path
    if source.kind != "jsonl":
        path = os.path.join(scratch, "unpacked.jsonl")
        unpack(source, path)
    with open(path, "rb") as lines:
        yield from read_records(lines)


def correct(connection: duckdb.DuckDBPyConnection, reports: dict[str, StreamReport]) -> None:
    """Let the tables `gaps` and `stream_reports` say what core says, as far as columns hold it."""
    for report in reports.values():
        stream = quoted(report.stream)
        execute(connection, f"DELETE FROM gaps WHERE stream = {stream}")
        for gap in report.gaps:
            first, last = min(gap.start, _LARGEST), min(gap.stop - 1, _LARGEST)
            execute(connection, f"INSERT INTO gaps VALUES ({stream}, {first}, {last}, {last - first + 1})")
        missing = min(sum(gap.stop - gap.start for gap in report.gaps), _LARGEST)
        execute(
            connection,
            f"UPDATE stream_reports SET whole = {report.whole}, closed = {report.closed}, records = {report.records}, "
            f"gaps = {len(report.gaps)}, missing = {missing}, dropped = {min(report.dropped, _LARGEST)}, "
            f"telemetry_data_errors = {report.telemetry_data_errors} WHERE stream = {stream}",
        )
