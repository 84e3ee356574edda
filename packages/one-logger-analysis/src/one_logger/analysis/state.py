"""The state of a run: what it is doing, or how it came to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from one_logger.analysis.run import Run

_TIMES = 5
"""A span hangs that has been open for so many times the longest one of its path."""

_AT_LEAST = 60 * 10**9
"""In nanoseconds. What has been open for less than that may be slow, but isn't said to hang."""

_STREAMS = """
    WITH begun AS (
        SELECT *, max(first_time_unix_nano) OVER (PARTITION BY service_name, session_tag, incarnation) AS latest
        FROM streams
    ), current AS (
        SELECT * FROM begun
        QUALIFY dense_rank() OVER (ORDER BY latest DESC NULLS LAST, service_name, session_tag, incarnation DESC) = 1
    )
    SELECT * FROM current
"""
_OPEN = f"""
    WITH current AS ({_STREAMS}),
    innermost AS (
        SELECT stream, path, start_time_unix_nano FROM spans WHERE open
        QUALIFY row_number() OVER (
            PARTITION BY stream ORDER BY start_time_unix_nano DESC NULLS LAST, depth DESC, span_id
        ) = 1
    ), longest AS (
        SELECT path, max(duration_ns) AS longest_ns FROM spans
        WHERE NOT open AND path IN (SELECT path FROM innermost) GROUP BY path
    ), hosts AS (
        -- Clocks differ between hosts, so a host's own last word is its time.
        SELECT host, max(last_time_unix_nano) AS now_unix_nano FROM current GROUP BY host
    )
    SELECT c.rank, c.state, c.last_time_unix_nano, i.path, i.start_time_unix_nano,
        h.now_unix_nano - i.start_time_unix_nano >= greatest({_AT_LEAST}, {_TIMES} * l.longest_ns) AS hangs
    FROM current AS c
    JOIN hosts AS h ON h.host IS NOT DISTINCT FROM c.host
    LEFT JOIN innermost AS i ON i.stream = c.stream
    LEFT JOIN longest AS l ON l.path = i.path
    WHERE NOT c.closed
    ORDER BY i.start_time_unix_nano, c.rank
"""


@dataclass(frozen=True, slots=True)
class RunState:
    """The state of the last incarnation of a run.

    Attributes:
        state: `finished`: all streams were closed. `running`: at least one is alive. `hanging`: one is alive, but has
            been in a span five times longer than any such span took before, and for a minute at least. `killed`: one
            isn't closed, and none is alive. `empty`: there is no stream.
        since_unix_nano: Since when, in nanoseconds since 1970-01-01T00:00:00Z: the last sign of life of a run that was
            killed or is finished; the start of the span in which it hangs, or is running.
        span: The path of the span in which it hangs, is running, or was killed: the innermost that is open.
        ranks: The ranks that hang or were killed.
        reasons: Why streams were closed, as they say, each reason once.
    """

    state: str
    since_unix_nano: int | None = None
    span: str | None = None
    ranks: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()


def run_state(run: Run) -> RunState:
    """The state of the last incarnation in a run, by its records and the clock."""
    streams = run.execute(f"SELECT closed, state, last_time_unix_nano, reason FROM ({_STREAMS})")
    if not streams:
        return RunState("empty")
    reasons = tuple(sorted({reason for *_, reason in streams if reason is not None}))
    last = max((time for _, _, time, _ in streams if time is not None), default=None)
    if all(closed for closed, *_ in streams):
        return RunState("finished", last, reasons=reasons)
    unclosed = run.execute(_OPEN)
    alive = [row for row in unclosed if row[1] == "alive"]
    hanging = [row for row in alive if row[5]]
    chosen, state = (hanging, "hanging") if hanging else (alive, "running") if alive else (unclosed, "killed")
    _, _, _, span, start, _ = min(chosen, key=lambda row: (row[3] is None, row[4] or 0))
    ranks = () if state == "running" else tuple(sorted({row[0] for row in chosen if row[0] is not None}))
    return RunState(state, last if state == "killed" else start, span, ranks, reasons)
