"""Where records are kept while files are read: in Parquet files, or in a table in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Protocol

import duckdb

from one_logger.analysis.duck import execute, quoted

# A dictionary is given up early: ids are all different, and to look for equal ones costs more than to write them.
# Groups of rows are small, so that all threads have something to do in a batch.
PARQUET = (
    "(FORMAT parquet, PARQUET_VERSION V2, DICTIONARY_SIZE_LIMIT 1000, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
    "ROW_GROUP_SIZE 32768)"
)


class Kept(Protocol):
    """What records are added to. Their columns are given with it; `file` is one of them."""

    def add(self, query: str) -> int:
        """Add the rows of a query, and say how many these are."""

    def add_lines(self, query: str) -> str:
        """Add the rows of a query that have `usual` and `bytes`, too. Returns SQL for a table in which they stand."""

    def keep_usual(self, lines: str, but_for: Iterable[str]) -> None:
        """Of what `add_lines` has added last, remove what isn't usual, and what is of these files."""


class ParquetFiles:
    """Parquet files in a folder, one for each query.

    Args:
        connection: To DuckDB.
        folder: The folder.
        columns: The columns and their types.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: str, columns: Mapping[str, str]) -> None:
        self._connection = connection
        self._folder = folder
        self._columns = ", ".join(columns)
        self._number = 0
        self._lines = ""
        # One without a row says what the columns are, even if nothing is read.
        self.add(f"SELECT {', '.join(f'NULL::{kind} AS {column}' for column, kind in columns.items())} LIMIT 0")

    def add(self, query: str) -> int:
        """Write a file."""
        return self._write(query)[1]

    def add_lines(self, query: str) -> str:
        """Write a file."""
        self._lines = self._write(query)[0]
        return f"read_parquet({quoted(self._lines)})"

    def keep_usual(self, lines: str, but_for: Iterable[str]) -> None:
        """Write the file again."""
        self.add(f"SELECT {self._columns} FROM {lines} WHERE usual{''.join(map(_is_not, but_for))}")
        os.unlink(self._lines)

    def _write(self, query: str) -> tuple[str, int]:
        self._number += 1
        path = os.path.join(self._folder, f"part-{self._number:06}.parquet")
        try:
            [(rows,)] = execute(self._connection, f"COPY ({query}) TO {quoted(path)} {PARQUET}")
        except duckdb.Error:
            if os.path.exists(path):
                os.unlink(path)
            raise
        return path, int(rows)


class Table:
    """A table in memory. What doesn't fit into memory is written to the folder that the connection has for that.

    Args:
        connection: To DuckDB.
        name: The name of the table.
        columns: The columns and their types.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str]) -> None:
        self._connection = connection
        self._name = name
        self._columns = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        self.clear()

    def clear(self) -> None:
        """Remove all rows."""
        execute(
            self._connection, f"CREATE OR REPLACE TABLE {self._name} ({self._columns}, usual BOOLEAN, bytes BIGINT)"
        )

    def add(self, query: str) -> int:
        """Insert rows."""
        [(rows,)] = execute(self._connection, f"INSERT INTO {self._name} BY NAME {query}")
        return int(rows)

    def add_lines(self, query: str) -> str:
        """Insert rows."""
        self.add(query)
        return self._name

    def keep_usual(self, lines: str, but_for: Iterable[str]) -> None:
        """Delete rows. Those that `add` has added have no `usual`."""
        usual = f"usual{''.join(map(_is_not, but_for))}"
        execute(self._connection, f"DELETE FROM {lines} WHERE usual IS NOT NULL AND NOT ({usual})")


def _is_not(file: str) -> str:
    return f" AND file <> {quoted(file)}"
