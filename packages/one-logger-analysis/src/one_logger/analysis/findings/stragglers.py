"""Which ranks, and which nodes, are slower than the others.

The rule is the one that raised no false alarm in 1,024 ranks x 200 steps of noise: a rank's median over its steps is at
least 10 % and 5 MAD (median absolute deviations) above the median rank's, in both halves of the run, over at least 20
steps, the first ones left out. Means, and comparisons with the best rank, raise false alarms in every such run. What is
compared is work, without the waiting for others: under a barrier, the slow rank is the one that waits least.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from one_logger.analysis.findings.facts import MINIMUM_STEPS, Facts, StreamFacts, Timing
from one_logger.analysis.findings.finding import (
    CRITICAL_SHARE,
    WARNING_SHARE,
    Finding,
    Severity,
    duration,
    percent,
    ranks,
)

SLOWER = 1.10
DEVIATIONS = 5
# A span that is slow but so short that nobody would win anything by mending it is not named.
LEAST_IMPACT = 0.02
EXPLAINS = 0.8


class Straggler(NamedTuple):
    """A rank that is slower than the others.

    Attributes:
        stream: Which stream, with its rank and host.
        path: In which span.
        part: The path below it that explains 80 % of it, if there is one.
        timing: How long it took.
        typical_ns: How long the median rank took.
        best_ns: How long the best rank took.
        impact: Which share of this rank's loop the difference is.
    """

    stream: StreamFacts
    path: str
    part: str | None
    timing: Timing
    typical_ns: float
    best_ns: int
    impact: float

    @property
    def slower_by(self) -> float:
        """How much longer than the median rank: 0.25 is 25 %."""
        return (self.timing.median_ns or 0) / self.typical_ns - 1

    @property
    def score(self) -> float:
        """The best rank's time over this one's, as NVIDIA's resiliency extension scores ranks."""
        return self.best_ns / (self.timing.median_ns or 1)


class _Sample(NamedTuple):
    stream: StreamFacts
    timing: Timing
    medians: tuple[int, int, int]  # of all steps, of the first half, of the second half


def find_stragglers(facts: Facts) -> list[Finding]:
    """A finding for each slow node and each slow rank, or that it cannot be told."""
    nodes, stragglers = compare_ranks(facts)
    findings = [_node_finding(facts, members) for members in nodes]
    findings += [_rank_finding(facts, straggler) for straggler in stragglers]
    if not findings and facts.in_step:
        path = min(facts.in_step, key=lambda path: facts.by_path[path].depth)
        findings.append(
            Finding(
                "cannot_tell",
                "info",
                f"The ranks wait for each other in every {facts.by_path[path].name}, and no span shows the waiting: "
                "whether one of them is slow cannot be told.",
                {"span": path},
            )
        )
    return findings


def compare_ranks(facts: Facts) -> tuple[list[list[Straggler]], list[Straggler]]:
    """The slow nodes, each as its ranks, and the ranks that are slow by themselves."""
    slow_nodes: dict[tuple[str, int, str], list[Straggler]] = {}
    slow_ranks: dict[str, list[Straggler]] = defaultdict(list)
    for (job, incarnation, path), samples in _groups(facts).items():
        rest = samples
        for host in _slow_hosts(samples):
            members = [sample for sample in samples if sample.stream.host == host]
            rest = [sample for sample in rest if sample.stream.host != host]
            others = [sample for sample in samples if sample.stream.host != host]
            found = [_straggler(facts, path, sample, others) for sample in members]
            if median(straggler.impact for straggler in found) >= LEAST_IMPACT:
                known = slow_nodes.get((job, incarnation, host))
                if known is None or facts.by_path[path].depth < facts.by_path[known[0].path].depth:
                    slow_nodes[job, incarnation, host] = found
        for sample in _slow_samples(rest):
            others = [other for other in rest if other is not sample]
            straggler = _straggler(facts, path, sample, others)
            if straggler.impact >= LEAST_IMPACT:
                slow_ranks[sample.stream.stream].append(straggler)
    on_slow_nodes = {straggler.stream.stream for members in slow_nodes.values() for straggler in members}
    alone = [_topmost(facts, found) for stream, found in slow_ranks.items() if stream not in on_slow_nodes]
    return list(slow_nodes.values()), sorted(alone, key=lambda straggler: -straggler.impact)


