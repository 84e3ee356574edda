"""kafka-python alone: what an application would write that sends each of its records to Kafka itself."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from kafka import KafkaProducer

from tools.bench.contenders.json_records import JsonRecords
from tools.bench.contenders.kafka_topic import make_topic


class SendEach(JsonRecords):
    """One `send` a record, with the producer as it comes."""

    options: dict[str, Any] = {}  # noqa: RUF012 - the class below has others

    def configure(self) -> None:
        """Make a producer, and have it know the topic."""
        self._topic = make_topic(self.endpoint, uuid.uuid4().hex)
        self._producer = KafkaProducer(bootstrap_servers=self.endpoint, **self.options)
        self._producer.partitions_for(self._topic)
        self._futures: list[Any] = []

    def flush(self) -> None:
        """Wait for the acknowledgements."""
        self._producer.flush(120)

    def close(self, timeout: float) -> bool:
        """Wait for the acknowledgements, and close."""
        self._producer.flush(timeout)
        self._producer.close()
        return all(future.is_done and future.exception is None for future in self._futures)

    def events(self, steps: Iterable[int]) -> None:
        """Send a record with the fields that one-logger's has, for each step."""
        key = self.stream.encode()
        for value in self.values(steps):
            self._futures.append(self._producer.send(self._topic, value, key))


class SendEachTuned(SendEach):
    """The same with large batches, for which a producer waits a little."""

    options = {"batch_size": 900_000, "linger_ms": 50}  # noqa: RUF012 - as above
