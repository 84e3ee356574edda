"""The tables of a run: built when they are first needed, kept as Parquet files."""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import duckdb

from one_logger.analysis import views
from one_logger.analysis.columns import COLUMNS, EXTRA, TYPES_OF_SPANS, Detail, key
from one_logger.analysis.duck import execute, quoted
from one_logger.analysis.exact import correct, exact_reports
from one_logger.analysis.kept import PARQUET, ParquetFiles, Table
from one_logger.analysis.loading import Counts, Loader, Progress, fits
from one_logger.analysis.sources import Source
from one_logger.core import StreamReport

# So many records are looked at together; with all that is made of them they fit into memory.
_CHUNK = 1_000_000
_KEPT = ("gaps", "stream_reports")
# What spans have none of where not all of each record is kept. It takes time to write nothing, too.
_LEFT_OUT = {
    name: COLUMNS.get(name, "BIGINT")
    for name in ("rank", "incarnation", "trace_id", "status", "attributes", "start_event", "stop_event")
}


class _Chunk(NamedTuple):
    """Streams whose records are looked at together.

    Attributes:
        parts: The Parquet files in which they are.
        of: Into how many chunks the streams in these files are divided.
        number: Which of them this one is.
        repeats: Whether some of its records were read more than once.
    """

    parts: tuple[str, ...]
    of: int = 1
    number: int = 0
    repeats: bool = False


