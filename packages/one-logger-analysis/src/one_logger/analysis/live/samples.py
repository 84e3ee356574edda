"""Durations of many spans in little memory."""

from __future__ import annotations

from array import array
from collections.abc import Sequence


class Samples:
    """Numbers in the order in which they came: all of them, or, of very many, every 2nd, 4th, 8th, ... one.

    Args:
        most: How many are kept.
    """

    __slots__ = ("_most", "count", "starts", "step", "values")

    def __init__(self, most: int) -> None:
        self._most = most
        self.count = 0
        self.step = 1
        self.values = array("q")
        self.starts = array("q")

    def add(self, value: int, start: int) -> int:
        """Add a number that belongs to a time, and get its place in the order."""
        place = self.count
        self.count = place + 1
        if not place % self.step:
            self.values.append(value)
            self.starts.append(start)
            if len(self.values) > self._most:
                self.values, self.starts = self.values[::2], self.starts[::2]
                self.step *= 2
        return place

    def reduce(self, place: int, by: int) -> None:
        """Make the number at a place smaller, if it is still kept."""
        if not place % self.step:
            index = place // self.step
            self.values[index] = max(0, self.values[index] - by)


def quantile(ordered: Sequence[int], share: float) -> int:
    """The smallest of the sorted numbers that a share of them is not above, as `quantile_disc` of SQL has it."""
    place = -(-len(ordered) * share // 1)
    return ordered[max(0, int(place) - 1)]
