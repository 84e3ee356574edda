"""Statistics of a series of numbers, without keeping them."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from math import isfinite, sqrt
from time import monotonic, monotonic_ns
from typing import NamedTuple

from one_logger.core.spi import system_threads

MAX_LATE = 1_024
"""How many interrupting values are kept. If there are more, the oldest are not counted."""


class Summary(NamedTuple):
    """Count, mean, smallest, largest, standard deviation, sum and last of numbers."""

    valid: int = 0
    """How many values were finite numbers. All fields below but `invalid` are about these."""
    invalid: int = 0
    mean: float = 0.0
    squares: float = 0.0
    """The sum of the squares of the differences from the mean."""
    smallest: float = 0
    largest: float = 0
    total: float = 0
    last: float = 0
    last_ns: int = 0
    """When the last one came, in nanoseconds of the monotonic clock."""

    @property
    def seen(self) -> int:
        """How many values there were, valid or not."""
        return self.valid + self.invalid

    @property
    def deviation(self) -> float:
        """The standard deviation of the values themselves (divided by their count)."""
        return sqrt(self.squares / self.valid) if self.valid else 0.0

    def merged(self, other: Summary) -> Summary:
        """The summary of the values of both.

        Means and squares are merged as by T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise
        algorithm for computing sample variances" (1979), which does not lose digits as a sum of squares does.
        """
        valid, invalid = self.valid + other.valid, self.invalid + other.invalid
        if not self.valid or not other.valid:
            return (self if self.valid else other)._replace(invalid=invalid)
        difference = other.mean - self.mean
        later = max(self, other, key=lambda summary: summary.last_ns)
        return Summary(
            valid,
            invalid,
            self.mean + difference * (other.valid / valid),
            self.squares + other.squares + difference * difference * self.valid * other.valid / valid,
            min(self.smallest, other.smallest),
            max(self.largest, other.largest),
            self.total + other.total,
            later.last,
            later.last_ns,
        )


_NONE = Summary()


class _Part:
    """The values of one thread."""

    __slots__ = ("busy", "summary")

    def __init__(self) -> None:
        self.summary = _NONE
        self.busy = False


class Statistics:
    """The summary of numbers that several threads may add, in constant memory for each thread.

    No thread waits for another: each adds to a summary of its own, which is replaced by a new one and never changed.
    """

    __slots__ = ("_late", "_parts", "reported", "reported_at")

    def __init__(self) -> None:
        self._parts: dict[int, _Part] = {}
        # Values that a signal handler or finalizer adds while the thread that it has interrupted is adding one.
        self._late: deque[Summary] = deque(maxlen=MAX_LATE)
        self.reported = 0
        """How many values the last report covered."""
        self.reported_at = monotonic()
        """When it was made, or the first value came."""

    def add(self, value: object) -> None:
        """Take a value. Anything but a finite number is counted as invalid."""
        added = _summary_of(value)
        thread = system_threads.get_ident()
        part = self._parts.get(thread) or self._parts.setdefault(thread, _Part())
        if part.busy:
            self._late.append(added)
            return
        part.busy = True
        try:
            part.summary = part.summary.merged(added)
        finally:
            part.busy = False

    @property
    def summary(self) -> Summary:
        """The summary of what was added until now."""
        summary = _NONE
        for part in list(self._parts.values()):
            summary = summary.merged(part.summary)
        for late in list(self._late):
            summary = summary.merged(late)
        return summary


def _summary_of(value: object) -> Summary:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with suppress(OverflowError):  # an int that is too large for a float
            if isfinite(value):
                return Summary(1, 0, float(value), 0.0, value, value, value, value, monotonic_ns())
    return Summary(invalid=1)
