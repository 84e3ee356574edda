"""From an exporter's arguments to the configuration of kafka-python's producer, or an error that says what is wrong."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from one_logger.core import OneLoggerError
from one_logger.core.spi import MASK, check_choice, check_type, encodable, near_miss, shown
from one_logger.exporter.kafka.producer import Producer

Compression = Literal["gzip", "snappy", "lz4", "zstd"]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER"]

BOOTSTRAP_VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"

_CODECS = {"snappy": ("snappy", "python-snappy"), "lz4": ("lz4", "lz4"), "zstd": ("zstandard", "zstandard")}
_WITH_PASSWORD = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_SERVER = re.compile(r"(?P<host>\[[0-9a-fA-F:.%]+\]|[^\s:/,\[\]]+)(:(?P<port>\d{1,5}))?")

ENVELOPE = 16_384
"""Bytes that a message may have beside its value: key, headers, and what the protocol adds."""

_DEFAULTS: dict[str, Any] = {
    "bootstrap_timeout_ms": 5_000,
    "request_timeout_ms": 10_000,
    "reconnect_backoff_max_ms": 2_000,  # so that we are back soon after the broker
    "metrics_enabled": False,
}
"""What `producer_config` may change. Nothing waits long, because records can wait in the recorder's queue."""

_OWNED = {
    "bootstrap_servers": "bootstrap_servers",
    "client_id": "client_id",
    "compression_type": "compression",
    "max_request_size": "max_message_bytes",
    "delivery_timeout_ms": "delivery_timeout",
}
"""Options of the producer that are arguments of the exporter, some under another name."""

_FIXED: dict[str, Any] = {
    "acks": "all",
    "enable_idempotence": True,
    "max_in_flight_requests_per_connection": 5,
    "linger_ms": 1_000,
}
_REFUSED = ("transactional_id", "retries", "batch_size", "key_serializer", "value_serializer", "kafka_client")
"""With those of `_FIXED`, the options that decide whether records arrive once, whole and in order."""


def check_topic(given: str | None) -> str:
    """The topic, if it is given and may be the name of one."""
    if given is None:
        raise OneLoggerError("topic is missing; give the name of the topic to send to, such as topic='telemetry'.")
    if not isinstance(given, str) or not _TOPIC.fullmatch(given) or given in (".", ".."):
        raise OneLoggerError(
            f"topic is {shown(given)}; expected a name of 1 to 249 ASCII letters, digits, '.', '_' and '-'."
        )
    return given


