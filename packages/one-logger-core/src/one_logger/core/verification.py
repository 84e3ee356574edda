"""Proof that records are complete, for each stream and for the whole run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Literal

from one_logger.core._numbers import Numbers
from one_logger.core._sources import Source
from one_logger.core.reader import read_records
from one_logger.core.text import counted

State = Literal["whole", "cut short", "alive", "gaps", "dropped"]

ALIVE_WITHIN = 90.0
"""Seconds for which a stream without an `end` counts as alive after its latest time: three times the interval of
`alive` records."""

_MOST_RANKS = 1 << 24  # a larger world size is a damaged record


class StreamReport:
    """What the records of one stream prove.

    Attributes:
        stream: The id of the stream.
        telemetry_data_errors: How often the stream says that its data is incomplete or wrong. A whole stream may say
            so too: about what the job recorded wrongly, or did not record.
        first_time: The earliest time in its records, in nanoseconds since 1970 by its host's wall clock. None if no
            record has one.
        last_time: The latest time in its records.
        resource: The attributes of its resource. None if that record was not read.
    """

    def __init__(self, stream: str, alive_from: float = float("inf")) -> None:
        self.stream = stream
        self.telemetry_data_errors = 0
        self.first_time: int | None = None
        self.last_time: int | None = None
        self._numbers = Numbers()
        self.resource: dict[str, Any] | None = None
        self._end: dict[str, Any] | None = None
        self._reported = 0
        self._alive_from = alive_from

    @property
    def records(self) -> int:
        """How many different records of it were read."""
        return self._numbers.count

    @property
    def gaps(self) -> list[range]:
        """The ranges of `seq` that are missing below the largest one read."""
        return self._numbers.missing()

    @property
    def beginning_missing(self) -> int:
        """How many of the `gaps` are at its beginning, up to the first record read: as numbers of `seq`.

        What was there is gone by now: Kafka keeps messages for the retention time of their topic, and files that are
        rotated are deleted one day. Or it was lost on the way; then `dropped` says so.
        """
        gaps = self.gaps
        return len(gaps[0]) if gaps and gaps[0].start == 1 else 0

    @property
    def closed(self) -> bool:
        """Whether its `end` was read. If not, the process was killed or is still running, or the record is missing."""
        return self._end is not None

    @property
    def dropped(self) -> int:
        """How many records the stream says were dropped or lost."""
        return self._reported if self._end is None else max(self._reported, _count(self._end.get("dropped", 0)))

    @property
    def whole(self) -> bool:
        """Whether nothing is missing: the stream is closed, has no gaps, and says that nothing was dropped."""
        return self.state == "whole"

    @property
    def state(self) -> State:
        """The state of the stream in one word.

        If it is not closed: `alive` if its last time is recent, else `cut short`; it may have gaps and dropped records
        too. If it is closed: `gaps` if records are missing, else `dropped` if it says that some were, else `whole`.
        """
        if self._end is None:
            return "alive" if self.last_time is not None and self.last_time >= self._alive_from else "cut short"
        if not self._numbers.complete:
            return "gaps"
        return "dropped" if self.dropped else "whole"

    @property
    def rank(self) -> int | None:
        """The number of its process in the job. None if unknown."""
        return _whole_number(self.resource, "one_logger.rank", 0)

    @property
    def world_size(self) -> int | None:
        """How many processes the job had. None if unknown."""
        return _whole_number(self.resource, "one_logger.world_size", 1)

    @property
    def host(self) -> str | None:
        """The name of its host. None if unknown."""
        return _text(self.resource, "host.name")

    @property
    def reason(self) -> str | None:
        """Why it was closed: `closed`, `exit`, `exception`, or `signal` and its name. None if unknown."""
        return _text(self._end, "reason")

    def _add(self, record: dict[str, Any]) -> None:
        if not self._numbers.add(record["seq"]):
            return  # read before: a backend that delivers at least once, or a file read twice
        kind = record["type"]
        if kind == "event":
            self._see(record.get("time_unix_nano"))
            return
        for name in ("start_time_unix_nano", "end_time_unix_nano", "time_unix_nano"):
            if name in record:
                self._see(record[name])
        if kind == "telemetry_data_error":
            self.telemetry_data_errors += 1
            self._reported += _count(record.get("dropped", 0))
        elif kind == "end":
            self._end = record
        elif kind == "resource" and isinstance(attributes := record.get("attributes"), dict):
            self.resource = attributes

    def _see(self, time: object) -> None:
        if type(time) is int:
            if self.last_time is None or self.first_time is None:
                self.first_time = self.last_time = time
            elif time > self.last_time:
                self.last_time = time
            elif time < self.first_time:
                self.first_time = time

    def __repr__(self) -> str:
        return (
            f"<StreamReport {self.stream}: {self.state}, records={self.records}, gaps={self.gaps}, "
            f"dropped={self.dropped}>"
        )


class RunReport(list[StreamReport]):
    """What all the records prove: a list of the reports of the streams, in the order in which they first appear.

    Attributes:
        lines_passed_over: How many lines hold no record.
        unknown_versions: How many records there are of each version that this reader does not know.
    """

    def __init__(self, expected_ranks: int | Iterable[int] | None = None) -> None:
        super().__init__()
        self.lines_passed_over = 0
        self.unknown_versions: dict[int, int] = {}
        self._expected: Iterable[int] | None = None
        if isinstance(expected_ranks, int):
            self._expected = range(expected_ranks)
        elif expected_ranks is not None:
            self._expected = sorted(set(expected_ranks))

    @property
    def whole(self) -> bool:
        """Whether nothing is missing: there is a stream of each rank, all are whole, and all versions are known."""
        return bool(self) and all(s.whole for s in self) and not self.missing_ranks and not self.unknown_versions

    @property
    def records(self) -> int:
        """How many different records were read."""
        return sum(stream.records for stream in self)

    @property
    def missing_ranks(self) -> list[int]:
        """The expected ranks without a stream. Default: of those below the largest world size in the streams."""
        expected = self._expected
        if expected is None:
            size = max((stream.world_size or 0 for stream in self), default=0)
            expected = range(size if size <= _MOST_RANKS else 0)
        there = {stream.rank for stream in self}
        return [rank for rank in expected if rank not in there]

    @property
    def first_time(self) -> int | None:
        """The earliest time in the records, in nanoseconds since 1970."""
        return min((stream.first_time for stream in self if stream.first_time is not None), default=None)

    @property
    def last_time(self) -> int | None:
        """The latest time in the records, in nanoseconds since 1970."""
        return max((stream.last_time for stream in self if stream.last_time is not None), default=None)

    def __str__(self) -> str:
        """Sentences that say whether all is there, or what is missing."""
        if self.whole:
            sentences = [f"Everything is there: {counted(self.records, 'record')} in {counted(len(self), 'stream')}."]
        elif not self:
            sentences = ["Nothing was read, so nothing is proved."]
        else:
            states = [stream.state for stream in self]
            counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
            sentences = [f"{counted(self.records, 'record')} in {counted(len(self), 'stream')}: {counts}."]
        if begun := sum(stream.beginning_missing > 0 for stream in self):
            sentences.append(f"The beginning of {counted(begun, 'stream')} is no longer there.")
        if missing := self.missing_ranks:
            shown = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
            sentences.append(f"There is no stream of {counted(len(missing), 'rank')}: {shown}.")
        if self.lines_passed_over:
            sentences.append(f"{counted(self.lines_passed_over, 'line')} without a record.")
        for version, count in sorted(self.unknown_versions.items()):
            sentences.append(f"{counted(count, 'record')} of version {version}, which this reader doesn't know.")
        return " ".join(sentences)

    def __repr__(self) -> str:
        return f"<RunReport {'whole' if self.whole else 'not whole'}: {super().__repr__()}>"


def verify(
    records: Source,
    *,
    expected_ranks: int | Iterable[int] | None = None,
    now: float | None = None,
    alive_within: float = ALIVE_WITHIN,
) -> RunReport:
    """Report whether the streams in `records`, and the run that they make up, are complete.

    Records of several streams may be mixed, out of order and repeated. Memory grows with the number of streams and
    gaps, and by a byte for each record that is out of order.

    Args:
        records: What `read_records` returns or takes. To prove a run, give the records of all its files.
        expected_ranks: How many ranks there should be, or which. None: as many as the streams say.
        now: The present time, in seconds since 1970. None: by this host's clock.
        alive_within: A stream without an `end` is alive if its last time is at most so many seconds before `now`.

    Returns:
        A list with a report for each stream, which also reports on all of them together.

    Raises:
        OneLoggerError: As `read_records`.
    """
    read = read_records(records)
    run = RunReport(expected_ranks)
    alive_from = ((time.time() if now is None else now) - alive_within) * 1e9
    reports: dict[str, StreamReport] = {}
    for record in read:
        report = reports.get(record["stream"])
        if report is None:
            report = reports[record["stream"]] = StreamReport(record["stream"], alive_from)
        report._add(record)
    run.extend(reports.values())
    run.lines_passed_over, run.unknown_versions = read.lines_passed_over, dict(read.unknown_versions)
    return run


def _whole_number(attributes: dict[str, Any] | None, name: str, least: int) -> int | None:
    value = (attributes or {}).get(name)
    return value if type(value) is int and value >= least else None


def _text(mapping: dict[str, Any] | None, name: str) -> str | None:
    value = (mapping or {}).get(name)
    return value if isinstance(value, str) else None


def _count(value: object) -> int:
    """A number of dropped records. Anything else says that some were dropped, but not how many: at least one."""
    return value if type(value) is int and value >= 0 else 1
