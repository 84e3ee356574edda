"""Reading records from files, exactly as `read_records` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import duckdb

from one_logger.analysis.columns import COLUMNS, EXTRA, Detail
from one_logger.analysis.duck import execute, quoted
from one_logger.analysis.kept import Kept
from one_logger.analysis.rows import rows
from one_logger.analysis.sources import Source, unpack
from one_logger.analysis.unusual import is_usual, repair

_BATCH_BYTES = 128 << 20  # a batch of usual records, and all that is made of it, take some 170 MB of memory
_BATCH_FILES = 1_000
_TAIL = 1 << 20
_BOM = b"\xef\xbb\xbf"
_RECORD_START = b'{"v":'
Progress = Callable[[int, int], None]
"""Called with how many bytes of how many are done."""


class Counts(NamedTuple):
    """What was found in one file.

    Attributes:
        file: Its path.
        records: How many records.
        no_records: How many lines without a record; blank ones are not counted.
        unknown_versions: How many records of a version that core doesn't know; they are not among `records`.
        is_foreign: Whether it holds something, but nothing that looks like records.
    """

    file: str
    records: int
    no_records: int
    unknown_versions: int = 0
    is_foreign: bool = False


class _Usual(NamedTuple):
    """What was found in one file.

    Attributes:
        records: How many lines are usual, each of which is a record.
        covered: How many bytes these lines have, each with a line feed.
        lines: How many lines were read.
    """

    records: int = 0
    covered: int = 0
    lines: int = 0


class _Plain(NamedTuple):
    """A file as DuckDB gets it: `name` is one that it can open and takes for no pattern."""

    name: str
    source: Source


class Loader:
    """Reads files in batches.

    Args:
        connection: To DuckDB; used by nobody else meanwhile.
        kept: What the records are added to, with the columns that `columns` says.
        scratch: A folder for what is needed during a batch.
        detail: How much of each record is kept.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, kept: Kept, scratch: str, detail: Detail) -> None:
        self._connection = connection
        self._kept = kept
        self._scratch = scratch
        self._detail = detail
        # The columns and their types, as they stand in a record.
        self._read_kinds = {column: COLUMNS.get(column, "VARCHAR") for column in (*detail.columns, EXTRA)}
        self._names = 0
        self.counts: list[Counts] = []

    @staticmethod
    def columns(detail: Detail) -> dict[str, str]:
        """The columns of records of which so much is kept, and their types."""
        return {**detail.columns, EXTRA: "VARCHAR", "file": "VARCHAR"}

    def batches(self, sources: Sequence[Source], progress: Progress | None = None) -> Iterator[None]:
        """Read all records in `sources`: at each step some more. `counts` then says how many each of them has."""
        total = sum(source.size for source in sources)
        done = 0
        for batch in _batches(sources):
            if batch[0].kind == "parquet":
                self._load_parquet(batch[0])
            else:
                self._load_lines(batch)
            yield
            done += sum(source.size for source in batch)
            if progress:
                progress(done, total)

    def _load_lines(self, batch: Sequence[Source]) -> None:
        files = [_Plain(self._plain(source), source) for source in batch]
        try:
            self._read(files)
        finally:
            for file in files:
                if file.name != file.source.path:
                    os.unlink(file.name)

    def _plain(self, source: Source) -> str:
        """A name for the file that DuckDB can open: uncompressed, in UTF-8, without what makes it a pattern."""
        if source.kind == "jsonl" and _is_plain(source.path):
            return source.path
        self._names += 1
        name = os.path.join(self._scratch, f"{self._names}.jsonl")
        if source.kind == "jsonl":
            os.symlink(os.path.abspath(source.path), name)
        else:
            unpack(source, name)
        return name

    def _read(self, files: Sequence[_Plain]) -> None:
        """Let DuckDB read what it can be trusted with, and core what is left."""
        try:
            lines, found = self._add_lines(files)
        except (duckdb.InvalidInputException, duckdb.InvalidTypeException, duckdb.ConversionException):
            # One file makes the query fail for all: one with a line that is too long, say.
            if len(files) > 1:
                middle = len(files) // 2
                self._read(files[:middle])
                self._read(files[middle:])
            else:
                self._repair(files[0])
            return
        doubtful = []
        for file in files:
            name = shown(file.source.path)
            usual = found.get(name, _Usual())
            tail = _tail(file.name, usual.covered)
            if tail == b"":
                self.counts.append(Counts(file.source.path, usual.records, 0))
            elif tail:
                self._repair(file, [tail], usual.records)
            else:
                doubtful.append(name)
                self._repair(file)
        if doubtful or any(usual.records < usual.lines for usual in found.values()):
            self._kept.keep_usual(lines, doubtful)

    def _add_lines(self, files: Sequence[_Plain]) -> tuple[str, dict[str, _Usual]]:
        """Add a row for each line. Says where they are, and of each file how many of them are usual."""
        names = {file.name: shown(file.source.path) for file in files}
        # Parameters cannot be bound in COPY.
        file = "file_"
        if any(name != path for name, path in names.items()):
            pairs = ", ".join(f"{quoted(name)}: {quoted(path)}" for name, path in names.items())
            file = f"(MAP {{{pairs}}})[file_]"
        columns = ", ".join(self._detail.columns)
        lines = self._kept.add_lines(
            f"SELECT {columns}, NULL::VARCHAR AS {EXTRA}, {file} AS file, usual, bytes "
            f"FROM ({rows(list(names), self._detail)})"
        )
        found = execute(
            self._connection,
            "SELECT file, count_if(usual), coalesce(sum(bytes) FILTER (usual), 0)::BIGINT, count(*) "
            f"FROM {lines} WHERE usual IS NOT NULL GROUP BY file",
        )
        read = set(names.values())
        return lines, {file: _Usual(*usual) for file, *usual in found if file in read}

    def _repair(self, file: _Plain, lines: Iterable[bytes] | None = None, trusted: int = 0) -> None:
        """Let core read a file, and write a Parquet file of it.

        Args:
            file: The file.
            lines: What of it is to be read. None: all.
            trusted: How many of its records have been read by DuckDB.
        """
        name = os.path.join(self._scratch, "repaired.jsonl")
        with open(name, "wb") as out:
            if lines is None:
                with open(file.name, "rb") as opened:
                    repaired = repair(opened, out)
            else:
                repaired = repair(lines, out)
        records = trusted + repaired.records
        is_foreign = (
            not records
            and not repaired.unknown_versions
            and repaired.no_records > 0
            and not _begins_like_records(file.name)
        )
        self.counts.append(
            Counts(file.source.path, records, repaired.no_records, repaired.unknown_versions, is_foreign)
        )
        if repaired.records:
            # Attributes are texts in lines that were written again, and objects in the others.
            kinds = self._read_kinds
            columns = ", ".join(
                f"{column}: '{'VARCHAR' if kind == 'JSON' else kind}'" for column, kind in kinds.items()
            )
            fields = ", ".join(
                f"{self._detail.kept(column, f'{column}::{kind}')} AS {column}" for column, kind in kinds.items()
            )
            self._kept.add(
                f"SELECT {fields}, {quoted(shown(file.source.path))} AS file "
                f"FROM read_json({quoted(name)}, format = 'newline_delimited', compression = 'none', records = true, "
                f"maximum_object_size = {max(os.path.getsize(name) + 1, 1 << 24)}, columns = {{{columns}}})"
            )
        os.unlink(name)

    def _load_parquet(self, source: Source) -> None:
        name = self._plain(source._replace(kind="jsonl"))
        try:
            there = {row[0] for row in execute(self._connection, f"SELECT name FROM parquet_schema({quoted(name)})")}
            if not {"type", "stream", "seq"} <= there:
                self.counts.append(Counts(source.path, 0, 0, is_foreign=True))
                return
            kinds = self._read_kinds
            values = {
                column: f"try_cast({column} AS {kind})" if column in there else f"NULL::{kind}"
                for column, kind in kinds.items()
            }
            columns = ", ".join(f"{self._detail.kept(column, value)} AS {column}" for column, value in values.items())
            records = self._kept.add(
                f"SELECT {columns}, {quoted(shown(source.path))} AS file "
                f"FROM read_parquet({quoted(name)}) WHERE type IS NOT NULL AND stream IS NOT NULL"
            )
            self.counts.append(Counts(source.path, records, 0))
        finally:
            if name != source.path:
                os.unlink(name)


