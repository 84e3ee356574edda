"""What a run has to say at first sight: how far its data can be trusted, its state, a verdict, where the time went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from one_logger.analysis.columns import Detail
from one_logger.analysis.findings import Verdict, judge
from one_logger.analysis.findings.gather import VIEWS, gather
from one_logger.analysis.findings.trust import trust

if TYPE_CHECKING:
    from one_logger.analysis.run import Run

_PATHS = """
SELECT path, any_value(name), any_value(depth), count(*), sum(elapsed_ns)::BIGINT, sum(self_ns)::BIGINT,
    sum(elapsed_ns)::BIGINT // count(*), quantile_disc(elapsed_ns, 0.5), quantile_disc(elapsed_ns, 0.99),
    max(elapsed_ns), bool_or(parent_missing)
FROM spans GROUP BY path ORDER BY path
"""


class PathTime(NamedTuple):
    """All spans of one path together, in nanoseconds. An open span counts with the time until the last sign of life.

    Attributes:
        path: The names from the root, as the view `spans` has it.
        name: The last of them.
        depth: How many are above it.
        spans: How many there are.
        total_ns: Their time.
        self_ns: Their time that no span below them covers.
        mean_ns: The mean of their times.
        p50_ns: The median of their times.
        p99_ns: The time that 99 % of them are not above.
        longest_ns: The longest of them.
        parent_missing: Whether a span above some of them isn't in its stream: their path begins below it.
    """

    path: str
    name: str
    depth: int
    spans: int
    total_ns: int
    self_ns: int
    mean_ns: int
    p50_ns: int
    p99_ns: int
    longest_ns: int
    parent_missing: bool


@dataclass(frozen=True)
class Overview:
    """What `show` shows.

    Attributes:
        verdict: State and findings, and the facts that they follow from.
        trust: How far the data can be trusted: counts, and a sentence.
        paths: Where the time went. A path stands before those below it; of those beside each other the one that took
            most stands first.
    """

    verdict: Verdict
    trust: Mapping[str, object]
    paths: Sequence[PathTime]

    def as_json(self) -> dict[str, Any]:
        """The overview as `show --json` prints it."""
        facts = self.verdict.facts
        return {
            "state": self.verdict.state,
            "trust": dict(self.trust),
            "verdict": [finding.as_json() for finding in self.verdict.findings],
            "spans": [
                {
                    "path": path.path,
                    "count": path.spans,
                    "total_ns": path.total_ns,
                    "self_ns": path.self_ns,
                    "mean_ns": path.mean_ns,
                    "p50_ns": path.p50_ns,
                    "p99_ns": path.p99_ns,
                    "longest_ns": path.longest_ns,
                }
                for path in self.paths
            ],
            "errors": [
                {
                    "name": error.name,
                    "exception_type": error.exception_type,
                    "message": error.message,
                    "count": error.times,
                    "first_time_unix_nano": error.first_time,
                    "last_time_unix_nano": error.last_time,
                    "ranks": list(error.ranks),
                }
                for error in facts.errors
            ],
            "open_spans": [
                {
                    "stream": span.stream,
                    "rank": facts.by_stream[span.stream].rank,
                    "thread": span.thread,
                    "path": span.path,
                    "start_time_unix_nano": span.start,
                    "open_for_ns": facts.by_stream[span.stream].last_time - span.start,
                }
                for span in facts.open_spans
            ],
        }


def overview(run: Run) -> Overview:
    """What there is to say of a run at first sight.

    Raises:
        ReadError: The records cannot be read.
    """
    run.read(Detail.SPANS)
    missing_ranks = run.verify().missing_ranks
    with run.questions(*VIEWS) as ask:
        facts = gather(ask, missing_ranks, run.now_unix_nano)
        paths = [PathTime(*row) for row in ask.rows(_PATHS)]
    return Overview(judge(facts), trust(facts), in_order(paths, {path.path: path.parent for path in facts.paths}))


def in_order(paths: Sequence[PathTime], parents: Mapping[str, str | None]) -> list[PathTime]:
    """Paths as a tree: each before those below it, and beside each other by their time, the longest first."""
    below: dict[str | None, list[PathTime]] = {}
    known = {path.path for path in paths}
    for path in paths:
        parent = parents[path.path]
        below.setdefault(parent if parent in known else None, []).append(path)
    found: list[PathTime] = []
    waiting = sorted(below.get(None, ()), key=lambda path: path.total_ns)
    while waiting:
        path = waiting.pop()
        found.append(path)
        waiting += sorted(below.get(path.path, ()), key=lambda path: path.total_ns)
    return found
