"""The README: what it shows runs, and prints what it says it does."""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import duckdb
import pytest

from one_logger.core import Event, Resource, Span
from one_logger.exporter.file import FileExporter
from one_logger.exporter.kafka import KafkaExporter
from one_logger.recorder import build_exporters

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return str(block)


def test_what_a_consumer_wrote_can_be_asked(
    brokers: str,
    topic: str,
    run_script: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The program prints what stands below it, and DuckDB reads the file that it has left."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", brokers)
    program = _block("python").replace('"telemetry"', repr(topic)).replace("SERVERS,", f"{brokers!r},")
    # kafka-python reads files of its own by functions that are deprecated, and the program imports it first.
    ignore = 'import warnings\nwarnings.filterwarnings("ignore", "(open|read)_text is deprecated")\n'
    assert run_script(ignore + program) == _block("text")
    answer = duckdb.sql(_block("sql"))
    assert answer is not None
    assert answer.fetchall() == [("import", 1, True)]


def test_the_query_does_not_depend_on_the_first_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long file whose first lines have no stop, and whose attributes differ in case only, it answers the same."""
    monkeypatch.chdir(tmp_path)
    exporter = FileExporter("telemetry.jsonl")
    exporter.initialize(Resource.create("orders"))
    span = Span("import", {"lr": 1, "LR": "high"})
    exporter.export_start(span)
    for number in range(25_000):
        exporter.export_event(Event.create("step", {"number": number}), span)
    exporter.export_event(Event.create("step", {"Number": "NaN"}), span)
    span.stop({"reason": "done"})
    exporter.export_stop(span)
    exporter.close()
    with Path("telemetry.jsonl").open("a") as file:
        file.write('loading...\n{"v":1,"type":"sto')
    answer = duckdb.sql(_block("sql"))
    assert answer is not None
    assert answer.fetchall() == [("import", 1, True)]


def test_configuration_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration builds an exporter, and the table has each of its arguments."""
    monkeypatch.setenv("KAFKA_PASSWORD", "open sesame")
    path = tmp_path / "exporters.yaml"
    path.write_text(_block("yaml"))
    assert list(build_exporters(config_file=path)) == ["kafka"]
    table = README.partition("| key |")[2].partition("\n\n")[0]
    keys = [key for row in table.splitlines()[2:] for key in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert set(keys) == set(signature(KafkaExporter).parameters)


def test_configuration_converts_texts() -> None:
    """Numbers, truth values and lists may be given as the texts that a configuration has."""
    config: dict[str, Any] = {
        "bootstrap_servers": ["a:9092", "b:9092"],
        "topic": "telemetry",
        "max_message_bytes": "100000",
        "delivery_timeout": "2s",
        "security_protocol": "SSL",
        "ssl_check_hostname": "false",
        "producer_config": {"request_timeout_ms": 5_000},
    }
    (exporter,) = build_exporters([{"type": "kafka", "config": config}]).values()
    assert isinstance(exporter, KafkaExporter)
