"""How long the thread that trains was kept from training: by checkpoints, validations, and waiting for data."""

from __future__ import annotations

from threading import get_ident


class Waits:
    """Adds up waits of one thread. A wait within another counts once.

    Attributes:
        thread: The thread that trains.
        total_ns: How long it waited, for anything.
        data_ns: How long of that for data alone.
        depth: How many waits are open, one within the other.
    """

    __slots__ = ("_since", "data_ns", "depth", "thread", "total_ns")

    def __init__(self) -> None:
        self.thread = get_ident()
        self.total_ns = self.data_ns = self.depth = self._since = 0

    def begin(self, now_ns: int) -> bool:
        """A wait begins. False if this is another thread, whose waits keep nobody from training: don't end it."""
        if get_ident() != self.thread:
            return False
        if not self.depth:
            self._since = now_ns
        self.depth += 1
        return True

    def end(self, now_ns: int, *, data: bool = False) -> None:
        """A wait that has begun ends, in any thread."""
        if self.depth:
            self.depth -= 1
            if not self.depth:
                waited = max(0, now_ns - self._since)
                self.total_ns += waited
                if data:
                    self.data_ns += waited

    def end_all(self, now_ns: int) -> None:
        """Whatever was waited for, the training goes on."""
        self.depth = min(self.depth, 1)
        self.end(now_ns)

    def total_at(self, now_ns: int) -> int:
        """How long it has waited until now, with the wait that is still open."""
        return self.total_ns + (max(0, now_ns - self._since) if self.depth else 0)
