"""What can be set for a channel."""

from __future__ import annotations

from typing import NamedTuple


class ChannelSettings(NamedTuple):
    """The bounds and intervals of a channel."""

    queue_capacity: int = 65_536
    """How many records may be queued."""
    queue_bytes: int = 16_000_000
    """How many bytes may be queued, roughly."""
    block_timeout: float = 0.0
    """How long a thread waits for room in a full queue before its record is dropped, in seconds."""
    flush_interval: float = 0.5
    """How long a record waits at most before it is exported, in seconds."""
    max_failures: int = 5
    """After how many failures in a row the exporter is disabled."""
    cool_down: float = 5.0
    """How long it is left alone then, in seconds; doubled by each failure after that."""
