"""A counter that many threads add to without a lock."""

from __future__ import annotations

import sys
from itertools import repeat
from operator import length_hint


class AtomicCounter:
    """Counts calls of `add`, from any thread, without a lock and without losing one.

    `add` is one call into C, so no other thread, signal handler or finalizer can interrupt it. It consumes an iterator
    that knows how many items it has left.
    """

    __slots__ = ("_left", "add")

    def __init__(self) -> None:
        self._left = repeat(None, sys.maxsize)
        self.add = self._left.__next__

    @property
    def value(self) -> int:
        """How often `add()` was called."""
        return sys.maxsize - length_hint(self._left)
