"""What the pictures of the steps show: how long each took, and on which rank it took longer than on the others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from one_logger.analysis.duck import quoted
from one_logger.analysis.run import Run

COLUMNS = 240
ROWS = 96
_ESCAPED = re.compile(r"\\.")


@dataclass(frozen=True)
class Steps:
    """How long the steps took.

    Attributes:
        path: The path of the steps.
        count: How many steps the rank with the most has.
        steps_in_column: How many steps stand together in one column.
        median_ns: For each column the median over all ranks, in nanoseconds; None where there is no step.
        longest_ns: For each column the longest step of all ranks.
        labels: A label for each row of the heat map: a rank, or some.
        ratios: For each row, for each column: the time that the rank itself took, without waiting for others, over that
            of the median rank. Of ranks that share a row it is that of the slowest. None where there is no step.
        waiting_left_out: Whether the time of waiting for others was known, so that it could be left out.
    """

    path: str
    count: int
    steps_in_column: int
    median_ns: Sequence[int | None]
    longest_ns: Sequence[int | None]
    labels: Sequence[str]
    ratios: Sequence[Sequence[float | None]]
    waiting_left_out: bool


def steps_of(run: Run, path: str, waiting: Sequence[str]) -> Steps | None:
    """How long the steps of the last incarnation took; None if fewer than two have ended.

    Args:
        run: The run.
        path: The path of the steps.
        waiting: The paths below it whose spans wait for other ranks, and are in none that does.
    """
    steps = _steps(path, waiting)
    [(count, ranks, least, most)] = run.execute(
        f"{steps} SELECT max(step) + 1, count(DISTINCT rank), min(rank), max(rank) FROM steps"
    )
    if count is None or count < 2:
        return None
    together = -(-count // COLUMNS)
    columns = -(-count // together)
    height = -(-(most - least + 1) // ROWS)
    cells = run.execute(
        f"""{steps}, of_rank AS (
            SELECT rank, step // {together} AS col, avg(work) AS work, median(elapsed) AS elapsed, max(elapsed) AS longest
            FROM steps GROUP BY rank, step // {together}
        ), of_all AS (
            SELECT col, median(work) AS work, median(elapsed)::BIGINT AS elapsed, max(longest) AS longest
            FROM of_rank GROUP BY col
        )
        SELECT (r.rank - {least}) // {height}, r.col, max(r.work / greatest(a.work, 1)), any_value(a.elapsed),
            any_value(a.longest), max(r.rank), min(r.rank)
        FROM of_rank AS r JOIN of_all AS a ON a.col = r.col GROUP BY 1, 2 ORDER BY 1, 2"""
    )
    rows = sorted({row[0] for row in cells})
    place = {row: number for number, row in enumerate(rows)}
    median: list[int | None] = [None] * columns
    longest: list[int | None] = [None] * columns
    ratios: list[list[float | None]] = [[None] * columns for _ in rows]
    members: dict[int, tuple[int, int]] = {}
    for row, column, ratio, elapsed, maximum, last, first in cells:
        ratios[place[row]][column] = ratio
        median[column], longest[column] = elapsed, maximum
        low, high = members.get(row, (first, last))
        members[row] = min(low, first), max(high, last)
    labels = [_label(*members[row]) for row in rows]
    return Steps(path, count, together, median, longest, labels, ratios if ranks > 1 else (), bool(waiting))


def _label(first: int, last: int) -> str:
    return f"rank {first}" if first == last else f"ranks {first}-{last}"


def _steps(path: str, waiting: Sequence[str]) -> str:
    """SQL for a table `steps`: for each step of each rank how long it took, and how long without waiting."""
    levels = max((_depth(wait) - _depth(path) for wait in waiting), default=0)
    up = "w.parent_span_id"
    joins = ""
    for level in range(1, levels):
        joins += f" LEFT JOIN spans AS u{level} ON u{level}.stream = w.stream AND u{level}.span_id = {up}"
        up = f"u{level}.parent_span_id"
    names = ", ".join(quoted(wait) for wait in waiting) or "NULL"
    # A wait may be at any of these levels below the step: the span above it that is a step counts.
    above = ["w.parent_span_id", *(f"u{level}.parent_span_id" for level in range(1, levels))]
    waits = " UNION ALL ".join(
        f"SELECT w.stream, {parent} AS span_id, w.duration_ns FROM spans AS w{joins} "
        f"WHERE w.path IN ({names}) AND w.duration_ns IS NOT NULL"
        for parent in above
    )
    return f"""
        WITH waits AS (
            SELECT stream, span_id, sum(duration_ns) AS waited FROM ({waits}) AS found
            WHERE span_id IS NOT NULL GROUP BY stream, span_id
        ), steps AS (
            SELECT coalesce(s.rank, 0) AS rank, s.duration_ns AS elapsed,
                greatest(0, s.duration_ns - coalesce(w.waited, 0)) AS work,
                row_number() OVER (PARTITION BY s.stream ORDER BY s.start_time_unix_nano, s.span_id) - 1 AS step
            FROM spans AS s LEFT JOIN waits AS w ON w.stream = s.stream AND w.span_id = s.span_id
            WHERE s.path = {quoted(path)} AND s.duration_ns IS NOT NULL
                AND s.incarnation = (SELECT max(incarnation) FROM spans WHERE path = {quoted(path)})
        )"""


def _depth(path: str) -> int:
    return _ESCAPED.sub("", path).count("/")


def step_path(paths: Sequence[Mapping[str, object]], ranks: int) -> str | None:
    """The path whose spans are best taken for the steps of a job; None if there is none.

    Args:
        paths: What `show` says of each path: `path`, `count`, `total_ns`.
        ranks: How many ranks there are.
    """
    many = [path for path in paths if int(str(path["count"])) >= 20 * max(ranks, 1)]
    if not many:
        return None
    top = min(_depth(str(path["path"])) for path in many)
    best = max(
        (path for path in many if _depth(str(path["path"])) == top), key=lambda path: int(str(path["total_ns"]))
    )
    return str(best["path"])
