"""From an exporter's arguments to the configuration of kafka-python's producer, or an error that says what is wrong."""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from one_logger.core import OneLoggerError
from one_logger.core.spi import encodable, safe_repr
from one_logger.exporter.kafka.producer import Producer

Batch = Literal["jsonl", "records"]
Compression = Literal["gzip", "snappy", "lz4", "zstd"]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER"]

BOOTSTRAP_VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"

_CODECS = {"snappy": ("snappy", "python-snappy"), "lz4": ("lz4", "lz4"), "zstd": ("zstandard", "zstandard")}
_WITH_PASSWORD = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_SECRET = re.compile(r"password|token|secret", re.IGNORECASE)
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_SERVER = re.compile(r"(?P<host>\[[0-9a-fA-F:.%]+\]|[^\s:/,\[\]]+)(:(?P<port>\d{1,5}))?")

ENVELOPE = 16_384
"""Bytes that a message may have beside its content: key, headers, and what the protocol adds."""

_DEFAULTS: dict[str, Any] = {
    "bootstrap_timeout_ms": 5_000,
    "max_block_ms": 1_000,
    "request_timeout_ms": 10_000,
    "reconnect_backoff_max_ms": 2_000,  # seconds after the broker is back, so is the telemetry
    "metrics_enabled": False,
}
"""What `producer_config` may change: nothing waits long, as the queue before the exporter does the waiting."""

_OWNED = {
    "bootstrap_servers": "bootstrap_servers",
    "client_id": "client_id",
    "compression_type": "compression",
    "max_request_size": "max_message_bytes",
    "delivery_timeout_ms": "delivery_timeout",
}
"""Options of the producer that are arguments of the exporter, under another name."""

_FIXED = (
    "acks",
    "enable_idempotence",
    "transactional_id",
    "retries",
    "max_in_flight_requests_per_connection",
    "batch_size",
    "linger_ms",
    "key_serializer",
    "value_serializer",
    "kafka_client",
)
"""Options that decide whether records arrive once, whole and in order."""


def check_bootstrap_servers(given: str | Sequence[str] | None) -> list[str]:
    """The servers as a list, from the environment if none are given.

    Raises:
        OneLoggerError: There are none, or one is no `host:port`.
    """
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
        raise OneLoggerError(
            f"{source} is {safe_repr(given, 100)}; expected 'host:port,host:port' or a list of 'host:port'."
        )
    return [_server(source, server) for server in servers]


def _server(source: str, given: object) -> str:
    server = given.strip() if isinstance(given, str) else given
    match = _SERVER.fullmatch(server) if isinstance(server, str) else None
    if match is None or int(match["port"] or 9092) not in range(1, 65_536):
        raise OneLoggerError(
            f"{source} has {safe_repr(_without_user(given), 100)}; expected 'host:port', without a scheme."
        )
    return match[0]


def _without_user(given: object) -> object:
    return re.sub(r"[^/@]*@", "***@", given) if isinstance(given, str) else given


def check_topic(given: str) -> str:
    """The topic, if it may be the name of one.

    Raises:
        OneLoggerError: It may not.
    """
    if not isinstance(given, str) or not _TOPIC.fullmatch(given) or given in {".", ".."}:
        raise OneLoggerError(
            f"topic is {safe_repr(given, 300)}; expected a name of 1 to 249 ASCII letters, digits, '.', '_' and '-'."
        )
    return given


def check_compression(given: Compression | None) -> Compression | None:
    """The codec, if its package is there.

    Raises:
        OneLoggerError: There is no such codec, or its package is missing.
    """
    check_choice("compression", given, get_args(Compression))
    module, distribution = _CODECS.get(given or "", ("", ""))
    if module and importlib.util.find_spec(module) is None:
        raise OneLoggerError(
            f"compression is {safe_repr(given, 100)}, but the package {distribution} is not installed; "
            f"run `pip install {distribution}`, or use 'gzip', which needs none."
        )
    return given


def check_choice(argument: str, given: object, choices: Sequence[str]) -> None:
    """Refuse what is neither None nor one of the choices.

    Raises:
        OneLoggerError: It is not.
    """
    if given is not None and given not in choices:
        raise OneLoggerError(f"{argument} is {safe_repr(given, 100)}; expected one of {', '.join(map(repr, choices))}.")


def check_at_least(argument: str, given: float, least: float, unit: str, *, whole: bool = False) -> None:
    """Refuse what is no number from `least` on.

    Raises:
        OneLoggerError: It is not.
    """
    kinds = (int,) if whole else (int, float)
    if type(given) not in kinds or not least <= given < float("inf"):
        number = "a whole number" if whole else "a number"
        raise OneLoggerError(f"{argument} is {safe_repr(given, 100)}; expected {number} of {unit} from {least:_} on.")


