"""What the timeline shows: for each rank, what it did when, however many spans that were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from one_logger.analysis.duck import quoted
from one_logger.analysis.run import Run

COLUMNS = 1040
"""Into how many columns the time is divided, each as wide as a pixel of the picture."""
ROWS = 48
_LANES = 5
EXACT_SPANS = 12_000
"""Up to so many spans are kept as they are, so that they can be looked at more closely; more are put together."""
_MARKS = 500
_LEAST_SHARE = 0.1  # of a column: what takes less isn't drawn


class Row(NamedTuple):
    """A line of the timeline: a thread of a rank, over all its restarts.

    Attributes:
        label: What it is called.
        lanes: How many lanes it has.
        lives: From when to when its processes recorded, in nanoseconds since the timeline's start.
    """

    label: str
    lanes: int
    lives: tuple[tuple[int, int], ...]


class Segment(NamedTuple):
    """A time in which something was done.

    Attributes:
        row: The number of the row.
        lane: The number of the lane in it: 0 for the outermost spans.
        start: In nanoseconds since the timeline's start.
        end: Likewise.
        name: The number of the name.
        open: Whether it never ended.
    """

    row: int
    lane: int
    start: int
    end: int
    name: int
    open: bool = False


class Mark(NamedTuple):
    """Something at one point in time, or from one to another: `error`, `gap`, `dropped`, `cut short` or `open`."""

    row: int
    kind: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Timeline:
    """What the timeline shows.

    Attributes:
        start_unix_nano: When it starts, in nanoseconds since 1970-01-01T00:00:00Z.
        length: How long it is, in nanoseconds.
        rows: Its rows.
        names: The names that segments refer to.
        columns: What took most of the time of each column.
        exact: The spans themselves; None if they are too many.
        marks: What is marked.
        notes: Sentences that say what isn't shown.
    """

    start_unix_nano: int
    length: int
    rows: Sequence[Row]
    names: Sequence[str]
    columns: Sequence[Segment]
    exact: Sequence[Segment] | None
    marks: Sequence[Mark]
    notes: Sequence[str]


class _Stream(NamedTuple):
    stream: str
    rank: int | None
    incarnation: int | None
    service: str | None
    state: str
    dropped: int
    first: int
    last: int


def timeline_of(run: Run, noteworthy: Collection[int] = ()) -> Timeline | None:
    """The timeline of a run; None if nothing was recorded.

    Args:
        run: The run.
        noteworthy: Ranks that are shown whichever others are left out.
    """
    streams = [
        _Stream(*row)
        for row in run.execute(
            "SELECT stream, rank, incarnation, service_name, state, dropped, first_time_unix_nano, last_time_unix_nano "
            "FROM streams WHERE first_time_unix_nano IS NOT NULL "
            "ORDER BY rank NULLS LAST, service_name, incarnation, first_time_unix_nano, stream"
        )
    ]
    if not streams:
        return None
    start = min(stream.first for stream in streams)
    length = max(max(stream.last for stream in streams) - start, 1)
    processes: dict[object, list[_Stream]] = defaultdict(list)
    for stream in streams:
        processes[stream.stream if stream.rank is None else stream.rank].append(stream)
    shown = _chosen(list(processes), noteworthy)
    notes = []
    if len(shown) < len(processes):
        notes.append(f"{len(shown)} of {len(processes):,} ranks are shown: those that the verdict names, and others.")
    tracks = _tracks(run, [processes[key] for key in shown])
    return _Reader(run, tracks, start, length).timeline(notes)


_Track = tuple[str, int, list[_Stream]]  # its label, the number of the thread (-1: the main thread), its streams


def _chosen(keys: Sequence[object], noteworthy: Collection[int]) -> list[object]:
    if len(keys) <= ROWS:
        return list(keys)
    chosen = {index for index, key in enumerate(keys) if key in noteworthy}
    chosen = set(sorted(chosen)[: ROWS // 2])
    for index in range(ROWS):
        if len(chosen) < ROWS:
            chosen.add(index * (len(keys) - 1) // (ROWS - 1))
    return [keys[index] for index in sorted(chosen)]


def _tracks(run: Run, processes: Sequence[list[_Stream]]) -> list[_Track]:
    main: list[_Track] = [(_label(streams[0], processes), -1, streams) for streams in processes]
    if len(processes) > ROWS // 6:
        return main
    in_list = _in_list(stream.stream for streams in processes for stream in streams)
    names = {
        (stream, thread): name
        for stream, thread, name in run.execute(
            "SELECT stream, thread, any_value(name) FROM records "
            f"WHERE type = 'thread' AND stream IN {in_list} GROUP BY ALL"
        )
    }
    threads: dict[str, list[int]] = defaultdict(list)
    for stream, thread in run.execute(
        f"SELECT DISTINCT stream, thread FROM spans WHERE thread IS NOT NULL AND stream IN {in_list} ORDER BY ALL"
    ):
        threads[stream].append(thread)
    tracks: list[_Track] = []
    room = ROWS - len(main)
    for label, _, streams in main:
        tracks.append((label, -1, streams))
        for thread in sorted({thread for stream in streams for thread in threads[stream.stream]}):
            if room > 0:
                room -= 1
                name = next(
                    (names[stream.stream, thread] for stream in streams if (stream.stream, thread) in names), None
                )
                tracks.append((f"{label} · {name or f'thread {thread}'}", thread, streams))
    return tracks


def _label(stream: _Stream, processes: Sequence[list[_Stream]]) -> str:
    if stream.rank is not None:
        return f"rank {stream.rank}"
    name = stream.service or "process"
    same = [streams for streams in processes if streams[0].rank is None and streams[0].service == stream.service]
    return name if len(same) == 1 else f"{name} {stream.stream[:8]}"


def _in_list(streams: Iterable[str]) -> str:
    return f"({', '.join(map(quoted, streams))})"


class _Reader:
    """Asks for what happened in the tracks that are shown."""

    def __init__(self, run: Run, tracks: Sequence[_Track], start: int, length: int) -> None:
        self._run, self._tracks = run, tracks
        self._start, self._length = start, length
        self._on = "t.stream = s.stream AND t.thread = coalesce(s.thread, -1)"
        self._names: dict[str, int] = {}
        self._lanes = [1] * len(tracks)
        self._with = self._with_tracks([0] * len(tracks))
        depths = self._ask(
            "SELECT t.number, count(*), min(s.depth), max(s.depth) "
            f"FROM spans AS s JOIN tracks AS t ON {self._on} GROUP BY 1"
        )
        outermost = [0] * len(tracks)
        for number, _, least, most in depths:
            outermost[number] = least
            self._lanes[number] = max(1, min(most - least + 1, ROWS // len(tracks), _LANES))
        self._spans = sum(row[1] for row in depths)
        self._with = self._with_tracks(outermost)
        self._lane = "least(s.depth - t.outermost, t.lanes - 1)"

    def _with_tracks(self, outermost: Sequence[int]) -> str:
        values = ", ".join(
            f"({quoted(stream.stream)}, {thread}, {number}, {stream.last}, {outermost[number]}, {self._lanes[number]})"
            for number, (_, thread, members) in enumerate(self._tracks)
            for stream in members
        )
        return f"WITH tracks(stream, thread, number, last, outermost, lanes) AS (VALUES {values})"

    def timeline(self, notes: list[str]) -> Timeline:
        """The timeline, with notes about what isn't shown."""
        start, tracks = self._start, self._tracks
        rows = [
            Row(label, lanes, tuple((stream.first - start, stream.last - start) for stream in members))
            for (label, _, members), lanes in zip(tracks, self._lanes, strict=True)
        ]
        columns = self._columns()
        exact = self._exact() if self._spans <= EXACT_SPANS else None
        if exact is None:
            notes.append(
                f"{self._spans:,} spans are drawn in {COLUMNS:,} columns: each shows what took most of its time. "
                "'one-logger trace' shows every span."
            )
        marks = [*self._marks(), *self._stream_marks(tracks)]
        return Timeline(start, self._length, rows, list(self._names), columns, exact, marks, notes)

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        return self._run.execute(f"{self._with} {query}")

    def _name(self, name: object) -> int:
        return self._names.setdefault(str(name), len(self._names))

    def _exact(self) -> list[Segment]:
        rows = self._ask(
            f"""SELECT t.number, {self._lane}, s.start_time_unix_nano - {self._start},
                greatest(coalesce(s.end_time_unix_nano, t.last), s.start_time_unix_nano) - {self._start}, s.name, s.open
            FROM spans AS s JOIN tracks AS t ON {self._on} WHERE s.start_time_unix_nano IS NOT NULL
            ORDER BY t.number, {self._lane}, s.depth, s.start_time_unix_nano"""
        )
        return [
            Segment(row, lane, start, end, self._name(name), bool(is_open))
            for row, lane, start, end, name, is_open in rows
        ]

    def _columns(self) -> list[Segment]:
        """For each column of each lane what took most of it, the same in neighbouring columns put together."""
        width = -(-self._length // COLUMNS)
        rows = self._ask(
            f""", drawn AS (
                SELECT t.number, {self._lane} AS lane, s.path, s.name,
                    s.start_time_unix_nano - {self._start} AS a,
                    greatest(coalesce(s.end_time_unix_nano, t.last), s.start_time_unix_nano) - {self._start} AS z
                FROM spans AS s JOIN tracks AS t ON {self._on} WHERE s.start_time_unix_nano >= {self._start}
            ), cells AS (
                SELECT *, unnest(range(a // {width}, greatest(z - 1, a) // {width} + 1)) AS col FROM drawn
            )
            SELECT number, lane, col, path, any_value(name),
                sum(least(z, (col + 1) * {width}) - greatest(a, col * {width}))::BIGINT
            FROM cells GROUP BY number, lane, col, path ORDER BY number, lane, col"""
        )
        segments: list[Segment] = []
        cell: dict[str, tuple[str, int]] = {}
        at: tuple[int, int, int] | None = None
        for number, lane, column, path, name, covered in [*rows, (-1, -1, -1, "", "", 0)]:
            if (number, lane, column) != at:
                if at is not None and (top := _most(cell, width)) is not None:
                    self._append(segments, at, self._name(top), width)
                at, cell = (number, lane, column), {}
            cell[str(path)] = (str(name), covered)
        return segments

    def _append(self, segments: list[Segment], at: tuple[int, int, int], name: int, width: int) -> None:
        row, lane, column = at
        start, end = column * width, min((column + 1) * width, self._length)
        if segments:
            last = segments[-1]
            if (last.row, last.lane, last.end, last.name) == (row, lane, start, name):
                segments[-1] = last._replace(end=end)
                return
        segments.append(Segment(row, lane, start, end, name))

    def _marks(self) -> list[Mark]:
        rows = self._ask(
            f""", times AS (
                SELECT stream, seq, coalesce(time_unix_nano, end_time_unix_nano, start_time_unix_nano) AS at
                FROM records WHERE stream IN (SELECT stream FROM gaps)
            ), found AS (
                SELECT e.stream, 'error' AS kind, e.time_unix_nano AS a, e.time_unix_nano AS z,
                    coalesce(e.exception_type || ': ' || e.exception_message, e.message, e.name) AS what
                FROM errors AS e
                UNION ALL
                SELECT g.stream, 'gap', coalesce(max(b.at), min(s.first_time_unix_nano)), min(n.at),
                    g.missing || ' records are missing'
                FROM gaps AS g JOIN streams AS s ON s.stream = g.stream
                LEFT JOIN times AS b ON b.stream = g.stream AND b.seq = g.first_seq - 1
                LEFT JOIN times AS n ON n.stream = g.stream AND n.seq = g.last_seq + 1
                GROUP BY g.stream, g.first_seq, g.missing
                UNION ALL
                SELECT stream, 'dropped', time_unix_nano, time_unix_nano, dropped || ' records were dropped'
                FROM records WHERE type = 'telemetry_data_error' AND dropped > 0
                UNION ALL
                SELECT stream, 'open', max(start_time_unix_nano), NULL, 'still open: ' || arg_max(path, depth)
                FROM spans WHERE open AND thread IS NULL GROUP BY stream
            )
            SELECT t.number, f.kind, f.a - {self._start}, coalesce(f.z, t.last) - {self._start}, f.what
            FROM found AS f JOIN tracks AS t ON t.stream = f.stream AND t.thread = -1
            WHERE f.a IS NOT NULL ORDER BY f.kind = 'error', f.a LIMIT {_MARKS}"""
        )
        return [Mark(row[0], str(row[1]), row[2], max(row[2], row[3]), str(row[4])) for row in rows]

    def _stream_marks(self, tracks: Sequence[_Track]) -> Iterable[Mark]:
        for number, (_, thread, streams) in enumerate(tracks):
            for stream in streams:
                at = stream.last - self._start
                if thread == -1 and stream.state == "cut short":
                    yield Mark(number, "cut short", at, at, "nothing was recorded after this, and no end was written")


def _most(cell: Mapping[str, tuple[str, int]], width: int) -> str | None:
    """The name of what took most of a column itself: without what is below it there."""
    own = {path: covered for path, (_, covered) in cell.items()}
    for path, (_, covered) in cell.items():
        above = _above(path, own)
        if above is not None:
            own[above] -= covered
    path = max(own, key=lambda path: own[path])
    return cell[path][0] if own[path] >= _LEAST_SHARE * width else None


def _above(path: str, paths: Mapping[str, int]) -> str | None:
    """The nearest path above, of those that are there."""
    end = len(path)
    while (end := path.rfind("/", 0, end)) > 0:
        if path[:end] in paths:
            return path[:end]
    return None
