"""Proving that what was read is all there is, stream by stream and for the run as a whole."""

from __future__ import annotations

from collections.abc import Iterable

from one_logger.core._numbers import Numbers
from one_logger.core._sources import Source
from one_logger.core.reader import read_records

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Any, Literal

    State = Literal["whole", "cut short", "alive", "gaps", "dropped"]

ALIVE_WITHIN = 90.0
"""Seconds since the last sign of life in which a stream that is not closed counts as alive: three times as long as a
recorder is silent at most (`alive` records)."""

_MOST_RANKS = 1 << 24  # a larger world size is a damaged record


class StreamReport:
    """What can be proved of one stream.

    Attributes:
        stream: The id of the stream.
        telemetry_data_errors: How often the stream says that its data is incomplete or wrong. A stream may be whole
            and still say so: of what the job recorded wrongly, or did not record.
        first_time: The earliest time in its records, in nanoseconds since 1970 by its host's wall clock. None if no
            record has one.
        last_time: The latest time in its records: the last sign of life.
    """

    __slots__ = (
        "_alive_from",
        "_end",
        "_numbers",
        "_reported",
        "_resource",
        "first_time",
        "last_time",
        "stream",
        "telemetry_data_errors",
    )

    def __init__(self, stream: str, alive_from: float = float("inf")) -> None:
        self.stream = stream
        self.telemetry_data_errors = 0
        self.first_time: int | None = None
        self.last_time: int | None = None
        self._numbers = Numbers()
        self._resource: dict[str, Any] | None = None
        self._end: dict[str, Any] | None = None
        self._reported = 0
        self._alive_from = alive_from

    @property
    def records(self) -> int:
        """How many different records of it were read."""
        return self._numbers.count

    @property
    def gaps(self) -> list[range]:
        """The ranges of `seq` that are missing, before `end` or the last record read."""
        return self._numbers.missing()

    @property
    def closed(self) -> bool:
        """Whether its `end` was read. If not, the process was killed, is still running, or the end is missing."""
        return self._end is not None

    @property
    def dropped(self) -> int:
        """How many records the stream says were dropped before they were numbered, or lost after."""
        return self._reported if self._end is None else max(self._reported, _count(self._end.get("dropped", 0)))

    @property
    def whole(self) -> bool:
        """Whether nothing is missing: the stream is closed, has no gap, and says that nothing was dropped."""
        return self.state == "whole"

    @property
    def state(self) -> State:
        """What there is to say of the stream in a word.

        Of a stream that is not closed, `alive` if its last sign of life is recent, else `cut short`. Of a closed one,
        `gaps` if records are missing of which it does not say so, else `dropped` if it says that some were, else
        `whole`. A stream that is not closed may have gaps, too, and may have dropped records.
        """
        if self._end is None:
            return "alive" if self.last_time is not None and self.last_time >= self._alive_from else "cut short"
        if not self._numbers.complete:
            return "gaps"
        return "dropped" if self.dropped else "whole"

    @property
    def resource(self) -> dict[str, Any] | None:
        """The attributes of who produced it. None if its first record was not read."""
        return self._resource

    @property
    def rank(self) -> int | None:
        """The number of its process in the job, as far as it is known."""
        return _whole_number(self._resource, "one_logger.rank", 0)

    @property
    def world_size(self) -> int | None:
        """How many processes the job had, as far as it is known."""
        return _whole_number(self._resource, "one_logger.world_size", 1)

    @property
    def host(self) -> str | None:
        """The name of its host, as far as it is known."""
        host = (self._resource or {}).get("host.name")
        return host if isinstance(host, str) else None

    @property
    def reason(self) -> str | None:
        """Why it was closed: `closed`, `exit`, `exception`, or `signal` and its name. None if nobody says."""
        reason = (self._end or {}).get("reason")
        return reason if isinstance(reason, str) else None

    def _add(self, record: dict[str, Any]) -> None:
        if not self._numbers.add(record["seq"]):
            return  # read before: a backend that delivers at least once, or a file read twice
        kind = record["type"]
        if kind == "event":
            self._see(record.get("time_unix_nano"))
        else:
            for name in ("start_time_unix_nano", "end_time_unix_nano", "time_unix_nano"):
                if name in record:
                    self._see(record[name])
            self._add_special(kind, record)

    def _add_special(self, kind: str, record: dict[str, Any]) -> None:
        if kind == "telemetry_data_error":
            self.telemetry_data_errors += 1
            self._reported += _count(record.get("dropped", 0))
        elif kind == "end":
            self._end = record
        elif kind == "resource" and isinstance(attributes := record.get("attributes"), dict):
            self._resource = attributes

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
    """What can be proved of all that was read: the reports of the streams, in the order in which they first appear.

    Attributes:
        lines_passed_over: How many lines hold no record.
        unknown_versions: By version, how many records are of a version that this reader does not know.
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
        """Whether nothing is missing: there are streams, all are whole, of all ranks, in a version that is known."""
        return bool(self) and all(s.whole for s in self) and not self.missing_ranks and not self.unknown_versions

    @property
    def records(self) -> int:
        """How many different records were read."""
        return sum(stream.records for stream in self)

    @property
    def missing_ranks(self) -> list[int]:
        """The ranks that are expected and of which there is no stream.

        Where nobody has said which ones are, all below the largest world size that a stream names are expected.
        """
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
        """A sentence or more: whether all is there, or what is missing."""
        if self.whole:
            sentences = [f"Everything is there: {_counted(self.records, 'record')} in {_counted(len(self), 'stream')}."]
        elif not self:
            sentences = ["Nothing was read, so nothing is proved."]
        else:
            states = [stream.state for stream in self]
            counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
            sentences = [f"{_counted(self.records, 'record')} in {_counted(len(self), 'stream')}: {counts}."]
        if missing := self.missing_ranks:
            shown = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
            sentences.append(f"There is no stream of {_counted(len(missing), 'rank')}: {shown}.")
        if self.lines_passed_over:
            sentences.append(f"{_counted(self.lines_passed_over, 'line')} without a record.")
        for version, count in sorted(self.unknown_versions.items()):
            sentences.append(f"{_counted(count, 'record')} of version {version}, which this reader doesn't know.")
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
    """What can be proved of the streams in `records`, and of the run that they are.

    Records of several streams may be mixed, out of order and repeated. Memory grows with the number of streams and
    gaps; where records are out of order, by a bit for each.

    Args:
        records: What `read_records` gives, or anything that it takes: a path, an open file, lines, or a list of
            records. To prove a run, give the records of all its files.
        expected_ranks: How many ranks there should be, or which. None: as many as the streams say.
        now: The time, in seconds since 1970, at which a stream is alive or not. None: the time by this host's clock.
        alive_within: How many seconds before `now` the last record of a stream that is alive may be.

    Returns:
        A list with a report for each stream, which also says what is to be said of all together.

    Raises:
        OneLoggerError: As `read_records`.
    """
    import time

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


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _whole_number(attributes: dict[str, Any] | None, name: str, least: int) -> int | None:
    value = (attributes or {}).get(name)
    return value if type(value) is int and value >= least else None


def _count(value: object) -> int:
    """A number of dropped records. What is no such number says that some were, but not how many: at least one."""
    return value if type(value) is int and value >= 0 else 1
