"""A broker, a proxy before it that can do harm, and what the topics hold."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka_broker import ApacheKafka, Broker, Tansu, free_port
from kafka_proxy import Proxy

from one_logger.core import Event, Exporter, ExportError, Resource, Span

LONGEST = 30.0
"""Seconds that anything may take."""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of this machine changes what the tests see."""
    for name in os.environ:
        if name.startswith(("KAFKA_", "TRACEPARENT", "ONE_LOGGER_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _sockets() -> Iterator[None]:
    """Collect the sockets that kafka-python leaves open when a connection fails."""
    yield
    gc.collect()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Don't take them for mistakes of the tests. With Apache Kafka, run only those tests that meet it."""
    own = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in own:
        item.add_marker(pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning"))
    if APACHE_KAFKA is not None:
        others = [item for item in own if "apache_kafka" not in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


NAMED = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
APACHE_KAFKA = os.environ.get("ONE_LOGGER_APACHE_KAFKA")
"""The folder with the jars of Apache Kafka, for tests with it instead of a small broker."""
NODES = int(os.environ.get("ONE_LOGGER_APACHE_KAFKA_NODES", "1"))


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka | None]:
    """Apache Kafka, if the tests are to be run with it."""
    if APACHE_KAFKA is None:
        yield None
        return
    cluster = ApacheKafka(APACHE_KAFKA, NODES, tmp_path_factory.mktemp("kafka"))
    yield cluster
    cluster.kill()


@pytest.fixture
def cluster(apache_kafka: ApacheKafka | None) -> ApacheKafka:
    """Apache Kafka, for tests of what only it has."""
    assert apache_kafka is not None, "ONE_LOGGER_APACHE_KAFKA names no folder with jars."
    return apache_kafka


@pytest.fixture(scope="session")
def brokers(tmp_path_factory: pytest.TempPathFactory, apache_kafka: ApacheKafka | None) -> Iterator[str]:
    """Kafka's bootstrap servers: those that `KAFKA_BOOTSTRAP_SERVERS` names, or brokers started for the tests."""
    if NAMED or apache_kafka is not None:
        yield NAMED or apache_kafka.servers  # type: ignore[union-attr]
        return
    port = free_port()
    broker = Tansu(port, port, tmp_path_factory.mktemp("broker"))
    yield broker.servers
    broker.kill()


class Place:
    """Brokers that are reached through a proxy."""

    def __init__(self, broker: Broker, proxy: Proxy) -> None:
        self.broker = broker
        self.proxy = proxy
        self.servers = proxy.servers


@pytest.fixture
def place(tmp_path: Path, apache_kafka: ApacheKafka | None) -> Iterator[Place]:
    """Brokers that may be harmed, and the proxy that they are reached through."""
    if apache_kafka is not None:
        proxy = Proxy(apache_kafka.proxies)
        proxy.targets = apache_kafka.behind
        yield Place(apache_kafka, proxy)
        proxy.refuse()
        apache_kafka.start()
        return
    proxy = Proxy()
    proxy.targets = [free_port()]
    broker = Tansu(proxy.targets[0], proxy.ports[0], tmp_path)
    yield Place(broker, proxy)
    proxy.refuse()
    broker.kill()


def make_topic(servers: str, name: str, partitions: int = 1) -> str:
    """Make a topic."""
    admin = KafkaAdminClient(bootstrap_servers=servers)
    try:
        admin.create_topics([NewTopic(name, partitions, -1)])
    finally:
        admin.close()
    return name


@pytest.fixture
def new_topic() -> Callable[..., str]:
    """A function that makes a topic which nobody else has."""

    def new(servers: str, partitions: int = 1) -> str:
        return make_topic(servers, f"one-logger-tests-{uuid.uuid4().hex}", partitions)

    return new


@pytest.fixture
def topic(brokers: str, new_topic: Callable[..., str]) -> str:
    """A topic with one partition."""
    return new_topic(brokers)


@pytest.fixture
def consume() -> Callable[[str, str], list[Any]]:
    """A function that gives the messages which a topic has now, from all its partitions."""

    def read(servers: str, topic: str) -> list[Any]:
        # Brokers don't agree on where a topic ends (one says so in batches), so that a mark in each partition says it.
        mark = uuid.uuid4().bytes
        with KafkaProducer(bootstrap_servers=servers) as producer:
            numbers = sorted(producer.partitions_for(topic))
            for number in numbers:
                producer.send(topic, mark, partition=number).get(LONGEST)
        consumer = KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
        try:
            consumer.assign([TopicPartition(topic, number) for number in numbers])
            consumer.seek_to_beginning()
            messages: list[Any] = []
            deadline = time.monotonic() + LONGEST
            while sum(message.value == mark for message in messages) < len(numbers):
                assert time.monotonic() < deadline, f"Only {len(messages)} messages came."
                for some in consumer.poll(timeout_ms=200).values():
                    messages += some
            return [message for message in messages if message.headers]
        finally:
            consumer.close()

    return read


def export(exporter: Exporter, count: int, start: int = 0, text: str = "") -> None:
    """Have an exporter export so many events."""
    span = Span("work")
    for number in range(start, start + count):
        exporter.export_event(Event.create("step", {"number": number, "text": text}), span)


@pytest.fixture
def export_events() -> Callable[..., None]:
    """A function that has an exporter export so many events, numbered from `start` on."""
    return export


@pytest.fixture
def numbers_of() -> Callable[[list[dict[str, Any]]], list[int]]:
    """A function that gives the numbers of the events in records."""

    def numbers(records: list[dict[str, Any]]) -> list[int]:
        return [record["attributes"]["number"] for record in records if record.get("name") == "step"]

    return numbers


@pytest.fixture
def flush_until_done() -> Callable[[Exporter], None]:
    """A function that flushes an exporter until it has nothing left, however slow the brokers are."""

    def flush(exporter: Exporter) -> None:
        deadline = time.monotonic() + LONGEST
        while True:
            try:
                exporter.flush()
            except ExportError as error:
                if not error.retriable or time.monotonic() > deadline:
                    raise
            else:
                return

    return flush


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object]], None]:
    """A function that waits until a condition holds."""

    def wait(condition: Callable[[], object], seconds: float = LONGEST) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "The condition does not come true."
            time.sleep(0.01)

    return wait


@pytest.fixture
def resource() -> Resource:
    """Who produces the telemetry."""
    return Resource.create("tests")


@pytest.fixture
def run_script() -> Callable[..., str]:
    """A function that runs a script in a fresh interpreter, with arguments, and gives what it prints."""

    def run(script: str, *arguments: object, timeout: float = 60.0) -> str:
        command = [sys.executable, "-W", "error", "-c", script, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
