"""A job that records into a topic, and the comparison of what it recorded with what arrived."""

from __future__ import annotations

import time
from typing import Any

from one_logger.core import Event, Span, verify
from one_logger.exporter.kafka import KafkaExporter, read_records
from one_logger.recorder import DefaultRecorder

PATIENT = 30.0
"""Seconds that brokers may take on a busy machine, where a test is not about that."""
QUICK = {"bootstrap_timeout_ms": 500, "request_timeout_ms": 1_000, "reconnect_backoff_max_ms": 200}
RECORDER: dict[str, Any] = {"flush_interval": 0.02, "cool_down": 0.2}


class Job:
    """A job that records numbered events, and notes how long the longest call took."""

    def __init__(self, exporter: KafkaExporter, **settings: Any) -> None:
        self.recorder = DefaultRecorder({"kafka": exporter}, **{**RECORDER, **settings})
        self.span = self.recorder.start("job")
        self.recorded = 0
        self.longest = 0.0

    def work(self, count: int, text: str = "") -> None:
        """Record so many events."""
        assert isinstance(self.span, Span)
        for _ in range(count):
            begin = time.perf_counter()
            self.recorder.event(self.span, Event.create("step", {"number": self.recorded, "text": text}))
            self.longest = max(self.longest, time.perf_counter() - begin)
            self.recorded += 1

    @property
    def stats(self) -> Any:
        """The counters of the exporter."""
        return self.recorder.stats()["kafka"]

    def end(self, timeout: float = 30.0) -> bool:
        """Close the recorder. Whether it says that everything was delivered."""
        self.recorder.stop(self.span)
        return self.recorder.close(timeout)


def compare(job: Job, messages: list[Any]) -> None:
    """What was recorded is there, once, in order, but for what is reported as lost."""
    records = list(read_records(messages))
    numbers = [record["attributes"]["number"] for record in records if record.get("name") == "step"]
    assert numbers == sorted(set(numbers))
    ends = sum(record["type"] in ("start", "stop") for record in records)
    ends += 2 * sum(record["type"] == "complete" for record in records)
    missing = job.recorded + 2 - len(numbers) - ends
    assert missing == job.stats.dropped
    assert sum(report.dropped for report in verify(records)) == missing
    assert job.longest < 0.5


def make(place: Any, topic: str, **arguments: Any) -> KafkaExporter:
    """An exporter that does not wait long."""
    config = {**QUICK, **arguments.pop("producer_config", {})}
    return KafkaExporter(place.servers, topic=topic, delivery_timeout=0.5, producer_config=config, **arguments)
