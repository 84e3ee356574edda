"""Records come back from messages."""

from __future__ import annotations

from typing import NamedTuple

from one_logger.core import Event, RecordEncoder, Resource, Span, verify
from one_logger.exporter.kafka import read_records


class Message(NamedTuple):
    """A message as consumers give it."""

    value: bytes | str | None


def _lines() -> list[str]:
    encoder, span = RecordEncoder(Resource.create("tests")), Span("work")
    first = encoder.resource()
    events = [encoder.event(Event.create("step", {"text": "a\u2028b\r\nc"}), span) for _ in range(3)]
    return [first, *events, encoder.end()]


def test_messages_of_both_kinds_may_be_mixed() -> None:
    """One record a message, or many, as bytes or text: the records come in order."""
    lines = _lines()
    messages = [
        Message("".join(lines[:2]).encode()),
        Message(lines[2].rstrip("\n").encode()),
        Message(lines[3]),
        Message(lines[4].encode()),
    ]
    records = list(read_records(messages))
    assert [record["seq"] for record in records] == [1, 2, 3, 4, 5]
    (report,) = verify(records)
    assert report.whole


def test_what_is_no_record_is_passed_over() -> None:
    """Tombstones, the messages of others, and what was torn do no harm."""
    lines = _lines()
    messages = [
        Message(None),
        Message(b""),
        Message(b"\xff\xfe\x00"),
        Message(b'{"order": 17}'),
        Message(b"[1, 2]"),
        Message("".join(lines).encode()),
        Message(lines[1][:30].encode()),
    ]
    (report,) = verify(read_records(messages))
    assert report.whole


def test_records_come_as_they_are_asked_for() -> None:
    """A consumer that never ends is read no further than needed."""
    lines = _lines()

    def consumer() -> object:
        yield Message(lines[0].encode())
        raise AssertionError("It was read further than needed.")

    assert next(read_records(consumer()))["type"] == "resource"  # type: ignore[arg-type]  # an iterator for mypy
