"""What can be proved of the streams of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamState:
    """What can be proved of one stream.

    Attributes:
        stream: The id of the stream.
        state: `whole`; `alive` (not closed, and written to a short time ago); `cut short` (not closed, and silent);
            `gaps` (closed, but records are missing); `dropped` (closed, but it says that records were dropped).
        whole: Whether nothing is missing: it is closed, has no gap, and says that nothing was dropped.
        closed: Whether its `end` was read.
        records: How many different records of it were read.
        gaps: The ranges of `seq` that are missing, before the last record read.
        dropped: How many records the stream says were dropped.
        telemetry_data_errors: How often the stream says that its data is incomplete or wrong.
        rank: The rank of its process; None if it has none.
        host: The name of its host; None if it isn't known.
        reason: Why it was closed, as its `end` says; None if that isn't known.
        first_time_unix_nano: When the first thing that it tells of happened, in nanoseconds since 1970-01-01T00:00:00Z.
        last_time_unix_nano: The same of the last thing.
    """

    stream: str
    state: str
    whole: bool
    closed: bool
    records: int
    gaps: tuple[range, ...]
    dropped: int
    telemetry_data_errors: int
    rank: int | None = None
    host: str | None = None
    reason: str | None = None
    first_time_unix_nano: int | None = None
    last_time_unix_nano: int | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether a run is all there.

    Attributes:
        streams: What can be proved of each stream, in the order of ranks.
        missing_ranks: The ranks of which there is no stream, though there should be one.
        no_records: How many lines held no record.
        unknown_versions: How many records are of a version that this release doesn't know.
    """

    streams: tuple[StreamState, ...]
    missing_ranks: tuple[int, ...]
    no_records: int
    unknown_versions: int

    @property
    def whole(self) -> bool:
        """Whether something was read, all of its streams are whole, and no rank is missing."""
        return bool(self.streams) and not self.missing_ranks and all(stream.whole for stream in self.streams)


def missing_ranks(ranks: Iterable[int], expected: int) -> tuple[int, ...]:
    """The ranks from 0 below `expected` that are not in `ranks`."""
    return tuple(sorted(set(range(expected)) - set(ranks)))
