"""What of a run is drawn, and what is left out."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple

from one_logger.analysis.duck import quoted
from one_logger.analysis.findings.finding import duration
from one_logger.analysis.run import Run
from one_logger.analysis.trace.drawing import Item, Process

SPAN_LIMIT = 2_000_000
"""How many spans a trace has at most: a browser's tab holds no more."""
EVENT_LIMIT = 2_000_000
ERROR_LIMIT = 100_000

_BATCH = 10_000


class Extent(NamedTuple):
    """When a run started, and its last time, in nanoseconds since 1970-01-01T00:00:00Z; both None if there is none."""

    first: int | None
    last: int | None


def extent(run: Run) -> Extent:
    """When a run started, and its last time."""
    [(first, last)] = run.execute("SELECT min(first_time_unix_nano), max(last_time_unix_nano) FROM streams")
    return Extent(*(value if isinstance(value, int) else None for value in (first, last)))


class Selection:
    """The part of a run that is drawn.

    Args:
        run: The run.
        ranks: The ranks to draw; None for all, and for what has no rank.
        start: The time that is 0 in the trace, in nanoseconds since 1970-01-01T00:00:00Z.
        first: From when on; what touches the time from here on is drawn, as a whole.
        last: Until when.
        span_limit: How many spans are drawn at most: the longest, and those that are open.
        event_limit: How many events are drawn at most: those with the rarest names.
        error_limit: How many errors are drawn at most: the first.
    """

    def __init__(
        self,
        run: Run,
        ranks: frozenset[int] | None,
        start: int,
        first: int | None = None,
        last: int | None = None,
        *,
        span_limit: int = SPAN_LIMIT,
        event_limit: int = EVENT_LIMIT,
        error_limit: int = ERROR_LIMIT,
    ) -> None:
        self._run = run
        self._ranks = ranks
        self._start = start
        self._from = first
        self._to = last
        self._streams: dict[str, Process] = {}
        self._limits = span_limit, event_limit, error_limit
        self._find_processes()
        self.left_out = [*self._limit_spans(), *self._limit_events(), *self._limit_errors()]
        """Sentences that say what is left out."""

    @property
    def processes(self) -> list[Process]:
        """All processes, in the order in which they are best shown."""
        return list(self._streams.values())

    def threads(self) -> dict[tuple[int, int], str]:
        """The names of threads, by the numbers of the process and the thread."""
        rows = self._run.execute(
            f"SELECT stream, thread, name FROM records WHERE type = 'thread' AND {self._of_streams()} "
            "AND thread IS NOT NULL AND name IS NOT NULL"
        )
        return {(self._streams[str(stream)].number, int(str(thread))): str(name) for stream, thread, name in rows}

    def items(self) -> Iterator[Item]:
        """All that is drawn, in the order that `draw` wants."""
        for batch in self._run.batches(self._query(), _BATCH):
            for row in batch:
                yield Item(self._streams[row[0]].number, *row[1:])

    def _find_processes(self) -> None:
        rows = self._run.execute(
            "SELECT stream, rank, incarnation, host, pid, service_name FROM streams "
            "ORDER BY rank NULLS LAST, incarnation, first_time_unix_nano, stream"
        )
        processes = [_Described(*row) for row in rows]
        wanted = [one for one in processes if self._ranks is None or one.rank in self._ranks]
        following = max((one.rank for one in wanted if one.rank is not None), default=-1) + 1
        taken: set[int] = set()
        for one in wanted:
            number = one.rank
            if number is None or number < 0 or number in taken:
                number, following = following, following + 1
            taken.add(number)
            self._streams[one.stream] = Process(number, one.name(wanted))
        self._all = len(wanted) == len(processes)

    def _of_streams(self) -> str:
        if self._all:
            return "TRUE"
        return f"stream IN ({', '.join(map(quoted, self._streams))})"

    def _within(self, start: str, end: str) -> str:
        """SQL that is true for what touches the time that is drawn."""
        parts = [self._of_streams(), f"{start} IS NOT NULL"]
        if self._from is not None:
            parts.append(f"coalesce({end}, {self._from}) >= {self._from}")
        if self._to is not None:
            parts.append(f"{start} <= {self._to}")
        return " AND ".join(parts)

    def _limit_spans(self) -> Iterator[str]:
        self._spans = self._within("start_time_unix_nano", "end_time_unix_nano")
        limit = self._limits[0]
        [(count, open_count)] = self._numbers(
            f"count(*), count(CASE WHEN open THEN 1 END) FROM spans WHERE {self._spans}"
        )
        if count <= limit:
            return
        share = max(0.0, 1 - max(limit - open_count, 0) / max(count - open_count, 1))
        [(longest,)] = self._numbers(f"quantile_disc(elapsed_ns, {share}) FROM spans WHERE {self._spans} AND NOT open")
        [(longer, equal)] = self._numbers(
            f"count(CASE WHEN elapsed_ns > {longest} THEN 1 END), count(CASE WHEN elapsed_ns = {longest} THEN 1 END) "
            f"FROM spans WHERE {self._spans} AND NOT open"
        )
        room = max(0, limit - open_count - longer)
        [(until,)] = self._numbers(
            f"coalesce(quantile_disc(start_time_unix_nano, {min(1.0, room / max(equal, 1))}), 0) "
            f"FROM spans WHERE {self._spans} AND NOT open AND elapsed_ns = {longest}"
        )
        self._spans += (
            f" AND (open OR elapsed_ns > {longest} OR (elapsed_ns = {longest} AND start_time_unix_nano < {until}))"
        )
        [(kept,)] = self._numbers(f"count(*) FROM spans WHERE {self._spans}")
        yield (
            f"{count - kept:,} of {count:,} spans are left out: those that took {duration(longest)} or less, as a "
            f"viewer holds no more than {limit:,}. To see all of a part, use --ranks, --from and --to."
        )

    def _limit_events(self) -> Iterator[str]:
        self._events = self._within("time_unix_nano", "time_unix_nano")
        limit = self._limits[1]
        counts = self._run.execute(
            f"SELECT name, count(*) FROM events WHERE {self._events} GROUP BY name ORDER BY count(*), name"
        )
        room = limit
        left_out: list[tuple[str, int]] = []
        for name, count in counts:
            room -= int(str(count))
            if room < 0:
                left_out.append((str(name), int(str(count))))
        if left_out:
            names = ", ".join(quoted(name) for name, _ in left_out)
            self._events += f" AND name NOT IN ({names})"
            for name, count in left_out:
                yield f"{count:,} events named {name!r} are left out, as a viewer holds no more than {limit:,}."

    def _limit_errors(self) -> Iterator[str]:
        self._errors = self._within("time_unix_nano", "time_unix_nano")
        limit = self._limits[2]
        [(count,)] = self._numbers(f"count(*) FROM errors WHERE {self._errors}")
        if count > limit:
            [(until,)] = self._numbers(
                f"quantile_disc(time_unix_nano, {limit / count}) FROM errors WHERE {self._errors}"
            )
            self._errors += f" AND time_unix_nano <= {until}"
            yield f"{count:,} errors were recorded: only the first {limit:,} are drawn."

    def _numbers(self, query: str) -> list[tuple[int, ...]]:
        return [tuple(int(str(value)) for value in row) for row in self._run.execute(f"SELECT {query}")]

    def _query(self) -> str:
        query = files(__package__).joinpath("items.sql").read_text("utf-8")
        return query.format(
            zero=self._start,
            of_streams=self._of_streams(),
            spans=self._spans,
            events=self._events,
            errors=self._errors,
            missing=self._within("start", "end_time"),
        )


class _Described(NamedTuple):
    """A stream, as its resource describes it."""

    stream: str
    rank: int | None
    incarnation: int | None
    host: str | None
    pid: int | None
    service: str | None

    def name(self, others: list[_Described]) -> str:
        """What a person would call it, in few words; with more of them where others would be called the same."""
        shown = f"rank {self.rank}" if self.rank is not None else self.service or "process"
        if self.host is not None:
            shown += f" ({self.host})"
        same = [one for one in others if (one.rank, one.host, one.service) == (self.rank, self.host, self.service)]
        if len({one.incarnation for one in same}) > 1 and self.incarnation is not None and self.incarnation > 1:
            shown += f", restart {self.incarnation - 1}"
        if len([one for one in same if one.incarnation == self.incarnation]) > 1:
            shown += f", process {self.pid}" if self.pid is not None else f", stream {self.stream[:8]}"
        return shown
