"""Reading records back, and proving that a stream of them is whole."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import attrgetter

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Any

_RECORD_START = '{"v":'


def read_records(lines: Iterable[str | bytes]) -> Iterator[dict[str, Any]]:
    """The records in `lines`, in their order.

    What is not a record is passed over: a line that was torn when a process was killed, or a fragment of one that a
    later record follows in the same line. `verify` finds what is missing.

    Args:
        lines: Lines of JSON, such as an open file, in text or in UTF-8.
    """
    import json

    decode = json.JSONDecoder().raw_decode
    for line in lines:
        text = line.decode("utf-8", "replace") if isinstance(line, (bytes, bytearray)) else line
        start = 0 if text.startswith("{") else _next_start(text, 0)
        while start >= 0:
            try:
                record, end = decode(text, start)
            except (ValueError, RecursionError):
                record = None
            if _is_record(record):
                yield record
            else:
                end = start + 1
            start = _next_start(text, end)


def _next_start(text: str, position: int) -> int:
    """Where a record may start in the rest of a line, or -1. What follows a colon is part of another record."""
    start = text.find(_RECORD_START, position)
    while start > 0 and text[start - 1] == ":":
        start = text.find(_RECORD_START, start + len(_RECORD_START))
    return start


def _is_record(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("type"), str)
        and isinstance(value.get("stream"), str)
        and isinstance(value.get("seq"), int)
    )


def _count(value: object) -> int:
    """A number of dropped records. What is no such number says that some were, but not how many: at least one."""
    return value if type(value) is int and value >= 0 else 1


class StreamReport:
    """What can be proved of one stream.

    Attributes:
        stream: The id of the stream.
        records: How many different records of it were read.
        closed: Whether its `end` was read. If not, the process was killed, is still running, or the end is missing.
        gaps: The ranges of `seq` that are missing, before `end` or the last record read.
        dropped: How many records the stream says were dropped before they were numbered, or lost after.
        telemetry_data_errors: How often the stream says that its data is incomplete or wrong. A stream may be whole
            and still say so: of what the job recorded wrongly, or did not record.
    """

    __slots__ = ("_end", "_last", "_reported", "gaps", "records", "stream", "telemetry_data_errors")

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.records = 0
        self.gaps: list[range] = []
        self.telemetry_data_errors = 0
        self._last = 0
        self._end: dict[str, Any] | None = None
        self._reported = 0

    @property
    def closed(self) -> bool:
        """Whether the stream's `end` was read."""
        return self._end is not None

    @property
    def dropped(self) -> int:
        """How many records the stream says were dropped."""
        return self._reported if self._end is None else max(self._reported, _count(self._end.get("dropped", 0)))

    @property
    def whole(self) -> bool:
        """Whether nothing is missing: the stream is closed, has no gap, and says that nothing was dropped."""
        return self.closed and not self.gaps and not self.dropped

    def _add(self, record: dict[str, Any]) -> None:
        seq = record["seq"]
        if seq > self._last:
            if seq > self._last + 1:
                self.gaps.append(range(self._last + 1, seq))
            self._last = seq
        elif not self._fill(seq):
            return  # read before: a backend that delivers at least once, or a file read twice
        self.records += 1
        if record["type"] == "telemetry_data_error":
            self.telemetry_data_errors += 1
            self._reported += _count(record.get("dropped", 0))
        elif record["type"] == "end":
            self._end = record

    def _fill(self, seq: int) -> bool:
        number = bisect_right(self.gaps, seq, key=attrgetter("start")) - 1
        if number < 0 or seq not in self.gaps[number]:
            return False
        gap = self.gaps[number]
        self.gaps[number : number + 1] = [part for part in (range(gap.start, seq), range(seq + 1, gap.stop)) if part]
        return True

    def __repr__(self) -> str:
        state = "whole" if self.whole else "closed" if self.closed else "cut short"
        return (
            f"<StreamReport {self.stream}: {state}, records={self.records}, gaps={self.gaps}, dropped={self.dropped}>"
        )


def verify(records: Iterable[dict[str, Any]]) -> list[StreamReport]:
    """What can be proved of each stream in `records`, in the order in which the streams first appear.

    Records of several streams may be mixed, out of order and repeated. Memory grows with the number of streams and
    gaps, not with that of records.
    """
    reports: dict[str, StreamReport] = {}
    for record in records:
        report = reports.get(record["stream"])
        if report is None:
            report = reports[record["stream"]] = StreamReport(record["stream"])
        report._add(record)
    return list(reports.values())
