"""Records in a topic of Kafka: written by an exporter, and read back from a consumer."""

from one_logger.exporter.kafka.kafka_exporter import KafkaExporter
from one_logger.exporter.kafka.reading import read_records

__all__ = ["KafkaExporter", "read_records"]
