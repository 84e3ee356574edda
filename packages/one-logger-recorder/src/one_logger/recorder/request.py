"""A wish to have everything delivered, from one thread to another."""

from __future__ import annotations

import threading
from time import monotonic


class Request:
    """A wish to have everything delivered that was queued before."""

    def __init__(self, deadline: float, *, closing: bool = False) -> None:
        self.deadline = deadline
        self.closing = closing
        self.target = 0
        """How many items of the queue the worker has to have dealt with. It sets this when it takes the request."""
        self._answered = threading.Event()
        self._delivered = False

    @property
    def overdue(self) -> bool:
        """Whether the deadline has passed."""
        return monotonic() >= self.deadline

    @property
    def answered(self) -> bool:
        """Whether it has been said how it went."""
        return self._answered.is_set()

    def answer(self, *, delivered: bool) -> None:
        """Say how it went."""
        self._delivered = delivered
        self._answered.set()

    def wait(self) -> bool:
        """Whether everything was delivered by the deadline. Waits until then at most."""
        return self._answered.wait(max(0.0, self.deadline - monotonic())) and self._delivered


def wait_for_all(requests: list[Request]) -> bool:
    """Whether all of them were fulfilled by their deadlines."""
    answers = [request.wait() for request in requests]  # a list: each is waited for, also after one that failed
    return all(answers)
