"""Decides when an exporter that has failed is called again."""

from __future__ import annotations

from random import Random
from time import monotonic

BACK_OFF = 0.1
"""Seconds to wait after the first failure. Each further one in a row doubles it."""

LONGEST_COOL_DOWN = 600.0
"""The longest pause before an exporter is called again, in seconds."""


class Breaker:
    """A circuit breaker: back-off after each failure, and after several in a row a cool-down that grows.

    Every wait is shortened by a random part, up to half of it, so that the processes of a job that lost the same
    backend do not come back to it all at once.
    """

    def __init__(self, max_failures: int, cool_down: float) -> None:
        self._max_failures = max_failures
        self._cool_down = max(cool_down, BACK_OFF)  # without any pause a dead exporter would keep a processor busy
        self._jitter = Random()  # noqa: S311 - waiting times need not be secret
        self._in_a_row = 0
        self._may_call_at = 0.0
        self._asked_until = 0.0
        self.failures = 0
        """How many failures there were in all."""

    @property
    def open(self) -> bool:
        """Whether the exporter is disabled: it is called for one probe after each cool-down only."""
        return self._in_a_row >= self._max_failures

    @property
    def failing(self) -> bool:
        """Whether the last call failed."""
        return self._in_a_row > 0

    @property
    def wait(self) -> float:
        """How long not to call the exporter, in seconds; 0 if it may be called."""
        return max(0.0, self._may_call_at - monotonic())

    def failed(self) -> None:
        """Count a failure."""
        self.failures += 1
        self._in_a_row += 1
        probes = self._in_a_row - self._max_failures
        delay = BACK_OFF * 2 ** (self._in_a_row - 1) if probes < 0 else self._cool_down * 2 ** min(probes, 32)
        self._may_call_at = monotonic() + min(delay, LONGEST_COOL_DOWN) * self._jitter.uniform(0.5, 1.0)

    def pause(self, seconds: float) -> None:
        """Wait, as the backend has asked. That is no failure."""
        self._may_call_at = self._asked_until = monotonic() + min(seconds, LONGEST_COOL_DOWN)

    @property
    def asked(self) -> bool:
        """Whether the backend has asked not to be called yet, whoever waits for a delivery."""
        return self._asked_until > monotonic()

    def succeeded(self) -> None:
        """Close the breaker, as the exporter has delivered records."""
        self._in_a_row = 0
        self._may_call_at = 0.0
