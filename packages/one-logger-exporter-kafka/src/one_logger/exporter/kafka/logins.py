"""How often a client that the brokers refuse tries again."""

from __future__ import annotations

from time import monotonic

FIRST_PAUSE = 10.0
"""Seconds to wait after a refusal. Each further one in a row doubles it."""

LONGEST_PAUSE = 600.0


class Logins:
    """Spaces out attempts to log in: some brokers lock an account after a few that have failed."""

    def __init__(self) -> None:
        self.refusal = ""
        """What the brokers said to the last attempt. Empty if they have let us in."""
        self._pause = FIRST_PAUSE
        self._next = 0.0

    @property
    def wait(self) -> float:
        """How long not to try, in seconds."""
        return max(0.0, self._next - monotonic()) if self.refusal else 0.0

    def refused(self, reason: str) -> None:
        """An attempt was refused."""
        self.refusal = reason
        self._next = monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def succeeded(self) -> None:
        """An attempt was successful."""
        self.refusal = ""
        self._pause = FIRST_PAUSE