def _groups(facts: Facts) -> dict[tuple[str, int, str], list[_Sample]]:
    """What may be compared: the same path of different ranks in the same incarnation of the job."""
    groups: dict[tuple[str, int, str], dict[int, _Sample]] = defaultdict(dict)
    ignored = facts.waits | facts.hidden_waits
    for timing in facts.timings:
        stream = facts.by_stream[timing.stream]
        medians = (timing.median_ns, timing.first_median_ns, timing.second_median_ns)
        beside = timing.thread > facts.main_thread(timing.stream)  # nothing waits for a thread that works ahead
        if stream.rank is None or beside or timing.path in ignored or (timing.measured or 0) < MINIMUM_STEPS:
            continue
        if any(value is None for value in medians):
            continue
        sample = _Sample(stream, timing, (medians[0] or 0, medians[1] or 0, medians[2] or 0))
        group = groups[stream.job, stream.incarnation, timing.path]
        known = group.get(stream.rank)
        if known is None or known.timing.steps < timing.steps:
            group[stream.rank] = sample
    return {key: list(samples.values()) for key, samples in groups.items() if len(samples) > 1}


def deviation(values: Sequence[float], middle: float) -> float:
    """The median absolute deviation of values from their median."""
    return median(abs(value - middle) for value in values)


def _slow_samples(samples: Sequence[_Sample]) -> list[_Sample]:
    if len(samples) < 2:
        return []
    limits = []
    for part in range(3):
        values = [sample.medians[part] for sample in samples]
        if len(values) == 2:  # the median of two lies between them: compare with the faster one
            limits.append(SLOWER * min(values))
        else:
            middle = median(values)
            limits.append(max(SLOWER * middle, middle + DEVIATIONS * deviation(values, middle)))
    return [
        sample for sample in samples if all(value > limit for value, limit in zip(sample.medians, limits, strict=True))
    ]


def _slow_hosts(samples: Sequence[_Sample]) -> list[str]:
    """The hosts of several ranks on which nearly all are slower than those of the other hosts."""
    by_host: dict[str, list[_Sample]] = defaultdict(list)
    for sample in samples:
        if sample.stream.host is not None:
            by_host[sample.stream.host].append(sample)
    if len(by_host) < 2 or len(by_host) == len(samples):
        return []
    middles = {
        host: tuple(median(sample.medians[part] for sample in members) for part in range(3))
        for host, members in by_host.items()
    }
    noise = median(
        abs(sample.medians[0] - middles[host][0])
        for host, members in by_host.items()
        if len(members) > 1
        for sample in members
    )
    found = []
    for host, members in by_host.items():
        if len(members) < 2:
            continue
        others = [tuple_ for other, tuple_ in middles.items() if other != host]
        typical = [median(values) for values in zip(*others, strict=True)]
        slow = sum(sample.medians[0] > SLOWER * typical[0] for sample in members)
        if (
            all(middles[host][part] > SLOWER * typical[part] for part in range(3))
            and middles[host][0] > typical[0] + DEVIATIONS * noise
            and slow >= 0.75 * len(members)
        ):
            found.append(host)
    return found


def _straggler(facts: Facts, path: str, sample: _Sample, others: Sequence[_Sample]) -> Straggler:
    typical = median(other.medians[0] for other in others)
    excess = (sample.medians[0] - typical) * sample.timing.steps
    impact = excess / max(1, facts.loop_time(sample.stream.stream, path))
    best = min(other.medians[0] for other in (*others, sample))
    return Straggler(sample.stream, path, None, sample.timing, max(typical, 1), best, impact)


