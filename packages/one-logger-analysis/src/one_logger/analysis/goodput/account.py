"""The definition of goodput, and of what the rest of the time went into.

An iteration **survives** if no later incarnation of the job starts at it or before it: later ones did not have to do it
again. Goodput is the time of the iterations that survive, without what they waited for data, checkpoints and
validations, over the wall time from the first start of the job to its last end. Every instant has one cause, so the
shares of all causes sum up to 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from one_logger.analysis.goodput.facts import Incarnation, Loop, Piece

CAUSES = (
    "productive",
    "lost_work",
    "data_loading",
    "checkpoint_save",
    "checkpoint_load",
    "evaluation",
    "initialization",
    "start_up",
    "stalled",
    "between_restarts",
    "unknown",
)
"""What time goes into, as `shares` has them."""


@dataclass(frozen=True)
class Goodput:
    """What became of the time of a job.

    Attributes:
        goodput: The share of the time that went into iterations that survive, from 0 to 1.
        wall_s: The wall time, in seconds.
        restarts: How often the job was started again.
        lost_steps: How many iterations were done for nothing, each time counted.
        shares: For each of `CAUSES` its share of the wall time.
        at_risk_steps: How many iterations would be lost if the job died now. 0 if it has ended in order.
        gpu_goodput: As `goodput`, where a second counts as often as there were ranks. None if nobody says how many.
        session: The tag of the session.
        notes: What is not as one would think, in sentences.
    """

    goodput: float
    wall_s: float
    restarts: int
    lost_steps: int
    shares: dict[str, float]
    at_risk_steps: int
    gpu_goodput: float | None
    session: str | None
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """What `goodput --json` prints."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


class _Work(NamedTuple):
    """What became of the iterations of a loop: nanoseconds, and how many iterations are lost."""

    productive: int
    lost: int
    data: int
    lost_steps: int
    is_estimate: bool


def account(incarnations: Sequence[Incarnation], session: str | None = None, notes: Sequence[str] = ()) -> Goodput:
    """Account for all the time of a job.

    Args:
        incarnations: Its incarnations, at least one, in the order of their starts.
        session: The tag of the session.
        notes: What there is to say of them.
    """
    notes = list(notes)
    begin, end = incarnations[0].start, max(each.end for each in incarnations)
    spent: Counter[str] = Counter()
    weighed: Counter[str] = Counter()
    weights = [each.world_size for each in incarnations]
    lost_steps = 0
    at = begin
    for number, each in enumerate(incarnations):
        later = incarnations[number + 1 :]
        until = each.end
        if later and later[0].start < each.end:
            until = min(each.end, max(at, later[0].loops[0].start)) if later[0].loops else each.end
            notes.append(
                f"Incarnations {number + 1} and {number + 2} overlap by {(each.end - later[0].start) / 1e9:.3g} s; "
                "the time counts for the first of them until the second one trains."
            )
        start = max(at, each.start)
        if number:
            idle = start - at
            spent["between_restarts"] += idle
            weighed["between_restarts"] += idle * (weights[number - 1] or 1)
        found, lost, estimated = _inside(each, start, until, later)
        if estimated:
            notes.append(
                f"A restart of incarnation {number + 1} went back into the midst of iterations that were summed up; "
                "their time is divided by their number."
            )
        lost_steps += lost
        spent.update(found)
        weighed.update({cause: time * (weights[number] or 1) for cause, time in found.items()})
        at = max(at, until)
    spent["unknown"] += end - at  # an older process has outlived the last one, which trained in its place
    wall, weight = end - begin, sum(weighed.values())
    return Goodput(
        goodput=spent["productive"] / wall if wall else 0.0,
        wall_s=wall / 1e9,
        restarts=len(incarnations) - 1,
        lost_steps=lost_steps,
        shares={cause: spent[cause] / wall if wall else float(cause == "unknown") for cause in CAUSES},
        at_risk_steps=_at_risk(incarnations),
        gpu_goodput=weighed["productive"] / weight if weight and None not in weights else None,
        session=session,
        notes=tuple(notes),
    )


def _at_risk(incarnations: Sequence[Incarnation]) -> int:
    last = incarnations[-1]
    if last.closed and not last.running:
        return 0
    durable = max((each.durable for each in incarnations if each.durable is not None), default=0)
    loops = [loop for each in incarnations for loop in each.loops]
    return max(0, loops[-1].first + sum(each.steps for each in loops[-1].intervals) - durable) if loops else 0


