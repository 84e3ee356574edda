"""Whether a run, and each of its ranks, is running, finished, killed or hanging."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from one_logger.analysis.findings.facts import Facts, OpenSpan, StreamFacts
from one_logger.analysis.findings.finding import Finding, clock, duration, ranks
from one_logger.analysis.findings.names import is_wait

State = Literal["running", "finished", "killed", "hanging", "empty"]

_SECOND = 1_000_000_000
# A stream writes at least an `alive` record every 30 s. Three of them may be late.
SILENT_NS = 90 * _SECOND
# A span hangs when it has been open for five times as long as the longest that ever ended, and for a minute at least.
TIMES_ITS_MAXIMUM = 5
LEAST_HANG_NS = 60 * _SECOND
# A collective that never ended before has no maximum; five minutes are more than any takes to set up.
FIRST_WAIT_NS = 300 * _SECOND


class RankState(NamedTuple):
    """What a stream was doing when it was last heard of.

    Attributes:
        stream: The stream.
        state: `running`, `finished`, `killed` (no end, and nothing more came; or ended by a signal), or `hanging`.
        open_span: The deepest span that is open, if one is.
        stuck: Whether that span was open far longer than any before: also of a rank that was killed later.
    """

    stream: StreamFacts
    state: State
    open_span: OpenSpan | None
    stuck: bool

    @property
    def open_for(self) -> int:
        """For how many nanoseconds the deepest open span has been open."""
        return 0 if self.open_span is None else self.stream.last_time - self.open_span.start


def rank_states(facts: Facts) -> list[RankState]:
    """The state of each stream, in their order."""
    leaves = _leaves(facts)
    last_of_rank: dict[tuple[str, int | None], int] = {}
    newest_of_host: dict[str | None, int] = {}
    for stream in facts.streams:
        key = (stream.job, stream.rank)
        last_of_rank[key] = max(last_of_rank.get(key, 0), stream.incarnation)
        newest_of_host[stream.host] = max(newest_of_host.get(stream.host, facts.now), stream.last_time)
    states = []
    for stream in facts.streams:
        leaf = leaves.get(stream.stream)
        stuck = leaf is not None and _is_stuck(facts, stream, leaf)
        superseded = stream.rank is not None and last_of_rank[stream.job, stream.rank] > stream.incarnation
        silent = superseded or newest_of_host[stream.host] - stream.last_time > SILENT_NS
        state: State
        if stream.closed:
            state = "killed" if stream.signalled else "finished"
        elif silent:
            state = "killed"
        else:
            state = "hanging" if stuck else "running"
        states.append(RankState(stream, state, leaf, stuck))
    return states


def _leaves(facts: Facts) -> dict[str, OpenSpan]:
    """The deepest open span of each stream's main thread; of another one, where the main thread has none."""
    leaves: dict[str, OpenSpan] = {}
    for span in facts.open_spans:
        known = leaves.get(span.stream)
        if known is None or (-span.thread, span.depth, span.start) > (-known.thread, known.depth, known.start):
            leaves[span.stream] = span
    return leaves


def _is_stuck(facts: Facts, stream: StreamFacts, leaf: OpenSpan) -> bool:
    longest = facts.by_path[leaf.path].longest_ns
    if longest is None:
        return is_wait(leaf.name) and stream.last_time - leaf.start > FIRST_WAIT_NS
    return stream.last_time - leaf.start > max(TIMES_ITS_MAXIMUM * longest, LEAST_HANG_NS)


def run_state(facts: Facts, states: Sequence[RankState]) -> State:
    """The state of the run: of its last incarnation, the worst that still goes on, else how it ended."""
    found = {state.state for state in states if facts.is_current(state.stream)}
    order: tuple[State, ...] = ("hanging", "running", "killed", "finished")
    return next((state for state in order if state in found), "empty")


def find_ends(states: Sequence[RankState]) -> list[Finding]:
    """A finding for the ranks that were killed, and one for those that a signal or an exception ended."""
    silent = [state for state in states if state.state == "killed" and not state.stream.closed]
    signalled = [state for state in states if state.stream.signalled]
    failed = [state for state in states if state.stream.closed and state.stream.reason == "exception"]
    findings = []
    if silent:
        first = min(silent, key=lambda state: state.stream.last_time)
        where = f", in {first.open_span.name}" if first.open_span else ""
        sentence = (
            f"{_who(silent)} {'was' if _count(silent) == 1 else 'were'} killed or lost: nothing came after "
            f"{clock(first.stream.last_time)}{where if _count(silent) == 1 else ''}, and no end was written"
            + (f"; a signal ended the other {_count(signalled)} later" if signalled else "")
            + "."
        )
        findings.append(
            Finding(
                "killed",
                "critical",
                sentence,
                {
                    "ranks": _ranks(silent),
                    "streams": [state.stream.stream for state in silent],
                    "hosts": sorted({state.stream.host for state in silent if state.stream.host}),
                    "last_time_unix_nano": first.stream.last_time,
                    "span": first.open_span.path if first.open_span else None,
                    "ended_by_signal": len(signalled),
                },
            )
        )
    elif signalled:
        reasons = Counter(state.stream.reason for state in signalled)
        sentence = (
            f"{_who(signalled)} {'was' if _count(signalled) == 1 else 'were'} ended by a signal "
            f"({', '.join(str(reason) for reason in reasons)}) at "
            f"{clock(max(state.stream.last_time for state in signalled))}."
        )
        findings.append(Finding("signal", "warning", sentence, {"ranks": _ranks(signalled), "reasons": dict(reasons)}))
    if failed:
        sentence = f"{_who(failed)} ended by an exception."
        findings.append(Finding("exception", "critical", sentence, {"ranks": _ranks(failed)}))
    return findings


