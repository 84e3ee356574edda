"""What a report says of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from one_logger.analysis.commands.verify import as_dict as verification_as_dict
from one_logger.analysis.errors import ReadError
from one_logger.analysis.goodput import Goodput, goodput
from one_logger.analysis.overview import overview
from one_logger.analysis.ranking import ranking
from one_logger.analysis.report.steps_data import COLUMNS, ROWS, Steps, steps_of
from one_logger.analysis.report.timeline_data import Timeline, timeline_of
from one_logger.analysis.run import Run

LONGEST = 200
_NAMED = 24


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
        longest: The longest spans.
        timeline: What the timeline shows, if anything.
        steps: What the pictures of the steps show, if there are steps.
        goodput: What the time went into, if it is a training, and of one session.
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
    goodput: Goodput | None = None


def content_of(run: Run) -> Content:
    """What a report says of a run."""
    shown = overview(run)
    overview_json: dict[str, Any] = shown.as_json()
    ranked = ranking(run, ROWS, COLUMNS)
    [head] = run.execute(
        "SELECT string_agg(DISTINCT service_name, ', '), string_agg(DISTINCT session_tag, ', '), "
        "string_agg(DISTINCT job_id, ', '), count(DISTINCT host), count(DISTINCT rank), max(incarnation), "
        "min(first_time_unix_nano), max(last_time_unix_nano) FROM streams"
    )
    [(events,)] = run.execute("SELECT count(*) FROM events")
    hosts = {state.stream.rank: state.stream.host for state in ranked.ranks}
    ranks: dict[str, Any] = ranked.as_json()
    ranks["ranks"] = [{"host": hosts[rank["rank"]], **rank} for rank in ranks["ranks"]]
    service, session, job, host_count, rank_count, incarnations, first, last = head
    return Content(
        service=service or "",
        session=session or "",
        job=job or "",
        hosts=host_count,
        ranks_count=rank_count,
        incarnations=incarnations or 0,
        events=events,
        first=first,
        last=last,
        overview=overview_json,
        paths=[
            {"name": path.name, "depth": path.depth, "parent_missing": path.parent_missing, **written}
            for path, written in zip(shown.paths, overview_json["spans"], strict=True)
        ],
        ranks=ranks,
        verification=verification_as_dict(run.verify()),
        longest=_longest(run),
        timeline=timeline_of(run, _noteworthy(overview_json, ranks)),
        steps=steps_of(run, ranked, shown.paths),
        goodput=_goodput(run),
    )


def _goodput(run: Run) -> Goodput | None:
    try:
        found = goodput(run)
    except ReadError:
        return None
    told = found.shares["productive"] + found.shares["lost_work"] > 0
    return found if told else None  # its spans have a training's names, but nothing says what its iterations took


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
        if len(some) <= _NAMED:
            named.update(rank for rank in some if isinstance(rank, int))
    return named
