"""How long the exporter waits for brokers that take their time, and what it says is lost then."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka_job import Job, compare

from one_logger.core import Exporter, ExportError, Resource
from one_logger.exporter.kafka import KafkaExporter, read_records

Consume = Callable[[str, str], list[Any]]
Export = Callable[..., None]
Numbers = Callable[[list[dict[str, Any]]], list[int]]
NewTopic = Callable[..., str]
TOPIC_AUTHORIZATION_FAILED = 29
"""Kafka's error code."""


def _slowly(seconds: float) -> Callable[[int], int]:
    """A verdict that lets everything through, each batch after so many seconds."""

    def verdict(size: int) -> int:
        time.sleep(seconds)
        return 0

    return verdict


def _threads(client: str) -> list[str]:
    """The threads of kafka-python's producers that are called so."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(client)]


@pytest.mark.parametrize("batch", ["jsonl", "records"])
def test_progress_renews_the_patience(
    batch: Any,
    place: Any,
    new_topic: NewTopic,
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """As long as the brokers take something within `delivery_timeout`, one `flush` sends all there is."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, batch=batch, max_message_bytes=1_500, delivery_timeout=1.0)
    exporter.initialize(resource)
    flush_until_done(exporter)
    place.proxy.verdict = _slowly(0.2)
    export_events(exporter, 8, text="x" * 1_000)
    begin = time.monotonic()
    exporter.flush()
    assert time.monotonic() - begin > 1.0
    exporter.close()
    assert numbers_of(list(read_records(consume(place.servers, topic)))) == list(range(8))


