"""Brokers that answer, and don't take what they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kafka_job import Job, compare, make

from one_logger.core import Exporter, ExportError, Resource, verify
from one_logger.exporter.kafka import KafkaExporter, read_records

Consume = Callable[[str, str], list[Any]]
Numbers = Callable[[list[dict[str, Any]]], list[int]]
NewTopic = Callable[..., str]
WaitFor = Callable[[Callable[[], object]], None]

# Kafka's error codes (Kafka protocol guide, section "Error Codes").
MESSAGE_TOO_LARGE = 10
INVALID_REQUIRED_ACKS = 21
TOPIC_AUTHORIZATION_FAILED = 29
NOT_ENOUGH_REPLICAS = 19
INVALID_RECORD = 87


@pytest.mark.parametrize("batch", ["jsonl", "records"])
@pytest.mark.parametrize("code", [TOPIC_AUTHORIZATION_FAILED, NOT_ENOUGH_REPLICAS, INVALID_REQUIRED_ACKS])
def test_what_is_refused_for_a_while_arrives_later(
    batch: Any, code: int, place: Any, new_topic: NewTopic, consume: Consume, wait_for: WaitFor
) -> None:
    """A topic that may not be written to, or cannot be, is waited for; what was refused arrives, once, in order."""
    topic = new_topic(place.servers)
    job = Job(make(place, topic, batch=batch))
    job.work(300)
    assert job.recorder.flush(20)
    place.proxy.verdict = lambda size: code
    job.work(300)
    wait_for(lambda: job.stats.failures >= 3)
    place.proxy.verdict = None
    job.work(300)
    assert job.end()
    compare(job, consume(place.servers, topic))
    assert job.stats.dropped == 0


def test_refusal_names_topic_and_reason(
    place: Any, new_topic: NewTopic, resource: Resource, flush_until_done: Callable[[Exporter], None]
) -> None:
    """Who reads the error knows what to ask the cluster's owner for."""
    topic = new_topic(place.servers)
    exporter = make(place, topic)
    exporter.initialize(resource)
    flush_until_done(exporter)
    place.proxy.verdict = lambda size: TOPIC_AUTHORIZATION_FAILED
    with pytest.raises(
        ExportError, match=f"refuse messages for the topic '{topic}': .*TopicAuthorizationFailed"
    ) as raised:
        exporter.close()
    assert raised.value.lost == 0  # the `end` record is about the stream: nobody recorded it


@pytest.mark.parametrize("batch", ["jsonl", "records"])
def test_messages_that_the_topic_finds_too_large_are_split(
    batch: Any,
    place: Any,
    new_topic: NewTopic,
    consume: Consume,
    export_events: Callable[..., None],
    numbers_of: Numbers,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """Where the topic allows less than the exporter was told, messages get smaller until they pass."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, batch=batch)
    exporter.initialize(resource)
    flush_until_done(exporter)
    place.proxy.verdict = lambda size: MESSAGE_TOO_LARGE if size > 20_000 else 0
    for start in range(0, 3_000, 1_000):
        export_events(exporter, 1_000, start=start, text="x" * 100)
        exporter.flush()
    exporter.close()
    messages = consume(place.servers, topic)
    records = list(read_records(messages))
    assert numbers_of(records) == list(range(3_000))
    (report,) = verify(records)
    assert report.whole


@pytest.mark.parametrize("batch", ["jsonl", "records"])
@pytest.mark.parametrize("code", [MESSAGE_TOO_LARGE, INVALID_RECORD])
def test_record_that_the_topic_never_takes_is_a_loss_that_is_counted(
    code: int, batch: Any, place: Any, new_topic: NewTopic, consume: Consume
) -> None:
    """A single record that is refused for good is lost, with a count; it does not stop those behind it."""
    topic = new_topic(place.servers)
    job = Job(make(place, topic, batch=batch))
    job.work(50)
    assert job.recorder.flush(20)
    place.proxy.verdict = lambda size: code if size > 20_000 else 0
    job.work(1, text="x" * 50_000)
    assert not job.recorder.flush(20)
    job.work(50)
    assert not job.end()
    assert job.stats.dropped == 1
    compare(job, consume(place.servers, topic))
