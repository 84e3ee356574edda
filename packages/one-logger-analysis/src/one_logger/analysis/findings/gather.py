"""Takes the facts of a run from its views, in queries that count and never give a row for each span."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from one_logger.analysis.findings.facts import (
    MINIMUM_STEPS,
    ErrorKind,
    Facts,
    OpenSpan,
    Outlier,
    PathFacts,
    StreamFacts,
    Timing,
)
from one_logger.analysis.findings.names import PICKED
from one_logger.analysis.findings.outliers import TIMES_THE_MEDIAN
from one_logger.analysis.findings.shares import find_checkpoints

if TYPE_CHECKING:
    from one_logger.analysis.questions import Questions

_STREAMS = """
SELECT stream, concat_ws(' ', service_name, session_tag), incarnation, rank, host, world_size, records, missing,
    dropped, closed, reason, coalesce(first_time_unix_nano, 0), coalesce(last_time_unix_nano, 0)
FROM streams ORDER BY incarnation, rank, stream
"""

_PATHS = """
SELECT path, any_value(name), any_value(depth), count(*), count(duration_ns), max(duration_ns)
FROM spans GROUP BY path ORDER BY any_value(depth), path
"""

# The first 5 % of the time, in which a run warms up, are left out: at least the first span of a path.
_BOUNDS = """
CREATE OR REPLACE TEMP TABLE step_bounds AS
SELECT stream, path, count(*) AS steps, sum(duration_ns)::BIGINT AS total_ns, max(duration_ns) AS longest_ns,
    min(coalesce(thread, 0)) AS thread, max(coalesce(thread, 0)) AS last_thread,
    min(start_time_unix_nano) + (max(start_time_unix_nano) - min(start_time_unix_nano)) // 20 AS warm,
    min(start_time_unix_nano) + (max(start_time_unix_nano) - min(start_time_unix_nano)) // 2 AS middle
FROM spans WHERE duration_ns IS NOT NULL
GROUP BY stream, path
"""

# What each span waited in all, from the deepest spans that wait up to their ancestors.
_NO_WAITS = """
CREATE OR REPLACE TEMP TABLE waits AS SELECT stream, span_id, depth, duration_ns AS wait_ns FROM spans LIMIT 0
"""
_WAITS = """
INSERT INTO waits
SELECT stream, parent_span_id, $depth - 1, sum(wait_ns)::BIGINT FROM (
    SELECT stream, parent_span_id, duration_ns AS wait_ns FROM spans
    WHERE depth = $depth AND path IN (SELECT unnest($waiting)) AND duration_ns IS NOT NULL
    UNION ALL
    SELECT s.stream, s.parent_span_id, w.wait_ns
    FROM spans s JOIN waits w ON s.stream = w.stream AND s.span_id = w.span_id
    WHERE s.depth = $depth AND w.depth = $depth AND s.path IN (SELECT unnest($above))
) AS found
WHERE parent_span_id IS NOT NULL
GROUP BY stream, parent_span_id
"""

_TIMINGS = """
SELECT b.stream, b.path, b.steps, b.total_ns, b.longest_ns, b.thread, b.last_thread,
    m.measured, m.median_ns, m.first_median_ns, m.second_median_ns
