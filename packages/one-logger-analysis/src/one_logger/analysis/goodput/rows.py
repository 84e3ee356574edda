"""Takes from the views of a run what is needed of each stream to compute its goodput."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from one_logger.analysis.duck import quoted

if TYPE_CHECKING:
    from one_logger.analysis.run import Run

CAUSE_OF = {
    "application": "application",
    "training_loop": "loop",
    "distributed_code_initialization": "initialization",
    "data_loader_initialization": "initialization",
    "model_initialization": "initialization",
    "optimizer_initialization": "initialization",
    "checkpoint_load": "checkpoint_load",
    "checkpoint_save_sync": "checkpoint_save",
    "checkpoint_save_async": "checkpoint_save",
    "validation_loop": "evaluation",
    "testing_loop": "evaluation",
}
"""The cause that stands for the time of each span, by the names of one-logger-training-telemetry."""
STEP, DATA = "training_single_iteration", "data_loading"

_STREAMS = """
SELECT stream, service_name, session_tag, incarnation, rank, world_size, closed, state = 'alive',
    first_time_unix_nano, last_time_unix_nano, job_id,
    stream IN (SELECT stream FROM spans WHERE name = 'training_loop')
FROM streams WHERE first_time_unix_nano IS NOT NULL ORDER BY first_time_unix_nano, stream
"""

_SPANS = f"""
SELECT stream, seq, name, coalesce(thread, 0), start_time_unix_nano, duration_ns, elapsed_ns, status,
    try_cast(start_event ->> '$.monotonic_ns' AS BIGINT),
    try_cast(attributes ->> '$.train_iterations_start' AS BIGINT),
    try_cast(attributes ->> '$.open_iterations' AS BIGINT),
    try_cast(attributes ->> '$.open_productive_ns' AS BIGINT),
    try_cast(attributes ->> '$.open_data_loading_ns' AS BIGINT)
FROM spans
WHERE stream IN {{streams}} AND name IN ({", ".join(f"'{name}'" for name in CAUSE_OF)})
    AND start_time_unix_nano IS NOT NULL
ORDER BY stream, seq
"""

# Spans of iterations matter only where no event has summed them up: after the last one. One that failed does not count.
_STEPS = f"""
SELECT s.stream, s.seq, s.name, coalesce(s.thread, 0), s.start_time_unix_nano, s.duration_ns,
    try_cast(s.start_event ->> '$.monotonic_ns' AS BIGINT), try_cast(s.attributes ->> '$.current_iteration' AS BIGINT)
FROM spans s LEFT JOIN (
    SELECT stream, max(seq) AS seq FROM distinct_records
    WHERE type = 'event' AND stream IN {{streams}} AND name = 'training_metrics_update' GROUP BY stream
) u ON u.stream = s.stream
WHERE s.stream IN {{streams}} AND s.name IN ('{STEP}', '{DATA}') AND s.duration_ns IS NOT NULL
    AND s.status IS DISTINCT FROM 'ERROR' AND (u.seq IS NULL OR s.seq > u.seq)
ORDER BY s.stream, s.seq
"""

# Waiting for data that the application has marked by itself within iterations: nobody has subtracted it.
_OWN_DATA = f"""
SELECT u.stream, u.seq, sum(s.duration_ns)::BIGINT
FROM (SELECT stream, duration_ns, start_time_unix_nano FROM spans
    WHERE stream IN {{streams}} AND name = '{DATA}' AND duration_ns IS NOT NULL
        AND (start_event ->> '$.monotonic_ns') IS NULL) s
ASOF JOIN (SELECT stream, seq, time_unix_nano FROM distinct_records
    WHERE type = 'event' AND stream IN {{streams}} AND name = 'training_metrics_update') u
    ON u.stream = s.stream AND u.time_unix_nano >= s.start_time_unix_nano
GROUP BY u.stream, u.seq
"""

_UPDATES = """
SELECT stream, seq, name, time_unix_nano, try_cast(attributes ->> '$.monotonic_ns' AS BIGINT),
    try_cast(attributes ->> '$.current_iteration' AS BIGINT), try_cast(attributes ->> '$.interval' AS BIGINT),
    try_cast(attributes ->> '$.interval_productive_ns' AS BIGINT),
    try_cast(attributes ->> '$.interval_data_loading_ns' AS BIGINT)