def _topmost(facts: Facts, found: Sequence[Straggler]) -> Straggler:
    """Of all paths in which a rank is slow the highest; with the one below it that explains it."""
    top = min(found, key=lambda straggler: (facts.by_path[straggler.path].depth, -straggler.impact))
    below = [s for s in found if top.path in facts.ancestors(s.path) and s.impact >= EXPLAINS * top.impact]
    if not below:
        return top
    part = max(below, key=lambda straggler: facts.by_path[straggler.path].depth)
    return top._replace(part=part.path)


def _severity(impact: float) -> Severity:
    """How bad it is: one slow rank may hold up all others, so half of what else makes a warning makes one here."""
    return "critical" if impact >= CRITICAL_SHARE else "warning" if impact >= WARNING_SHARE / 2 else "info"


def _in_incarnation(facts: Facts, stream: StreamFacts) -> str:
    return f", in incarnation {stream.incarnation}" if facts.incarnations[stream.job] > 1 else ""


def _waiting(facts: Facts, stream: StreamFacts, path: str) -> dict[str, object]:
    """How long the rank waited for others, beside the median rank."""
    wait = facts.waited_for.get(path)
    own = facts.timings_of[stream.stream].get(wait) if wait else None
    if wait is None or own is None or own.median_ns is None:
        return {}
    all_waits = [
        timings[wait].median_ns or 0
        for other, timings in facts.timings_of.items()
        if wait in timings and facts.by_stream[other].incarnation == stream.incarnation
    ]
    return {"waits_in": wait, "wait_ns": own.median_ns, "typical_wait_ns": int(median(all_waits))}


def _rank_finding(facts: Facts, straggler: Straggler) -> Finding:
    stream, name = straggler.stream, facts.by_path[straggler.path].name
    waiting = _waiting(facts, stream, straggler.path)
    sentence = (
        f"{stream.label.capitalize()} is {percent(straggler.slower_by)} slower than the median rank in {name}"
        f"{_in_incarnation(facts, stream)}: {duration(straggler.timing.median_ns or 0)} a step, not "
        f"{duration(straggler.typical_ns)}"
        + (f", nearly all of it in {facts.by_path[straggler.part].name}" if straggler.part else "")
        + (
            f"; the others wait for it in {facts.by_path[str(waiting['waits_in'])].name}"
            if waiting and straggler.impact > 0.05
            else ""
        )
        + "."
    )
    return Finding(
        "slow_rank",
        _severity(straggler.impact),
        sentence,
        {
            "rank": stream.rank,
            "host": stream.host,
            "incarnation": stream.incarnation,
            "span": straggler.path,
            "part": straggler.part,
            "slower_by": round(straggler.slower_by, 4),
            "score": round(straggler.score, 4),
            "median_ns": straggler.timing.median_ns,
            "typical_ns": int(straggler.typical_ns),
            "steps": straggler.timing.measured,
            "impact": round(straggler.impact, 4),
            **waiting,
        },
    )


def _node_finding(facts: Facts, members: Sequence[Straggler]) -> Finding:
    slower = median(straggler.slower_by for straggler in members)
    impact = median(straggler.impact for straggler in members)
    name, host = facts.by_path[members[0].path].name, members[0].stream.host
    numbers = _numbers(straggler.stream.rank for straggler in members)
    return Finding(
        "slow_node",
        _severity(impact),
        f"Node {host} is {percent(slower)} slower than the other nodes in {name}"
        f"{_in_incarnation(facts, members[0].stream)}, on all of its ranks ({ranks(numbers)}).",
        {
            "host": host,
            "ranks": numbers,
            "incarnation": members[0].stream.incarnation,
            "span": members[0].path,
            "slower_by": round(slower, 4),
            "typical_ns": int(members[0].typical_ns),
            "steps": sum(straggler.timing.measured or 0 for straggler in members),
            "impact": round(impact, 4),
        },
    )


def _numbers(values: Iterable[int | None]) -> list[int]:
    return sorted(value for value in values if value is not None)
