"""Sends lines to a topic, in order, each until the brokers have it or it is given up."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple

from one_logger.core import ExportError, RecordExporter
from one_logger.core.spi import Redactor, counted, error_text, is_secret_name
from one_logger.exporter.kafka import messages, quiet
from one_logger.exporter.kafka.logins import Logins
from one_logger.exporter.kafka.messages import MESSAGE_COST, Batch, Message
from one_logger.exporter.kafka.producer import (
    TOO_LARGE,
    InvalidRecordError,
    KafkaError,
    KafkaTimeoutError,
    NotConnectedError,
    Producer,
)

LAST_WORDS = 1.0
"""How long to wait for the producer's thread to end, in seconds."""

STEP = 0.5
"""How often to look whether waiting still makes sense, in seconds."""


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
        logins: When the brokers may be asked again to let us in.
    """

    def __init__(
        self, config: dict[str, Any], topic: str, batch: Batch, max_message_bytes: int, patience: float, logins: Logins
    ) -> None:
        self._config = config
        self._topic = topic
        self._batch: Batch = batch
        self._max = max_message_bytes
        self._limit = max_message_bytes  # less if the topic allows less
        self._patience = patience
        self._logins = logins
        self._shipment: Shipment | None = None
        self._lost = 0
        self._reason = ""
        # Kafka's options called `sasl_...` are secrets only if the rest of the name says so.
        secrets = (value for name, value in config.items() if is_secret_name(name.removeprefix("sasl_")))
        self._redactor = Redactor(secrets)
        self._servers = ", ".join(config["bootstrap_servers"])
        self._producer: Producer | None = self._make_producer()

    def write(self, lines: list[str], stream: str, *, last: bool) -> None:
        """Send `lines`, and remove from the list what the brokers have acknowledged.

        Lines that were left the last time come first. With `last` there is no next time: then all of it together takes
        no longer than the patience, and what is left is lost.
        """
        deadline = monotonic() + self._patience
        try:
            while lines or self._shipment:
                shut_out = self._wait(self._shipment or self._send(lines, stream, last=last), deadline, last=last)
                if self._settle(lines, shut_out) and not last:
                    deadline = monotonic() + self._patience
        except ExportError as error:
            if last:
                raise ExportError(str(error), lost=self._lost + RecordExporter.records_in(lines)) from error
            raise
        if self._lost:
            lost, self._lost = self._lost, 0
            raise ExportError(f"{counted(lost, 'record is', 'records are')} lost: {self._reason}", lost=lost)

    def _send(self, lines: list[str], stream: str, *, last: bool) -> Shipment:
        """Give the next messages to the producer, which sends them until they are acknowledged."""
        if len(lines[0].encode()) > self._max:
            self._lose(lines[:1], f"a record has more than the {self._max} bytes that a message may have.")
            del lines[0]
            return Shipment([], [])
        if self._producer is None:
            self._producer = self._make_producer(last=last)
        producer = self._producer
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
                        producer.send(self._topic, value=part.value, key=stream.encode(), headers=headers)
                    )
            except KafkaError as error:
                if not isinstance(error, KafkaTimeoutError):
                    self._end_producer()
                if not futures:
                    known = producer.connections
                    reason = known.connectivity or str(known.topic_error or "") or error
                    raise self._failed(f"Nothing is known about the topic {self._topic!r}", reason) from error
        self._shipment = Shipment(parts[: len(futures)], futures)
        return self._shipment

    def _wait(self, shipment: Shipment, deadline: float, *, last: bool) -> ExportError | None:
        """Wait until each message is acknowledged or refused. After the deadline raise; the messages stay in flight.

        While a quota keeps us waiting the brokers work as they are to, so that time does not count, unless it is the
        last: a short pause is waited out, a longer one raised. Returns an error if the brokers refuse the client, so
        that it would wait for ever.
        """
        producer = self._producer
        if producer is None:
            return None
        connections = producer.connections
        count = sum(message.lines for message in shipment.messages)
        with quiet.quietly():
            while waiting := [future for future in shipment.futures if not future.is_done]:
                now, pause = monotonic(), 0.0 if last else connections.throttled
                if pause:
                    deadline = now + pause + self._patience
                if now >= deadline or connections.refusal is not None:
                    break
                if pause > self._patience:
                    raise self._throttled(pause, count)
                step = min(STEP, deadline - now)
                with suppress(KafkaError):  # `_settle` looks at the message's own error
                    producer.flush(step)
                    waiting[0].get(step)
        if not waiting:
            return None
        if connections.refusal is not None:
            self._end_producer()
            return self._shut_out(str(connections.refusal))
        what = (
            f"The brokers have not acknowledged {counted(count, 'record')} for the topic {self._topic!r} "
            f"within {self._patience:g} seconds; {'it is' if count == 1 else 'they are'} still being sent"
        )
        raise self._failed(what, connections.reason)

    def _settle(self, lines: list[str], shut_out: ExportError | None) -> bool:
        """Remove from `lines` those that were acknowledged or lost. Whether messages were in flight.

        Lines that were refused, but may be taken later, are kept, and an error is raised: `shut_out`, if there is one.
        """
        shipment, self._shipment = self._shipment, None
        if shipment is None:
            return False
        kept: list[str] = []
        refused = False
        refusal: Exception | None = None  # of what is to be sent again
        too_large = 0  # the bytes of what was together too large
        position = 0
        for message, future in zip(shipment.messages, shipment.futures, strict=True):
            own = lines[position : position + message.lines]
            position += message.lines
            error = future.exception
            if error is None and future.is_done:
                continue
            refused = True
            if isinstance(error, TOO_LARGE) and (message.lines > 1 or len(shipment.messages) > 1):
                too_large += len(message.value) + MESSAGE_COST
                kept += own
            elif isinstance(error, (*TOO_LARGE, InvalidRecordError)):
                self._lose(own, f"the brokers refuse a message of {len(message.value)} bytes: {self._said(error)}")
            else:
                kept += own
                refusal = error or TimeoutError("there was no answer")
        lines[:position] = kept
        if too_large:
            self._limit = too_large // 2
        if refused:
            # kafka-python's idempotent producer takes a refused message for the end of it, and sends nothing any more.
            self._end_producer()
        if shut_out is not None and refused:
            raise shut_out
        if refusal is not None:
            raise self._failed(f"The brokers refuse messages for the topic {self._topic!r}", refusal) from refusal
        return True

    def _lose(self, lines: list[str], reason: str) -> None:
        self._lost += RecordExporter.records_in(lines)
        self._reason = reason

    def _make_producer(self, *, last: bool = False) -> Producer:
        if self._logins.wait and not last:
            raise self._shut_out()
        try:
            producer = Producer(self._config)
        except NotConnectedError as error:
            if error.refused:
                raise self._shut_out(str(error)) from error
            raise self._failed(f"The brokers at {self._servers} do not answer", str(error)) from error
        except Exception as error:  # kafka-python raises errors of many types for its configuration
            raise ExportError(f"kafka-python makes no producer: {self._said(error)}") from None
        self._logins.succeeded()
        return producer

    def close(self) -> None:
        """End the producer. What is in flight is given up."""
        self._end_producer(0.0 if self._shipment else LAST_WORDS)

    def _end_producer(self, timeout: float = LAST_WORDS) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.end(timeout)

    def _shut_out(self, reason: str = "") -> ExportError:
        """The error that says that the brokers refuse us: just now, for this reason; or before."""
        if reason:
            self._logins.refused(reason)
        said = f"{self._said(self._logins.refusal)} The next attempt is in {self._logins.wait:.0f} seconds"
        return self._failed(f"The brokers at {self._servers} refuse the connection", said)

    def _throttled(self, pause: float, count: int) -> ExportError:
        """The error that says when it makes sense to come back."""
        return ExportError(
            f"A quota of the brokers lets this client send again in {pause:.1f} seconds; "
            f"{counted(count, 'record')} for the topic {self._topic!r} will be sent then.",
            retriable=True,
            retry_after=pause,
        )

    def _failed(self, what: str, error: Exception | str) -> ExportError:
        return ExportError(f"{what}: {self._said(error)}", retriable=True)

    def _said(self, error: Exception | str) -> str:
        """The text of an error as a sentence, without secrets."""
        text = error if isinstance(error, str) else error_text(error)
        if isinstance(error, Exception) and (name := type(error).__name__) not in text:
            text = f"{name}: {text}".strip(": ")
        text = self._redactor.redacted(text)
        return text if text.endswith(".") else f"{text}."