FROM step_bounds b LEFT JOIN (
    SELECT stream, path, count(*) AS measured,
        quantile_disc(work, 0.5) AS median_ns,
        quantile_disc(work, 0.5) FILTER (first_half) AS first_median_ns,
        quantile_disc(work, 0.5) FILTER (NOT first_half) AS second_median_ns
    FROM (
        SELECT s.stream, s.path, s.duration_ns AS work, s.start_time_unix_nano < b.middle AS first_half
        FROM spans s JOIN step_bounds b ON s.stream = b.stream AND s.path = b.path
        WHERE b.steps > $least AND s.duration_ns IS NOT NULL AND s.start_time_unix_nano > b.warm
            AND s.path NOT IN (SELECT unnest($above))
        UNION ALL
        SELECT s.stream, s.path, greatest(0, s.duration_ns - coalesce(w.wait_ns, 0)), s.start_time_unix_nano < b.middle
        FROM spans s JOIN step_bounds b ON s.stream = b.stream AND s.path = b.path
        LEFT JOIN waits w ON s.stream = w.stream AND s.span_id = w.span_id
        WHERE b.steps > $least AND s.duration_ns IS NOT NULL AND s.start_time_unix_nano > b.warm
            AND s.path IN (SELECT unnest($above))
    ) AS works GROUP BY stream, path HAVING count(*) >= $least
) AS m ON b.stream = m.stream AND b.path = m.path
ORDER BY b.stream, b.path
"""

_OUTLIERS = """
SELECT o.stream, o.path, count(s.stream), o.start_time_unix_nano, o.duration_ns, o.work FROM (
    SELECT s.stream, s.path, s.start_time_unix_nano, s.duration_ns,
        greatest(0, s.duration_ns - coalesce(w.wait_ns, 0)) AS work
    FROM spans s
    JOIN (SELECT unnest($paths) AS path, unnest($limits) AS least) l ON s.path = l.path AND s.duration_ns > l.least
    JOIN step_bounds b ON s.stream = b.stream AND s.path = b.path AND s.start_time_unix_nano > b.warm
    LEFT JOIN waits w ON s.stream = w.stream AND s.span_id = w.span_id
    WHERE s.duration_ns - coalesce(w.wait_ns, 0) > l.least
    ORDER BY work DESC LIMIT 5000
) AS o
LEFT JOIN spans s ON s.stream = o.stream AND s.path = o.path AND s.start_time_unix_nano < o.start_time_unix_nano
GROUP BY ALL ORDER BY o.start_time_unix_nano
"""

# An open span with a later one beside it in its thread was stopped: the record of it is what is missing.
_OPEN = """
SELECT o.stream, coalesce(o.thread, 0), o.name, o.path, o.depth, o.start_time_unix_nano
FROM spans o
WHERE o.duration_ns IS NULL AND o.start_time_unix_nano IS NOT NULL
    AND o.stream IN (SELECT stream FROM streams WHERE NOT closed OR reason LIKE 'signal%')
    AND NOT EXISTS (
        SELECT 1 FROM spans l
        WHERE l.stream = o.stream AND coalesce(l.thread, 0) = coalesce(o.thread, 0)
            AND l.start_time_unix_nano > o.start_time_unix_nano
            AND (l.depth <= o.depth OR l.duration_ns IS NULL)
    )
ORDER BY ALL
"""

_ERRORS = """
SELECT coalesce(name, ''), exception_type, count(*), min(time_unix_nano), max(time_unix_nano),
    list_sort(list_distinct(list(rank) FILTER (rank IS NOT NULL))),
    arg_min(message || coalesce(' (' || exception_message || ')', ''), time_unix_nano)
