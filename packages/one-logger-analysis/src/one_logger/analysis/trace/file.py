"""Writes the file of a trace."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from typing import BinaryIO, NamedTuple, cast

from one_logger.analysis.errors import ReadError
from one_logger.analysis.output_file import output_file
from one_logger.analysis.run import Run
from one_logger.analysis.trace.chrome import ChromeWriter
from one_logger.analysis.trace.drawing import Drawn, draw
from one_logger.analysis.trace.moments import moment
from one_logger.analysis.trace.perfetto import PerfettoWriter
from one_logger.analysis.trace.selection import SPAN_LIMIT, Selection
from one_logger.analysis.trace.writer import TraceWriter

FORMATS: dict[str, Callable[[BinaryIO, int, int], TraceWriter]] = {"perfetto": PerfettoWriter, "chrome": ChromeWriter}
"""The formats that a trace can be written in."""

_GZIP_LEVEL = 4  # a higher one takes longer, and saves 1 %


class TraceSummary(NamedTuple):
    """What a trace holds.

    Attributes:
        start_unix_nano: The time from which the trace counts, in nanoseconds since 1970-01-01T00:00:00Z.
        processes: The number of processes.
        drawn: How much was drawn.
        left_out: Sentences that say what was left out.
    """

    start_unix_nano: int
    processes: int
    drawn: Drawn
    left_out: list[str]


def write_trace(
    run: Run,
    path: str | os.PathLike[str],
    *,
    format: str = "perfetto",  # noqa: A002 - it is what the argument is called everywhere
    ranks: frozenset[int] | None = None,
    first: str | None = None,
    last: str | None = None,
    span_limit: int = SPAN_LIMIT,
) -> TraceSummary:
    """Write a run as a trace. The file is there once it is whole.

    Args:
        run: The run.
        path: Where to write.
        format: `perfetto`, compressed by gzip, or `chrome`, JSON, which is compressed if the path ends with `.gz`.
        ranks: The ranks to draw. None: all, and what has no rank.
        first: Draw what touches the time from here on: `90s` since the run's start, `-5m` before its end, or a date
            and time in ISO 8601.
        last: Draw what touches the time until here, given in the same way.
        span_limit: How many spans are drawn at most.

    Raises:
        ReadError: Nothing that could be drawn was recorded.
        MomentError: `first` or `last` is no point in time.
        OSError: The file cannot be written.
    """
    [(start, end)] = run.execute("SELECT min(first_time_unix_nano), max(last_time_unix_nano) FROM streams")
    if not isinstance(start, int) or not isinstance(end, int):
        raise ReadError("Nothing can be drawn: there is no record with a time in these files.")
    moments = (None if text is None else moment(text, start, end) for text in (first, last))
    selection = Selection(run, ranks, start, *moments, span_limit=span_limit)
    processes = selection.processes
    if not processes:
        raise ReadError(f"Nothing can be drawn: none of the ranks {sorted(ranks or ())} has recorded anything.")
    compressed = format == "perfetto" or os.fspath(path).endswith(".gz")
    with output_file(path) as file, _compressed(file) if compressed else file as plain:
        writer = FORMATS[format](plain, start, max(process.number for process in processes) + 1)
        with writer:
            drawn = draw(writer, processes, selection.threads(), selection.items())
    return TraceSummary(start, len(processes), drawn, selection.left_out)


def _compressed(file: BinaryIO) -> BinaryIO:
    """One gzip member, as Perfetto reads no more, without the time: the same run gives the same file."""
    return cast("BinaryIO", gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0))
