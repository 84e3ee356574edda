"""The `seq` numbers of a stream that were read, in little memory whatever their order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

_SHIFT = 12
_PAGE = 1 << _SHIFT  # how many numbers are kept together


class Numbers:
    """A set of positive integers that mostly come in order: 1, 2, 3, ...

    In order, they take no memory. A gap takes two integers, and a number that comes late into a gap takes a byte.

    Attributes:
        count: How many numbers there are.
    """

    __slots__ = ("_last", "_late", "_starts", "_stops", "count")

    def __init__(self) -> None:
        self.count = 0
        self._last = 0
        # The gaps, as they were when a larger number came. Filled ones stay: changing a list is slow.
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._late: dict[int, bytearray] = {}  # by page: 1 for each number that came late

    def add(self, number: int) -> bool:
        """Add a number. False if it was there before, or isn't positive."""
        last = self._last
        if number > last:
            if number > last + 1:
                self._starts.append(last + 1)
                self._stops.append(number)
            self._last = number
        else:
            gap = bisect_right(self._starts, number) - 1
            if gap < 0 or number >= self._stops[gap]:
                return False
            page = self._late.get(number >> _SHIFT)
            if page is None:
                page = self._late[number >> _SHIFT] = bytearray(_PAGE)
            offset = number & (_PAGE - 1)
            if page[offset]:
                return False
            page[offset] = 1
        self.count += 1
        return True

    @property
    def complete(self) -> bool:
        """Whether no number below the largest is missing."""
        return self.count == self._last

    def missing(self) -> list[range]:
        """The missing numbers below the largest."""
        found: list[range] = []
        if self.complete:
            return found
        pages = sorted(self._late)
        for start, stop in zip(self._starts, self._stops, strict=True):
            position = start
            for late in self._runs(start, stop, pages):
                if late.start > position:
                    found.append(range(position, late.start))
                position = late.stop
            if position < stop:
                found.append(range(position, stop))
        return found

    def _runs(self, start: int, stop: int, pages: list[int]) -> Iterator[range]:
        """The runs of numbers that came late into a gap, each within a page."""
        for number in pages[bisect_right(pages, (start >> _SHIFT) - 1) : bisect_right(pages, (stop - 1) >> _SHIFT)]:
            page, first = self._late[number], number << _SHIFT
            position, end = max(start - first, 0), min(stop - first, _PAGE)
            while (begin := page.find(1, position, end)) >= 0:
                position = page.find(0, begin, end)
                if position < 0:
                    position = end
                yield range(first + begin, first + position)
