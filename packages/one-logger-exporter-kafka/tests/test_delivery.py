"""Exported means acknowledged: what the exporter does while brokers fail."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from one_logger.core import Exporter, ExportError, Resource, verify
from one_logger.exporter.kafka import KafkaExporter, read_records

Consume = Callable[[str, str], list[Any]]
Numbers = Callable[[list[dict[str, Any]]], list[int]]
Export = Callable[..., None]
BATCHES = ["jsonl", "records"]
QUICK = {"bootstrap_timeout_ms": 500, "request_timeout_ms": 1_500, "reconnect_backoff_max_ms": 200}


def test_broker_that_is_away_is_a_retriable_error(resource: Resource) -> None:
    """Where nothing listens, `initialize` says so soon, and may be called again."""
    exporter = KafkaExporter("127.0.0.1:1", topic="telemetry", producer_config=QUICK)
    for _ in range(2):
        begin = time.monotonic()
        with pytest.raises(ExportError, match=r"The brokers at 127\.0\.0\.1:1 do not answer") as raised:
            exporter.initialize(resource)
        assert raised.value.retriable
        assert time.monotonic() - begin < 3


@pytest.mark.parametrize("batch", BATCHES)
def test_lost_acknowledgement_makes_no_duplicate(
    batch: Any,
    place: Any,
    new_topic: Callable[..., str],
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """What the broker took while its answers were lost is not sent as if it were new."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, batch=batch, delivery_timeout=0.5, producer_config=QUICK)
    exporter.initialize(resource)
    flush_until_done(exporter)
    place.proxy.stalled = {"answers"}
    export_events(exporter, 100)
    for _ in range(2):
        with pytest.raises(ExportError, match=r"have not acknowledged 100 records .* still being sent") as raised:
            exporter.flush()
        assert raised.value.retriable
    place.proxy.cut()
    place.proxy.stalled = set()
    flush_until_done(exporter)
    export_events(exporter, 100, start=100)
    exporter.close()
    messages = consume(place.servers, topic)
    assert numbers_of(list(read_records(messages))) == list(range(200))


def test_connections_that_are_cut_lose_nothing(
    place: Any,
    new_topic: Callable[..., str],
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """However often the connection is cut, everything arrives, once, in order."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, max_message_bytes=20_000, producer_config=QUICK)
    exporter.initialize(resource)
    done = threading.Event()

    def cut() -> None:
        while not done.wait(0.05):
            place.proxy.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    for start in range(0, 2_000, 100):
        export_events(exporter, 100, start=start)
        flush_until_done(exporter)
    done.set()
    cutter.join()
    exporter.close()
    records = list(read_records(consume(place.servers, topic)))
    assert numbers_of(records) == list(range(2_000))
    (report,) = verify(records)
    assert report.whole


def test_close_keeps_its_deadline(
    place: Any,
    new_topic: Callable[..., str],
    export_events: Export,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """A broker that hangs holds `close` up for the delivery timeout and a second at most, and what is lost is said."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, delivery_timeout=0.5)
    exporter.initialize(resource)
    flush_until_done(exporter)
    place.proxy.stalled = {"requests", "answers"}
    export_events(exporter, 10)
    begin = time.monotonic()
    with pytest.raises(ExportError) as raised:
        exporter.close()
    assert time.monotonic() - begin < 2
    assert (raised.value.lost, raised.value.retriable) == (10, False)


def test_topic_appears_later(
    place: Any,
    new_topic: Callable[..., str],
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """While the brokers know no such topic, exporting fails; once they do, everything arrives."""
    topic = new_topic(place.servers)
    place.proxy.hidden = topic.encode()
    exporter = KafkaExporter(place.servers, topic=topic, producer_config={**QUICK, "max_block_ms": 300})
    exporter.initialize(resource)
    export_events(exporter, 5)
    for _ in range(2):
        with pytest.raises(ExportError, match=f"Nothing is known about the topic '{topic}'") as raised:
            exporter.flush()
        assert raised.value.retriable
    place.proxy.hidden = b""
    flush_until_done(exporter)
    exporter.close()
    assert numbers_of(list(read_records(consume(place.servers, topic)))) == list(range(5))


def test_topic_is_made_by_being_used(
    place: Any,
    consume: Consume,
    export_events: Export,
    numbers_of: Numbers,
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """Where the brokers make topics that are asked for, nobody else has to."""
    topic = f"one-logger-tests-{uuid.uuid4().hex}"
    exporter = KafkaExporter(place.servers, topic=topic)
    exporter.initialize(resource)
    export_events(exporter, 5)
    flush_until_done(exporter)
    exporter.close()
    assert numbers_of(list(read_records(consume(place.servers, topic)))) == list(range(5))


def test_forked_child_has_its_own_stream(
    brokers: str, topic: str, consume: Consume, export_events: Export, numbers_of: Numbers, resource: Resource
) -> None:
    """A child begins a stream of its own with a connection of its own, and its parent goes on as if it were alone."""
    exporter = KafkaExporter(brokers, topic=topic)
    exporter.initialize(resource)
    export_events(exporter, 10)
    exporter.flush()
    export_events(exporter, 10, start=10)
    child = os.fork()
    if not child:
        try:
            exporter.after_fork()
            exporter.initialize(resource)
            export_events(exporter, 10, start=100)
            exporter.close()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    exporter.close()
    records = list(read_records(consume(brokers, topic)))
    assert sorted(numbers_of(records)) == [*range(20), *range(100, 110)]
    assert [report.whole for report in verify(records)] == [True, True]
