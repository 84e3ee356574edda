"""Questions about a run whose answers are short, and are kept with its tables for the next time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from one_logger.analysis.duck import execute

if TYPE_CHECKING:
    from types import TracebackType

    from duckdb import DuckDBPyConnection


class Questions:
    """Asks queries one after the other, unless their answers are known. Use it in a `with` statement.

    An answer is known by the text of its query, its parameters, and all that was prepared before it.

    Args:
        connect: Makes a connection; called when the first answer is not known.
        path: The file in which answers are kept. None: they aren't.
    """

    def __init__(self, connect: Callable[[], DuckDBPyConnection], path: str | None) -> None:
        self._connect = connect
        self._path = path
        self._connection: DuckDBPyConnection | None = None
        self._to_prepare: list[tuple[str, Mapping[str, object]]] = []
        self._prepared = hashlib.sha256()
        self._is_new = False
        self._answers: dict[str, list[list[Any]]] = {}
        if path is not None:
            with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
                self._answers = json.load(file)

    def prepare(self, query: str, parameters: Mapping[str, object] | None = None) -> None:
        """A statement without an answer, such as one that makes a temporary table for the queries after it."""
        self._prepared.update(_text(query, parameters))
        self._to_prepare.append((query, parameters or {}))

    def rows(self, query: str, parameters: Mapping[str, object] | None = None) -> list[list[Any]]:
        """All rows of the answer to a query. They hold what JSON can hold.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed.
        """
        name = self._prepared.copy()
        name.update(_text(query, parameters))
        key = name.hexdigest()
        if key not in self._answers:
            if self._connection is None:
                self._connection = self._connect()
            for statement, values in self._to_prepare:
                execute(self._connection, statement, values)
            self._to_prepare.clear()
            self._answers[key] = [list(row) for row in execute(self._connection, query, parameters)]
            self._is_new = True
        return self._answers[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._path is not None and self._is_new and kind is None:
            with contextlib.suppress(OSError):  # a full disk: they are asked again next time
                self._keep(self._path)

    def _keep(self, path: str) -> None:
        # A new file: the one that is there may be a link to what others read.
        handle, unfinished = tempfile.mkstemp(dir=os.path.dirname(path))
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(self._answers, file)
        os.replace(unfinished, path)


def _text(query: str, parameters: Mapping[str, object] | None) -> bytes:
    return json.dumps([query, parameters or {}]).encode()
