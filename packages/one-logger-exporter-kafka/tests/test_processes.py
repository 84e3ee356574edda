"""Many processes at once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from one_logger.core import verify
from one_logger.exporter.kafka import read_records

WRITER = """
import sys
from one_logger.core import Event, Resource, Span
from one_logger.exporter.kafka import KafkaExporter

servers, topic, rank = sys.argv[1:]
batch = "jsonl" if int(rank) % 2 else "records"
exporter = KafkaExporter(servers, topic=topic, batch=batch, max_message_bytes=20_000, delivery_timeout=30)
exporter.initialize(Resource.create("tests"))
span = Span("work")
for start in range(0, 1_000, 100):
    for number in range(start, start + 100):
        exporter.export_event(Event.create("step", {"rank": int(rank), "number": number}), span)
    exporter.flush()
exporter.close()
"""


def test_sixteen_processes_share_a_topic(
    brokers: str, new_topic: Callable[..., str], consume: Callable[[str, str], list[Any]]
) -> None:
    """What 16 processes write at once into one topic of several partitions arrives, each stream whole and in order."""
    topic = new_topic(brokers, 4)
    writers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WRITER, brokers, topic, str(rank)], stderr=subprocess.PIPE
        )
        for rank in range(16)
    ]
    outcomes = [(writer.communicate(timeout=120)[1], writer.returncode) for writer in writers]
    assert outcomes == [(b"", 0)] * 16
    records = list(read_records(consume(brokers, topic)))
    assert [(report.whole, report.records) for report in verify(records)] == [(True, 1_002)] * 16
    steps = Counter((r["attributes"]["rank"], r["attributes"]["number"]) for r in records if r["type"] == "event")
    assert steps == Counter((rank, number) for rank in range(16) for number in range(1_000))
    last: dict[str, int] = {}
    for record in records:
        assert record["seq"] == last.get(record["stream"], 0) + 1
        last[record["stream"]] = record["seq"]
