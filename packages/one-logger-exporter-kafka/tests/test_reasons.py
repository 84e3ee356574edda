"""What the exporter says of kafka-python's errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from one_logger.core import Exporter, ExportError, Resource
from one_logger.exporter.kafka import KafkaExporter

QUICK = {"bootstrap_timeout_ms": 500, "request_timeout_ms": 1_500, "reconnect_backoff_max_ms": 200}
# Kafka's error codes.
LEADER_NOT_AVAILABLE = 5
NOT_ENOUGH_REPLICAS = 19
TOPIC_AUTHORIZATION_FAILED = 29


def _message(exporter: KafkaExporter, resource: Resource) -> str:
    with pytest.raises(ExportError) as raised:
        exporter.initialize(resource)
    return str(raised.value)


def test_error_is_named_once(place: Any, new_topic: Callable[..., str], resource: Resource) -> None:
    """A broker's error has its name, and the message is one sentence."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic)
    exporter.initialize(resource)
    place.proxy.verdict = lambda size: TOPIC_AUTHORIZATION_FAILED
    with pytest.raises(ExportError) as raised:
        exporter.flush()
    place.proxy.verdict = None
    message = str(raised.value)
    assert message.startswith(f"The brokers refuse messages for the topic {topic!r}: ")
    assert message.count("TopicAuthorizationFailedError") == 1
    assert message.endswith(".")
    assert not message.endswith("..")
    exporter.close()


def test_address_that_cannot_be_reached_is_named(
    place: Any, new_topic: Callable[..., str], export_events: Callable[..., None], resource: Resource
) -> None:
    """Where brokers tell their clients to connect to what nobody can reach, the error names it and what came of it."""
    topic = new_topic(place.servers)
    place.proxy.refuse()
    reachable = ", ".join(f"127.0.0.1:{port}" for port in place.proxy.targets)
    config = {**QUICK, "max_block_ms": 500}
    exporter = KafkaExporter(reachable, topic=topic, delivery_timeout=1.0, producer_config=config)
    exporter.initialize(resource)
    export_events(exporter, 3)
    nowhere = "|".join(map(str, place.proxy.ports))
    # Some brokers tell of the topic at once, with the addresses of all.
    expected = (
        f"^(Nothing is known about the topic '{topic}'|.*; (it is|they are) still being sent): "
        f".*127.0.0.1:({nowhere}): KafkaConnectionError: .*REFUSED.*, "
        f"where the brokers at {reachable} tell their clients to connect.$"
    )
    with pytest.raises(ExportError, match=expected):
        exporter.flush()
    with pytest.raises(ExportError, match=expected):
        exporter.close()


def test_reason_why_nothing_is_known_about_a_topic_is_said(
    place: Any,
    new_topic: Callable[..., str],
    export_events: Callable[..., None],
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """While a topic has no leader, kafka-python asks for it again and again, and the error says what brokers answer."""
    topic = new_topic(place.servers)
    exporter = KafkaExporter(place.servers, topic=topic, producer_config={"max_block_ms": 500})
    place.proxy.topic_error = LEADER_NOT_AVAILABLE
    exporter.initialize(resource)
    export_events(exporter, 3)
    with pytest.raises(
        ExportError, match=rf"^Nothing is known about the topic '{topic}': .*LeaderNotAvailableError.*\.$"
    ):
        exporter.flush()
    place.proxy.topic_error = 0
    flush_until_done(exporter)
    exporter.close()


def test_host_that_has_no_address_is_named(resource: Resource) -> None:
    """A host name that can't be looked up is in the error, with the resolver's words."""
    exporter = KafkaExporter("no-such-host.invalid:9092", topic="telemetry", producer_config=QUICK)
    assert "do not answer: no-such-host.invalid:9092: KafkaConnectionError: DNS lookup failed" in _message(
        exporter, resource
    )


def test_reason_why_messages_are_not_taken_is_said(
    place: Any,
    new_topic: Callable[..., str],
    export_events: Callable[..., None],
    resource: Resource,
    flush_until_done: Callable[[Exporter], None],
) -> None:
    """While brokers have too few replicas kafka-python sends again and again, and the error says what they answer."""
    exporter = KafkaExporter(place.servers, topic=new_topic(place.servers), delivery_timeout=1.0)
    exporter.initialize(resource)
    flush_until_done(exporter)
    place.proxy.verdict = lambda size: NOT_ENOUGH_REPLICAS
    export_events(exporter, 3)
    with pytest.raises(
        ExportError, match=r"still being sent: the last answer of a broker was .*NotEnoughReplicasError"
    ):
        exporter.flush()
    place.proxy.verdict = None
    flush_until_done(exporter)
    exporter.close()


def test_what_kafka_python_has_against_its_configuration_is_said(brokers: str, resource: Resource) -> None:
    """An option whose value kafka-python does not take is an error that says which kind it is, and is final."""
    exporter = KafkaExporter(brokers, topic="telemetry", producer_config={"api_version": "x"})
    with pytest.raises(ExportError, match=r"^kafka-python makes no producer: ValueError: .*[^.]\.$") as raised:
        exporter.initialize(resource)
    assert not raised.value.retriable


def test_secret_in_an_error_is_not_said(resource: Resource) -> None:
    """Where kafka-python's error repeats a password, three asterisks stand for it."""
    security: dict[str, Any] = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"}
    user: dict[str, Any] = {"sasl_plain_username": "job", "sasl_plain_password": "open sesame"}
    wrong = {"api_version": "open sesame"}
    message = _message(
        KafkaExporter("127.0.0.1:1", topic="telemetry", **security, **user, producer_config=wrong), resource
    )
    assert "'***'" in message
    assert "sesame" not in message


def test_error_that_has_its_name_gets_it_once(resource: Resource) -> None:
    """An error of kafka-python that says its own name, as most do, is not given it again."""
    exporter = KafkaExporter("127.0.0.1:1", topic="telemetry", producer_config={**QUICK, "api_version": (0, 1)})
    assert _message(exporter, resource).endswith("makes no producer: UnrecognizedBrokerVersion: (0, 1).")


def test_all_brokers_that_were_tried_are_named(resource: Resource) -> None:
    """Who reads that no broker answers sees which ones were asked, and why they did not."""
    message = _message(
        KafkaExporter(["127.0.0.1:1", "127.0.0.1:2"], topic="telemetry", producer_config=QUICK), resource
    )
    assert message.startswith("The brokers at 127.0.0.1:1, 127.0.0.1:2 do not answer: ")
    assert "RuntimeError" not in message
    assert message.endswith(".")
