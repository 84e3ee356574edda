"""A run: what a job has recorded, as tables."""

from __future__ import annotations

import html
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import duckdb

from one_logger.analysis import views
from one_logger.analysis.cache import Cache
from one_logger.analysis.columns import Detail
from one_logger.analysis.duck import connect, cursor, execute, interruptible, quoted
from one_logger.analysis.errors import ReadError
from one_logger.analysis.loading import Counts, Progress
from one_logger.analysis.questions import Questions
from one_logger.analysis.sources import Source, find_sources
from one_logger.analysis.state import ALIVE_WITHIN_NS, RunState, state_of
from one_logger.analysis.store import Store
from one_logger.analysis.verification import StreamState, Verification, missing_ranks

if TYPE_CHECKING:
    from types import TracebackType

    from duckdb import DuckDBPyConnection, DuckDBPyRelation

    from one_logger.analysis.overview import Overview
    from one_logger.core import StreamReport


class Answer(NamedTuple):
    """The answer to a query.

    Attributes:
        columns: The names of its columns.
        types: Their types, as DuckDB names them.
        rows: Its rows.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Run:
    """What a job has recorded, as tables of an embedded DuckDB. Make one by `Run.open`.

    Each table is built when it is first asked for, and kept until `close`. A run may be used by one thread at a time.

    Attributes:
        now_unix_nano: The reader's clock, in nanoseconds since 1970-01-01T00:00:00Z.
    """

    def __init__(
        self,
        sources: list[Source],
        *,
        memory_limit: str = "1GB",
        threads: int | None = None,
        now_unix_nano: int | None = None,
        progress: Progress | None = None,
        cache: Cache | None = None,
    ) -> None:
        self._sources = sources
        self.progress = progress
        self._folder = tempfile.mkdtemp(prefix="one-logger-")
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._cache = cache
        self._kept = cache.work(sources) if cache else None
        self._remove_kept = weakref.finalize(self, _remove, self._kept)
        spill = os.path.join(self._folder, "spill")
        os.mkdir(spill)
        self._connection = connect(spill, memory_limit, threads)
        # Of its own, so that what the user's one is just reading doesn't matter.
        self._builder = cursor(self._connection)
        folder = self._kept or self._folder
        scratch = os.path.join(folder, "scratch")
        os.mkdir(scratch)
        self._store = Store(self._builder, folder, scratch)
        self._built: set[str] = set()
        self._lock = threading.Lock()
        now = self.now_unix_nano = time.time_ns() if now_unix_nano is None else now_unix_nano
        execute(
            self._builder,
            f"CREATE TABLE reading AS SELECT {now}::BIGINT AS now_unix_nano, "
            f"{ALIVE_WITHIN_NS}::BIGINT AS alive_within_ns",
        )

    @classmethod
    def open(
        cls,
        *paths: str | os.PathLike[str],
        memory_limit: str = "1GB",
        threads: int | None = None,
        now_unix_nano: int | None = None,
        progress: Progress | None = None,
        cache: bool = True,
    ) -> Run:
        """The run whose records are in these files.

        Args:
            paths: Files, folders, or patterns with `*`, `?`, `[...]` and `**`. The files hold JSON Lines, which may be
                compressed (`.gz`, `.zst`), or are Parquet files that `export` has written. What a file is, its
                content says, not its name.
            memory_limit: How much memory DuckDB may use, as in `1GB`. What doesn't fit goes to the system's temporary
                folder.
            threads: How many threads DuckDB may use. None: one for each core.
            now_unix_nano: The reader's clock, in nanoseconds since 1970-01-01T00:00:00Z; a stream that wasn't closed
                and was silent for 90 s before it isn't alive. None: now.
            progress: Called while files are read with how many bytes of how many are done.
            cache: Whether the tables of a larger run (from 32 MiB on) are kept for the next time, in the user's folder
                for caches. They are used only as long as the files' sizes and times of change stay the same.

        Raises:
            ReadError: A path names no file, or one that may not be read.
        """
        return cls(
            find_sources(paths),
            memory_limit=memory_limit,
            threads=threads,
            now_unix_nano=now_unix_nano,
            progress=progress,
            cache=Cache() if cache else None,
        )

    @property
    def records(self) -> DuckDBPyRelation:
        """Each record, as often as it was read."""
        return self._view("records")

    @property
    def streams(self) -> DuckDBPyRelation:
        """Each stream, and what can be proved of it."""
        return self._view("streams")

    @property
    def gaps(self) -> DuckDBPyRelation:
        """The ranges of `seq` that are missing."""
        return self._view("gaps")

    @property
    def spans(self) -> DuckDBPyRelation:
        """Each span, open ones too, with its path, depth and self time."""
        return self._view("spans")

    @property
    def events(self) -> DuckDBPyRelation:
        """Each event, with the path of its span."""
        return self._view("events")

    @property
    def errors(self) -> DuckDBPyRelation:
        """Each error, with the path of its span."""
        return self._view("errors")

    @property
    def ranks(self) -> DuckDBPyRelation:
        """Each rank in each incarnation, and the last span that was open in it."""
        return self._view("ranks")

    @property
    def restarts(self) -> DuckDBPyRelation:
        """Each incarnation of a job: its first start, and each restart."""
        return self._view("restarts")

    def sql(self, query: str) -> DuckDBPyRelation:
        """The answer to a query on the views.

        Raises:
            duckdb.Error: The query isn't right.
        """
        self._build(*self._asked(query))
        return self._connection.sql(query)

    def read(self, detail: Detail) -> None:
        """Read the files now, unless they have been. By default that is done when a view is first asked for.

        Args:
            detail: How much of each record is kept. What needs more reads the files again.
        """
        with self._lock:
            self._read(detail)

    def questions(self, *names: str) -> Questions:
        """For queries with short answers, which are kept with the tables of the run.

        Args:
            names: The views that may be asked. They are built if an answer isn't known, and may be without what no
                `Overview` needs: the attributes of spans, say, and their rank. Ids of spans are numbers in them.
        """

        def connect() -> DuckDBPyConnection:
            self._build(*names, detail=Detail.SPANS)
            return cursor(self._connection)

        return Questions(connect, os.path.join(self._kept, "answers.json") if self._kept else None)

    def execute(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of the answer to a query on the views. Ctrl-C ends it at once.

        Raises:
            duckdb.Error: The query isn't right.
            KeyboardInterrupt: Ctrl-C was pressed. The run can be used on.
        """
        return self.answer(query).rows

    def answer(self, query: str, *, confined: bool = False) -> Answer:
        """The whole answer to a query on the views. Ctrl-C ends it at once.

        Args:
            query: SQL.
            confined: Whether this query and all later ones may reach no files and no network.

        Raises:
            duckdb.Error: The query isn't right.
            ReadError: The query is empty.
            KeyboardInterrupt: Ctrl-C was pressed. The run can be used on.
        """
        if not query.strip(" ;\n\t"):
            raise ReadError("The query is empty. Write one in SQL, such as 'SELECT * FROM streams'.")
        self._build(*self._asked(query))
        connection = self._connection
        if confined:
            folders = ", ".join(quoted(folder) for folder in (self._folder, self._kept) if folder)
            execute(connection, f"SET allowed_directories = [{folders}]")
            execute(connection, "SET enable_external_access = false")

        def ask() -> Answer:
            result = connection.execute(query)
            description = result.description or []
            names, types = [str(column[0]) for column in description], [str(column[1]) for column in description]
            return Answer(tuple(names), tuple(types), result.fetchall())

        return interruptible(connection, ask)

    def batches(self, query: str, rows: int) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of the answer to a query, so many at a time, for an answer that is larger than memory.

        Raises:
            duckdb.Error: The query isn't right.
            KeyboardInterrupt: Ctrl-C was pressed. The run can be used on.
        """
        self._build(*self._asked(query))
        reading = cursor(self._connection)
        try:
            interruptible(reading, lambda: reading.execute(query))
            while batch := interruptible(reading, lambda: reading.fetchmany(rows)):
                yield batch
        finally:
            reading.close()

    def _asked(self, query: str) -> list[str]:
        """The views that a query uses. If it is no query that DuckDB can read, it says so when it is run."""
        try:
            names = self._connection.get_table_names(query)
        except duckdb.Error:
            return list(views.PUBLIC)
        return [name for name in _NEEDS if name in names]

    @property
    def counts(self) -> list[Counts]:
        """For each file how many records, and how many lines without one, were read."""
        self._build("streams")
        return list(self._store.counts)

    def verify(self, expected_ranks: int | None = None) -> Verification:
        """What can be proved of each stream, and which ranks are missing.

        Args:
            expected_ranks: How many ranks there should be. None: as many as the streams' resources say.
        """
        self._build("streams")
        ask = self._builder
        gaps: dict[str, list[range]] = {}
        for stream, first, last in execute(
            ask, "SELECT stream, first_seq, last_seq FROM gaps ORDER BY stream, first_seq"
        ):
            gaps.setdefault(stream, []).append(range(first, last + 1))
        streams = tuple(
            StreamState(row[0], row[1], row[2], row[3], row[4], tuple(gaps.get(row[0], ())), *row[5:])
            for row in execute(
                ask,
                "SELECT stream, state, whole, closed, records, dropped, telemetry_data_errors, rank, host, reason, "
                "first_time_unix_nano, last_time_unix_nano FROM streams ORDER BY incarnation, rank, stream",
            )
        )
        streams = tuple(_exactly(stream, self._store.exact.get(stream.stream)) for stream in streams)
        [(world_size,)] = execute(ask, "SELECT max(world_size) FROM streams")
        expected = (world_size or 0) if expected_ranks is None else expected_ranks
        return Verification(
            streams,
            missing_ranks((stream.rank for stream in streams if stream.rank is not None), expected),
            sum(counts.no_records for counts in self._store.counts),
            sum(counts.unknown_versions for counts in self._store.counts),
        )

    def state(self) -> RunState:
        """What the run is doing, or how it came to its end, by its records and the reader's clock."""
        return state_of(self.overview().verdict)

    def overview(self) -> Overview:
        """What there is to say of the run at first sight: its state, what was found, where the time went."""
        from one_logger.analysis.overview import overview

        return overview(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: the state, how far the data can be trusted, and what was found."""
        overview = self.overview()
        rows = [("state", overview.verdict.state), ("data", str(overview.trust["sentence"]))]
        rows += [(finding.severity, finding.sentence) for finding in overview.verdict.findings]
        cells = "".join(f"<tr><th>{html.escape(key)}</th><td>{html.escape(value)}</td></tr>" for key, value in rows)
        return f"<table>{cells}</table>"

    def close(self) -> None:
        """Give up the tables and the files that were made for them. The run cannot be used any more."""
        self._builder.close()
        self._connection.close()
        if self._cache and self._kept and self._store.is_complete:
            self._store.tidy()
            self._cache.keep(self._kept, self._sources)
        self._remove_kept()
        self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _view(self, name: str) -> DuckDBPyRelation:
        self._build(name)
        return self._connection.view(name)

    def _build(self, *names: str, detail: Detail | None = None) -> None:
        with self._lock:
            for name in names:
                self._build_one(name, detail or (Detail.STREAMS if name in _OF_STREAMS else Detail.ALL))

    def _read(self, detail: Detail) -> None:
        if not self._store.has(detail):
            self._built.clear()
            self._store.read(self._sources, detail, self.progress)

    def _build_one(self, name: str, detail: Detail) -> None:
        self._read(detail)
        if name in self._built:
            return
        for needed in _NEEDS[name]:
            self._build_one(needed, detail)
        if name == "spans":
            self._store.build_spans()
        elif name == "streams":
            execute(self._builder, f"CREATE OR REPLACE TABLE streams AS {views.sql(name)}")
        elif name not in {"records", "gaps", "distinct_records"}:
            execute(self._builder, f"CREATE OR REPLACE VIEW {name} AS {views.sql(name)}")
        self._built.add(name)


def _exactly(stream: StreamState, report: StreamReport | None) -> StreamState:
    """With the numbers of core, which may be larger than a table can hold."""
    return stream if report is None else replace(stream, gaps=tuple(report.gaps), dropped=report.dropped)


def _remove(folder: str | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


_NEEDS: dict[str, tuple[str, ...]] = {
    "records": (),
    "distinct_records": (),
    "gaps": (),
    "streams": (),
    "spans": ("streams",),
    "events": ("spans",),
    "errors": ("spans",),
    "ranks": ("spans",),
    "restarts": ("streams",),
}

_OF_STREAMS = frozenset({"gaps", "streams", "restarts"})
"""The views for which little of each record is needed."""
