"""The counters of one exporter, as `Recorder.stats` returns them."""

from __future__ import annotations

from typing import NamedTuple


class ExporterStats(NamedTuple):
    """The counters of one exporter. `recorded` is the sum of `exported`, `dropped` and `pending`.

    A span counts as two records, its start and its stop, even if an exporter writes them as one. The recorder's own
    reports about missing data are not counted.
    """

    recorded: int
    """Records since the recorder was made."""
    exported: int
    """Records that the exporter has exported."""
    dropped: int
    """Records not queued because the queue was full, or lost by the exporter."""
    pending: int
    """Records in the queue, or in the buffer of the exporter."""
    failures: int
    """How often the exporter failed."""
    disabled: bool
    """Whether the exporter failed too often, and is called no more."""
