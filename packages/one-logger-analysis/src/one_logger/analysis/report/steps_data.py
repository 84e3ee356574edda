"""What the pictures of the steps show: how long each took, and on which rank it took longer than on the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from one_logger.analysis.duck import quoted
from one_logger.analysis.findings.finding import numbers
from one_logger.analysis.overview import PathTime
from one_logger.analysis.ranking import Ranking
from one_logger.analysis.run import Run

COLUMNS = 240
ROWS = 96
_MANY = 20


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
    """

    path: str
    count: int
    steps_in_column: int
    median_ns: Sequence[int | None]
    longest_ns: Sequence[int | None]
    labels: Sequence[str]
    ratios: Sequence[Sequence[float | None]]


def steps_of(run: Run, ranking: Ranking, paths: Sequence[PathTime]) -> Steps | None:
    """How long the steps of the last incarnation took; None if there are no steps.

    Args:
        run: The run.
        ranking: How its ranks compare, with a heat map of at most `ROWS` rows and `COLUMNS` parts.
        paths: Its paths, for a run without ranks.
    """
    path = ranking.step or _repeated(paths)
    if path is None:
        return None
    own = [state.stream.stream for state in ranking.ranks]
    of_ranks = f"s.stream IN ({', '.join(map(quoted, own))})" if own else "TRUE"
    numbered = f"""
        WITH numbered AS (
            SELECT s.duration_ns,
                row_number() OVER (PARTITION BY s.stream ORDER BY s.start_time_unix_nano, s.span_id) - 1 AS step
            FROM spans AS s WHERE s.path = {quoted(path)} AND s.duration_ns IS NOT NULL AND {of_ranks}
                AND s.incarnation = (SELECT max(incarnation) FROM spans WHERE path = {quoted(path)})
        )"""
    [(count,)] = run.execute(f"{numbered} SELECT max(step) + 1 FROM numbered")
    if count is None or count < 2:
        return None
    heat = ranking.heat
    together = heat.steps if heat else -(-count // COLUMNS)
    median: list[int | None] = [None] * -(-count // together)
    longest = list(median)
    for column, middle, most in run.execute(
        f"{numbered} SELECT step // {together}, quantile_disc(duration_ns, 0.5), max(duration_ns) "
        "FROM numbered GROUP BY 1"
    ):
        median[column], longest[column] = middle, most
    labels = [f"rank{'' if len(row) == 1 else 's'} {numbers(row)}" for row in heat.rows] if heat else []
    return Steps(path, count, together, median, longest, labels, heat.ratios if heat else ())


def _repeated(paths: Sequence[PathTime]) -> str | None:
    """The path that took most, of the outermost ones that there are many spans of."""
    many = [path for path in paths if path.spans >= _MANY]
    top = min((path.depth for path in many), default=0)
    found = [path for path in many if path.depth == top]
    return max(found, key=lambda path: path.total_ns).path if found else None
