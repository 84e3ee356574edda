"""Messages of exactly the largest size, and what becomes of those that a topic finds too large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from one_logger.core import Event, Exporter, ExportError, RecordEncoder, Resource, Span, verify
from one_logger.exporter.kafka import KafkaExporter, read_records

Consume = Callable[[str, str], list[Any]]
Export = Callable[..., None]
Numbers = Callable[[list[dict[str, Any]]], list[int]]
NewTopic = Callable[..., str]
MESSAGE_TOO_LARGE = 10
"""Kafka's error code."""


def _event_of(length: int) -> Event:
    """An event whose line has so many bytes, if it is one of the first nine of its stream."""
    empty = len(RecordEncoder(Resource()).event(Event.create("step", {"number": 0, "text": ""}), Span("work")))
    return Event.create("step", {"number": 0, "text": "x" * (length - empty)})


@pytest.mark.parametrize("batch", ["jsonl", "records"])
def test_record_of_exactly_the_largest_size_is_sent(
    batch: Any,
    brokers: str,
    topic: str,
    consume: Consume,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """A record may have as many bytes as `max_message_bytes` says; with one more it is lost."""
    exporter = KafkaExporter(brokers, topic=topic, batch=batch, max_message_bytes=5_000)
    exporter.initialize(resource)
    flush_until_done(exporter)
    exporter.export_event(_event_of(5_000), Span("work"))
    exporter.flush()
    exporter.export_event(_event_of(5_001), Span("work"))
    with pytest.raises(ExportError) as raised:
        exporter.flush()
    assert raised.value.lost == 1
    exporter.flush()  # which says it once
    exporter.close()
    messages = consume(brokers, topic)
    assert max(len(message.value) for message in messages) == (5_000 if batch == "jsonl" else 4_999)
    (report,) = verify(read_records(messages))
    assert (report.records, report.gaps) == (3, [range(3, 4)])


def test_lost_records_are_counted_one_by_one(brokers: str, topic: str, consume: Consume, resource: Resource) -> None:
    """Of several records that are too large each is counted, and none of those between them is."""
    exporter = KafkaExporter(brokers, topic=topic, max_message_bytes=2_000)
    exporter.initialize(resource)
    for length in (2_001, 2_000, 3_000, 400, 5_000):
        exporter.export_event(_event_of(length), Span("work"))
    with pytest.raises(ExportError, match=r"^3 records are lost: a record has more than the 2000 bytes") as raised:
        exporter.flush()
    assert (raised.value.lost, raised.value.retriable) == (3, False)
    exporter.close()
    (report,) = verify(read_records(consume(brokers, topic)))
    assert report.gaps == [range(2, 3), range(4, 5), range(6, 7)]


@pytest.mark.parametrize("batch", ["jsonl", "records"])
def test_two_records_that_are_too_large_together_are_sent_one_by_one(
    batch: Any,
    place: Any,
    new_topic: NewTopic,
    consume: Consume,
    export_events: Export,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """Where two records are more than the topic takes at once, and each alone is not, both arrive."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, batch=batch)
    exporter.initialize(resource)
    flush_until_done(exporter)
    place.proxy.verdict = lambda size: MESSAGE_TOO_LARGE if size > 20_000 else 0
    export_events(exporter, 2, text="x" * 12_000)
    exporter.flush()
    exporter.close()
    (report,) = verify(read_records(consume(place.servers, topic)))
    assert (report.whole, report.records) == (True, 4)


@pytest.mark.parametrize("batch", ["jsonl", "records"])
def test_messages_get_no_smaller_than_they_have_to(
    batch: Any,
    place: Any,
    new_topic: NewTopic,
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """What is too large is halved until the topic takes it, and what comes later is cut like that at once."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, batch=batch)
    exporter.initialize(resource)
    flush_until_done(exporter)
    refused, taken = list[int](), list[int]()

    def verdict(size: int) -> int:
        (refused if size > 20_000 else taken).append(size)
        return MESSAGE_TOO_LARGE if size > 20_000 else 0

    place.proxy.verdict = verdict
    for start in (0, 60):
        export_events(exporter, 60, start=start, text="x" * 800)  # some 62,000 bytes: 31,000, 15,500
        exporter.flush()
    exporter.close()
    assert max(taken) > 14_000
    assert numbers_of(list(read_records(consume(place.servers, topic)))) == list(range(120))
    assert len(refused) == 2
