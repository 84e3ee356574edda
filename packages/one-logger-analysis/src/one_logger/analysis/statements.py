"""The views as statements, to make them in another database: DuckDB of one's own, or Spark."""

from __future__ import annotations

from collections.abc import Iterator

from one_logger.analysis import views
from one_logger.analysis.columns import COLUMNS, EXTRA
from one_logger.analysis.duck import quoted
from one_logger.analysis.errors import ReadError
from one_logger.analysis.state import ALIVE_WITHIN_NS

DIALECTS = ("duckdb", "spark")

# In the order in which one needs the other.
_VIEWS = (
    *("records", "distinct_records", "gaps", "stream_reports", "streams", "span_records", "span_times", "span_parents"),
    *("span_covered", "span_paths", "spans", "events", "errors", "ranks", "restarts"),
)
# What is short, or needed once at most. All others are worked out once and kept.
_NOT_KEPT = {"records", "span_records", "events", "errors", "ranks", "restarts"}
# Of no use once all is made.
_STEPS = {"stream_reports", "span_records", "span_times", "span_parents", "span_covered", "span_paths"}


def view_statements(
    records: str, *, dialect: str = "duckdb", folder: str | None = None, now_unix_nano: int | None = None
) -> list[str]:
    """Statements that make the views in another database, to be run one after the other.

    They make the views of `docs/views.md`, by the same names. In DuckDB those that others need are tables. In Spark all
    are temporary views of the session, and what others need is written to a folder.

    Args:
        records: The Parquet files of `one-logger export` with the records: `records.parquet`, a pattern, or for Spark a
            folder of such files or whatever else it can read.
        dialect: `duckdb` or `spark`. Spark is Spark 4 in its ANSI mode, which is its default.
        folder: For Spark: the folder, or its URL, for what is worked out. What the statements write in it replaces what
            is there. What they write to `steps` in it is of no use afterwards.
        now_unix_nano: The reader's clock, in nanoseconds since 1970-01-01T00:00:00Z; by it a stream is `alive`. None:
            when the statements are run.

    Raises:
        ReadError: The dialect isn't known, or there is no folder for Spark, or sqlglot isn't there.
    """
    if dialect not in DIALECTS:
        raise ReadError(f"{dialect!r} is no dialect. Say one of {', '.join(DIALECTS)}.")
    if dialect == "duckdb":
        return list(_for_duckdb(records, now_unix_nano))
    if not folder:
        raise ReadError("For Spark, say where what is worked out is to be written: a folder of its own, or its URL.")
    return list(_for_spark(records, folder.rstrip("/"), now_unix_nano))


def _for_duckdb(records: str, now_unix_nano: int | None) -> Iterator[str]:
    yield f"CREATE OR REPLACE VIEW record_files AS SELECT * FROM read_parquet({quoted(records)}, union_by_name = true)"
    yield f"CREATE OR REPLACE TABLE reading AS {_reading('epoch_us(now())', now_unix_nano)}"
    kinds = {name: "VIEW" if name in _NOT_KEPT else "TABLE" for name in _VIEWS}
    yield from (f"CREATE OR REPLACE {kind} {name} AS\n{_sql(name)}" for name, kind in kinds.items())
    yield from (f"DROP {kind} {name}" for name, kind in kinds.items() if name in _STEPS)


def _for_spark(records: str, folder: str, now_unix_nano: int | None) -> Iterator[str]:
    from one_logger.analysis.spark import steps

    kinds = {**COLUMNS, EXTRA: "VARCHAR", "file": "VARCHAR"}
    columns = ", ".join(f"{name} {'BIGINT' if kind == 'BIGINT' else 'STRING'}" for name, kind in kinds.items())
    # With the columns said, those that an older file doesn't have are NULL.
    yield _parquet("record_files", records, f" ({columns})")
    reading = _reading("unix_micros(current_timestamp())", now_unix_nano)
    yield f"CREATE OR REPLACE TEMPORARY VIEW reading AS {reading}"
    for name in _VIEWS:
        for step, query in steps(_sql(name), name):
            if name not in _NOT_KEPT:
                path = f"{folder}/steps/{step}" if name in _STEPS else f"{folder}/{name}"
                yield f"INSERT OVERWRITE DIRECTORY {_text(path)} USING parquet\n{query}"
                yield _parquet(step, path)
            else:
                yield f"CREATE OR REPLACE TEMPORARY VIEW {step} AS\n{query}"


def _sql(name: str) -> str:
    return views.sql("span_rows" if name == "spans" else name)


def _parquet(name: str, path: str, columns: str = "") -> str:
    return f"CREATE OR REPLACE TEMPORARY VIEW {name}{columns} USING parquet OPTIONS (path {_text(path)})"


def _reading(microseconds: str, now_unix_nano: int | None) -> str:
    now = f"{microseconds} * 1000" if now_unix_nano is None else str(now_unix_nano)
    return f"SELECT CAST({now} AS BIGINT) AS now_unix_nano, CAST({ALIVE_WITHIN_NS} AS BIGINT) AS alive_within_ns"


def _text(text: str) -> str:
    """A text as Spark's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