def build_config(
    bootstrap_servers: str | Sequence[str] | None,
    client_id: str,
    compression: Compression | None,
    max_message_bytes: int,
    delivery_timeout: float,
    security: Mapping[str, Any],
    further: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Check arguments of `KafkaExporter`, and make the producer's configuration of them.

    `security` has the options on security that are arguments of the exporter; `further` is its `producer_config`.
    """
    servers = _servers(bootstrap_servers)
    if not isinstance(client_id, str) or not client_id:
        raise OneLoggerError(f"client_id is {shown(client_id)}; expected a text.")
    _check_compression(compression)
    given = {name: value for name, value in security.items() if value is not None}
    options = {**_further(further, given), **given}
    options.update(_security({name: options[name] for name in security if options.get(name) is not None}))
    return {
        **_DEFAULTS,
        "max_block_ms": max(1_000, round(delivery_timeout * 1_000)),  # a topic that is new takes brokers a second
        **options,
        **_FIXED,
        "bootstrap_servers": servers,
        "client_id": encodable(client_id),
        "compression_type": compression,
        # One batch of the producer holds all that is in flight, so the broker takes or refuses all of it. It is sent
        # again for as long as it takes: only then does the broker recognise a repetition.
        "batch_size": max_message_bytes + ENVELOPE,
        "max_request_size": max_message_bytes + 2 * ENVELOPE,
        "delivery_timeout_ms": 2**31 - 1,
    }


def _servers(given: str | Sequence[str] | None) -> list[str]:
    source = "bootstrap_servers"
    if given is None:
        source, given = BOOTSTRAP_VARIABLE, os.environ.get(BOOTSTRAP_VARIABLE, "").strip()
        if not given:
            raise OneLoggerError(
                f"bootstrap_servers was not given, and {BOOTSTRAP_VARIABLE} is not set; "
                "give the address of a broker, such as 'kafka.example.org:9092'."
            )
    servers = given.split(",") if isinstance(given, str) else given
    if not isinstance(servers, (list, tuple)) or not servers:
        raise OneLoggerError(f"{source} is {shown(given)}; expected 'host:port,host:port' or a list of 'host:port'.")
    return [_server(source, server) for server in servers]


def _server(source: str, given: object) -> str:
    server = given.strip() if isinstance(given, str) else given
    match = _SERVER.fullmatch(server) if isinstance(server, str) else None
    if match is None or int(match["port"] or 9092) not in range(1, 65_536):
        if isinstance(server, str) and "@" in server:  # a user and password may stand before it
            server = f"{MASK}@{server.rpartition('@')[2]}"
        raise OneLoggerError(f"{source} has {shown(server)}; expected 'host:port', without a scheme.")
    return match[0]


def _check_compression(given: Compression | None) -> None:
    check_choice("compression", given, get_args(Compression), optional=True)
    module, distribution = _CODECS.get(given or "", ("", ""))
    if module and importlib.util.find_spec(module) is None:
        raise OneLoggerError(
            f"compression is {given!r}, but the package {distribution} is not installed; "
            f"run `pip install {distribution}`, or use 'gzip', which needs none."
        )


def _security(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options on security, if they fit each other, with paths as texts."""
    protocol, mechanism = given.get("security_protocol", "PLAINTEXT"), given.get("sasl_mechanism")
    check_choice("security_protocol", protocol, get_args(SecurityProtocol))
    check_choice("sasl_mechanism", mechanism, get_args(SaslMechanism), optional=True)
    for prefix, part, wanted in (
        ("sasl_", "SASL", "'SASL_SSL' or 'SASL_PLAINTEXT'"),
        ("ssl_", "SSL", "'SSL' or 'SASL_SSL'"),
    ):
        concerned = sorted(option for option in given if option.startswith(prefix))
        if concerned and part not in protocol.split("_"):
            raise OneLoggerError(
                f"{' and '.join(concerned)} {'was' if len(concerned) == 1 else 'were'} given, but security_protocol is "
                f"{protocol!r}; expected {wanted} with that."
            )
    if protocol.startswith("SASL_") and mechanism is None:
        raise OneLoggerError(f"security_protocol is {protocol!r}, which needs a sasl_mechanism, such as 'PLAIN'.")
    if mechanism in _WITH_PASSWORD:
        for option in ("sasl_plain_username", "sasl_plain_password"):
            if option not in given:
                raise OneLoggerError(f"sasl_mechanism is {mechanism!r}, which needs {option} as well.")
    for option, value in given.items():
        if option != "ssl_check_hostname":
            check_type(option, value, (str, os.PathLike), "a text")
        if option.startswith("sasl_") and isinstance(value, str) and encodable(value) != value:
            raise OneLoggerError(f"{option} has half a surrogate pair, which no encoding of text can send to a broker.")
    return {name: os.fspath(value) if isinstance(value, os.PathLike) else value for name, value in given.items()}


def _further(given: Mapping[str, Any] | None, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `producer_config`, if there are such options and the exporter does not set them itself."""
    check_type("producer_config", given, Mapping, "a mapping", optional=True)
    problems = []
    for name in given or ():
        if name in _OWNED:
            problems.append(f"{name} is to be given as the exporter's {_OWNED[name]}")
        elif name in _FIXED or name in _REFUSED:
            problems.append(f"{name} is set by the exporter, which depends on it to deliver everything once, in order")
        elif name in arguments:
            problems.append(f"{name} was given as an argument of the exporter, too")
        elif name not in Producer.DEFAULT_CONFIG:
            meant = near_miss(str(name), Producer.DEFAULT_CONFIG, most=3)
            problems.append(f"{shown(str(name))} is no option of kafka-python's producer{meant and f'; {meant}'}")
    if problems:
        raise OneLoggerError(f"producer_config: {'; '.join(problems)}.".replace("?.", "?"))
    return dict(given or {})