def fits(sources: Sequence[Source]) -> bool:
    """Whether the records of each batch fit into memory."""
    return all(source.kind != "parquet" and _weight(source) <= 2 * _BATCH_BYTES for source in sources)


def _weight(source: Source) -> int:
    return source.size * (1 if source.kind == "jsonl" else 10)


def _batches(sources: Sequence[Source]) -> Iterator[list[Source]]:
    batch: list[Source] = []
    size = 0
    for source in sources:
        weight = _weight(source)
        full = batch and (size + weight > _BATCH_BYTES or len(batch) == _BATCH_FILES)
        if full or (batch and "parquet" in (source.kind, batch[0].kind)):
            yield batch
            batch, size = [], 0
        batch.append(source)
        size += weight
    if batch:
        yield batch


def _is_plain(path: str) -> bool:
    return path.isprintable() and not set(path) & set("*?[]{}:") and shown(path) == path


def shown(path: str) -> str:
    r"""A path as text: a byte that is no UTF-8 is shown as `\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _begins_like_records(name: str) -> bool:
    with open(name, "rb") as file:
        return file.read(len(_RECORD_START)) == _RECORD_START


def _tail(name: str, covered: int) -> bytes | None:
    """What DuckDB was not trusted with, if it is no more than the last line.

    Args:
        name: The file.
        covered: How many bytes the lines have that DuckDB was trusted with, each with a line feed.

    Returns:
        None if there are other lines, or if the file has grown.
    """
    with open(name, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        if covered == size:
            return b""
        start = max(0, size - _TAIL)
        file.seek(start)
        end = file.read(size - start)
    last = end.rpartition(b"\n")[2]
    if is_usual(last.removeprefix(_BOM).strip()):
        return b"" if covered == size + 1 else None
    return last if covered + len(last) == size and (start == 0 or len(last) < len(end)) else None
