"""The counters of one exporter, as `Recorder.stats` gives them: for recorders, not for instrumented code."""

from __future__ import annotations

from typing import NamedTuple


class ExporterStats(NamedTuple):
    """What became of the records for one exporter. `recorded` is the sum of `exported`, `dropped` and `pending`.

    A span counts as two records, its start and its stop, even where an exporter writes them as one. What the recorder
    itself tells the exporter about missing data is not counted.
    """

    recorded: int
    """What was recorded since the recorder was made."""
    exported: int
    """What the exporter has shipped."""
    dropped: int
    """What was not queued because the queue was full, or was lost by the exporter."""
    pending: int
    """What is queued, or buffered in the exporter."""
    failures: int
    """How often the exporter has failed."""
    disabled: bool
    """Whether the exporter has failed too often to be called again."""
