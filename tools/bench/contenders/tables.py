"""What a program does to look at a run without one-logger: numbers that are missing, paths, self times, percentiles.

It is what `one-logger show` finds out first. These take the time of a span's children off its own without regard to
whether the children overlap, and a line that was torn in a crash makes pandas and polars fail.
"""

from __future__ import annotations

from tools.bench.contenders.contender import Looker

LEVELS = 4
"""How deep the spans of the run are."""

_COLUMNS = {
    **dict.fromkeys(("type", "stream", "span_id", "parent_span_id", "name"), "VARCHAR"),
    **dict.fromkeys(("seq", "start_time_unix_nano", "end_time_unix_nano", "duration_ns"), "BIGINT"),
}


class DuckDb(Looker):
    """DuckDB as it is, with the columns named."""

    def look(self) -> None:
        """One query for what is missing, one for the spans."""
        import duckdb

        columns = ", ".join(f"{name}: '{kind}'" for name, kind in _COLUMNS.items())
        duckdb.execute(
            f"CREATE TABLE r AS FROM read_json('{self.run}/*.jsonl', format = 'newline_delimited', "
            f"ignore_errors = true, columns = {{{columns}}})"
        )
        duckdb.execute(
            "SELECT stream, count(*) FROM (SELECT stream, seq - lag(seq, 1, 0) OVER (PARTITION BY stream ORDER BY seq) "
            "AS step FROM r) WHERE step > 1 GROUP BY stream"
        ).fetchall()
        duckdb.execute(
            "CREATE TABLE s AS SELECT stream, span_id, any_value(parent_span_id) AS parent, any_value(name) AS name, "
            "max(duration_ns) AS duration FROM r WHERE type IN ('start', 'stop', 'complete') GROUP BY ALL"
        )
        rows = duckdb.execute("""
            WITH RECURSIVE p AS (
                SELECT stream, span_id, name AS path FROM s WHERE parent IS NULL
                UNION ALL
                SELECT s.stream, s.span_id, p.path || '/' || s.name
                FROM s JOIN p ON s.stream = p.stream AND s.parent = p.span_id
            ), c AS (SELECT stream, parent, sum(duration) AS inner_ns FROM s WHERE parent IS NOT NULL GROUP BY ALL)
            SELECT path, count(*), sum(duration), sum(duration - coalesce(inner_ns, 0)),
                quantile_disc(duration, [0.5, 0.99]), max(duration)
            FROM s JOIN p USING (stream, span_id)
            LEFT JOIN c ON s.stream = c.stream AND s.span_id = c.parent GROUP BY path
        """).fetchall()
        _check(len(rows))


class Polars(Looker):
    """Polars, lazily, with the columns named."""

    def look(self) -> None:
        """Read all of it, then joins."""
        import polars as pl

        schema = {name: pl.String if kind == "VARCHAR" else pl.Int64 for name, kind in _COLUMNS.items()}
        records = pl.scan_ndjson(self.run / "*.jsonl", schema=schema).collect()
        ordered = records.select("stream", "seq").sort("stream", "seq")
        ordered.with_columns(pl.col("seq").diff().over("stream").alias("step")).filter(pl.col("step") > 1).group_by(
            "stream"
        ).len()
        spans = (
            records.filter(pl.col("type").is_in(["start", "stop", "complete"]))
            .group_by("stream", "span_id")
            .agg(pl.col("parent_span_id").drop_nulls().first(), pl.col("name").first(), pl.col("duration_ns").max())
        )
        inner = spans.group_by("stream", "parent_span_id").agg(pl.col("duration_ns").sum().alias("inner"))
        level = spans.filter(pl.col("parent_span_id").is_null()).with_columns(pl.col("name").alias("path"))
        found = [level]
        for _ in range(LEVELS):
            above = level.select("stream", pl.col("span_id").alias("parent_span_id"), pl.col("path").alias("above"))
            level = spans.join(above, on=["stream", "parent_span_id"]).select(
                *spans.columns, (pl.col("above") + "/" + pl.col("name")).alias("path")
            )
            found.append(level)
        duration = pl.col("duration_ns")
        table = (
            pl.concat(found)
            .join(inner, left_on=["stream", "span_id"], right_on=["stream", "parent_span_id"], how="left")
            .group_by("path")
            .agg(
                duration.len().alias("count"),
                duration.sum().alias("total"),
                (duration - pl.col("inner").fill_null(0)).sum().alias("self"),
                duration.median().alias("p50"),
                duration.quantile(0.99).alias("p99"),
                duration.max().alias("longest"),
            )
        )
        _check(table.height)


class Pandas(Looker):
    """pandas, file by file, as its reader takes no list."""

    def look(self) -> None:
        """Read all of it, then merges."""
        import pandas as pd

        frames = [
            pd.read_json(path, lines=True).reindex(columns=list(_COLUMNS)) for path in sorted(self.run.glob("*.jsonl"))
        ]
        records = pd.concat(frames, ignore_index=True)
        steps = records.sort_values(["stream", "seq"]).groupby("stream")["seq"].diff()
        (steps > 1).sum()
        spans = records[records["type"].isin(["start", "stop", "complete"])]
        spans = spans.groupby(["stream", "span_id"], as_index=False).agg(
            {"parent_span_id": "first", "name": "first", "duration_ns": "max"}
        )
        inner = spans.groupby(["stream", "parent_span_id"], as_index=False)["duration_ns"].sum()
        inner.columns = ["stream", "span_id", "inner"]
        level = spans[spans["parent_span_id"].isna()].assign(path=lambda frame: frame["name"])
        found = [level]
        for _ in range(LEVELS):
            above = level[["stream", "span_id", "path"]]
            above.columns = ["stream", "parent_span_id", "above"]
            level = spans.merge(above, on=["stream", "parent_span_id"])
            level = level.assign(path=level["above"] + "/" + level["name"]).drop(columns="above")
            found.append(level)
        table = pd.concat(found).merge(inner, on=["stream", "span_id"], how="left")
        table["self"] = table["duration_ns"] - table["inner"].fillna(0)
        durations = table.groupby("path")["duration_ns"]
        durations.describe(percentiles=[0.5, 0.99])
        table.groupby("path")["self"].sum()
        _check(durations.ngroups)


def _check(paths: int) -> None:
    if paths != 7:
        raise SystemExit(f"{paths} paths were found instead of 7.")
