"""Writing a run to files of other kinds."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator

import duckdb

from one_logger.analysis.columns import COLUMNS, EXTRA
from one_logger.analysis.duck import quoted
from one_logger.analysis.errors import ReadError
from one_logger.analysis.run import Run
from one_logger.analysis.views import PUBLIC

FORMATS = ("parquet", "csv", "jsonl")
_OPTIONS = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv, HEADER true"}
_ROWS = 50_000


def export(run: Run, folder: str, kind: str) -> list[str]:
    """Write a run to new files.

    Args:
        run: The run.
        folder: Where to. It is made if it isn't there.
        kind: `parquet` or `csv`: a file for each view, named after it. `jsonl`: one file `records.jsonl` with each
            record once, in the order of its stream, and nothing that is no record.

    Returns:
        The paths of the files.

    Raises:
        ReadError: One of the files is there already, or cannot be written.
    """
    names = [f"{view}.{kind}" for view in (PUBLIC if kind in _OPTIONS else ("records",))]
    paths = [os.path.join(folder, name) for name in names]
    for path in paths:
        if os.path.lexists(path):
            raise ReadError(f"{path!r} is there already. Name another folder, or remove the file.")
    is_new = not os.path.lexists(folder)
    try:
        os.makedirs(folder, exist_ok=True)
        # What is there by half is there by another name.
        working = tempfile.mkdtemp(prefix=".one-logger-", dir=folder)
    except OSError as error:
        raise _unwritable(folder, error.strerror or str(error)) from error
    try:
        for name in names:
            unfinished = os.path.join(working, name)
            if kind in _OPTIONS:
                view = name.removesuffix(f".{kind}")
                run.execute(f"COPY (SELECT * FROM {view}) TO {quoted(unfinished)} ({_OPTIONS[kind]})")
            else:
                with open(unfinished, "w", encoding="utf-8", newline="") as file:
                    file.writelines(_lines(run))
        for name, path in zip(names, paths, strict=True):
            os.rename(os.path.join(working, name), path)
    except OSError as error:
        raise _unwritable(folder, error.strerror or str(error)) from error
    except duckdb.Error as error:
        if working not in str(error):
            raise
        raise _unwritable(folder, f"DuckDB says: {str(error).strip()}") from error
    finally:
        shutil.rmtree(working, ignore_errors=True)
        if is_new:
            with contextlib.suppress(OSError):  # unless it has the files
                os.rmdir(folder)
    return paths


def _unwritable(folder: str, why: str) -> ReadError:
    return ReadError(f"{folder!r} cannot be written to: {why}. Name another folder.")


def _lines(run: Run) -> Iterator[str]:
    """Each record once, as a line of JSON; those of a stream one after the other."""
    for rows in run.batches(f"SELECT {_line()}, {EXTRA} FROM distinct_records ORDER BY stream, seq", _ROWS):
        for line, extra in rows:
            if extra is None:
                yield line + "\n"
            else:
                record = json.loads(line) | json.loads(extra)
                yield json.dumps(record, separators=(",", ":"), ensure_ascii=True) + "\n"


def _line() -> str:
    """SQL for a line of JSON with what the columns hold."""
    # Where the field is NULL, `||` is, and `concat` leaves it out. Each record has a type.
    parts = ["'\"v\":' || v || ','", "'\"type\":' || to_json(type)"]
    for name, kind in COLUMNS.items():
        if name not in {"v", "type"}:
            value = f"to_json({name})" if kind == "VARCHAR" else name
            parts.append(f"',\"{name}\":' || {value}")
    return f"concat('{{', {', '.join(parts)}, '}}')"
