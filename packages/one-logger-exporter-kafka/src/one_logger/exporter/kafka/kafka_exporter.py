"""An exporter that sends records to a topic of Kafka."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from one_logger.core import OneLoggerError, RecordExporter, Resource
from one_logger.core.spi import encodable, keep_inherited, safe_repr
from one_logger.exporter.kafka import settings
from one_logger.exporter.kafka.outbox import Outbox
from one_logger.exporter.kafka.settings import Batch, Compression, SaslMechanism, SecurityProtocol


class KafkaExporter(RecordExporter):
    """Sends records to a topic of Kafka, many to a message.

    A record counts as exported once all in-sync replicas have it. The messages of a stream have its id as their key, so
    they are in one partition, in order. A message that was handed to kafka-python is sent by it until the brokers
    answer, however long that takes, and not a second time by us; the brokers recognise a repetition.

    Args:
        bootstrap_servers: Where to find the brokers: `host:port,host:port` or a list. None: where the environment
            variable `KAFKA_BOOTSTRAP_SERVERS` says.
        topic: Where to send. If there is no such topic, the brokers create it or they do not, as they are configured.
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
        max_message_bytes: How many bytes the content of a message has at most, before compression; also how many are in
            flight at most. A record that is larger is lost, and counted. To be less than the brokers'
            `message.max.bytes`.
        delivery_timeout: How long `flush` waits for the brokers before it reports a failure, in seconds. What is on its
            way stays so, and may be acknowledged by a later `flush`.
        producer_config: Further options of `kafka.KafkaProducer`, by their names there.

    Raises:
        OneLoggerError: An argument is not of the kind described here, or a package is missing.
    """

    def __init__(
        self,
        bootstrap_servers: str | Sequence[str] | None = None,
        topic: str = "",
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
        servers = settings.check_bootstrap_servers(bootstrap_servers)
        self._topic = settings.check_topic(topic)
        if batch not in get_args(Batch):
            raise OneLoggerError(f"batch is {safe_repr(batch, 100)}; expected 'jsonl' or 'records'.")
        if not isinstance(client_id, str) or not client_id:
            raise OneLoggerError(f"client_id is {safe_repr(client_id, 100)}; expected a text.")
        settings.check_at_least("max_message_bytes", max_message_bytes, 1_024, "bytes", whole=True)
        settings.check_at_least("delivery_timeout", delivery_timeout, 0.1, "seconds")
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
        further = settings.check_producer_config(producer_config, security)
        security = settings.check_security(
            {**security, **{name: further[name] for name in security if name in further}}
        )
        self._config = settings.producer_config(
            servers,
            encodable(client_id),
            settings.check_compression(compression),
            max_message_bytes,
            {**further, **security},
        )
        self._batch: Batch = batch
        self._max_message_bytes = max_message_bytes
        self._delivery_timeout = delivery_timeout
        self._closing = False
        self._outbox: Outbox | None = None

    def open(self, resource: Resource) -> None:
        """Connect to the brokers."""
        self._outbox = Outbox(self._config, self._topic, self._batch, self._max_message_bytes, self._delivery_timeout)

    def write(self, lines: list[str]) -> None:
        """Send `lines`, and wait until the brokers have acknowledged them."""
        if self._outbox is not None:
            self._outbox.write(lines, self.stream, last=self._closing)

    def close(self) -> None:
        """Send what is buffered and an `end` record, wait for them up to `delivery_timeout`, and end the producer."""
        self._closing = True
        super().close()

    def release(self) -> None:
        """End the producer."""
        outbox, self._outbox = self._outbox, None
        if outbox is not None:
            outbox.close()

    def forget(self) -> None:
        """Drop the parent's producer as it is."""
        keep_inherited(self._outbox)
        self._outbox = None
        self._closing = False