def test_close_waits_no_longer_for_progress(
    place: Any,
    new_topic: NewTopic,
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """`close` ends after `delivery_timeout`, also while the brokers take one message after the other."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, max_message_bytes=1_500, delivery_timeout=1.0)
    exporter.initialize(resource)
    flush_until_done(exporter)
    place.proxy.verdict = _slowly(0.2)
    export_events(exporter, 60, text="x" * 1_000)
    with pytest.raises(ExportError) as raised:
        exporter.close()
    place.proxy.verdict = None
    assert not raised.value.retriable
    assert raised.value.lost is not None
    arrived = numbers_of(list(read_records(consume(place.servers, topic))))
    assert arrived == list(range(len(arrived)))
    # What was on its way, one message, may arrive all the same.
    assert raised.value.lost - 1 <= 60 - len(arrived) <= raised.value.lost
    assert raised.value.lost > 40


def test_short_pause_of_a_quota_does_not_count(
    place: Any,
    new_topic: NewTopic,
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """Brokers that slow us down by a quota are waited for, longer than for those that don't answer."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, max_message_bytes=1_500, delivery_timeout=2.0)
    exporter.initialize(resource)
    flush_until_done(exporter)
    place.proxy.throttle = 1_500
    place.proxy.verdict = _slowly(1.0)
    export_events(exporter, 3, text="x" * 1_000)
    begin = time.monotonic()
    exporter.flush()
    assert (
        time.monotonic() - begin > 5.0
    )  # two pauses and an answer after each, together longer than `delivery_timeout`
    place.proxy.verdict = None
    place.proxy.throttle = 0
    exporter.close()
    assert numbers_of(list(read_records(consume(place.servers, topic)))) == list(range(3))


def test_long_pause_of_a_quota_is_told(
    place: Any,
    new_topic: NewTopic,
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """A pause that is longer than `delivery_timeout` is not waited for: the error says when to come back, at once.

    What is not there when `close` gives up is lost, and the error says why.
    """
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, max_message_bytes=1_500, delivery_timeout=2.0)
    exporter.initialize(resource)
    flush_until_done(exporter)
    place.proxy.throttle = 6_000
    export_events(exporter, 2, text="x" * 1_000)
    said = r"^A quota of the brokers lets this client send again in \d\.\d seconds; 1 records for .* wait for that\."
    with pytest.raises(ExportError, match=said) as raised:
        exporter.flush()
    assert raised.value.retriable
    assert 2.0 < raised.value.retry_after <= 6.0
    begin = time.monotonic()
    with pytest.raises(ExportError, match=said) as again:
        exporter.flush()
    assert time.monotonic() - begin < 2.0
    assert again.value.retry_after < raised.value.retry_after
    time.sleep(again.value.retry_after)
    exporter.flush()
    export_events(exporter, 1, start=2, text="x" * 1_000)
    with pytest.raises(ExportError, match=r"a quota of the brokers lets this client send again in \d\.\d seconds\.$"):
        exporter.close()
    assert numbers_of(list(read_records(consume(place.servers, topic))))[:2] == [0, 1]


@pytest.mark.apache_kafka
def test_quota_of_apache_kafka_is_no_failure(
    cluster: Any, brokers: str, topic: str, consume: Consume, caplog: pytest.LogCaptureFixture
) -> None:
    """A job that a quota slows down delivers everything, counts no failure, and its log says once why it waits."""
    caplog.set_level(logging.INFO, logger="one_logger")
    cluster.limit("slow", 10_000)
    exporter = KafkaExporter(brokers, topic=topic, client_id="slow", max_message_bytes=20_000, delivery_timeout=1.0)
    job = Job(exporter)
    job.work(75, text="x" * 2_000)  # 150 kB; the first 100 are free
    begin = time.monotonic()
    assert job.recorder.flush(60)
    assert time.monotonic() - begin > 3.0
    assert job.stats.failures == 0
    assert job.end()
    compare(job, consume(brokers, topic))
    waits, works = [line for line in caplog.messages if line.startswith("Exporter kafka ")]
    assert "waits, as its backend asks, it raised ExportError: A quota of the brokers lets this client" in waits
    assert works == "Exporter kafka works again."


def test_all_that_is_lost_by_closing_is_counted(
    place: Any,
    new_topic: NewTopic,
    export_events: Export,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """What no message can hold, and what was not acknowledged in time, are lost together."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, max_message_bytes=5_000, delivery_timeout=0.3)
    exporter.initialize(resource)
    flush_until_done(exporter)
    place.proxy.stalled = {"requests", "answers"}
    export_events(exporter, 2, text="x" * 6_000)
    export_events(exporter, 4)
    with pytest.raises(ExportError, match=r"have not acknowledged 5 records .* within 0\.3 seconds") as raised:
        exporter.close()
    assert raised.value.lost == 2 + 4


def test_flush_waits_as_long_as_it_was_told(
    place: Any,
    new_topic: NewTopic,
    export_events: Export,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """A `flush` that brokers don't answer ends after `delivery_timeout`: never before, and little later at the best."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, delivery_timeout=0.4)
    exporter.initialize(resource)
    flush_until_done(exporter)
    place.proxy.stalled = {"requests", "answers"}
    export_events(exporter, 3)
    times = []
    for _ in range(5):
        begin = time.monotonic()
        with pytest.raises(ExportError, match="have not acknowledged 3 records") as raised:
            exporter.flush()
        assert raised.value.retriable
        times.append(time.monotonic() - begin)
    assert min(times) >= 0.4
    assert min(times) < 0.8
    place.proxy.stalled = set()
    exporter.close()


def test_close_that_gives_up_waits_for_nothing_more(
    place: Any,
    new_topic: NewTopic,
    export_events: Export,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """Once `delivery_timeout` is over, `close` does not wait for a thread that hangs, at the best of some tries."""
    topic = new_topic(place.servers)
    times = []
    for _ in range(4):
        exporter = KafkaExporter(place.servers, topic, delivery_timeout=0.3)
        exporter.initialize(resource)
        flush_until_done(exporter)
        place.proxy.stalled = {"requests", "answers"}
        export_events(exporter, 3)
        begin = time.monotonic()
        with pytest.raises(ExportError, match="have not acknowledged 4 records"):
            exporter.close()
        times.append(time.monotonic() - begin)
        place.proxy.stalled = set()
        place.proxy.cut()
    assert min(times) >= 0.3
    assert min(times) < 0.8


def test_connections_are_kept_while_a_topic_is_not_known(
    place: Any, new_topic: NewTopic, consume: Consume, export_events: Export, numbers_of: Numbers, resource: Resource
) -> None:
    """Brokers that do not know the topic yet are asked again, and not connected to anew."""
    topic = new_topic(place.servers)
    place.proxy.hidden = topic.encode()
    exporter = KafkaExporter(place.servers, topic=topic, producer_config={"max_block_ms": 200})
    exporter.initialize(resource)
    export_events(exporter, 5)
    with pytest.raises(ExportError, match=f"Nothing is known about the topic '{topic}'"):
        exporter.flush()
    connections = place.proxy.connections
    for _ in range(3):
        with pytest.raises(ExportError, match=f"Nothing is known about the topic '{topic}'"):
            exporter.flush()
    assert place.proxy.connections == connections
    place.proxy.hidden = b""
    exporter.close()
    assert numbers_of(list(read_records(consume(place.servers, topic)))) == list(range(5))


def test_producers_that_were_given_up_leave_no_thread(
    place: Any,
    new_topic: NewTopic,
    wait_for: Callable[..., None],
    export_events: Export,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """However often what was sent is refused, no thread is left of what kafka-python had for it."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, client_id="given-up")
    exporter.initialize(resource)
    flush_until_done(exporter)
    assert _threads("given-up")
    place.proxy.verdict = lambda size: TOPIC_AUTHORIZATION_FAILED
    export_events(exporter, 5)
    for _ in range(4):
        with pytest.raises(ExportError, match="refuse messages"):
            exporter.flush()
    place.proxy.verdict = None
    exporter.close()
    wait_for(lambda: not _threads("given-up"))


def test_closed_exporter_leaves_no_thread(brokers: str, topic: str, export_events: Export, resource: Resource) -> None:
    """After `close` the producer's thread has ended, unless it is slower than a second."""
    for _ in range(10):
        exporter = KafkaExporter(brokers, topic=topic, client_id="closed")
        exporter.initialize(resource)
        assert _threads("closed")
        export_events(exporter, 3)
        exporter.close()
        if not _threads("closed"):
            break
    else:
        pytest.fail("Each time the thread was still there.")
