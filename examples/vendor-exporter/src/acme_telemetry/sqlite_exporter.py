"""An exporter that writes records to a table."""

import json
import os
import sqlite3
from pathlib import Path

from one_logger.core import ExportError, RecordExporter, Resource
from one_logger.core.spi import check_number, keep_inherited

_CREATE = """
CREATE TABLE IF NOT EXISTS records (
    stream TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, name TEXT, record TEXT NOT NULL,
    PRIMARY KEY (stream, seq)
)
"""


class SQLiteExporter(RecordExporter):
    """Writes each record to a row of the table `records`: its stream, number, type and name, and all of it as JSON.

    If the database is locked or full, the records are kept and written later.

    Args:
        database: The file. It is made if it isn't there.
        lock_timeout: How long to wait while another process has the database locked, in seconds.

    Raises:
        OneLoggerError: `lock_timeout` is not such a number.
    """

    def __init__(self, database: str | os.PathLike[str], lock_timeout: float = 5.0) -> None:
        super().__init__()
        check_number("lock_timeout", lock_timeout, 0, "a number of seconds", most=3_600)
        self._database = str(Path(database).absolute())  # the job may change its working directory before it is opened
        self._lock_timeout = lock_timeout
        self._connection: sqlite3.Connection | None = None

    def open(self, resource: Resource) -> None:
        """Open the database and make the table."""
        try:
            # Only one thread uses it at a time, but the interpreter's exit may close it in another one.
            connection = sqlite3.connect(self._database, timeout=self._lock_timeout, check_same_thread=False)
        except sqlite3.Error as error:
            raise ExportError(f"The database {self._database!r} cannot be opened: {error}.", retriable=True) from error
        try:
            connection.execute(_CREATE)
        except sqlite3.Error as error:
            connection.close()
            raise ExportError(f"The database {self._database!r} cannot be used: {error}.", retriable=True) from error
        self._connection = connection

    def write(self, lines: list[str]) -> None:
        """Insert a row for each line: all of them, or none."""
        if self._connection is None:
            raise ExportError(f"The database {self._database!r} is not open.")
        try:
            with self._connection:
                self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", map(_row, lines))
        except sqlite3.Error as error:
            raise ExportError(
                f"The database {self._database!r} cannot be written to: {error}.", retriable=True
            ) from error
        lines.clear()

    def release(self) -> None:
        """Close the database."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def forget(self) -> None:
        """Leave the parent's connection alone."""
        keep_inherited(self._connection)  # SQLite must not close it here
        self._connection = None


def _row(line: str) -> tuple[str, int, str, str | None, str]:
    record = json.loads(line)
    return record["stream"], record["seq"], record["type"], record.get("name"), line.rstrip("\n")
