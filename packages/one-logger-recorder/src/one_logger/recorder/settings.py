"""The settings of a channel. `DefaultRecorder` has the defaults."""

from __future__ import annotations

from math import inf
from typing import NamedTuple


class ChannelSettings(NamedTuple):
    """The bounds and intervals of a channel."""

    queue_capacity: int
    """How many records may be queued."""
    queue_bytes: int
    """How many bytes may be queued, roughly."""
    block_timeout: float
    """How long a thread waits for room in a full queue before its record is dropped, in seconds."""
    flush_interval: float
    """How long a record waits at most before it is exported, in seconds."""
    alive_interval: float
    """After how long a silence the backend hears that the process is alive, in seconds. 0: never."""
    max_failures: int
    """After how many failures in a row the exporter is disabled."""
    cool_down: float
    """After how long it is tried again, in seconds. Each further failure doubles it."""

    @property
    def interval(self) -> float:
        """After how many seconds a worker looks again that waits for nothing."""
        return min(self.flush_interval, self.alive_interval or inf)
