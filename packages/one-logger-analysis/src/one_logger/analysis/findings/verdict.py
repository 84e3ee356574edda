"""All findings about a run, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from one_logger.analysis.findings.facts import Facts
from one_logger.analysis.findings.failures import find_errors
from one_logger.analysis.findings.finding import Finding, by_severity
from one_logger.analysis.findings.gather import typical_durations
from one_logger.analysis.findings.outliers import find_outliers
from one_logger.analysis.findings.shares import find_checkpoints, find_data_loading
from one_logger.analysis.findings.state import RankState, State, find_ends, find_hang, rank_states, run_state
from one_logger.analysis.findings.stragglers import find_stragglers
from one_logger.analysis.findings.trust import find_missing


@dataclass(frozen=True)
class Verdict:
    """What is true of a run.

    Attributes:
        facts: What it follows from.
        state: The state of the run: `running`, `finished`, `killed` or `hanging`.
        ranks: The state of each stream.
        findings: What was found, the worst first.
    """

    facts: Facts
    state: State
    ranks: Sequence[RankState]
    findings: Sequence[Finding]


def judge(facts: Facts) -> Verdict:
    """All that can be said of a run."""
    states = rank_states(facts)
    typical = typical_durations(facts.timings)
    excess: dict[tuple[str, str], int] = {}
    for outlier in facts.outliers:
        key = (outlier.stream, outlier.path)
        excess[key] = excess.get(key, 0) + outlier.work_ns - int(typical[outlier.path])
    findings = [
        *find_missing(facts),
        *find_hang(facts, states),
        *find_ends(states),
        *find_errors(facts),
        *find_stragglers(facts),
        *find_data_loading(facts, excess),
        *find_checkpoints(facts, excess),
        *find_outliers(facts, typical),
    ]
    return Verdict(facts, run_state(facts, states), states, by_severity(findings))
