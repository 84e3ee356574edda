"""confluent-kafka alone, which is librdkafka in C: what an application would write that sends each record itself."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tools.bench.contenders.json_records import JsonRecords


class SendEach(JsonRecords):
    """One `produce` a record, to all replicas, with brokers that recognise repetitions: as one-logger's producer."""

    def configure(self) -> None:
        """Make a topic and a producer."""
        servers: dict[str, str | int | float | bool] = {"bootstrap.servers": self.endpoint}
        self._topic = uuid.uuid4().hex
        admin = AdminClient(servers)
        admin.create_topics([NewTopic(self._topic, 1, 1)])[self._topic].result()
        self._producer = Producer({**servers, "enable.idempotence": True})
        self._producer.list_topics(self._topic, 30)

    def flush(self) -> None:
        """Wait for the acknowledgements."""
        self._producer.flush(120)

    def close(self, timeout: float) -> bool:
        """Wait for the acknowledgements."""
        return self._producer.flush(timeout) == 0

    def events(self, steps: Iterable[int]) -> None:
        """Send a record with the fields that one-logger's has, for each step."""
        for value in self.values(steps):
            self._producer.produce(self._topic, value, self.stream)
