"""How the ranks of a run compare with each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from one_logger.analysis.columns import Detail
from one_logger.analysis.findings import Finding, Verdict, judge
from one_logger.analysis.findings.facts import Facts
from one_logger.analysis.findings.gather import VIEWS, gather
from one_logger.analysis.findings.state import RankState
from one_logger.analysis.findings.stragglers import SLOWER, Straggler, compare_ranks

if TYPE_CHECKING:
    from one_logger.analysis.questions import Questions
    from one_logger.analysis.run import Run

ABOUT_RANKS = frozenset(
    {"missing_ranks", "hang", "killed", "signal", "exception", "slow_node", "slow_rank", "cannot_tell"}
)
"""The kinds of findings that are about ranks."""

# The work of each rank in each step over that of the median rank in the same step. Steps are counted, as clocks differ;
# where records are missing, the time that has passed says how many steps were lost with them.
_STEPS = """
CREATE OR REPLACE TEMP TABLE step_work AS
WITH ordered AS (
    SELECT s.stream, s.seq, s.start_time_unix_nano AS start,
        lag(s.seq, 1, 0) OVER of_stream AS seq_before,
        coalesce(lag(s.start_time_unix_nano) OVER of_stream, min(s.start_time_unix_nano) OVER ()) AS start_before,
        greatest(0, s.duration_ns - coalesce(w.wait_ns, 0)) AS work
    FROM spans s LEFT JOIN waits w ON s.stream = w.stream AND s.span_id = w.span_id
    WHERE s.path = $path AND s.duration_ns IS NOT NULL AND s.stream IN (SELECT unnest($streams))
    WINDOW of_stream AS (PARTITION BY s.stream ORDER BY s.start_time_unix_nano, s.seq)
), lost AS (
    SELECT DISTINCT o.stream, o.seq
    FROM ordered o JOIN gaps g ON g.stream = o.stream AND g.first_seq > o.seq_before AND g.last_seq < o.seq
), counted AS (
    SELECT o.*, CASE WHEN l.seq IS NULL THEN 1 ELSE greatest(1,
        (o.start - o.start_before + p.period // 2) // p.period + CASE WHEN o.seq_before = 0 THEN 1 ELSE 0 END
    ) END AS further
    FROM ordered o LEFT JOIN lost l ON l.stream = o.stream AND l.seq = o.seq
    CROSS JOIN (SELECT greatest(1, median(start - start_before)::BIGINT) AS period FROM ordered WHERE seq_before > 0) p
), numbered AS (
    SELECT stream, work, (sum(further) OVER (PARTITION BY stream ORDER BY start, seq))::BIGINT - 1 AS step FROM counted
)
SELECT stream, step, work, work / greatest(1, median(work) OVER (PARTITION BY step)) AS ratio FROM numbered
"""
_SLOWEST = """
SELECT stream, count(*) FROM (
    SELECT step, arg_max(stream, work) AS stream FROM step_work GROUP BY step HAVING count(*) > 1
) AS slowest GROUP BY stream ORDER BY count(*) DESC, stream
"""
_SLOW_STEPS = """
SELECT stream, count(*) FILTER (ratio > $slower), count(*), min(step) FILTER (ratio > $slower),
    max(step) FILTER (ratio > $slower)
FROM step_work GROUP BY stream ORDER BY stream
"""
_HEAT = """
SELECT row, step // $steps AS part, max(ratio) FROM (
    SELECT stream, step // $steps * $steps AS step, avg(ratio) AS ratio FROM step_work GROUP BY ALL
) AS parts JOIN (SELECT unnest($streams) AS stream, unnest($rows) AS row) AS placed USING (stream)
GROUP BY ALL ORDER BY ALL
"""


class SlowSteps(NamedTuple):
    """In how many of its steps a rank was 10 % slower than the median rank in the same step, and in which ones."""

    slow: int
    steps: int
    first: int | None
    last: int | None


class HeatMap(NamedTuple):
    """How slow ranks were over time: `ratios[row][part]` is the slowest rank's work over the median rank's, or None.

    Attributes:
        rows: The ranks of each row.
        steps: How many steps each part has.
        ratios: A list for each row.
    """

    rows: Sequence[Sequence[int]]
    steps: int
    ratios: Sequence[Sequence[float | None]]


@dataclass(frozen=True)
class Ranking:
    """What `ranks` shows.

    Attributes:
        verdict: State and findings of the run.
        ranks: The state of each rank in the last incarnation.
        scores: For each rank and name of a span: the best rank's time over this one's.
        stragglers: The ranks that are slower than the others, those of slow nodes, too.
        step: The path of the steps that were compared, if there is one.
        slow_steps: For each rank, in which steps it was slow.
        slowest: For each rank, in how many steps it was the slowest; the most frequent first.
        heat: How slow ranks were over time, if there are several.
    """

    verdict: Verdict
    ranks: Sequence[RankState]
    scores: Mapping[int, Mapping[str, float]]
    stragglers: Sequence[Straggler]
    step: str | None
    slow_steps: Mapping[int, SlowSteps]
    slowest: Sequence[tuple[int, int]]
    heat: HeatMap | None

    @property
    def findings(self) -> list[Finding]:
        """What was found about ranks."""
        return [finding for finding in self.verdict.findings if finding.kind in ABOUT_RANKS]

    def as_json(self) -> dict[str, object]:
        """The ranking as `ranks --json` prints it."""
        return {
            "ranks": [
                {
                    "rank": state.stream.rank,
                    "state": state.state,
                    "last_time_unix_nano": state.stream.last_time,
                    "last_open_span": state.open_span.path if state.open_span else None,
                    "scores": self.scores.get(state.stream.rank or 0, {}),
                }
                for state in self.ranks
            ],
            "stragglers": [
                {
                    "rank": straggler.stream.rank,
                    "span": straggler.path,
                    "score": round(straggler.score, 4),
                    "slower_by": round(straggler.slower_by, 4),
                }
                for straggler in self.stragglers
            ],
            "missing_ranks": list(self.verdict.facts.missing_ranks),
        }


def ranking(run: Run, rows: int = 32, parts: int = 60) -> Ranking:
    """How the ranks of the last incarnation compare.

    Args:
        run: The run.
        rows: How many rows the heat map may have.
        parts: Into how many parts it may divide the steps.

    Raises:
        ReadError: The records cannot be read.
    """
    run.read(Detail.SPANS)
    missing_ranks = run.verify().missing_ranks
    with run.questions(*VIEWS) as ask:
        facts = gather(ask, missing_ranks, run.now_unix_nano)
        verdict = judge(facts)
        own = _own_streams(facts, verdict.ranks)
        rank_of = {state.stream.stream: rank for rank, state in own.items()}
        step = _step(facts, rank_of)
        slow_steps: dict[int, SlowSteps] = {}
        slowest: list[tuple[int, int]] = []
        heat = None
        if step is not None and len(rank_of) > 1:
            ask.prepare(_STEPS, {"path": step, "streams": sorted(rank_of)})
            for stream, *counts in ask.rows(_SLOW_STEPS, {"slower": SLOWER}):
                slow_steps[rank_of[stream]] = SlowSteps(*counts)
            slowest = [(rank_of[stream], count) for stream, count in ask.rows(_SLOWEST)]
            # Not as many as a rank has: where some were lost, the last one has a higher number.
            [[steps]] = ask.rows("SELECT coalesce(max(step) + 1, 0) FROM step_work")
            heat = _heat_map(ask, rank_of, steps, rows, parts)
    nodes, alone = compare_ranks(facts)
    stragglers = [straggler for members in nodes for straggler in members] + alone
    return Ranking(verdict, list(own.values()), _scores(facts, rank_of), stragglers, step, slow_steps, slowest, heat)


def _own_streams(facts: Facts, states: Sequence[RankState]) -> dict[int, RankState]:
    """For each rank its first stream in the last incarnation: others are of processes that it has forked, say."""
    own: dict[int, RankState] = {}
    for state in sorted(states, key=lambda state: state.stream.first_time):
        if state.stream.rank is not None and facts.is_current(state.stream):
            own.setdefault(state.stream.rank, state)
    return dict(sorted(own.items()))


def _step(facts: Facts, rank_of: Mapping[str, int]) -> str | None:
    """The path that the most ranks went through again and again, and that took most."""
    found: Counter[str] = Counter()
    ranks: Counter[str] = Counter()
    for stream in rank_of:
        for timing in facts.timings_of.get(stream, {}).values():
            if timing.measured is not None and timing.path not in facts.waits:
                found[facts.loop_of(stream, timing.path)] += timing.total_ns
                ranks[facts.loop_of(stream, timing.path)] += 1
    return max(found, key=lambda path: (ranks[path] > 1, found[path])) if found else None


def _scores(facts: Facts, rank_of: Mapping[str, int]) -> dict[int, dict[str, float]]:
    totals: Counter[str] = Counter()
    for timing in facts.timings:
        if timing.median_ns is not None and timing.path not in facts.waits:
            totals[timing.path] += timing.total_ns
    path_of: dict[str, str] = {}
    for path, _ in totals.most_common():
        path_of.setdefault(facts.by_path[path].name, path)
    scores: dict[int, dict[str, float]] = {rank: {} for rank in rank_of.values()}
    for name, path in sorted(path_of.items()):
        medians = {
            rank: timings[path].median_ns or 1
            for stream, rank in rank_of.items()
            if path in (timings := facts.timings_of.get(stream, {})) and timings[path].median_ns is not None
        }
        for rank, value in medians.items():
            scores[rank][name] = round(min(medians.values()) / value, 4)
    return scores


def _heat_map(ask: Questions, rank_of: Mapping[str, int], steps: int, rows: int, parts: int) -> HeatMap | None:
    if not steps:
        return None
    ranks = sorted(rank_of.values())
    each = -(-len(ranks) // rows)
    of_row = [ranks[first : first + each] for first in range(0, len(ranks), each)]
    row_of = {rank: number for number, members in enumerate(of_row) for rank in members}
    per_part = -(-steps // parts)
    streams = sorted(rank_of)
    ratios: list[list[float | None]] = [[None] * -(-steps // per_part) for _ in of_row]
    parameters = {"steps": per_part, "streams": streams, "rows": [row_of[rank_of[stream]] for stream in streams]}
    for row, part, ratio in ask.rows(_HEAT, parameters):
        ratios[row][part] = ratio
    return HeatMap(of_row, per_part, ratios)
