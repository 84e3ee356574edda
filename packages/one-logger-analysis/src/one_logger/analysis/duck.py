"""A connection to DuckDB that keeps to its memory, writes nothing where it wasn't told to, and can be interrupted."""

from __future__ import annotations

import _thread
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import duckdb

_T = TypeVar("_T")


def connect(temp_folder: str, memory_limit: str, threads: int | None) -> duckdb.DuckDBPyConnection:
    """A connection to a database of its own, in memory.

    Args:
        temp_folder: Where it may write what doesn't fit into memory. By default that is `.tmp` in the working folder.
        memory_limit: How much memory it may use, as in `1GB`. By default that is 80 % of the machine's.
        threads: How many threads it may use. None: one for each core.
    """
    config: dict[str, Any] = {
        "temp_directory": temp_folder,
        "memory_limit": memory_limit,
        "preserve_insertion_order": False,  # which takes memory and time; whoever needs an order says ORDER BY
        "autoinstall_known_extensions": False,  # no query may reach for the network
    }
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(":memory:", config=config)
    return _quiet(connection)


def cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Another connection to the same database."""
    return _quiet(connection.cursor())


def _quiet(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    execute(connection, "SET enable_progress_bar = false")  # which is written to stdout
    return connection


def execute(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] | Mapping[str, object] | None = None
) -> list[tuple[Any, ...]]:
    """All rows of a query's answer. Ctrl-C ends the query at once.

    Raises:
        duckdb.Error: The query fails.
        KeyboardInterrupt: Ctrl-C was pressed. The connection can be used on.
    """
    return interruptible(connection, lambda: connection.execute(sql, parameters).fetchall())


def interruptible(connection: duckdb.DuckDBPyConnection, function: Callable[[], _T]) -> _T:
    """What a function gives that lets DuckDB work. Ctrl-C ends that at once.

    DuckDB looks for a signal now and then only, and makes another exception of it. So the function runs in a thread,
    and this one waits in such a way that Python handles signals.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed. The connection can be used on.
    """
    answer: list[_T] = []
    failure: list[BaseException] = []
    begun = _thread.allocate_lock()  # whoever acquires it says whether the function is called
    ended = _thread.allocate_lock()
    ended.acquire()

    def run() -> None:
        if begun.acquire(blocking=False):
            try:
                answer.append(function())
            except BaseException as error:
                failure.append(error)
            finally:
                ended.release()

    # No `Thread` or `Event`: an exception in the middle of their methods leaves them in disorder.
    try:
        _thread.start_new_thread(run, ())
        while not ended.acquire(timeout=0.1):
            pass
    except BaseException:
        if begun.acquire(blocking=False):
            raise  # the thread has not come to it, and will not
        while not (answer or failure):
            with contextlib.suppress(BaseException):  # Ctrl-C again, or what another signal's handler raises
                connection.interrupt()
                ended.acquire(timeout=0.05)
        raise
    if failure:
        raise failure[0]
    return answer[0]


def quoted(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"
