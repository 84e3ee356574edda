"""How many records a queue may hold."""

from __future__ import annotations

from collections import deque

from one_logger.core.spi import weigh
from one_logger.recorder.item import Item
from one_logger.recorder.recorded_span import RecordedSpan


class Capacity:
    """How many records a queue may hold, given how large they have been lately.

    Args:
        records: How many it may hold in any case.
        size: Roughly how many bytes it may hold.
    """

    def __init__(self, records: int, size: int) -> None:
        self._records = records
        self._size = size
        self._weight = 1.0  # roughly the bytes of a queued record

    @property
    def value(self) -> int:
        """How many records it may hold now."""
        return min(self._records, max(1, int(self._size / self._weight)))

    def look(self, newest: Item, queue: deque[Item]) -> None:
        """Sample the newest and a middle record: spans in the queue grow after they were queued."""
        try:
            middle = _bytes(queue[len(queue) // 2])
        except IndexError:  # the worker has been there
            middle = 0
        self._weight = (self._weight + max(_bytes(newest), middle)) / 2


def _bytes(item: Item) -> int:
    return weigh(item, None) if isinstance(item, RecordedSpan) else weigh(*item[1:])
