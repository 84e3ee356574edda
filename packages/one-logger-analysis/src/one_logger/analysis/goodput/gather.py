"""From what a job has recorded to its incarnations, and so to its goodput."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from one_logger.analysis.errors import ReadError
from one_logger.analysis.goodput.account import Goodput, account
from one_logger.analysis.goodput.facts import Incarnation, Interval, Loop, Piece
from one_logger.analysis.goodput.rows import (
    CAUSE_OF,
    DATA,
    STEP,
    Rows,
    Span,
    Step,
    Stream,
    Update,
    read_rows,
    read_streams,
)

if TYPE_CHECKING:
    from one_logger.analysis.run import Run

_SECOND = 10**9


class Clock:
    """Puts the times of a stream on one axis, which begins with the wall clock and goes on with the monotonic one."""

    def __init__(self) -> None:
        self._anchor: int | None = None
        self._seqs: list[int] = []
        self._shifts: list[int] = []
        self._before = 0
        self.latest = 0
        """The latest time that was put on it."""

    def time(self, seq: int, wall: int, monotonic: int | None, took: int, *, is_step: bool) -> int:
        """The time of a record. To be called for the records in their order.

        Args:
            seq: Its number.
            wall: Its time by the wall clock.
            monotonic: The same by the monotonic clock. None: unknown.
            took: How long what it is about went on from then.
            is_step: Whether what comes next was not within it.
        """
        if monotonic is not None:
            if self._anchor is None:
                self._anchor = wall + self.shift(seq) - monotonic
            time = monotonic + self._anchor
            self._note(seq, time - wall)
        else:
            time = wall + self.shift(seq)
            if self._anchor is None and time + took < self._before - _SECOND:  # the wall clock went back
                time = self._before
                self._note(seq, time - wall)
        self._before = time + took if is_step else time
        self.latest = max(self.latest, time + took)
        return time

    def shift(self, seq: int | None = None) -> int:
        """By how much the wall clock was behind the axis when a record was written; without one, at the end."""
        at = len(self._seqs) if seq is None else bisect_right(self._seqs, seq)
        return self._shifts[at - 1] if at else 0

    def _note(self, seq: int, shift: int) -> None:
        self._seqs.append(seq)
        self._shifts.append(shift)


def goodput(run: Run, session: str | None = None) -> Goodput:
    """The goodput of a job, over all its restarts.

    Args:
        run: What the job has recorded, with one-logger-training-telemetry.
        session: The tag of its session. None: the only one there is.

    Raises:
        ReadError: Nothing of a training was recorded, or there are several sessions and none is named.
    """
    streams = read_streams(run)
    service, tag = _session([each for each in streams if each.trains], session)
    streams = [each for each in streams if (each.service, each.session) == (service, tag)]
    groups = sorted(_incarnations(streams), key=lambda group: min(each.first for each in group[1]))
    rows = read_rows(run, [process for process, _ in groups])
    # Only the last one can be running: of others it is known when they were heard of last.
    nows = [None] * (len(groups) - 1) + [run.now_unix_nano]
    found = [
        _incarnation(process, members, rows[process.stream], now)
        for (process, members), now in zip(groups, nows, strict=True)
    ]
    return account(found, tag, _notes(groups, tag))


def _session(streams: Sequence[Stream], session: str | None) -> tuple[str | None, str | None]:
    known = sorted({(each.service, each.session) for each in streams}, key=str)
    if session is not None:
        known = [each for each in known if each[1] == session]
    if len(known) == 1:
        return known[0]
    if not known:
        of = "" if session is None else f" of the session {session!r}"
        raise ReadError(
            f"No training was recorded{of}: there is no span training_loop. "
            "Instrument the training with one-logger-training-telemetry."
        )
    tags = ", ".join(f"{tag!r} of {service!r}" for service, tag in known[:5])
    raise ReadError(f"There are {len(known)} sessions: {tags}. Name one by --session, or name its files alone.")


def _incarnations(streams: Sequence[Stream]) -> Iterator[tuple[Stream, list[Stream]]]:
    """For each incarnation the stream of the lowest rank, and all its streams.

    Where two processes of one rank train, they are two incarnations, though they overlap and no launcher tells them
    apart.
    """
    together: dict[int, list[Stream]] = defaultdict(list)
    for each in streams:
        together[each.incarnation].append(each)
    for members in together.values():
        train = [each for each in members if each.trains]
        candidates = train or members
        lowest = min((each.rank for each in candidates if each.rank is not None), default=None)
        processes = [each for each in candidates if each.rank == lowest][: None if train else 1]
        starts = [0, *(each.first for each in processes[1:]), 1 << 63]
        others = [each for each in members if each not in processes]
        for process, (since, until) in zip(processes, pairwise(starts), strict=True):
            yield process, [process, *(each for each in others if since <= each.first < until)]


def _notes(groups: Sequence[tuple[Stream, list[Stream]]], tag: str | None) -> list[str]:
    notes = []
    if len(groups) > 1 and tag is None and len({process.job for process, _ in groups} - {None}) != 1:
        notes.append(
            "That these are restarts of one job is a guess: neither a session's tag nor a job's id says so. "
            "Give the restarts of a job the same session_tag."
        )
    if lowest := max((process.rank or 0 for process, _ in groups), default=0):
        notes.append(f"Not every incarnation has a stream of rank 0; the times are those of up to rank {lowest}.")
    missing = [
        process.world_size - len({each.rank for each in members} - {None})
        for process, members in groups
        if process.world_size is not None and process.rank is not None
    ]
    if most := max(missing, default=0):
        notes.append(f"Of {most} of the ranks there is no stream. The times are those of one rank, which is there.")
    return notes


def _incarnation(process: Stream, members: Sequence[Stream], rows: Rows, now: int | None) -> Incarnation:
    clock = Clock()
    # In the order of records: spans by their starts.
    ordered = sorted(
        [
            *((span.seq, span.wall, span.monotonic, span.elapsed, False) for span in rows.spans),
            *((step.seq, step.wall, step.monotonic, step.duration, True) for step in rows.steps),
            *((update.seq, update.wall, update.monotonic, 0, True) for update in rows.updates),
        ]
    )
    times = {
        seq: clock.time(seq, wall, monotonic, took, is_step=is_step) for seq, wall, monotonic, took, is_step in ordered
    }
    is_steady = abs(clock.shift()) < _SECOND
    ends = [wall + clock.shift(seq) for seq, wall in rows.ends]
    own_end = max([clock.latest, process.first, *ends, *([process.last] if is_steady else [])])
    is_alive = now is not None and any(each.alive for each in members)
    stop = now if now is not None and process.alive else own_end
    own_start = process.first if is_steady else min([*times.values(), *(wall for seq, wall in rows.ends if seq == 1)])
    threads = {span.thread for span in rows.spans if span.name == "training_loop"} or {0}
    pieces, loops = [], []
    for span in rows.spans:
        if span.thread in threads:
            start = times[span.seq]
            pieces.append(Piece(CAUSE_OF[span.name], start, stop if span.duration is None else start + span.duration))
            if span.name == "training_loop":
                loops.append((span, pieces[-1]))
    seqs = [*(span.seq for span, _ in loops), 1 << 63]
    steps = [step for step in rows.steps if step.thread in threads]
    return Incarnation(
        start=min([own_start, *(each.first for each in members if each is not process)]),
        end=now
        if now is not None and is_alive
        else max([own_end, *(each.last for each in members if each is not process)]),
        running=is_alive,
        closed=all(each.closed for each in members),
        rank=process.rank,
        world_size=process.world_size,
        loops=tuple(
            _loop(
                span,
                piece,
                [update for update in rows.updates if span.seq < update.seq < next_seq],
                [step for step in steps if span.seq < step.seq < next_seq and times[step.seq] < piece.end],
                times,
                rows.own_data,
            )
            for (span, piece), next_seq in zip(loops, seqs[1:], strict=True)
        ),
        pieces=tuple(pieces),
        stalls=tuple(rows.stalls) if is_steady else (),
        durable=max(
            (
                update.iteration
                for update in rows.updates
                if update.name == "save_checkpoint_success" and update.iteration is not None
            ),
            default=None,
        ),
    )


def _loop(
    span: Span,
    piece: Piece,
    updates: Sequence[Update],
    steps: Sequence[Step],
    times: dict[int, int],
    own_data: dict[int, int],
) -> Loop:
    since, first = piece.start, span.first or 0
    next_one = first
    intervals = []
    for update in updates:
        if update.name != "training_metrics_update" or not update.steps:
            continue
        at = times[update.seq]
        if update.iteration is not None:
            next_one = update.iteration + 1 - update.steps
        productive = update.productive or 0
        waited = min(own_data.get(update.seq, 0), productive)
        intervals.append(Interval(since, at, next_one, update.steps, productive - waited, (update.data or 0) + waited))
        since, next_one = at, next_one + update.steps
    if span.open_iterations:
        open_productive, open_data = span.open_productive or 0, span.open_data or 0
        intervals.append(Interval(since, piece.end, next_one, span.open_iterations, open_productive, open_data))
    else:
        intervals += _of_steps([step for step in steps if times[step.seq] >= since], times, next_one)
    failed = span.duration is None or span.status == "ERROR"
    return Loop(piece.start, piece.end, first, failed, tuple(intervals))


def _of_steps(steps: Sequence[Step], times: dict[int, int], next_one: int) -> Iterator[Interval]:
    """Iterations that nothing has summed up, by their spans, and what they waited for data, within and between."""
    waits = [(times[step.seq], times[step.seq] + step.duration) for step in steps if step.name == DATA]
    for step in steps:
        start, end = times[step.seq], times[step.seq] + step.duration
        if step.name == STEP:
            data = sum(min(end, until) - since for since, until in waits if start <= since < end)
            waits = [wait for wait in waits if not start <= wait[0] < end]
            number = next_one if step.number is None else step.number
            yield Interval(start, end, number, 1, step.duration - data, data)
            next_one = number + 1
    yield from (Interval(since, until, next_one, 0, 0, until - since) for since, until in waits)
