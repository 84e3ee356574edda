"""What is known of a series of numbers without keeping them."""

from __future__ import annotations

import threading
from collections import deque
from math import isfinite, sqrt
from time import monotonic

PATIENCE = 0.1
"""How long a thread that wants the numbers waits at most for one that is just adding some, in seconds."""


class Statistics:
    """Count, smallest, largest, mean, standard deviation, sum and last of numbers, in constant memory.

    Several threads may add numbers. None waits for another: `add` leaves its number where whoever is at it finds it.
    """

    __slots__ = (
        "_adding",
        "_mean",
        "_new",
        "_squares",
        "count",
        "invalid",
        "largest",
        "last",
        "reported",
        "reported_at",
        "smallest",
        "total",
    )

    def __init__(self) -> None:
        self._new: deque[float] = deque()
        self._adding = threading.Lock()  # taken without waiting, or with PATIENCE
        self._mean = 0.0
        self._squares = 0.0  # the sum of the squares of the differences from the mean
        self.count = 0
        self.invalid = 0
        """How many values were no finite number."""
        self.smallest: float = 0
        self.largest: float = 0
        self.last: float = 0
        self.total: float = 0
        self.reported = 0
        """How many values, valid or not, the last report was about."""
        self.reported_at = monotonic()
        """When it was made, or the first value came."""

    @property
    def seen(self) -> int:
        """How many values there were, valid or not."""
        return self.count + self.invalid

    @property
    def mean(self) -> float:
        """The arithmetic mean."""
        return self._mean

    @property
    def deviation(self) -> float:
        """The standard deviation of the values themselves, not of what they may be a sample of."""
        return sqrt(self._squares / self.count) if self.count else 0.0

    def add(self, value: object) -> None:
        """Take a value. What is no finite number is counted as invalid."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        try:
            valid = is_number and isfinite(value)  # type: ignore[arg-type]  # a number
        except OverflowError:  # an integer beyond all floats
            valid = False
        self._new.append(value if valid else _INVALID)  # type: ignore[arg-type]  # a number
        self.settle()

    def settle(self, *, patience: float = 0.0) -> None:
        """Work in what was added.

        Args:
            patience: How long to wait for another thread that is at it, in seconds.
        """
        while self._new:
            if not self._adding.acquire(timeout=patience):
                return  # that thread takes what is new as well
            try:
                while self._new:
                    self._take(self._new.popleft())
            finally:
                self._adding.release()

    def _take(self, value: float) -> None:
        """Welford's algorithm, which does not lose digits as a sum of squares does.

        B. P. Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4
        (1962), 419-420.
        """
        if value is _INVALID:
            self.invalid += 1
            return
        self.count += 1
        difference = value - self._mean
        self._mean += difference / self.count
        self._squares += difference * (value - self._mean)
        self.total += value
        self.last = value
        self.smallest = value if self.count == 1 else min(self.smallest, value)
        self.largest = value if self.count == 1 else max(self.largest, value)


_INVALID = float("nan")
