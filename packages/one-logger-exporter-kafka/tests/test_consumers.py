"""The README's ways to read a topic with other programs: they find each record."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka_broker import free_port

from one_logger.core import Event, Exporter, Resource, Span, read_records, verify
from one_logger.exporter.file import FileExporter
from one_logger.exporter.kafka import KafkaExporter

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SPARK_JARS = os.environ.get("ONE_LOGGER_SPARK_JARS", "")
"""The folder with Spark's connector to Kafka."""
TEXTS = "org.apache.kafka.connect.storage.StringConverter"


def _block(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return str(block)


def _record(exporter: Exporter, resource: Resource) -> int:
    """Record what misleads those who guess types by what comes first. How many records that are."""
    exporter.initialize(resource)
    span = Span("import", {"lr": 1, "LR": "high"})
    exporter.export_start(span)
    for number in range(2_000):
        exporter.export_event(Event.create("step", {"number": number, "text": "a\u2028b\\n"}), span)
    exporter.export_event(Event.create("step", {"Number": float("nan"), "large": 2**70}), span)
    span.stop()
    exporter.export_stop(span)
    exporter.close()
    return 2_005  # with `resource`, `start`, `stop` and `end`


@pytest.mark.spark
@pytest.mark.parametrize("batch", ["jsonl", "records"])
def test_spark_finds_each_record(
    batch: Any, brokers: str, topic: str, resource: Resource, run_script: Callable[..., str]
) -> None:
    """Spark's connector and the README's program give every record of a topic, with numbers as numbers."""
    records = _record(KafkaExporter(brokers, topic=topic, batch=batch, max_message_bytes=20_000), resource)
    program = _block("py").replace('"telemetry")', f"{topic!r})").replace("SERVERS", repr(brokers))
    jars = ",".join(map(str, Path(SPARK_JARS).glob("*.jar")))
    assert jars, "ONE_LOGGER_SPARK_JARS names no folder with jars."
    script = (
        "from pyspark.sql import SparkSession\n"
        f"spark = SparkSession.builder.master('local[1]').config('spark.jars', {jars!r})"
        ".config('spark.ui.enabled', 'false').config('spark.sql.shuffle.partitions', '1').getOrCreate()\n"
        f"{program}"
        "telemetry.cache()\n"
        "print(telemetry.count(), telemetry.agg(F.max('seq')).first()[0])\n"
        "stop = telemetry.where(\"type = 'stop'\").first()\n"
        "print(stop['name'], stop['duration_ns'] > 0, stop['attributes'])\n"
    )
    said = run_script(script, timeout=300.0).splitlines()
    assert said[-2:] == [f"{records} {records}", 'import True {"lr":1,"LR":"high"}']
    assert any(re.fullmatch(r"\|import\| +1\|", line) for line in said)


@pytest.mark.apache_kafka
def test_kafka_connect_finds_each_record(
    cluster: Any,
    brokers: str,
    new_topic: Callable[..., str],
    resource: Resource,
    tmp_path: Path,
    wait_for: Callable[..., None],
) -> None:
    """By the README's settings Kafka Connect gives a connector each record as a map, or messages as they are.

    Of messages with many records its converter gives the first.
    """
    cluster.compile(Path(__file__).with_name("FieldSink.java"), tmp_path)
    worker = tmp_path / "worker.properties"
    worker.write_text(
        f"bootstrap.servers={brokers}\nlisteners=http://127.0.0.1:{free_port()}\n"
        f"key.converter={TEXTS}\nvalue.converter={TEXTS}\noffset.storage.file.filename={tmp_path}/offsets\n"
    )
    records, configurations = 0, [worker]
    batch: Any
    for name, batch, own in (
        ("maps", "records", "field=seq\n"),
        ("texts", "jsonl", f"value.converter={TEXTS}\n"),
        ("first", "jsonl", "field=seq\n"),
    ):
        topic = new_topic(brokers)
        records = _record(KafkaExporter(brokers, topic=topic, batch=batch, max_message_bytes=20_000), resource)
        configurations.append(tmp_path / f"{name}.properties")
        block = _block("properties").replace("=telemetry\n", f"={topic}\n")
        configurations[-1].write_text(f"{block}connector.class=FieldSink\nfile={tmp_path}/{name}\n{own}")
    connect = cluster.start_connect(tmp_path, *configurations)
    try:
        wait_for(lambda: connect.poll() is not None or _read(tmp_path / "maps").count("\n") == records, 120)
        numbers = [str(number) for number in range(1, records + 1)]
        assert _read(tmp_path / "maps").split() == numbers, _read(tmp_path / "worker.log")
        wait_for(lambda: [each.whole for each in verify(read_records(_read(tmp_path / "texts").encode()))] == [True])
        wait_for(lambda: _read(tmp_path / "first").startswith("1\n"))
        assert len(_read(tmp_path / "first").split()) < records / 10
    finally:
        connect.terminate()
        connect.wait()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.mark.clickhouse
def test_clickhouse_finds_each_record(tmp_path: Path, resource: Resource) -> None:
    """The README's tables take every record, in the format in which ClickHouse reads messages.

    The ClickHouse that is on PyPI has no background threads, and so reads the content of the messages from a file.
    """
    import chdb.session

    path = tmp_path / "telemetry.jsonl"
    records = _record(FileExporter(path), resource)
    queue, *others, question = [statement for statement in _block("clickhouse").split(";") if statement.strip()]
    columns, _, settings = queue.partition("ENGINE = Kafka")
    assert "'JSONEachRow'" in settings
    session = chdb.session.Session(str(tmp_path / "clickhouse"))
    session.query(f"EXPLAIN AST {queue}")
    session.query(f"{columns} ENGINE = File(JSONEachRow, '{path}')")
    for statement in others:
        session.query(statement)
    session.query("INSERT INTO telemetry SELECT * FROM telemetry_queue")
    session.query("INSERT INTO telemetry SELECT * FROM telemetry_queue")
    assert str(session.query("SELECT count() FROM telemetry FINAL")) == f"{records}\n"
    assert str(session.query(question)) == '"import",1\n'
    stop = session.query("SELECT duration_ns > 0, attributes FROM telemetry FINAL WHERE type = 'stop'", "TSV")
    assert str(stop) == '1\t{"lr":1,"LR":"high"}\n'
    session.close()
