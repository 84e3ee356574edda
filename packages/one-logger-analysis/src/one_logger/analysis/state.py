"""The state of a run: what it is doing, or how it came to its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from one_logger.analysis.findings import Verdict

ALIVE_WITHIN_NS = 90 * 10**9
"""A stream that was silent for longer isn't alive. A recorder says at least every 30 s that it is alive."""


@dataclass(frozen=True, slots=True)
class RunState:
    """The state of the last incarnation of a run.

    Attributes:
        state: `finished`: all streams were closed. `running`: at least one is alive. `hanging`: one is alive, but has
            been in a span five times longer than any such span took before, and for a minute at least. `killed`: one
            isn't closed, and none is alive, or a signal ended one. `empty`: there is no stream.
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


def state_of(verdict: Verdict) -> RunState:
    """The state of a run in short."""
    current = [rank for rank in verdict.ranks if verdict.facts.is_current(rank.stream)]
    if not current:
        return RunState("empty")
    reasons = tuple(sorted({rank.stream.reason for rank in current if rank.stream.reason is not None}))
    last = max(rank.stream.last_time for rank in current)
    if verdict.state == "finished":
        return RunState("finished", last, reasons=reasons)
    chosen = [rank for rank in current if rank.state == verdict.state]
    first = min((rank.open_span for rank in chosen if rank.open_span), key=lambda span: span.start, default=None)
    known = sorted({rank.stream.rank for rank in chosen if rank.stream.rank is not None})
    since = last if verdict.state == "killed" or first is None else first.start
    of = () if verdict.state == "running" else tuple(known)
    return RunState(verdict.state, since, first and first.path, of, reasons)
