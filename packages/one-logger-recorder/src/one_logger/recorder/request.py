"""A request of one thread to the worker: deliver everything that is queued."""

from __future__ import annotations

import threading
from time import monotonic


class Request:
    """Request to deliver everything queued before it, by a deadline in seconds of the monotonic clock.

    `closing` says why the exporter is to be closed then, as `Exporter.close_reason` does; if empty, it is not.
    """

    def __init__(self, deadline: float, *, closing: str = "") -> None:
        self.deadline = deadline
        self.closing = closing
        self.target = 0
        """How many queued items the worker has to settle first. It sets this when it takes the request."""
        self._answered = threading.Event()
        self._delivered = False

    @property
    def overdue(self) -> bool:
        """Whether the deadline has passed."""
        return monotonic() >= self.deadline

    @property
    def answered(self) -> bool:
        """Whether the worker has answered."""
        return self._answered.is_set()

    def answer(self, *, delivered: bool) -> None:
        """Tell the waiting thread whether everything was delivered."""
        self._delivered = delivered
        self._answered.set()

    def wait(self) -> bool:
        """Wait for the answer, until the deadline at most. Whether everything was delivered."""
        return self._answered.wait(max(0.0, self.deadline - monotonic())) and self._delivered
