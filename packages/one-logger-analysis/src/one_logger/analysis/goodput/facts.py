"""What goodput is computed from: for each incarnation of a job, what one of its processes did when.

All times are nanoseconds since the epoch, on one axis: within a process they follow its monotonic clock, so that a
change of the wall clock makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Piece(NamedTuple):
    """A time with a cause: a span of the thread that trains.

    `cause` is one of `CAUSES`; `application` for the whole process, `loop` for the training loop.
    """

    cause: str
    start: int
    end: int


class Interval(NamedTuple):
    """Consecutive iterations of a loop that were summed up.

    Attributes:
        since: When the interval began: at the end of the one before.
        until: When it ended.
        first: The number of the first iteration.
        steps: How many there are.
        productive: Their time, less what they waited for data, checkpoints and validations.
        data: How long the loop waited for data.
    """

    since: int
    until: int
    first: int
    steps: int
    productive: int
    data: int


@dataclass(frozen=True)
class Loop:
    """A training loop.

    Attributes:
        start: When it began.
        end: When it ended; if it did not, the end of its process.
        first: The number of its first iteration.
        failed: Whether it ended with an error, or did not end.
        intervals: Its iterations, in order.
    """

    start: int
    end: int
    first: int
    failed: bool
    intervals: tuple[Interval, ...]


@dataclass(frozen=True)
class Incarnation:
    """One start of a job.

    Attributes:
        start: The first time of any of its processes.
        end: The last one. If it is running: now.
        running: Whether one of its processes is alive.
        closed: Whether all of them came to their end in order.
        rank: The process whose times these are: the lowest rank of which there is a stream.
        world_size: How many ranks there should be.
        loops: The training loops, in order.
        pieces: The other spans of the thread that trains, and the loops, in the order of their starts.
        stalls: When the process did nothing at all.
        durable: The highest global step of a checkpoint that was saved; None without one.
    """

    start: int
    end: int
    running: bool
    closed: bool
    rank: int | None
    world_size: int | None
    loops: tuple[Loop, ...]
    pieces: tuple[Piece, ...]
    stalls: tuple[tuple[int, int], ...]
    durable: int | None
