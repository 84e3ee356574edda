"""one-logger with the exporter for Kafka."""

from __future__ import annotations

import uuid

from one_logger.core import Exporter
from one_logger.exporter.kafka import KafkaExporter
from tools.bench.contenders.contender import Events
from tools.bench.contenders.kafka_topic import make_topic
from tools.bench.contenders.one_logger import Recording


class ToTopic(Recording, Events):
    """The exporter `kafka`, with a broker at the endpoint."""

    def exporters(self) -> list[Exporter]:
        """A topic that nobody else has."""
        return [KafkaExporter(self.endpoint, topic=make_topic(self.endpoint, uuid.uuid4().hex))]
