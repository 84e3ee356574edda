"""What a report says of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from one_logger.analysis.commands.verify import as_dict as verification_as_dict
from one_logger.analysis.findings.stragglers import compare_ranks
from one_logger.analysis.findings.verdict import Verdict
from one_logger.analysis.overview import overview
from one_logger.analysis.report.steps_data import Steps, step_path, steps_of
from one_logger.analysis.report.timeline_data import Timeline, timeline_of
from one_logger.analysis.run import Run

LONGEST = 200


@dataclass(frozen=True)
class Content:
    """What a report says.

    Attributes:
        service: The names of the applications that recorded.
        session: The tags of their sessions.
        job: The ids of their jobs.
        hosts: How many hosts there were.
        ranks_count: How many ranks recorded anything.
        incarnations: How often the job was started.
        events: How many events were recorded.
        first: The first time, in nanoseconds since 1970-01-01T00:00:00Z; None if nothing was recorded.
        last: The last time.
        overview: What `show --json` prints.
        paths: Its spans, each with `name` and `depth`.
        ranks: What `ranks --json` prints.
        verification: What `verify --json` prints.
        longest: The longest spans that have none of their kind below them.
        timeline: What the timeline shows, if anything.
        steps: What the pictures of the steps show, if there are steps.
    """

    service: str
    session: str
    job: str
    hosts: int
    ranks_count: int
    incarnations: int
    events: int
    first: int | None
    last: int | None
    overview: Mapping[str, Any]
    paths: Sequence[Mapping[str, Any]]
    ranks: Mapping[str, Any]
    verification: Mapping[str, Any]
    longest: Sequence[Mapping[str, Any]]
    timeline: Timeline | None
    steps: Steps | None


def content_of(run: Run) -> Content:
    """What a report says of a run."""
    found = overview(run)
    facts = found.verdict.facts
    [head] = run.execute(
        "SELECT string_agg(DISTINCT service_name, ', '), string_agg(DISTINCT session_tag, ', '), "
        "string_agg(DISTINCT job_id, ', '), count(DISTINCT host), count(DISTINCT rank), max(incarnation), "
        "min(first_time_unix_nano), max(last_time_unix_nano) FROM streams"
    )
    [(events,)] = run.execute("SELECT count(*) FROM events")
    paths = [path._asdict() for path in found.paths]
    path = step_path(paths, head[4])
    waits = [wait for wait in facts.waits if path and wait.startswith(f"{path}/")]
    topmost = [wait for wait in waits if not any(above in facts.waits for above in facts.ancestors(wait))]
    ranks = _ranks(found.verdict)
    return Content(
        *(value or "" for value in head[:3]),
        head[3],
        head[4],
        head[5] or 0,
        events,
        head[6],
        head[7],
        found.as_json(),
        paths,
        ranks,
        verification_as_dict(run.verify()),
        _longest(run),
        timeline_of(run, _noteworthy(found.as_json(), ranks)),
        steps_of(run, path, sorted(topmost)) if path else None,
    )


def _longest(run: Run) -> list[dict[str, Any]]:
    keys = ("rank", "path", "start_time_unix_nano", "elapsed_ns", "open")
    rows = run.execute(
        f"SELECT {', '.join(keys)} FROM spans WHERE start_time_unix_nano IS NOT NULL "
        f"ORDER BY elapsed_ns DESC, start_time_unix_nano, stream, span_id LIMIT {LONGEST}"
    )
    return [dict(zip(keys, row, strict=True)) for row in rows]


def _noteworthy(shown: Mapping[str, Any], ranks: Mapping[str, Any]) -> set[int]:
    """The ranks that the verdict names, but where it names nearly all."""
    named: set[int] = {one["rank"] for one in ranks["stragglers"]}
    for finding in shown["verdict"]:
        evidence = finding["evidence"]
        some = [evidence.get("rank"), *(evidence.get("ranks") or [])]
        if len(some) <= 24:
            named.update(rank for rank in some if isinstance(rank, int))
    return named


def _ranks(verdict: Verdict) -> dict[str, Any]:
    nodes, alone = compare_ranks(verdict.facts)
    return {
        "ranks": [
            {
                "rank": state.stream.rank,
                "host": state.stream.host,
                "state": state.state,
                "last_time_unix_nano": state.stream.last_time,
                "last_open_span": None if state.open_span is None else state.open_span.path,
            }
            for state in verdict.ranks
        ],
        "stragglers": [
            {"rank": one.stream.rank, "span": one.path, "score": one.score, "slower_by": one.slower_by}
            for one in [*(one for node in nodes for one in node), *alone]
        ],
    }
