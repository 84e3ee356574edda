"""The views on Spark: equal answers on the same Parquet. The session `spark` runs these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from analysis_streams import lines, write
from recorded import EPOCH, SECOND, Recorded

from one_logger.analysis import Run, view_statements
from one_logger.analysis.exporting import export
from one_logger.analysis.spark import translate
from one_logger.analysis.views import PUBLIC
from one_logger.core import RecordEncoder, Resource

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas")]

NOW = EPOCH + 300 * SECOND
HUGE = 3_999_999_999_999_999_999
NAMES = "a/b\\c", 'it\'s "quoted"', "wörk \u4e16\U0001f600", "%_$.a[0]", "line\nbreak\ttab", ""


def _about(**attributes: object) -> dict[str, Any]:
    """Attributes of a resource that one-logger has names for."""
    return {"one_logger.session_tag": "s", **{f"one_logger.{name}": value for name, value in attributes.items()}}


def _awkward_run(folder: Path) -> None:
    """A run that has all that the views tell apart, and what databases are known to see differently."""
    folder.mkdir()
    deep = Recorded(0, **_about(restart=0, world_size=4))
    for number in range(40):
        deep.span(f"level {number}", number, 10_000 - number, f"level {number - 1}" if number else None)
    for number, name in enumerate(NAMES):
        attributes = {"a.b": number, "a": {"b": [1, 2.5, None]}, name: name, "large": 10**30}
        deep.span(
            f"odd {number}", 100 * number, 100 * number + 250, "level 3", number % 3, name=name, attributes=attributes
        )
        deep.event(name, 100 * number + 7, f"odd {number}", attributes={"text": name})
    failure = {
        "message": 'It failed: "x"\n\\',
        "exception_type": "a.B",
        "exception_message": "\u4e16",
        "more": {"a": 1},
    }
    deep.event("failed", 900, "odd 1", "error", error=failure)
    deep.event("lost span", 901, "nobody", "error", error={"message": "no"})
    deep.end(10_000).write(folder)
    deep.write(folder, lost=range(5, 9))  # what a backend has delivered twice

    gaps = Recorded(1, host="node-001", **_about(restart=0))
    gaps.span("root", 1, None).span("first", 2, 3, "root").span("second", 3, None, "root").span(
        "third", 3, None, "root"
    )
    gaps.add("alive", time_unix_nano=NOW - SECOND, open_spans=3).write(folder, lost=range(2, 3))

    Recorded(1).span("root", 1, 5).end(6).write(folder, lost=range(2, 3))

    # The sum of what was dropped has more than 64 bits.
    drops = Recorded(2, **_about(restart=0))
    for lost in (HUGE, HUGE, HUGE, -5, "many", None):
        drops.add("telemetry_data_error", error_type="incomplete", message="lost", dropped=lost)
    drops.end(5, dropped=HUGE).write(folder)

    # A second start of the job, and streams whose resources say odd things.
    for number, rank in enumerate((0, "1", 3.7, "1e3", " 2", "4\n", True, -1, [1], 2**63, 10**18)):
        odd = Recorded(None, **_about(restart=1, rank=rank))
        odd.records[0]["time_unix_nano"] = EPOCH + 100 * SECOND + number
        odd.span("root", 100 * SECOND + 5, 100 * SECOND + 9).write(folder)
    write(folder / "torn.jsonl", [*lines(rank=3)[:4], b'{"v":1,"type":"ev', *lines(rank=3, end=False, dropped=3)])
    write(
        folder / "other.jsonl",
        [b'{"v":2,"type":"event","stream":"v2","seq":1,"name":5}\n{"v":1,"type":"stop","stream":"v2","seq":0}\n'],
    )


class Both(NamedTuple):
    """The same run in Spark and in DuckDB: each answers a query by the names of its columns and its rows."""

    spark: Callable[[str], tuple[list[str], list[tuple[Any, ...]]]]
    duckdb: Callable[[str], tuple[list[str], list[tuple[Any, ...]]]]


def _in_order(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Spark on this machine, with the views of the run; before it, it had those of one with next to nothing in it."""
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    encoder = RecordEncoder(Resource.create("job"))
    write(folder / "bare" / "a.jsonl", [encoder.resource().encode(), encoder.end().encode()])
    _awkward_run(folder / "run")
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",  # starts sooner, for work that is soon done
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()

    def ask_spark(query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        answer = spark.sql(query)
        return answer.columns, _in_order([tuple(row) for row in answer.collect()])

    def ask_duckdb(query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        answer = run.answer(query)
        return list(answer.columns), _in_order(answer.rows)

    try:
        for name in ("bare", "run"):
            with Run.open(folder / name, now_unix_nano=NOW) as run:
                export(run, str(folder / f"{name} exported"), "parquet")
                records = str(folder / f"{name} exported" / "records.parquet")
                made = str(folder / "it's made")
                for statement in view_statements(records, dialect="spark", folder=made, now_unix_nano=NOW):
                    spark.sql(statement)
                if name == "bare":
                    for view in PUBLIC:
                        assert ask_spark(f"SELECT * FROM {view}") == ask_duckdb(f"SELECT * FROM {view}")
                else:
                    yield Both(ask_spark, ask_duckdb)
    finally:
        spark.stop()


@pytest.mark.parametrize("view", PUBLIC)
def test_views_are_the_same_on_spark(both: Both, view: str) -> None:
    """A view has the same columns and rows on Spark and on DuckDB, to the last nanosecond."""
    columns, rows = both.duckdb(f"SELECT * FROM {view}")
    assert rows
    assert both.spark(f"SELECT * FROM {view}") == (columns, rows)


def test_run_has_what_the_views_tell_apart(both: Both) -> None:
    """What these tests compare is not all alike."""
    states = {state for (state,) in both.spark("SELECT DISTINCT state FROM streams")[1]}
    assert states == {"alive", "cut short", "gaps", "dropped", "whole"}
    assert both.spark("SELECT max(incarnation), max(dropped) FROM streams")[1] == [(2, HUGE)]
    assert both.spark("SELECT max(depth) FROM spans")[1] == [(39,)]
    assert both.spark("SELECT count(*) FROM spans WHERE open AND parent_missing")[1] > [(0,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT path, count(*) AS n, CAST(sum(self_ns) AS BIGINT) AS self_ns FROM spans GROUP BY path ORDER BY 3 DESC",
        "SELECT DISTINCT name, thread FROM spans WHERE name LIKE '%a%' OR name IN ('', 'b') ORDER BY thread LIMIT 100",
        "SELECT attributes ->> '$.\"a.b\"', attributes ->> '$.text' FROM events",
        "SELECT attributes ->> '$.\"a.b\"' AS number, attributes ->> 'large' AS large FROM spans",
        "SELECT rank, min(start_time_unix_nano) AS t FROM spans GROUP BY rank HAVING count(*) > 1 AND NOT rank <> 0",
        "SELECT greatest(thread, NULL), least(thread, 1, NULL), seq * 2 - 1 FROM spans WHERE thread IS DISTINCT FROM 1",
        "SELECT seq, lag(seq, 2) OVER (PARTITION BY stream ORDER BY thread, seq) AS before FROM spans",
        "SELECT sum(seq) OVER (PARTITION BY stream ORDER BY seq ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM spans",
        "SELECT e.name, s.path FROM events AS e LEFT JOIN spans AS s ON s.stream = e.stream AND s.span_id = e.span_id",
        "SELECT name, CASE WHEN open THEN 'open' ELSE name || '!' END AS x, replace(name, 'e', '\\') AS y FROM spans",
    ],
)
def test_translated_query_has_the_same_answer(both: Both, query: str) -> None:
    """What may be written for Spark gives there what it gives here."""
    rows = both.duckdb(query)[1]
    assert rows
    assert both.spark(translate(query))[1] == rows
