"""The exporter keeps the contract of exporters, with a real broker."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka_job import PATIENT

from one_logger.core import Exporter
from one_logger.core.testing import Exported, ExporterContract
from one_logger.exporter.kafka import KafkaExporter, read_records
from one_logger.exporter.kafka.messages import Batch


class _Contract(ExporterContract):
    batch: Batch

    @pytest.fixture(autouse=True)
    def _backend(self, brokers: str, topic: str, consume: Callable[[str, str], list[Any]]) -> Iterator[None]:
        self._brokers, self._topic, self._consume = brokers, topic, consume
        yield
        for each in gc.get_objects():
            if issubclass(type(each), KafkaProducer):
                each.close(timeout=0)  # after a fork it is the parent's, who would close it

    def make_exporter(self) -> Exporter:
        """Make one that sends to the test's topic."""
        return KafkaExporter(self._brokers, topic=self._topic, batch=self.batch, delivery_timeout=PATIENT)

    def exported(self, exporter: Exporter) -> list[Exported]:
        """Read the topic."""
        arrived: list[Exported] = []
        for record in read_records(self._consume(self._brokers, self._topic)):
            if record["type"] in ("complete", "stop"):
                arrived.append(("span", record["name"]))
            elif record["type"] == "event":
                arrived.append(("event", record["name"]))
            elif record["type"] == "error":
                arrived.append(("error", record["error"]["message"]))
            elif record["type"] == "telemetry_data_error":
                arrived.append(("telemetry_data_error", record["message"]))
        return arrived

    def program(self) -> str:
        """Make one that looks up the name of the broker's host."""
        servers = self._brokers.replace("127.0.0.1", "localhost")
        return (
            "from one_logger.exporter.kafka import KafkaExporter\n"
            f"exporter = KafkaExporter({servers!r}, topic={self._topic!r}, batch={self.batch!r},"
            f" delivery_timeout={PATIENT})\n"
        )


class TestJsonLines(_Contract):
    """With many records in a message."""

    batch = "jsonl"


class TestRecords(_Contract):
    """With one record in a message."""

    batch = "records"
