"""Lines on their way to a topic, in order, each until the broker has it or it is given up."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple

from one_logger.core import ExportError, RecordExporter
from one_logger.core.spi import error_text
from one_logger.exporter.kafka import messages, quiet
from one_logger.exporter.kafka.messages import Message
from one_logger.exporter.kafka.producer import (
    REFUSED,
    TOO_LARGE,
    InvalidRecordError,
    KafkaError,
    KafkaTimeoutError,
    Producer,
)
from one_logger.exporter.kafka.settings import Batch, secrets_of

LAST_WORDS = 1.0
"""Seconds that the thread of a producer may take to end."""


SPLITTING = 0.02
"""Seconds to wait for the first part of a batch that kafka-python has split before it is told again to hurry."""


class Shipment(NamedTuple):
    """Messages that were handed to the producer: they hold the first lines, and nothing else is on its way."""

    messages: list[Message]
    futures: list[Any]

    @property
    def lines(self) -> int:
        """How many lines are on their way."""
        return sum(message.lines for message in self.messages)


class Outbox:
    """The way to one topic.

    One shipment is on its way at a time. kafka-python would send no two batches of a partition at once either, to keep
    their order; this way the order also holds where a batch is refused, and what is in flight is bounded.

    Args:
        config: kafka-python's configuration.
        topic: Where to send.
        batch: Whether a message holds many records or one.
        max_message_bytes: How many bytes may be in flight, and so in one message.
        patience: How long an acknowledgement is waited for, in seconds.

    Raises:
        ExportError: No broker is to be had.
    """

    def __init__(
        self, config: dict[str, Any], topic: str, batch: Batch, max_message_bytes: int, patience: float
    ) -> None:
        self._config = config
        self._topic = topic
        self._batch: Batch = batch
        self._max = max_message_bytes
        self._limit = max_message_bytes  # less where the topic's is smaller
        self._patience = patience
        self._shipment: Shipment | None = None
        self._lost = 0
        self._reason = ""
        self._producer: Producer | None = self._make_producer()

    # -- lines ---------------------------------------------------------------------------------------------------------

    def write(self, lines: list[str], stream: str, *, last: bool) -> None:
        """Send `lines`, and remove from the list what the brokers have acknowledged.

        Args:
            lines: Lines of JSON. Those that were left the last time come first.
            stream: The stream that they belong to.
            last: Whether there is no other time: nothing is waited for beyond the patience.

        Raises:
            ExportError: Not everything was acknowledged. It is retriable if what is left may still be.
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
        """Hand the next messages to the producer, which sends them until they are acknowledged."""
        if messages.size(lines[0]) > self._max:
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
                    futures.append(  # noqa: PERF401 - what was sent before an error is on its way
                        self._producer.send(self._topic, value=part.value, key=stream.encode(), headers=headers)
                    )
            except KafkaError as error:
                if not isinstance(error, KafkaTimeoutError):
                    self._give_up_producer()
                if not futures:
                    raise self._failed(f"Nothing is known about the topic {self._topic!r}", error) from error
        self._shipment = Shipment(parts[: len(futures)], futures)
        return self._shipment

    def _wait(self, shipment: Shipment, deadline: float) -> None:
        """Wait until the fate of each message is known.

        Raises:
            ExportError: It is not known by the deadline. The messages stay on their way.
        """
        producer = self._producer
        if producer is None:
            return
        with quiet.quietly():
            while waiting := [future for future in shipment.futures if not future.is_done]:
                if monotonic() >= deadline or producer.refused:
                    break
                with suppress(KafkaError):  # it also gives up where kafka-python splits a batch that is too large
                    producer.flush(max(0.0, deadline - monotonic()))
                with suppress(KafkaError):  # its own one is of interest later
                    waiting[0].get(min(SPLITTING, max(0.0, deadline - monotonic())))
        if all(future.is_done for future in shipment.futures):
            return
        if producer.refused:
            self._give_up_producer()
            return
        raise ExportError(
            f"The brokers have not acknowledged {shipment.lines} records for the topic {self._topic!r} "
            f"within {self._patience:g} seconds; they are still being sent.",
            retriable=True,
        )

    def _settle(self, lines: list[str]) -> bool:
        """Remove from `lines` those whose fate is known. Whether the brokers have taken any.

        Raises:
            ExportError: They have refused some, which are kept.
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
            self._give_up_producer()
        if refusal is not None:
            raise self._failed(f"The brokers refuse messages for the topic {self._topic!r}", refusal) from refusal
        return True

    def _lose(self, lines: list[str], reason: str) -> None:
        self._lost += RecordExporter.records_in(lines)
        self._reason = reason

    # -- the producer --------------------------------------------------------------------------------------------------

    def _make_producer(self) -> Producer:
        servers = ", ".join(self._config["bootstrap_servers"])
        try:
            return Producer(self._config)
        except REFUSED as error:
            raise self._failed(f"The brokers at {servers} refuse the connection", error) from error
        except (KafkaError, OSError) as error:
            said = quiet.last_failure()
            raise self._failed(
                f"The brokers at {servers} do not answer", RuntimeError(said) if said else error
            ) from error
        except Exception as error:  # whatever kafka-python has against its configuration
            raise ExportError(f"kafka-python makes no producer: {self._said(error)}") from None

    def _give_up_producer(self) -> None:
        """End a producer that is of no use any more. What it had on its way is decided then."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.end(LAST_WORDS)

    def close(self) -> None:
        """End the producer. What is on its way is given up."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.end(0.0 if self._shipment else LAST_WORDS)

    # -- messages ------------------------------------------------------------------------------------------------------

    def _failed(self, what: str, error: Exception) -> ExportError:
        return ExportError(f"{what}: {self._said(error)}", retriable=True)

    def _said(self, error: Exception) -> str:
        """What an error says, without secrets."""
        text, name = error_text(error), type(error).__name__
        if name not in text and type(error) is not RuntimeError:
            text = f"{name}: {text}".strip(": ")
        for secret in secrets_of(self._config):
            text = text.replace(secret, "***")
        return text if text.endswith(".") else f"{text}."
