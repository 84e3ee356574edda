"""Sends lines to a topic, in order, each until the brokers have it or it is given up."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple

from one_logger.core import ExportError, RecordExporter
from one_logger.core.spi import Redactor, error_text, is_secret_name
from one_logger.exporter.kafka import messages, quiet
from one_logger.exporter.kafka.messages import Batch, Message
from one_logger.exporter.kafka.producer import (
    REFUSED,
    TOO_LARGE,
    InvalidRecordError,
    KafkaError,
    KafkaTimeoutError,
    Producer,
)

LAST_WORDS = 1.0
"""How long to wait for the producer's thread to end, in seconds."""

SPLITTING = 0.02
"""When kafka-python has split a batch, how long to wait for the first part before calling `flush` again, in seconds."""


class Shipment(NamedTuple):
    """The messages in flight. They hold the first lines that are to be written."""

    messages: list[Message]
    futures: list[Any]


class TopicWriter:
    """Writes lines to one topic.

    One shipment is in flight at a time. kafka-python sends one batch of a partition at a time, too, to keep the order;
    this way the order is also kept if a batch is refused, and what is in flight is bounded.

    Args:
        config: kafka-python's configuration.
        topic: Where to send.
        batch: Whether a message holds many records or one.
        max_message_bytes: How many bytes may be in flight, and so in one message.
        patience: How long to wait for an acknowledgement, in seconds.
    """

    def __init__(
        self, config: dict[str, Any], topic: str, batch: Batch, max_message_bytes: int, patience: float
    ) -> None:
        self._config = config
        self._topic = topic
        self._batch: Batch = batch
        self._max = max_message_bytes
        self._limit = max_message_bytes  # less if the topic allows less
        self._patience = patience
        self._shipment: Shipment | None = None
        self._lost = 0
        self._reason = ""
        # Kafka's options called `sasl_...` are secrets only if the rest of the name says so.
        secrets = (value for name, value in config.items() if is_secret_name(name.removeprefix("sasl_")))
        self._redactor = Redactor(secrets)
        self._producer: Producer | None = self._make_producer()

    def write(self, lines: list[str], stream: str, *, last: bool) -> None:
        """Send `lines`, and remove from the list what the brokers have acknowledged.

        Lines that were left the last time come first. With `last` there is no next time: then all of it together takes
        no longer than the patience, and what is left is lost.
        """
        deadline = monotonic() + self._patience
        try:
            while lines or self._shipment:
                self._wait(self._shipment or self._send(lines, stream), deadline)
                if self._settle(lines) and not last:
                    deadline = monotonic() + self._patience
        except ExportError as error:
            if last:
                raise ExportError(str(error), lost=self._lost + RecordExporter.records_in(lines)) from error
            raise
        if self._lost:
            lost, self._lost = self._lost, 0
            raise ExportError(f"{lost} records are lost: {self._reason}", lost=lost)

    def _send(self, lines: list[str], stream: str) -> Shipment:
        """Give the next messages to the producer, which sends them until they are acknowledged."""
        if len(lines[0].encode()) > self._max:
            self._lose(lines[:1], f"a record has more than the {self._max} bytes that a message may have.")
            del lines[0]
            return Shipment([], [])
        if self._producer is None:
            self._producer = self._make_producer()
        parts = messages.cut(lines, self._batch, self._limit)
        headers = [
            ("content-type", messages.CONTENT_TYPES[self._batch]),
            ("one-logger-schema-version", messages.SCHEMA_VERSION),
            ("one-logger-stream", stream.encode()),
        ]
        futures: list[Any] = []
        with quiet.quietly():
            try:
                for part in parts:
                    futures.append(  # noqa: PERF401 - what was sent before an error is in flight
                        self._producer.send(self._topic, value=part.value, key=stream.encode(), headers=headers)
                    )
            except KafkaError as error:
                if not isinstance(error, KafkaTimeoutError):
                    self._end_producer()
                if not futures:
                    raise self._failed(f"Nothing is known about the topic {self._topic!r}", error) from error
        self._shipment = Shipment(parts[: len(futures)], futures)
        return self._shipment

    def _wait(self, shipment: Shipment, deadline: float) -> None:
        """Wait until each message is acknowledged or refused. After the deadline raise; the messages stay in flight."""
        producer = self._producer
        if producer is None:
            return
        with quiet.quietly():
            while waiting := [future for future in shipment.futures if not future.is_done]:
                if monotonic() >= deadline or producer.refused:
                    break
                with suppress(KafkaError):  # it also gives up if kafka-python splits a batch that is too large
                    producer.flush(max(0.0, deadline - monotonic()))
                with suppress(KafkaError):  # `_settle` looks at the message's own error
                    waiting[0].get(min(SPLITTING, max(0.0, deadline - monotonic())))
        if all(future.is_done for future in shipment.futures):
            return
        if producer.refused:
            self._end_producer()
            return
        count = sum(message.lines for message in shipment.messages)
        raise ExportError(
            f"The brokers have not acknowledged {count} records for the topic {self._topic!r} "
            f"within {self._patience:g} seconds; they are still being sent.",
            retriable=True,
        )

    def _settle(self, lines: list[str]) -> bool:
        """Remove from `lines` those that were acknowledged or lost. Whether messages were in flight.

        Lines that were refused, but may be taken later, are kept, and an error is raised.
        """
        shipment, self._shipment = self._shipment, None
        if shipment is None:
            return False
        kept: list[str] = []
        refused = False
        refusal: Exception | None = None  # of what is to be sent again
        position = 0
        for message, future in zip(shipment.messages, shipment.futures, strict=True):
            own = lines[position : position + message.lines]
            position += message.lines
            error = future.exception
            if error is None and future.is_done:
                continue
            refused = True
            if isinstance(error, TOO_LARGE) and message.lines > 1:
                self._limit = len(message.value) // 2
                kept += own
            elif isinstance(error, (*TOO_LARGE, InvalidRecordError)):
                self._lose(own, f"the brokers refuse a message of {len(message.value)} bytes: {self._said(error)}")
            else:
                kept += own
                refusal = error or TimeoutError("there was no answer")
        lines[:position] = kept
        if refused:
            # kafka-python's idempotent producer takes a refused message for the end of it, and sends nothing any more.
            self._end_producer()
        if refusal is not None:
            raise self._failed(f"The brokers refuse messages for the topic {self._topic!r}", refusal) from refusal
        return True

    def _lose(self, lines: list[str], reason: str) -> None:
        self._lost += RecordExporter.records_in(lines)
        self._reason = reason

    def _make_producer(self) -> Producer:
        servers = ", ".join(self._config["bootstrap_servers"])
        try:
            return Producer(self._config)
        except REFUSED as error:
            raise self._failed(f"The brokers at {servers} refuse the connection", error) from error
        except (KafkaError, OSError) as error:
            reason = RuntimeError(said) if (said := quiet.last_failure()) else error
            raise self._failed(f"The brokers at {servers} do not answer", reason) from error
        except Exception as error:  # kafka-python raises errors of many types for its configuration
            raise ExportError(f"kafka-python makes no producer: {self._said(error)}") from None

    def close(self) -> None:
        """End the producer. What is in flight is given up."""
        self._end_producer(0.0 if self._shipment else LAST_WORDS)

    def _end_producer(self, timeout: float = LAST_WORDS) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.end(timeout)

    def _failed(self, what: str, error: Exception) -> ExportError:
        return ExportError(f"{what}: {self._said(error)}", retriable=True)

    def _said(self, error: Exception) -> str:
        """The text of an error, without secrets."""
        text, name = error_text(error), type(error).__name__
        if name not in text and type(error) is not RuntimeError:
            text = f"{name}: {text}".strip(": ")
        text = self._redactor.redacted(text)
        return text if text.endswith(".") else f"{text}."