def _inside(
    incarnation: Incarnation, start: int, end: int, later: Sequence[Incarnation]
) -> tuple[Counter[str], int, bool]:
    """What the time from `start` to `end` of an incarnation went into, and how many iterations of it are lost."""
    spent: Counter[str] = Counter()
    in_loops: Counter[int] = Counter()
    stalled: list[tuple[int, int]] = []
    for cause, open_loop, since, until in _sweep(incarnation, start, end):
        if cause == "loop":
            in_loops[open_loop] += until - since
        else:
            spent[cause] += until - since
            if cause == "stalled" and open_loop >= 0:
                stalled.append((since, until))
    lost_steps, estimated = 0, False
    resumed = [loop.first for each in later for loop in each.loops]
    for number, loop in enumerate(incarnation.loops):
        again = [other.first for other in incarnation.loops[number + 1 :]] if loop.failed else []
        work = _work(loop, start, end, stalled, min([*resumed, *again], default=None))
        room = in_loops[number]
        for cause, time in (("data_loading", work.data), ("lost_work", work.lost), ("productive", work.productive)):
            took = min(room, time)
            spent[cause] += took
            room -= took
        spent["unknown"] += room
        lost_steps += work.lost_steps
        estimated |= work.is_estimate
    return spent, lost_steps, estimated


def _work(loop: Loop, start: int, end: int, stalled: list[tuple[int, int]], resumed: int | None) -> _Work:
    productive = lost = data = lost_steps = 0
    is_estimate = False
    for interval in loop.intervals:
        length = interval.until - interval.since
        covered = max(0, min(end, interval.until) - max(start, interval.since))
        inside = covered / length if length else float(start <= interval.until <= end)
        stood = sum(max(0, min(interval.until, to) - max(interval.since, since)) for since, to in stalled)
        worked = max(0, interval.productive - stood)
        waited = max(0, interval.data - max(0, stood - interval.productive))
        survive = interval.steps if resumed is None else min(max(resumed - interval.first, 0), interval.steps)
        is_estimate |= 0 < survive < interval.steps
        surviving = worked if survive == interval.steps else worked * survive // interval.steps
        data += _part(waited, inside)
        productive += _part(surviving, inside)
        lost += _part(worked - surviving, inside)
        lost_steps += interval.steps - survive
    return _Work(productive, lost, data, lost_steps, is_estimate)


def _part(time: int, share: float) -> int:
    return time if share == 1 else int(time * share)  # exact where it is all of it


def _sweep(incarnation: Incarnation, start: int, end: int) -> Iterator[tuple[str, int, int, int]]:
    """Each instant from `start` to `end` with the cause of the innermost span, as (cause, loop, since, until).

    `loop` is the number of the loop that is open then, or -1.
    """
    loop_starts = [loop.start for loop in incarnation.loops]
    spans = [(piece.start, number, piece) for number, piece in enumerate(incarnation.pieces)]
    first = min((piece.start for piece in incarnation.pieces if piece.cause != "application"), default=end)
    edges = {start, end, first}
    for piece in incarnation.pieces:
        edges.update((piece.start, piece.end))
    for since, until in incarnation.stalls:
        edges.update((since, until))
    ordered = sorted(edge for edge in edges if start <= edge <= end)
    waiting = sorted(spans, reverse=True)
    stalls = sorted(incarnation.stalls, reverse=True)
    active: list[tuple[int, int, Piece]] = []
    for since, until in pairwise(ordered):
        while waiting and waiting[-1][0] <= since:
            active.append(waiting.pop())
        active = [each for each in active if each[2].end > since]
        while stalls and stalls[-1][1] <= since:
            stalls.pop()
        causes = [piece.cause for _, _, piece in active]
        loop = -1
        if "loop" in causes:
            loop = max(number for number, began in enumerate(loop_starts) if began <= since)
        if stalls and stalls[-1][0] <= since:
            cause = "stalled"
        else:
            cause = max(active)[2].cause if active else "application"
        if cause == "application":
            cause = "start_up" if since < first else "unknown"
        yield cause, loop, since, until
