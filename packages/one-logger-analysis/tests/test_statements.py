"""The views as statements for another database, and what may be written for Spark."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from analysis_streams import lines, write

from one_logger.analysis import ReadError, Run, view_statements
from one_logger.analysis.views import PUBLIC

OneLogger = Callable[..., Any]


def test_statements_make_the_views_in_a_database_of_one_s_own(one_logger: OneLogger, tmp_path: Path) -> None:
    """What `sql --views` prints gives the same rows, columns and types in another DuckDB, and leaves nothing else."""
    damaged = lines(rank=1, world_size=3, name="a/b\\c")
    write(tmp_path / "run" / "a.jsonl", lines(world_size=3))
    write(tmp_path / "run" / "b.jsonl", [*damaged[:4], *damaged[5:], *damaged[6:]])
    write(tmp_path / "run" / "c.jsonl", lines(rank=2, world_size=3, end=False, dropped=7))
    assert one_logger("export", tmp_path / "run", "-o", tmp_path / "out").code == 0
    records = tmp_path / "out" / "records.parquet"
    done = one_logger("sql", "--views", records)
    assert (done.code, done.err) == (0, "")
    database = duckdb.connect()
    for script in (done.out, ";".join(one_logger("sql", "--views", "--json", records).json)):
        database.execute(script)  # the second time everything is there already
    with Run.open(tmp_path / "run") as run:
        for view in PUBLIC:
            query = f"SELECT * FROM {view} ORDER BY ALL"
            assert database.execute(query).fetchall() == run.execute(query)
            description = f"DESCRIBE {view}"
            assert database.execute(description).fetchall() == run.execute(description)
    left = {name for (name,) in database.execute("SELECT table_name FROM information_schema.tables").fetchall()}
    assert left == {*PUBLIC, "record_files", "reading", "distinct_records"}


def test_records_in_several_files_are_one_run(one_logger: OneLogger, tmp_path: Path) -> None:
    """Where each host has exported its part, a pattern names all, files of an older recorder included."""
    for rank in range(2):
        write(tmp_path / f"{rank}.jsonl", lines(rank=rank, world_size=2))
        one_logger("export", tmp_path / f"{rank}.jsonl", "-o", tmp_path / f"out{rank}")
    database = duckdb.connect()
    older = str(tmp_path / "out0" / "records.parquet")
    database.execute(f"COPY (SELECT * EXCLUDE (thread, reason) FROM '{older}') TO '{older}'")
    for statement in view_statements(str(tmp_path / "out*" / "records.parquet")):
        database.execute(statement)
    assert database.execute("SELECT rank, state FROM ranks ORDER BY rank").fetchall() == [(0, "whole"), (1, "whole")]


def test_what_spark_is_to_run_is_printed(one_logger: OneLogger) -> None:
    """For Spark there are statements that any client can tell apart by their semicolons, and nothing else."""
    done = one_logger("sql", "--views", "--dialect", "spark", "s3a://bucket/it's/*.parquet", "-o", "s3a://bucket/made/")
    assert (done.code, done.err) == (0, "")
    printed = [statement.strip() for statement in done.out.split(";\n")]
    assert printed[-1] == ""
    assert all(
        statement.startswith(("CREATE OR REPLACE TEMPORARY", "INSERT OVERWRITE DIR")) for statement in printed[:-1]
    )
    assert "OPTIONS (path 's3a://bucket/it\\'s/*.parquet')" in printed[0]
    assert "INSERT OVERWRITE DIRECTORY 's3a://bucket/made/spans' USING parquet" in done.out
    assert done.out.count(";") == len(printed) - 1
    made = view_statements("s3a://bucket/it's/*.parquet", dialect="spark", folder="s3a://bucket/made")
    assert [statement.strip() for statement in made] == printed[:-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--views"], "Name the Parquet file"),
        (["--views", "a", "b"], "Name the Parquet file"),
        (["--views", "--dialect", "spark", "a"], "a folder of its own"),
        (["--views", "--dialect", "oracle", "a"], "'oracle' is not one of"),
        ([], "Missing argument 'PATH...'"),
        (["a"], "Missing argument 'QUERY'"),
    ],
    ids=["nothing", "two", "no folder", "dialect", "no path", "no query"],
)
def test_wrong_usage_is_said(one_logger: OneLogger, arguments: list[str], said: str) -> None:
    """What is missing is said, with 2 as the exit code."""
    done = one_logger("sql", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_unknown_dialect_is_refused() -> None:
    """In Python, too, a dialect that nobody has tried is refused."""
    with pytest.raises(ReadError, match=r"'oracle' is no dialect\. Say one of duckdb, spark\."):
        view_statements("records.parquet", dialect="oracle")


def test_missing_sqlglot_is_said(one_logger: OneLogger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no sqlglot is told what to install."""
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    monkeypatch.delitem(sys.modules, "one_logger.analysis.spark", raising=False)
    done = one_logger("sql", "--views", "--dialect", "spark", "a", "-o", "b")
    assert (done.code, done.out) == (2, "")
    assert "pip install 'one-logger-analysis[spark]'" in done.err


