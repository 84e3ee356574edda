"""Reading records back from what a consumer gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from one_logger import core


class ConsumedMessage(Protocol):
    """A message as kafka-python's consumer gives it, or one with the same attribute."""

    @property
    def value(self) -> bytes | str | None:
        """The value; None for a tombstone."""


def read_records(messages: Iterable[ConsumedMessage]) -> core.Records:
    """The records in `messages`, in their order, whether a message holds one or many.

    What is no record is skipped and counted, such as the messages of others in the same topic. `one_logger.core.verify`
    finds out whether records are missing.

    Args:
        messages: A `kafka.KafkaConsumer`, or messages that came from one. They are read one by one, as needed.
    """
    return core.read_records(_lines(messages))


def _lines(messages: Iterable[ConsumedMessage]) -> Iterator[bytes]:
    for message in messages:
        value = message.value
        if isinstance(value, str):
            value = value.encode("utf-8", "replace")
        if isinstance(value, (bytes, bytearray)):
            # Only a line feed ends a line here; splitlines() knows more line ends.
            yield from value.split(b"\n")