FROM errors GROUP BY name, exception_type ORDER BY count(*) DESC, name
"""

# Steps of ranks that wait for each other vary together: within a step far less than from step to step.
_IN_STEP = """
SELECT path FROM (
    SELECT path, step, median(duration_ns) AS middle, mad(duration_ns) AS spread FROM (
        SELECT stream, path, duration_ns,
            row_number() OVER (PARTITION BY stream, path ORDER BY start_time_unix_nano) AS step
        FROM spans
        WHERE stream IN (SELECT unnest($streams)) AND path IN (SELECT unnest($paths)) AND duration_ns IS NOT NULL
    ) AS numbered GROUP BY path, step HAVING count(*) = len($streams)
) AS steps
GROUP BY path HAVING count(*) >= $least AND median(spread / middle) < 0.25 * mad(middle) / median(middle)
"""

_OVERLAPPING = """
SELECT c.path FROM spans c
ASOF JOIN (
    SELECT stream, path, start_time_unix_nano FROM spans WHERE path IN (SELECT unnest($steps))
) AS s ON c.stream = s.stream AND c.end_time_unix_nano > s.start_time_unix_nano
WHERE c.path = $path AND c.duration_ns IS NOT NULL
GROUP BY c.path
HAVING count(*) FILTER (s.start_time_unix_nano > c.start_time_unix_nano) > count(*) / 2
"""


VIEWS = ("streams", "spans", "errors")
"""The views that `gather` asks."""


def gather(ask: Questions, missing_ranks: Sequence[int], now: int) -> Facts:
    """The facts of a run.

    Args:
        ask: Questions to `VIEWS`.
        missing_ranks: The ranks of which there is no stream.
        now: When the run is looked at, in nanoseconds since the epoch.
    """
    rows = ask.rows
    facts = Facts(
        streams=[StreamFacts(*row) for row in rows(_STREAMS)],
        paths=[
            PathFacts(path, name, depth, parent_path(path, name, depth), *counts)
            for path, name, depth, *counts in rows(_PATHS)
        ],
    )
    ask.prepare(_BOUNDS)
    waiting = [path.path for path in facts.paths if path.path in facts.waits and path.parent not in facts.waits]
    above = sorted(facts.waited_for)
    ask.prepare(_NO_WAITS)
    if waiting:
        for depth in range(max(facts.by_path[path].depth for path in waiting), 0, -1):
            ask.prepare(_WAITS, {"depth": depth, "waiting": waiting, "above": above})
    timings = telling(Timing(*row) for row in rows(_TIMINGS, {"least": MINIMUM_STEPS, "above": above}))
    typical = typical_durations(timings)
    limits = {path: TIMES_THE_MEDIAN * value for path, value in typical.items() if path not in facts.waits}
    outliers = rows(_OUTLIERS, {"paths": list(limits), "limits": list(limits.values())}) if limits else []
    facts = replace(
        facts,
        timings=timings,
        open_spans=[OpenSpan(*row) for row in rows(_OPEN)],
        outliers=[Outlier(*row) for row in outliers],
        errors=[
            ErrorKind(name, kind, times, first, last, tuple(ranks or ()), message)
            for name, kind, times, first, last, ranks, message in rows(_ERRORS)
        ],
        missing_ranks=missing_ranks,
        now=now,
    )
    in_step = paths_to_compare(facts)
    overlapping: set[str] = set()
    for finding in find_checkpoints(facts, {}):
        path = str(finding.evidence["span"])
        steps = [
            beside.path for beside in facts.paths if beside.parent == facts.by_path[path].parent and beside.path != path
        ]
        overlapping.update(path for (path,) in rows(_OVERLAPPING, {"path": path, "steps": steps}))
    return replace(
        facts,
        in_step=frozenset(path for (path,) in rows(_IN_STEP, {**in_step, "least": MINIMUM_STEPS}) if in_step["paths"]),
        overlapping=frozenset(overlapping),
    )


def paths_to_compare(facts: Facts) -> dict[str, list[str]]:
    """Up to 16 ranks of the last incarnation, and the paths of their steps that show no waiting."""
    of_rank = {
        stream.rank: stream.stream
        for stream in facts.streams
        if facts.is_current(stream) and stream.rank is not None and stream.stream in facts.timings_of
    }
    streams = list(of_rank.values())[:16]
    if len(streams) < 2:
        return {"streams": [], "paths": []}
    tops = {
        facts.loop_of(stream, timing.path)
        for stream in streams
        for timing in facts.timings_of[stream].values()
        if timing.measured is not None
    }
    return {"streams": streams, "paths": sorted(tops - facts.waits - facts.waited_for.keys())}


def parent_path(path: str, name: str, depth: int) -> str | None:
    r"""The path above a path, in which a slash of a name is written as \/."""
    escaped = name.replace("\\", "\\\\").replace("/", "\\/")
    return path[: -len(escaped) - 1] if depth else None


def telling(timings: Iterable[Timing]) -> list[Timing]:
    """The timings without those of iterations that were picked.

    Where a training sums its iterations up, only those that took long are spans: far less than a tenth of the loop's
    time. They tell nothing of the others.
    """
    found = list(timings)
    totals = {(timing.stream, timing.path): timing.total_ns for timing in found}
    ending = f"/{PICKED}"
    return [
        timing
        for timing in found
        if not timing.path.endswith(ending)
        or timing.total_ns * 10 >= totals.get((timing.stream, timing.path.removesuffix(ending)), 0)
    ]


def typical_durations(timings: Iterable[Timing]) -> dict[str, float]:
    """For each path the median over the streams of their medians, in nanoseconds."""
    medians: dict[str, list[int]] = {}
    for timing in timings:
        if timing.median_ns is not None:
            medians.setdefault(timing.path, []).append(timing.median_ns)
    return {path: median(values) for path, values in medians.items()}