@pytest.mark.parametrize(
    "query",
    [
        "SELECT quantile_disc(duration_ns, 0.5) FROM spans",
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ns) FROM spans",
        "SELECT median(duration_ns) FROM spans",
        "SELECT list(name ORDER BY seq) FROM spans",
        "SELECT string_agg(name, ',' ORDER BY seq) FROM spans",
        "SELECT attributes ->> 'a.b' FROM spans",
        "SELECT attributes ->> '$.a.b' FROM spans",
        "SELECT attributes ->> '$.a[0]' FROM spans",
        "SELECT attributes -> '$.a' FROM spans",
        "SELECT attributes ->> name FROM spans",
        "SELECT CAST(seq AS UBIGINT) FROM spans",
        "SELECT seq::HUGEINT FROM spans",
        "SELECT CAST(seq AS VARCHAR) FROM spans",
        "SELECT try_cast(name AS BIGINT) FROM spans",
        "SELECT CAST(name AS BIGINT) FROM spans",
        "SELECT name LIKE path FROM spans",
        "SELECT make_timestamp_ns(start_time_unix_nano) FROM spans",
        "SELECT epoch_ns(now()) FROM spans",
        "SELECT * FROM spans ASOF JOIN events ON spans.seq >= events.seq",
        "SELECT * FROM spans NATURAL JOIN events",
        "SELECT * FROM spans JOIN events USING (stream)",
        "SELECT * FROM spans SEMI JOIN events ON spans.seq = events.seq",
        "SELECT * FROM read_json('a.jsonl')",
        "SELECT * FROM spans, LATERAL (SELECT 1)",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t",
        "SELECT seq FROM spans UNION SELECT seq FROM events",
        "SELECT seq FROM spans EXCEPT SELECT seq FROM events",
        "SELECT name, count(*) FROM spans GROUP BY ALL",
        "SELECT name, count(*) FROM spans GROUP BY ROLLUP (name)",
        "SELECT DISTINCT ON (name) seq FROM spans",
        "SELECT seq FROM spans QUALIFY row_number() OVER (ORDER BY seq) = 1",
        "SELECT sum(seq) FILTER (WHERE open) FROM spans",
        "SELECT sum(seq) OVER (ORDER BY seq RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM spans",
        "SELECT lag(seq IGNORE NULLS) OVER (ORDER BY seq) FROM spans",
        "SELECT * EXCLUDE (name) FROM spans",
        "SELECT seq / 2 FROM spans",
        "SELECT avg(seq) FROM spans",
        "SELECT hash(name) FROM spans",
        "SELECT 1.5 FROM spans",
        "SELECT 9223372036854775808 FROM spans",
        "SELECT name LIKE 'a\\%' FROM spans",
        "SELECT regexp_extract(name, 'a(b)', 1) FROM spans",
        "SELECT name[1] FROM spans",
        "SELECT seq FROM spans USING SAMPLE 10",
        "SELECT seq FROM spans LIMIT 10 OFFSET 5",
        "DROP TABLE spans",
        "SELEC seq",
        "SELECT (seq",
        "",
    ],
)
def test_only_what_means_the_same_in_spark_is_translated(query: str) -> None:
    """What sqlglot is known to translate wrongly without a word, and all that nobody has tried, is refused."""
    from one_logger.analysis.spark import translate

    with pytest.raises(ReadError):
        translate(query)
