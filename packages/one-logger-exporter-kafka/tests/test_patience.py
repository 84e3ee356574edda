"""How long the exporter waits for brokers that take their time, and what it says is lost then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka_job import PATIENT

from one_logger.core import Exporter, ExportError, Resource
from one_logger.exporter.kafka import KafkaExporter, read_records

Consume = Callable[[str, str], list[Any]]
Export = Callable[..., None]
Numbers = Callable[[list[dict[str, Any]]], list[int]]
NewTopic = Callable[..., str]
Known = Callable[..., tuple[KafkaExporter, str]]
TOPIC_AUTHORIZATION_FAILED = 29
"""Kafka's error code."""


def _slowly(seconds: float) -> Callable[[int], int]:
    """A verdict that lets everything through, each batch after so many seconds."""

    def verdict(size: int) -> int:
        time.sleep(seconds)
        return 0

    return verdict


@pytest.fixture
def known(place: Any, new_topic: NewTopic, resource: Resource, flush_until_done: Callable[[Exporter], None]) -> Known:
    """A function that makes an exporter to a new topic, which has sent something there already. Gives both."""

    def make(**arguments: Any) -> tuple[KafkaExporter, str]:
        topic = new_topic(place.servers)
        exporter = KafkaExporter(place.servers, topic=topic, **arguments)
        exporter.initialize(resource)
        flush_until_done(exporter)
        return exporter, topic

    return make


def _threads(client: str) -> list[str]:
    """The threads of kafka-python's producers that are called so."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(client)]


@pytest.mark.parametrize("batch", ["jsonl", "records"])
def test_progress_renews_the_patience(
    batch: Any,
    place: Any,
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    known: Known,
) -> None:
    """As long as the brokers take something within `delivery_timeout`, one `flush` sends all there is."""
    exporter, topic = known(batch=batch, max_message_bytes=1_500, delivery_timeout=1.0)
    place.proxy.verdict = _slowly(0.2)
    export_events(exporter, 8, text="x" * 1_000)
    begin = time.monotonic()
    exporter.flush()
    assert time.monotonic() - begin > 1.0
    exporter.close()
    assert numbers_of(list(read_records(consume(place.servers, topic)))) == list(range(8))


def test_close_waits_no_longer_for_progress(
    place: Any,
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    known: Known,
) -> None:
    """`close` ends after `delivery_timeout`, also while the brokers take one message after the other."""
    exporter, topic = known(max_message_bytes=1_500, delivery_timeout=1.0)
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
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    known: Known,
) -> None:
    """Brokers that slow us down by a quota are waited for, longer than for those that don't answer."""
    exporter, topic = known(max_message_bytes=1_500, delivery_timeout=2.0)
    place.proxy.throttle = 1_700
    place.proxy.verdict = _slowly(0.5)
    export_events(exporter, 2, text="x" * 1_000)
    begin = time.monotonic()
    exporter.flush()
    assert time.monotonic() - begin > 2.5  # two answers that take time, and the pause between them
    place.proxy.verdict = None
    place.proxy.throttle = 0
    exporter.close()
    assert numbers_of(list(read_records(consume(place.servers, topic)))) == [0, 1]


def test_long_pause_of_a_quota_is_told(
    place: Any,
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    known: Known,
) -> None:
    """A pause that is longer than `delivery_timeout` is not waited for: the error says when to come back, at once.

    What is not there when `close` gives up is lost, and the error says why.
    """
    exporter, topic = known(max_message_bytes=1_500, delivery_timeout=2.0)
    place.proxy.throttle = 4_000
    export_events(exporter, 2, text="x" * 1_000)
    said = r"^A quota of the brokers lets this client send again in \d\.\d seconds; 1 record for .* will be sent then\."
    with pytest.raises(ExportError, match=said) as raised:
        exporter.flush()
    assert raised.value.retriable
    assert 2.0 < raised.value.retry_after <= 4.0
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


def test_all_that_is_lost_by_closing_is_counted(
    place: Any,
    export_events: Export,
    known: Known,
) -> None:
    """What no message can hold, and what was not acknowledged in time, are lost together."""
    exporter, _ = known(max_message_bytes=5_000, delivery_timeout=0.3)
    place.proxy.stalled = {"requests", "answers"}
    export_events(exporter, 2, text="x" * 6_000)
    export_events(exporter, 4)
    with pytest.raises(ExportError, match=r"have not acknowledged 5 records .* within 0\.3 seconds") as raised:
        exporter.close()
    assert raised.value.lost == 2 + 4


def test_flush_waits_as_long_as_it_was_told(
    place: Any,
    export_events: Export,
    known: Known,
) -> None:
    """A `flush` that brokers don't answer ends after `delivery_timeout`: never before, and little later at the best."""
    exporter, _ = known(delivery_timeout=0.55)
    place.proxy.stalled = {"requests", "answers"}
    export_events(exporter, 3)
    times = []
    for _ in range(5):
        begin = time.monotonic()
        with pytest.raises(ExportError, match="have not acknowledged 3 records") as raised:
            exporter.flush()
        assert raised.value.retriable
        times.append(time.monotonic() - begin)
    assert min(times) >= 0.55
    assert min(times) < 0.95
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
    place: Any,
    new_topic: NewTopic,
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """Brokers that do not know the topic yet are asked again, and not connected to anew."""
    topic = new_topic(place.servers)
    place.proxy.hidden = topic.encode()
    exporter = KafkaExporter(
        place.servers, topic=topic, delivery_timeout=PATIENT, producer_config={"max_block_ms": 200}
    )
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
    flush_until_done(exporter)
    exporter.close()
    assert numbers_of(list(read_records(consume(place.servers, topic)))) == list(range(5))


def test_producers_that_were_given_up_leave_no_thread(
    place: Any,
    wait_for: Callable[..., None],
    export_events: Export,
    known: Known,
) -> None:
    """However often what was sent is refused, no thread is left of what kafka-python had for it."""
    exporter, _ = known(client_id="given-up")
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
        exporter = KafkaExporter(brokers, topic=topic, client_id="closed", delivery_timeout=PATIENT)
        exporter.initialize(resource)
        assert _threads("closed")
        export_events(exporter, 3)
        exporter.close()
        if not _threads("closed"):
            break
    else:
        pytest.fail("Each time the thread was still there.")
