"""A request of one thread to the worker: deliver everything that is queued."""

from __future__ import annotations

from time import monotonic

from one_logger.core.spi import system_threads

LISTEN_EVERY = 0.1
"""Seconds after which a thread that waits can be interrupted, at the latest. Python doesn't notice a signal that comes
just before it waits for a lock, and that happens often if the worker takes over the interpreter lock at that moment."""

LAST_WORD = 0.1
"""Seconds that whoever closes waits beyond the deadline: the worker then gives up, counts what is left, and says so."""


class Request:
    """Request to deliver everything queued before it, by a deadline in seconds of the monotonic clock.

    `closing` says why the exporter is to be closed then, as `Exporter.close_reason` does; if empty, it is not.
    """

    def __init__(self, deadline: float, *, closing: str = "") -> None:
        self.deadline = deadline
        self.closing = closing
        self.target = 0
        """How many queued items the worker has to settle first. It sets this when it takes the request."""
        self.answered = False
        """Whether the worker has answered."""
        self._delivered = False
        self._signal = system_threads.Lock()
        self._signal.acquire()  # whoever waits acquires it again, when `answer` has released it

    @property
    def overdue(self) -> bool:
        """Whether the deadline has passed."""
        return monotonic() >= self.deadline

    def answer(self, *, delivered: bool) -> None:
        """Tell the waiting thread whether everything was delivered."""
        if not self.answered:
            self._delivered, self.answered = delivered, True
            self._signal.release()

    def wait(self) -> bool:
        """Wait for the answer, until the deadline, or if it is about closing `LAST_WORD` longer.

        Returns:
            Whether everything was delivered.
        """
        until = self.deadline + (LAST_WORD if self.closing else 0.0)
        while not self.answered and (left := until - monotonic()) > 0:
            self._signal.acquire(timeout=min(left, LISTEN_EVERY))
        return self._delivered
