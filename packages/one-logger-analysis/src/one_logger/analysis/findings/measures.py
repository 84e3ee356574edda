"""The numbers that the findings are made from: how long each rank took for each path, without its waiting.

Where ranks wait for each other in every step, all steps take equally long, whoever is slow. So what counts for a span is
its *work*: its duration without the spans below it that wait for other ranks (`names.is_wait`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from one_logger.analysis.findings.names import is_wait

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MINIMUM_STEPS = 20

_PATHS = """
SELECT path, any_value(name), any_value(depth), count(*), count(duration_ns), max(duration_ns),
    left(path, length(path) - length(any_value(name)) - length($separator))
FROM spans WHERE path IS NOT NULL GROUP BY path ORDER BY any_value(depth), path
"""

# The first 5 % of the time, in which a run warms up, are left out: at least the first span of a path.
_BOUNDS = """
CREATE OR REPLACE TEMP TABLE step_bounds AS
SELECT stream, path, count(*) AS steps, sum(duration_ns)::BIGINT AS total_ns, max(duration_ns) AS longest_ns,
    min(coalesce(thread, 0)) AS thread, max(coalesce(thread, 0)) AS last_thread,
    min(start_time_unix_nano) + (max(start_time_unix_nano) - min(start_time_unix_nano)) // 20 AS warm,
    min(start_time_unix_nano) + (max(start_time_unix_nano) - min(start_time_unix_nano)) // 2 AS middle
FROM spans WHERE duration_ns IS NOT NULL AND path IS NOT NULL
GROUP BY stream, path
"""

_WAITS = """
CREATE OR REPLACE TEMP TABLE waits AS
SELECT stream, parent_span_id AS span_id, sum(duration_ns)::BIGINT AS wait_ns, $depth - 1 AS depth
FROM spans WHERE path IN (SELECT unnest($paths)) AND depth = $depth AND duration_ns IS NOT NULL
GROUP BY stream, parent_span_id
"""

_WAITS_ABOVE = """
INSERT INTO waits
SELECT stream, parent_span_id, sum(wait_ns)::BIGINT, $depth - 1 FROM (
    SELECT w.stream, s.parent_span_id, w.wait_ns
    FROM waits w JOIN spans s ON w.depth = $depth AND s.depth = $depth AND s.stream = w.stream AND s.span_id = w.span_id
    UNION ALL
    SELECT stream, parent_span_id, duration_ns FROM spans
    WHERE path IN (SELECT unnest($paths)) AND depth = $depth AND duration_ns IS NOT NULL
) WHERE parent_span_id IS NOT NULL
GROUP BY stream, parent_span_id
"""

_TIMINGS = """
CREATE OR REPLACE TEMP TABLE timings AS
SELECT b.stream, b.path, b.steps, b.total_ns, b.longest_ns, b.thread, b.last_thread, m.*
    EXCLUDE (stream, path)
FROM step_bounds b LEFT JOIN (
    SELECT stream, path, count(*) AS measured, sum(work)::BIGINT AS work_ns,
        quantile_disc(work, 0.5) AS median_ns,
        quantile_disc(work, 0.5) FILTER (first_half) AS first_median_ns,
        quantile_disc(work, 0.5) FILTER (NOT first_half) AS second_median_ns
    FROM (
        SELECT s.stream, s.path, s.duration_ns AS work, s.start_time_unix_nano < b.middle AS first_half
        FROM spans s JOIN step_bounds b ON s.stream = b.stream AND s.path = b.path
        WHERE b.steps > $minimum AND s.duration_ns IS NOT NULL AND s.start_time_unix_nano > b.warm
            AND s.path NOT IN (SELECT unnest($above))
        UNION ALL
        SELECT s.stream, s.path, greatest(0, s.duration_ns - coalesce(w.wait_ns, 0)),
            s.start_time_unix_nano < b.middle
        FROM spans s JOIN step_bounds b ON s.stream = b.stream AND s.path = b.path
        LEFT JOIN waits w ON s.stream = w.stream AND s.span_id = w.span_id
        WHERE b.steps > $minimum AND s.duration_ns IS NOT NULL AND s.start_time_unix_nano > b.warm
            AND s.path IN (SELECT unnest($above))
    ) GROUP BY stream, path
) m ON b.stream = m.stream AND b.path = m.path
"""

_OUTLIERS = """
SELECT s.stream, s.path, s.start_time_unix_nano, s.duration_ns, s.duration_ns - coalesce(w.wait_ns, 0) AS work
FROM spans s
JOIN (SELECT unnest($paths) AS path, unnest($limits) AS most) l ON s.path = l.path AND s.duration_ns > l.most
JOIN step_bounds b ON s.stream = b.stream AND s.path = b.path AND s.start_time_unix_nano > b.warm
LEFT JOIN waits w ON s.stream = w.stream AND s.span_id = w.span_id
WHERE s.duration_ns - coalesce(w.wait_ns, 0) > l.most
ORDER BY work DESC LIMIT 10000
"""
