"""A job that Apache Kafka slows down by a quota."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka_job import Job, compare

from one_logger.exporter.kafka import KafkaExporter


@pytest.mark.apache_kafka
def test_quota_of_apache_kafka_is_no_failure(
    cluster: Any, brokers: str, topic: str, consume: Callable[[str, str], list[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """A job that a quota slows down delivers everything, counts no failure, and its log says why it waits."""
    caplog.set_level(logging.INFO, logger="one_logger")
    cluster.limit("slow", 10_000)
    exporter = KafkaExporter(brokers, topic=topic, client_id="slow", max_message_bytes=50_000, delivery_timeout=3.0)
    job = Job(exporter)
    job.work(100, text="x" * 2_000)  # 200 kB; the first 100 are free
    begin = time.monotonic()
    assert job.recorder.flush(60)
    assert time.monotonic() - begin > 3.0
    assert job.stats.failures == 0
    assert job.end()
    compare(job, consume(brokers, topic))
    waits, works, *again = [line for line in caplog.messages if line.startswith("Exporter kafka ")]
    said = "Exporter kafka waits, as its backend asks, it raised ExportError: A quota of the brokers lets this client"
    assert waits.startswith(said)
    assert works == "Exporter kafka works again."
    assert [line[: len(said)] for line in again] in ([], [said])
