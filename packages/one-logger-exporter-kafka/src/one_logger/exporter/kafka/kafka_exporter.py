"""An exporter that sends records to a topic of Kafka."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, get_args

from one_logger.core import RecordExporter, Resource
from one_logger.core.spi import check_choice, check_number, keep_inherited
from one_logger.exporter.kafka.logins import Logins
from one_logger.exporter.kafka.messages import Batch
from one_logger.exporter.kafka.producer_config import (
    Compression,
    SaslMechanism,
    SecurityProtocol,
    build_config,
    check_topic,
)
from one_logger.exporter.kafka.topic_writer import TopicWriter


class KafkaExporter(RecordExporter):
    """Sends records to a topic of Kafka, many to a message.

    A record counts as exported once all in-sync replicas have it. The messages of a stream have its id as their key, so
    they are in one partition, in order. kafka-python sends a message until the brokers answer, however long that takes;
    we do not send it a second time, and the brokers recognise a repetition.

    Args:
        bootstrap_servers: Where to find the brokers: `host:port,host:port` or a list. None: where the environment
            variable `KAFKA_BOOTSTRAP_SERVERS` says.
        topic: Where to send; to be given. Whether the brokers create a missing topic depends on their configuration.
        client_id: What the brokers call us in their logs and quotas.
        batch: `"jsonl"`: a message holds many records, a line of JSON each. `"records"`: it holds one.
        compression: `"gzip"`, or one of `"snappy"`, `"lz4"` and `"zstd"` if its package is installed.
        security_protocol: `"PLAINTEXT"`, `"SSL"`, `"SASL_PLAINTEXT"` or `"SASL_SSL"`.
        sasl_mechanism: `"PLAIN"`, `"SCRAM-SHA-256"`, `"SCRAM-SHA-512"`, `"GSSAPI"` or `"OAUTHBEARER"`.
        sasl_plain_username: The user, for PLAIN and SCRAM.
        sasl_plain_password: The password, for PLAIN and SCRAM.
        ssl_cafile: The file with the certificates of the authorities to trust.
        ssl_certfile: The file with the client's certificate, if the brokers ask for one.
        ssl_keyfile: The file with the client's private key.
        ssl_password: The password of that file.
        ssl_check_hostname: Whether the broker's certificate has to be for its host name.
        max_message_bytes: How many bytes the value of a message may have, before compression; also how many may be in
            flight. A larger record is lost, and counted. Choose less than the brokers' `message.max.bytes`.
        delivery_timeout: How long `flush` waits for the brokers before it reports a failure, in seconds. What was sent
            by then may be acknowledged by a later `flush`. A pause that a quota of the brokers asks for does not count;
            after one that is longer, `flush` is to be called again: it raises at once, with the pause as `retry_after`.
            For `close` it counts.
        producer_config: Further options of `kafka.KafkaProducer`, by their names there.

    Raises:
        OneLoggerError: An argument cannot be used, or a package is missing.
    """

    def __init__(
        self,
        bootstrap_servers: str | Sequence[str] | None = None,
        topic: str | None = None,
        *,
        client_id: str = "one-logger",
        batch: Batch = "jsonl",
        compression: Compression | None = None,
        security_protocol: SecurityProtocol | None = None,
        sasl_mechanism: SaslMechanism | None = None,
        sasl_plain_username: str | None = None,
        sasl_plain_password: str | None = None,
        ssl_cafile: str | os.PathLike[str] | None = None,
        ssl_certfile: str | os.PathLike[str] | None = None,
        ssl_keyfile: str | os.PathLike[str] | None = None,
        ssl_password: str | None = None,
        ssl_check_hostname: bool | None = None,
        max_message_bytes: int = 900_000,
        delivery_timeout: float = 5.0,
        producer_config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        topic = check_topic(topic)
        check_choice("batch", batch, get_args(Batch))
        check_number("max_message_bytes", max_message_bytes, 1_024, "a whole number of bytes", whole=True)
        check_number("delivery_timeout", delivery_timeout, 0.1, "a number of seconds", most=86_400)
        security: dict[str, Any] = {
            "security_protocol": security_protocol,
            "sasl_mechanism": sasl_mechanism,
            "sasl_plain_username": sasl_plain_username,
            "sasl_plain_password": sasl_plain_password,
            "ssl_cafile": ssl_cafile,
            "ssl_certfile": ssl_certfile,
            "ssl_keyfile": ssl_keyfile,
            "ssl_password": ssl_password,
            "ssl_check_hostname": ssl_check_hostname,
        }
        config = build_config(
            bootstrap_servers, client_id, compression, max_message_bytes, delivery_timeout, security, producer_config
        )
        self._connect = partial(TopicWriter, config, topic, batch, max_message_bytes, delivery_timeout, Logins())
        self._closing = False
        self._writer: TopicWriter | None = None

    def open(self, resource: Resource) -> None:
        """Connect to the brokers."""
        self._writer = self._connect()

    def write(self, lines: list[str]) -> None:
        """Send `lines`, and wait until the brokers have acknowledged them."""
        if self._writer is not None:
            self._writer.write(lines, self.stream, last=self._closing)

    def finish(self) -> None:
        """Send what is buffered and an `end` record. Wait for the brokers no longer than `delivery_timeout`."""
        self._closing = True
        super().finish()

    def release(self) -> None:
        """End the producer."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def forget(self) -> None:
        """Drop the parent's producer as it is."""
        keep_inherited(self._writer)
        self._writer = None
        self._closing = False
