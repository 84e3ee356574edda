"""Single spans that took far longer than all others of their path: the step that took 40 s."""

from __future__ import annotations

from collections.abc import Sequence

from one_logger.analysis.findings.facts import Facts, Outlier
from one_logger.analysis.findings.finding import Finding, duration, ranks

# In a healthy run 1 % of the steps take 2 to 5 times as long.
TIMES_THE_MEDIAN = 10
# A long span is worth a word if 10 s were lost by it, or 1 % of the loop.
LEAST_EXCESS_NS = 10_000_000_000
LEAST_SHARE = 0.01
# Where more than one span of a hundred is that long, they are how this work is distributed.
RARE = 0.01


def find_outliers(facts: Facts, typical: dict[str, float]) -> list[Finding]:
    """A finding for each moment at which spans took far longer than others of their path.

    Args:
        facts: What is known of the run.
        typical: The median duration of each path, in nanoseconds, without waiting.
    """
    worth = [outlier for outlier in facts.outliers if _matters(facts, outlier, typical[outlier.path])]
    return [_finding(facts, moment, typical) for moment in _moments(worth) if not _only_waited(facts, moment)]


def _matters(facts: Facts, outlier: Outlier, typical: float) -> bool:
    excess = outlier.work_ns - typical
    return excess >= LEAST_EXCESS_NS or excess >= LEAST_SHARE * facts.loop_time(outlier.stream, outlier.path)


def _only_waited(facts: Facts, moment: Sequence[Outlier]) -> bool:
    """Whether these may have waited for ranks that did something else: only some are long, and waiting is hidden."""
    hiding = facts.in_step | facts.hidden_waits
    if any(outlier.path not in hiding for outlier in moment):
        return False
    together = {timing.stream for timing in facts.timings if timing.path == moment[0].path}
    return len({outlier.stream for outlier in moment}) < len(together)


def _moments(outliers: Sequence[Outlier]) -> list[list[Outlier]]:
    """The outliers that overlap in time, together: what made one of them long made the others long."""
    moments: list[list[Outlier]] = []
    end = 0
    for outlier in sorted(outliers, key=lambda outlier: outlier.start):
        if not moments or outlier.start >= end:
            moments.append([])
            end = 0
        moments[-1].append(outlier)
        end = max(end, outlier.start + outlier.duration_ns)
    return moments


def _finding(facts: Facts, moment: Sequence[Outlier], typical: dict[str, float]) -> Finding:
    depth = min(facts.by_path[outlier.path].depth for outlier in moment)
    tops = [outlier for outlier in moment if facts.by_path[outlier.path].depth == depth]
    top = max(tops, key=lambda outlier: outlier.work_ns)
    # Where all wait for one without a span that says so, only the cause below is in few ranks.
    streams_of: dict[str, set[str]] = {}
    for outlier in moment:
        streams_of.setdefault(outlier.path, set()).add(outlier.stream)
    cause_path = min(streams_of, key=lambda path: (len(streams_of[path]), -facts.by_path[path].depth))
    cause = max((o for o in moment if o.path == cause_path), key=lambda outlier: outlier.work_ns)
    cause_ranks = sorted(
        {rank for stream in streams_of[cause_path] if (rank := facts.by_stream[stream].rank) is not None}
    )
    name = facts.by_path[top.path].name
    where = f" on {ranks(cause_ranks)}" if cause_ranks else ""
    inside = (
        f", {duration(cause.work_ns)} of them in {facts.by_path[cause_path].name}" if cause_path != top.path else ""
    )
    return Finding(
        "outlier",
        "warning",
        f"{name} number {top.step} took {duration(top.duration_ns)}{where}{inside}; the median is "
        f"{duration(typical[top.path])}.",
        {
            "ranks": cause_ranks,
            "span": top.path,
            "part": cause_path,
            "step": top.step,
            "start_time_unix_nano": top.start,
            "duration_ns": top.duration_ns,
            "work_ns": cause.work_ns,
            "typical_ns": int(typical[top.path]),
            "spans": len(moment),
        },
    )
