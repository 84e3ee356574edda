"""Arguments: what is refused, and how it is said."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from one_logger.core import OneLoggerError
from one_logger.exporter.kafka import KafkaExporter
from one_logger.recorder import ExporterConfigError, build_exporters

SCRAM: dict[str, Any] = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "SCRAM-SHA-512",
    "sasl_plain_username": "alice",
    "sasl_plain_password": "open sesame",
}


@pytest.mark.parametrize(
    "servers",
    [
        "a:9092",
        "a:9092, b:9092",
        ["a:9092", "b.example.org"],
        ("10.0.0.1:1",),
        "[::1]:9092",
    ],
    ids=repr,
)
def test_servers_are_given_as_text_or_list(servers: Any) -> None:
    """One server or several, with a port or without, by name or address."""
    KafkaExporter(servers, topic="telemetry")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bootstrap_servers": ""}, "bootstrap_servers has ''; expected 'host:port', without a scheme."),
        ({"bootstrap_servers": []}, "bootstrap_servers is []; expected 'host:port,host:port' or a list"),
        ({"bootstrap_servers": 9092}, "bootstrap_servers is 9092; expected 'host:port,host:port' or a list"),
        ({"bootstrap_servers": "kafka://a:1"}, "bootstrap_servers has 'kafka://a:1'; expected 'host:port'"),
        ({"bootstrap_servers": "a:99999"}, "bootstrap_servers has 'a:99999'; expected 'host:port'"),
        ({"topic": ""}, "topic is ''; expected a name of 1 to 249 ASCII letters"),
        ({"topic": "a b"}, "topic is 'a b'; expected a name"),
        ({"topic": ".."}, "topic is '..'; expected a name"),
        ({"client_id": ""}, "client_id is ''; expected a text."),
        ({"batch": "json"}, "batch is 'json'; expected one of 'jsonl', 'records'."),
        (
            {"compression": "brotli"},
            "compression is 'brotli'; expected one of 'gzip', 'snappy', 'lz4', 'zstd', or None.",
        ),
        ({"max_message_bytes": 10}, "max_message_bytes is 10; expected a whole number of bytes from 1024."),
        ({"max_message_bytes": 1e6}, "max_message_bytes is 1000000.0; expected a whole number"),
        ({"delivery_timeout": 0}, "delivery_timeout is 0; expected a number of seconds from 0.1 to 86400."),
        ({"delivery_timeout": float("inf")}, "delivery_timeout is inf; expected a number of seconds"),
        ({"delivery_timeout": float("nan")}, "delivery_timeout is nan; expected a number of seconds"),
        ({"security_protocol": "TLS"}, "security_protocol is 'TLS'; expected one of 'PLAINTEXT', 'SSL'"),
        (
            {"sasl_mechanism": "PLAIN"},
            "sasl_mechanism was given, but security_protocol is 'PLAINTEXT'; expected 'SASL_SSL'",
        ),
        ({"ssl_cafile": "ca.pem"}, "ssl_cafile was given, but security_protocol is 'PLAINTEXT'; expected 'SSL' or"),
        ({"security_protocol": "SASL_SSL"}, "security_protocol is 'SASL_SSL', which needs a sasl_mechanism"),
        ({**SCRAM, "sasl_plain_password": None}, "which needs sasl_plain_password as well."),
        ({**SCRAM, "sasl_plain_password": "\udcff"}, "sasl_plain_password has half a surrogate pair"),
        ({"producer_config": "a"}, "producer_config was given as str; expected a mapping, or None."),
        (
            {"producer_config": {"request_timout_ms": 1, "acks": 0, "client_id": "x"}},
            "'request_timout_ms' is no option of kafka-python's producer; did you mean 'request_timeout_ms'",
        ),
        ({"producer_config": {"acks": 0}}, "acks is set by the exporter, which depends on it"),
        (
            {"producer_config": {"compression_type": "gzip"}},
            "compression_type is to be given as the exporter's compression.",
        ),
        (
            {**SCRAM, "producer_config": {"sasl_mechanism": "PLAIN"}},
            "sasl_mechanism was given as an argument of the exporter, too.",
        ),
    ],
    ids=str,
)
def test_what_is_refused_is_said_in_a_sentence(arguments: dict[str, Any], message: str) -> None:
    """The error names the argument, what was given, and what was expected."""
    with pytest.raises(OneLoggerError) as raised:
        KafkaExporter(**{"bootstrap_servers": "a:9092", "topic": "telemetry", **arguments})
    assert message in str(raised.value)


def test_environment_names_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """`KAFKA_BOOTSTRAP_SERVERS` holds where no servers are given, and its absence is an error that names it."""
    with pytest.raises(
        OneLoggerError, match=r"bootstrap_servers was not given, and KAFKA_BOOTSTRAP_SERVERS is not set"
    ):
        KafkaExporter(topic="telemetry")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "a:x")
    with pytest.raises(OneLoggerError, match=r"KAFKA_BOOTSTRAP_SERVERS has 'a:x'"):
        KafkaExporter(topic="telemetry")
    KafkaExporter("a:9092", topic="telemetry")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "a:9092,b:9092")
    KafkaExporter(topic="telemetry")


def test_a_topic_is_required() -> None:
    """There is no topic to fall back to, and code or configuration without one is told so."""
    KafkaExporter("a:9092", "telemetry")
    with pytest.raises(OneLoggerError, match=r"topic is missing; give the name of the topic"):
        KafkaExporter("a:9092")
    with pytest.raises(ExporterConfigError, match=r"topic is missing; give the name of the topic"):
        build_exporters([{"type": "kafka", "config": {"bootstrap_servers": "a:9092"}}])


def test_missing_codec_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a codec's package is missing, the error has the line that installs it."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "snappy" else found(name))
    with pytest.raises(OneLoggerError, match=r"'snappy', but .* not installed; run `pip install python-snappy`"):
        KafkaExporter("a:9092", topic="telemetry", compression="snappy")


def test_secrets_are_in_no_text() -> None:
    """Neither the exporter's repr nor an error shows a password."""
    exporter = KafkaExporter("a:9092", topic="telemetry", **SCRAM)
    assert "sesame" not in repr(exporter)
    for wrong in (
        {"producer_config": {"sasl_plain_pasword": "open sesame"}},
        {"ssl_check_hostname": None, "batch": "x"},
    ):
        with pytest.raises(OneLoggerError) as raised:
            KafkaExporter("a:9092", topic="telemetry", **{**SCRAM, **wrong})
        assert "sesame" not in str(raised.value)
    for server in ("alice:sesame@kafka:9092", "kafka://alice:open/sesame@kafka:9092", "alice:s@sesame@kafka:9092"):
        with pytest.raises(OneLoggerError) as raised:
            KafkaExporter(server, topic="telemetry")
        assert "sesame" not in str(raised.value)