FROM distinct_records
WHERE type = 'event' AND stream IN {streams} AND name IN ('training_metrics_update', 'save_checkpoint_success')
ORDER BY stream, seq
"""

_ENDS = """
SELECT stream, seq, time_unix_nano FROM distinct_records
WHERE stream IN {streams} AND type IN ('resource', 'end', 'alive') AND time_unix_nano IS NOT NULL ORDER BY stream, seq
"""

# A recorder says at least every so often that its process is alive. Where it doesn't, three times as long, the process
# stood still. Only of streams that have said it at all: the others may not be able to.
_STALLS = """
WITH alive AS (
    SELECT stream, coalesce(min(spacing), 30000000000) AS spacing FROM (
        SELECT stream, time_unix_nano - lag(time_unix_nano) OVER (PARTITION BY stream ORDER BY seq) AS spacing
        FROM distinct_records WHERE stream IN {streams} AND type = 'alive'
    ) AS spacings GROUP BY stream
), signs AS (
    SELECT stream, unnest([time_unix_nano, start_time_unix_nano, end_time_unix_nano]) AS time
    FROM distinct_records WHERE stream IN (SELECT stream FROM alive)
), pairs AS (
    SELECT stream, lag(time) OVER (PARTITION BY stream ORDER BY time) AS since, time AS until
    FROM signs WHERE time IS NOT NULL
)
SELECT pairs.stream, since, until FROM pairs JOIN alive ON alive.stream = pairs.stream
WHERE until - since > 3 * greatest(spacing, 100000000) ORDER BY ALL
"""


class Stream(NamedTuple):
    """A stream. `first` and `last` are times of the wall clock."""

    stream: str
    service: str | None
    session: str | None
    incarnation: int
    rank: int | None
    world_size: int | None
    closed: bool
    alive: bool
    first: int
    last: int
    job: str | None
    trains: bool


class Span(NamedTuple):
    """A span that stands for a cause. `wall` and `monotonic` are its start by the two clocks."""

    seq: int
    name: str
    thread: int
    wall: int
    duration: int | None
    elapsed: int
    status: str | None
    monotonic: int | None
    first: int | None
    open_iterations: int | None
    open_productive: int | None
    open_data: int | None


class Step(NamedTuple):
    """An iteration, or waiting for data, that has a span of its own."""

    seq: int
    name: str
    thread: int
    wall: int
    duration: int
    monotonic: int | None
    number: int | None


class Update(NamedTuple):
    """An event that sums up iterations, or says that a checkpoint is saved."""

    seq: int
    name: str
    wall: int
    monotonic: int | None
    iteration: int | None
    steps: int | None
    productive: int | None
    data: int | None


@dataclass
class Rows:
    """What was read of one stream."""

    spans: list[Span] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    own_data: dict[int, int] = field(default_factory=dict)
    ends: list[tuple[int, int]] = field(default_factory=list)
    stalls: list[tuple[int, int]] = field(default_factory=list)


def read_streams(run: Run) -> list[Stream]:
    """The streams of a run, in the order of their starts."""
    return [Stream(*row) for row in run.execute(_STREAMS)]


def read_rows(run: Run, streams: Iterable[Stream]) -> dict[str, Rows]:
    """What was read of some streams."""
    found = {stream.stream: Rows() for stream in streams}

    def ask(query: str) -> list[tuple[Any, ...]]:
        return run.execute(query.format(streams=f"({', '.join(map(quoted, found))})"))

    for stream, *row in ask(_SPANS):
        found[stream].spans.append(Span(*row))
    for stream, *row in ask(_STEPS):
        found[stream].steps.append(Step(*row))
    for stream, *row in ask(_UPDATES):
        found[stream].updates.append(Update(*row))
    for stream, seq, waited in ask(_OWN_DATA):
        found[stream].own_data[seq] = waited
    for stream, seq, wall in ask(_ENDS):
        found[stream].ends.append((seq, wall))
    for stream, since, until in ask(_STALLS):
        found[stream].stalls.append((since, until))
    return found
