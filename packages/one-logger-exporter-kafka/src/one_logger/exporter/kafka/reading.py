"""Reading records back from what a consumer gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from one_logger import core


class Message(Protocol):
    """A message, such as kafka-python's consumer gives."""

    @property
    def value(self) -> bytes | str | None:
        """The content; None for a tombstone."""


def read_records(messages: Iterable[Message]) -> core.Records:
    """The records in `messages`, in their order, whether a message holds one or many.

    What is no record is passed over and counted, such as the messages of others in the same topic.
    `one_logger.core.verify` says of the records whether any is missing.

    Args:
        messages: A `kafka.KafkaConsumer`, or messages that came from one. They are read as the records are asked for.
    """
    return core.read_records(_lines(messages))


def _lines(messages: Iterable[Message]) -> Iterator[bytes]:
    for message in messages:
        value = message.value
        if isinstance(value, str):
            value = value.encode("utf-8", "replace")
        if isinstance(value, (bytes, bytearray)):
            # Only a line feed ends a line here; text has more that would.
            yield from value.split(b"\n")