def check_security(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options on security that are not None.

    Raises:
        OneLoggerError: They do not fit each other.
    """
    given = {name: value for name, value in options.items() if value is not None}
    protocol, mechanism = given.get("security_protocol"), given.get("sasl_mechanism")
    check_choice("security_protocol", protocol, get_args(SecurityProtocol))
    check_choice("sasl_mechanism", mechanism, get_args(SaslMechanism))
    for name, prefix, wanted in (
        ("sasl_", "SASL_", "'SASL_SSL' or 'SASL_PLAINTEXT'"),
        ("ssl_", "SSL", "'SSL' or 'SASL_SSL'"),
    ):
        concerned = sorted(option for option in given if option.startswith(name))
        spoken = protocol or "PLAINTEXT"
        if concerned and not (spoken.startswith(prefix) or spoken.endswith(prefix)):
            raise OneLoggerError(
                f"{' and '.join(concerned)} {'was' if len(concerned) == 1 else 'were'} given, but security_protocol is "
                f"{spoken!r}; expected {wanted} with that."
            )
    if protocol and protocol.startswith("SASL_") and mechanism is None:
        raise OneLoggerError(
            f"security_protocol is {safe_repr(protocol, 100)}, which needs a sasl_mechanism, such as 'PLAIN'."
        )
    if mechanism in _WITH_PASSWORD:
        for option in ("sasl_plain_username", "sasl_plain_password"):
            if option not in given:
                raise OneLoggerError(f"sasl_mechanism is {safe_repr(mechanism, 100)}, which needs {option} as well.")
    for option, value in given.items():
        if option != "ssl_check_hostname" and not isinstance(value, (str, os.PathLike)):
            raise OneLoggerError(f"{option} was given as {type(value).__name__}; expected a text.")
        if option.startswith("sasl_") and isinstance(value, str) and encodable(value) != value:
            raise OneLoggerError(f"{option} has half a surrogate pair, which no encoding of text can send to a broker.")
    return {name: os.fspath(value) if isinstance(value, os.PathLike) else value for name, value in given.items()}


def check_producer_config(given: Mapping[str, Any] | None, security: Mapping[str, Any]) -> dict[str, Any]:
    """Further options of kafka-python's producer.

    Args:
        given: The options.
        security: Those that are arguments of the exporter.

    Raises:
        OneLoggerError: There is no such option, or it is not to be set here.
    """
    if given is None or given == {}:
        return {}
    if not isinstance(given, Mapping):
        raise OneLoggerError(f"producer_config was given as {type(given).__name__}; expected a mapping.")
    problems = []
    for name in given:
        if name in _OWNED:
            problems.append(f"{name} is to be given as the exporter's {_OWNED[name]}")
        elif name in _FIXED:
            problems.append(f"{name} is set by the exporter, which depends on it to deliver everything once, in order")
        elif security.get(name) is not None:
            problems.append(f"{name} was given as an argument of the exporter, too")
        elif name not in Producer.DEFAULT_CONFIG:
            near = difflib.get_close_matches(str(name), Producer.DEFAULT_CONFIG, 3)
            meant = f"; did you mean {' or '.join(near)}?" if near else ""
            problems.append(f"{safe_repr(str(name), 100)} is no option of kafka-python's producer{meant}")
    if problems:
        raise OneLoggerError(f"producer_config: {'; '.join(problems)}.".replace("?.", "?"))
    return dict(given)


def producer_config(
    servers: list[str],
    client_id: str,
    compression: Compression | None,
    max_message_bytes: int,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """What kafka-python's producer is to be made with."""
    return {
        **_DEFAULTS,
        **options,
        "bootstrap_servers": servers,
        "client_id": client_id,
        "compression_type": compression,
        "acks": "all",
        "enable_idempotence": True,
        "max_in_flight_requests_per_connection": 5,
        # One batch of the producer holds all that is in flight, and so is taken or refused as a whole. It is tried
        # again for as long as it takes: only that way the broker knows a repetition.
        "batch_size": max_message_bytes + ENVELOPE,
        "max_request_size": max_message_bytes + 2 * ENVELOPE,
        "linger_ms": 1_000,
        "delivery_timeout_ms": 2**31 - 1,
    }


def secrets_of(config: Mapping[str, Any]) -> list[str]:
    """The values in a configuration that nobody may read."""
    return [encodable(str(value)) for name, value in config.items() if _SECRET.search(name) and value]
