"""Which records go into which message."""

from __future__ import annotations

from typing import Literal, NamedTuple

Batch = Literal["jsonl", "records"]

CONTENT_TYPES: dict[Batch, bytes] = {"jsonl": b"application/x-ndjson", "records": b"application/json"}

SCHEMA_VERSION = b"1"

MESSAGE_COST = 192
"""Bytes that a message takes beside its value: key and headers, and what the protocol adds."""


class Message(NamedTuple):
    """The value of a message, and how many lines are in it."""

    value: bytes
    lines: int


def cut(lines: list[str], batch: Batch, limit: int) -> list[Message]:
    """The messages to send next: as many of the first lines as fit into `limit` bytes in all, but at least one."""
    if batch == "records":
        values: list[Message] = []
        room = limit
        for line in lines:
            value = line[:-1].encode()
            room -= len(value) + MESSAGE_COST
            if room < 0 and values:
                break
            values.append(Message(value, 1))
        return values
    whole = "".join(lines).encode()
    if len(whole) <= limit:
        return [Message(whole, len(lines))]
    end = whole.rfind(b"\n", 0, limit) + 1 or whole.index(b"\n") + 1
    return [Message(whole[:end], whole.count(b"\n", 0, end))]