class Store:
    """Builds the tables of a run in a database.

    Args:
        connection: To the database; used by nobody else.
        folder: Where Parquet files go to. It may hold those that another store has made of the same files.
        scratch: A folder for what is needed for a while only, in the same file system.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: str, scratch: str) -> None:
        self._connection = connection
        self._folder = folder
        self._about = os.path.join(folder, "about.json")
        self._records = os.path.join(folder, "records")
        self._spans = os.path.join(folder, "spans")
        self._scratch = scratch
        self._chunks: list[_Chunk] = []
        self._detail = Detail.ALL
        self._is_read = False
        self.counts: list[Counts] = []
        self.exact: dict[str, StreamReport] = {}
        self._restore()

    def has(self, detail: Detail) -> bool:
        """Whether the files have been read, and so much of each record was kept."""
        return self._is_read and self._detail >= detail

    def read(self, sources: Sequence[Source], detail: Detail, progress: Progress | None) -> None:
        """Read all files, and look at each stream: the tables `records`, `gaps` and `stream_reports`.

        Args:
            sources: The files.
            detail: How much of each record is kept. What was kept before is given up.
            progress: Called with how many bytes of how many are done.
        """
        self._detail, self._is_read = detail, False
        if detail is Detail.ALL or not fits(sources) or not self._read_at_once(sources, progress):
            self._read_in_parts(sources, progress)
        self._make_distinct_view()
        self._is_read = True
        self._remember()

    def _start(self) -> None:
        """Give up what was kept before, also by one who was interrupted."""
        self._close()
        self._run("DROP TABLE IF EXISTS batch")
        if self.is_complete:
            os.unlink(self._about)
        for folder in (self._records, self._spans):
            shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(self._records)
        self._chunks = []
        self.exact = {}
        for name in _KEPT:
            self._run(f"DROP TABLE IF EXISTS {name}")

    def _read_in_parts(self, sources: Sequence[Source], progress: Progress | None) -> None:
        """Read all records into Parquet files, and look at those that belong together."""
        self._start()
        kept = ParquetFiles(self._connection, self._records, Loader.columns(self._detail))
        loader = Loader(self._connection, kept, self._scratch, self._detail)
        for _ in loader.batches(sources, progress):
            pass
        self.counts = loader.counts
        self._make_record_views()
        for streams in self._divided():
            self._open(streams)
            chunk = streams._replace(repeats=self._find_gaps())
            self._chunks.append(chunk)
            self._once(chunk)
            self._keep("gaps", "SELECT * FROM gaps")
            self._keep("stream_reports", views.sql("stream_reports"))
            self._close()
        self.exact = exact_reports(self._connection, sources, self._scratch, repeats=self._repeats)
        correct(self._connection, self.exact)

    def _read_at_once(self, sources: Sequence[Source], progress: Progress | None) -> bool:
        """Look at the records of each batch of files while they are in memory, and keep what can be asked for later.

        Returns:
            Whether that could be done. It can't if a stream stands in several batches, if a record was read twice, or
            if records contradict each other.
        """
        self._start()
        columns = Loader.columns(self._detail)
        rest = ParquetFiles(self._connection, self._records, columns)
        if self._detail is Detail.SPANS:
            os.mkdir(self._spans)
        kept = Table(self._connection, "batch", columns)
        loader = Loader(self._connection, kept, self._scratch, self._detail)
        seen: set[str] = set()
        for number, _ in enumerate(loader.batches(sources, progress)):
            self._open(_Chunk(()), "batch")
            streams = {stream for (stream,) in self._run("SELECT DISTINCT stream FROM records")}
            if seen & streams or self._find_gaps():
                return False
            seen |= streams
            self._once(_Chunk(()))
            self._keep("gaps", "SELECT * FROM gaps")
            self._keep("stream_reports", views.sql("stream_reports"))
            if self._detail is Detail.SPANS:
                self._make_spans(os.path.join(self._spans, f"part-{number:06}.parquet"))
            self._close()
            kinds = ", ".join(map(quoted, TYPES_OF_SPANS))
            rest.add(f"SELECT {', '.join(columns)} FROM batch WHERE type NOT IN ({kinds}) OR {EXTRA} IS NOT NULL")
            kept.clear()
        self._run("DROP TABLE batch")
        self.counts = loader.counts
        self._make_record_views()
        return not exact_reports(self._connection, sources, self._scratch, repeats=False)

    def _find_gaps(self) -> bool:
        """Make the table `gaps` of the chunk, and say whether a record was read more than once.

        The view sorts all records. So it is asked only for streams of which not each number from 1 to the last was read
        once. That is counted exactly: by a bit for each of 64 numbers that follow each other.
        """
        rows = self._run(
            "SELECT stream, sum(read) > sum(bit_count(bits)) FROM ("
            "SELECT stream, count(*) AS read, max(seq) AS last_seq, bit_or(1::UBIGINT << (seq & 63)::UBIGINT) AS bits "
            "FROM records WHERE seq >= 1 GROUP BY stream, seq >> 6"
            ") GROUP BY stream HAVING sum(read) <> max(last_seq) OR sum(bit_count(bits)) <> max(last_seq)"
        )
        listed = ", ".join(quoted(stream) for stream, _ in rows)
        where = f"WHERE stream IN ({listed})" if rows else "LIMIT 0"
        self._run(f"CREATE TABLE chunk.gaps AS SELECT * FROM ({views.sql('gaps')}) {where}")
        return any(repeats for _, repeats in rows)

    @property
    def _repeats(self) -> bool:
        return any(chunk.repeats for chunk in self._chunks)

    def _restore(self) -> None:
        """Use what is in the folder already."""
        try:
            with open(self._about, encoding="utf-8") as file:
                about = json.load(file)
        except FileNotFoundError:
            return
        self._detail = Detail(about["detail"])
        self.counts = [Counts(*counts) for counts in about["counts"]]
        self._chunks = [
            _Chunk(tuple(os.path.join(self._records, part) for part in parts), *rest)
            for parts, *rest in about["chunks"]
        ]
        self._make_record_views()
        self._make_distinct_view()
        for name in _KEPT:
            self._run(f"CREATE TABLE {name} AS SELECT * FROM {_parquet([self._path(name)])}")
        self._is_read = True

    def _remember(self) -> None:
        """Leave in the folder what the next one needs, unless it isn't all that was found out."""
        # The files that are there may be links to what others read.
        for path in (self._about, *map(self._path, _KEPT)):
            if os.path.exists(path):
                os.unlink(path)
        if self.exact:
            return
        for name in _KEPT:
            self._run(f"COPY {name} TO {quoted(self._path(name))} {PARQUET}")
        chunks = [[[os.path.basename(part) for part in chunk.parts], *chunk[1:]] for chunk in self._chunks]
        with open(self._about, "w", encoding="utf-8") as file:
            json.dump({"detail": self._detail, "counts": self.counts, "chunks": chunks}, file)

    @property
    def is_complete(self) -> bool:
        """Whether the folder has what `read` makes, for the next one to use."""
        return os.path.exists(self._about)

    def tidy(self) -> None:
        """Remove what is of no use to the next one."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, f"{name}.parquet")

    def _record_files(self, source: str) -> str:
        """SQL for all that was kept in a table or in files. What was not kept is NULL."""
        kept = self._detail.columns
        columns = ", ".join(
            name if name in kept else f"NULL::{kind} AS {name}" for name, kind in {**COLUMNS, **kept}.items()
        )
        return f"SELECT {columns}, {EXTRA}, file FROM {source}"

    def _make_record_views(self) -> None:
        self._run(f"CREATE OR REPLACE VIEW record_files AS {self._record_files(_parquet(_parts(self._records)))}")
        self._run(f"CREATE OR REPLACE VIEW records AS {views.sql('records')}")

    def _make_distinct_view(self) -> None:
        query = views.sql("distinct_records") if self._repeats else "FROM records"
        self._run(f"CREATE OR REPLACE VIEW distinct_records AS {query}")

    def build_spans(self) -> None:
        """Put starts and stops together: the table `spans`."""
        if not os.path.exists(self._spans):
            self._close()  # what one who was interrupted has left
            building = os.path.join(self._scratch, "spans")
            shutil.rmtree(building, ignore_errors=True)
            os.mkdir(building)
            for number, chunk in enumerate(self._chunks):
                self._build_spans(chunk, os.path.join(building, f"part-{number:06}.parquet"))
            os.rename(building, self._spans)
        self._run(f"CREATE OR REPLACE VIEW spans AS {self._completed(_parquet(_parts(self._spans)))}")

    def _build_spans(self, chunk: _Chunk, part: str) -> None:
        self._open(chunk)
        self._once(chunk)
        self._make_spans(part)
        self._close()

    def _make_spans(self, part: str) -> None:
        """Write the spans of the chunk that is open to a file."""
        # Streams are compared as numbers.
        self._run("CREATE TYPE chunk.stream_id AS ENUM (SELECT DISTINCT stream FROM chunk.records)")
        # What is known of a stream, such as its incarnation, is known when all have been read. Spans do without it
        # where they are made before.
        streams = "main.streams"
        if self._detail < Detail.ALL:
            streams = "(SELECT stream, NULL::BIGINT AS rank, NULL::BIGINT AS incarnation FROM main.stream_reports)"
        for name, table in (("stream_reports", "main.stream_reports"), ("streams", streams)):
            self._run(
                f"CREATE TABLE chunk.{name} AS SELECT * REPLACE (stream::chunk.stream_id AS stream) FROM {table} "
                "WHERE stream IN (SELECT unnest(enum_range(NULL::chunk.stream_id))::VARCHAR)"
            )
        keys = (
            ""
            if self._detail < Detail.ALL
            else f", {key('span_id')} AS span_key, {key('parent_span_id')} AS parent_key"
        )
        self._run(
            f"CREATE VIEW chunk.span_records AS SELECT * REPLACE (stream::chunk.stream_id AS stream{keys}) "
            f"FROM ({views.sql('span_records')})"
        )
        self._run(f"CREATE TABLE chunk.known_times AS {self._reduced(views.sql('span_times'))}")
        self._run(f"CREATE VIEW chunk.span_times AS {self._completed('chunk.known_times')}")
        for step in ("span_parents", "span_covered"):
            self._run(f"CREATE TABLE chunk.{step} AS {views.sql(step)}")
        self._build_paths()
        rows = f"SELECT * REPLACE (stream::VARCHAR AS stream) FROM ({self._reduced(views.sql('span_rows'))})"
        self._run(f"COPY ({rows}) TO {quoted(part)} {PARQUET}")

    def _reduced(self, query: str) -> str:
        """SQL for the rows of a query about spans without the columns that have nothing at this detail."""
        if self._detail is Detail.ALL:
            return query
        names = ", ".join(map(quoted, _LEFT_OUT))
        return f"SELECT COLUMNS(lambda name: name NOT IN ({names})) FROM ({query})"

    def _completed(self, source: str) -> str:
        """SQL for such rows with these columns again."""
        if self._detail is Detail.ALL:
            return f"SELECT * FROM {source}"
        return f"SELECT *, {', '.join(f'NULL::{kind} AS {name}' for name, kind in _LEFT_OUT.items())} FROM {source}"

    def _build_paths(self) -> None:
        """The view `span_paths`, in as many steps as these spans need."""
        self._run(f"CREATE TABLE chunk.path_steps AS {views.sql('span_path_start')}")
        for _ in range(views.PATH_STEPS):
            if not self._run("SELECT 1 FROM chunk.path_steps WHERE above IS NOT NULL LIMIT 1"):
                break
            self._run(f"CREATE OR REPLACE TABLE chunk.path_steps AS {views.sql('span_path_step')}")
        self._run(f"CREATE VIEW chunk.span_paths AS {views.sql('span_path_end')}")

    def _divided(self) -> Iterator[_Chunk]:
        """The records in chunks, each of which has all records of its streams."""
        found = self._run(
            "SELECT stream, filename, count(*) FROM "
            f"read_parquet({quoted(os.path.join(self._records, '*.parquet'))}, filename = true) GROUP BY ALL"
        )
        parts_of: dict[str, list[str]] = defaultdict(list)
        sizes: dict[str, int] = defaultdict(int)
        for stream, part, records in found:
            parts_of[stream].append(part)
            sizes[part] += records
        # Parts that share a stream belong together.
        together: dict[str, set[str]] = {part: {part} for part in sizes}
        for parts in parts_of.values():
            first = together[parts[0]]
            for part in parts[1:]:
                if together[part] is not first:
                    first |= together[part]
                    for other in together[part]:
                        together[other] = first
        waiting: list[str] = []
        size = 0
        for group in {id(group): group for group in together.values()}.values():
            records = sum(sizes[part] for part in group)
            if size and size + records > _CHUNK:
                yield _Chunk(tuple(sorted(waiting)))
                waiting, size = [], 0
            if records > 2 * _CHUNK:
                of = -(-records // _CHUNK)
                yield from (_Chunk(tuple(sorted(group)), of, number) for number in range(of))
            else:
                waiting += group
                size += records
        if waiting or not sizes:
            yield _Chunk(tuple(sorted(waiting)) or _parts(self._records))

    def _open(self, chunk: _Chunk, table: str | None = None) -> None:
        """From now on `records` has the records of these streams alone, from the chunk's files or from a table."""
        self._run("CREATE SCHEMA chunk")
        where = f"WHERE hash(stream) % {chunk.of} = {chunk.number}" if chunk.of > 1 else ""
        records = self._record_files(table or _parquet(chunk.parts))
        self._run(f"CREATE VIEW chunk.record_files AS {records} {where}")
        self._run("CREATE VIEW chunk.records AS SELECT * FROM chunk.record_files")
        self._run("SET search_path = 'chunk,main'")

    def _once(self, chunk: _Chunk) -> None:
        once = views.sql("distinct_records") if chunk.repeats else "SELECT * FROM chunk.records"
        self._run(f"CREATE {'TABLE' if chunk.repeats else 'VIEW'} chunk.distinct_records AS {once}")

    def _close(self) -> None:
        self._run("SET search_path = 'main'")
        self._run("DROP SCHEMA IF EXISTS chunk CASCADE")

    def _keep(self, name: str, query: str) -> None:
        self._run(f"CREATE TABLE IF NOT EXISTS main.{name} AS {query} LIMIT 0")
        self._run(f"INSERT INTO main.{name} {query}")

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        return execute(self._connection, sql)


def _parts(folder: str) -> tuple[str, ...]:
    return tuple(sorted(os.path.join(folder, name) for name in os.listdir(folder)))


def _parquet(parts: Sequence[str]) -> str:
    return f"read_parquet([{', '.join(map(quoted, parts))}])"