def find_hang(facts: Facts, states: Sequence[RankState]) -> list[Finding]:
    """The finding that the run hangs, or hung before it was killed, and which rank the others wait for."""
    states = [state for state in states if facts.is_current(state.stream)]
    stuck = [state for state in states if state.stuck and state.open_span is not None]
    if not stuck:
        return []
    waiting = [state for state in stuck if state.open_span and state.open_span.path in facts.waits]
    culprits = [state for state in stuck if state not in waiting]
    gone = [state for state in states if not state.stream.closed and state.state == "killed" and not state.stuck]
    if gone and all(state.stream.signalled for state in stuck):
        return []  # they waited for who was killed, which is a finding of its own
    if not culprits and waiting:
        # Who is alive and not in the collective is who the others wait for, however short that took yet.
        culprits = [
            state for state in states if state.state != "finished" and state not in waiting and state not in gone
        ]
    if not waiting and len(culprits) > 2:
        waiting, culprits = _majority(culprits)
    since = min(state.open_span.start for state in stuck if state.open_span)
    evidence: dict[str, object] = {
        "ranks": _ranks(culprits),
        "waiting_ranks": _ranks(waiting),
        "gone_ranks": _ranks(gone),
        "since_unix_nano": since,
        "open_for_ns": max(state.open_for for state in stuck),
        "span": culprits[0].open_span.path if culprits and culprits[0].open_span else None,
        "waits_in": waiting[0].open_span.path if waiting and waiting[0].open_span else None,
    }
    hangs = any(state.state == "hanging" for state in stuck)
    return [Finding("hang", "critical", _hang_sentence(facts, hangs, since, (culprits, waiting, gone)), evidence)]


def _majority(stuck: Sequence[RankState]) -> tuple[list[RankState], list[RankState]]:
    """All but a few hang in the same span, which hides the waiting: those few are who the others wait for."""
    counts = Counter(state.open_span.path for state in stuck if state.open_span)
    path, count = counts.most_common(1)[0]
    if count == len(stuck) or count < 0.75 * len(stuck):
        return [], list(stuck)
    return (
        [state for state in stuck if state.open_span and state.open_span.path == path],
        [state for state in stuck if state.open_span and state.open_span.path != path],
    )


def _hang_sentence(
    facts: Facts,
    hangs: bool,
    since: int,
    groups: tuple[Sequence[RankState], Sequence[RankState], Sequence[RankState]],
) -> str:
    culprits, waiting, gone = groups
    begin = f"The run {'has hung' if hangs else 'hung'} since {clock(since)}: "
    others = ""
    if waiting and waiting[0].open_span:
        wait = "rank waits" if _count(waiting) == 1 else "ranks wait"
        others = f"{_count(waiting)} {wait} in {waiting[0].open_span.name}"
    if culprits and culprits[0].open_span:
        span = culprits[0].open_span
        longest = facts.by_path[span.path].longest_ns
        usual = f" (the longest before: {duration(longest)})" if longest is not None else ""
        in_same = [state for state in culprits if state.open_span and state.open_span.path == span.path]
        elsewhere = _count(culprits) - _count(in_same)
        said = (
            f"{_who(in_same)} {'has' if _count(in_same) == 1 else 'have'} been in {span.name} for "
            f"{duration(in_same[0].open_for)}{usual}" + (f", and {elsewhere} more in other spans" if elsewhere else "")
        )
        return begin + said.replace("Rank", "rank", 1) + (f", and {others} for it." if others else ".")
    if culprits:
        return begin + f"{_who(culprits)}, with no span open, is waited for: {others}.".replace("Rank", "rank", 1)
    if gone:
        are = "is" if _count(gone) == 1 else "are"
        return begin + f"{others} for {_who(gone).replace('Rank', 'rank', 1)}, which {are} gone."
    return begin + f"all {others}; which one they wait for cannot be told."


def _ranks(states: Sequence[RankState]) -> list[int]:
    return sorted({state.stream.rank for state in states if state.stream.rank is not None})


def _count(states: Sequence[RankState]) -> int:
    """How many ranks these are. One may have several streams: of processes that it has forked, say."""
    return len(_ranks(states) or states)


def _who(states: Sequence[RankState]) -> str:
    known = _ranks(states)
    if known:
        return ranks(known).capitalize()
    return states[0].stream.label.capitalize() if len(states) == 1 else f"{len(states)} streams"
