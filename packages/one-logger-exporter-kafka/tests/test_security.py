"""Connections that are encrypted, and brokers that know their users."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kafka_job import Job, compare, make
from kafka_sasl import User

from one_logger.core import ExportError, Resource
from one_logger.exporter.kafka import KafkaExporter

Consume = Callable[[str, str], list[Any]]
NewTopic = Callable[..., str]
WaitFor = Callable[[Callable[[], object]], None]
USER: Any = {"name": "alice", "password": "open sesame"}
PLAIN: Any = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_plain_username": "alice",
    "sasl_plain_password": "open sesame",
}


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1, with its key in the same file."""
    file, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-out", str(file), "-keyout", str(key)),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + key.read_text())
    return file


def test_tls(place: Any, new_topic: NewTopic, consume: Consume, certificate: Path, wait_for: WaitFor) -> None:
    """Over TLS, with cuts; a certificate that nobody vouches for is refused."""
    topic = new_topic(place.servers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    place.proxy.tls = context
    stranger = Job(make(place, topic, security_protocol="SSL"))
    stranger.work(10)
    wait_for(lambda: stranger.stats.failures >= 2)
    assert not stranger.end(0.1)
    wait_for(lambda: stranger.stats.pending == 0)
    assert stranger.stats.dropped == 12
    job = Job(make(place, topic, security_protocol="SSL", ssl_cafile=certificate))
    for _ in range(5):
        job.work(200)
        assert job.recorder.flush(20)
        place.proxy.cut()
    assert job.end()
    place.proxy.tls = None
    compare(job, consume(place.servers, topic))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_sasl(
    mechanism: str, place: Any, new_topic: NewTopic, consume: Consume, wait_for: WaitFor, caplog: Any
) -> None:
    """With user and password, with cuts; wrong ones are refused, and shown to nobody."""
    topic = new_topic(place.servers)
    place.proxy.user = User("alice", "open sesame")
    credentials: Any = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "alice",
        "sasl_plain_password": "open sesame",
    }
    patient = {"bootstrap_timeout_ms": 10_000}  # a slow machine is no refusal
    stranger = Job(make(place, topic, producer_config=patient, **{**credentials, "sasl_plain_password": "open barley"}))
    stranger.work(10)
    wait_for(lambda: stranger.stats.failures >= 2)
    assert not stranger.end(0.1)
    wait_for(lambda: stranger.stats.pending == 0)
    assert stranger.stats.dropped == 12
    assert f"The brokers at {place.servers.replace(',', ', ')} refuse the connection: " in caplog.text
    assert "SaslAuthenticationFailedError" in caplog.text
    assert "barley" not in caplog.text
    job = Job(make(place, topic, producer_config=patient, **credentials))
    for _ in range(5):
        job.work(200)
        assert job.recorder.flush(20)
        place.proxy.cut()
    assert job.end()
    place.proxy.user = None
    compare(job, consume(place.servers, topic))
    assert job.stats.dropped == 0
    assert "sesame" not in caplog.text


def test_credentials_that_are_refused_for_a_while(
    place: Any, new_topic: NewTopic, consume: Consume, wait_for: WaitFor, caplog: Any
) -> None:
    """What is recorded while the brokers refuse a user that they let in before arrives once they let it in again."""
    topic = new_topic(place.servers)
    place.proxy.user = User(**USER)
    job = Job(make(place, topic, producer_config={"bootstrap_timeout_ms": 10_000}, **PLAIN))
    job.work(200)
    assert job.recorder.flush(20)
    place.proxy.user = User("alice", "changed")
    place.proxy.cut()
    job.work(200)
    wait_for(lambda: job.stats.failures >= 2)
    place.proxy.user = User(**USER)
    job.work(200)
    assert job.end()
    place.proxy.user = None
    compare(job, consume(place.servers, topic))
    assert job.stats.dropped == 0
    assert "refuse the connection: [Error 58] SaslAuthenticationFailedError" in caplog.text


def test_attempts_to_log_in_are_few(place: Any, new_topic: NewTopic, resource: Resource) -> None:
    """However often it is called, a wrong password is sent once in ten seconds, and each error says what is wrong."""
    topic = new_topic(place.servers)
    place.proxy.user = User("alice", "changed")
    exporter = KafkaExporter(place.servers, topic=topic, **PLAIN)
    said = (
        r"^The brokers at .* refuse the connection: .*SaslAuthenticationFailedError.* next attempt is in \d+ seconds\.$"
    )
    for _ in range(5):
        with pytest.raises(ExportError, match=said) as raised:
            exporter.initialize(resource)
        assert raised.value.retriable
    assert place.proxy.logins == 1


def test_new_login_that_hangs_is_said(
    place: Any, new_topic: NewTopic, export_events: Callable[..., None], wait_for: WaitFor, resource: Resource
) -> None:
    """Where brokers ask again who it is, and that takes long, the error says so."""
    topic = new_topic(place.servers)
    place.proxy.user = User(**USER, lifetime=1_000)
    exporter = KafkaExporter(place.servers, topic=topic, delivery_timeout=1.5, **PLAIN)
    exporter.initialize(resource)

    def error() -> str:
        place.proxy.stalled = set()
        with suppress(ExportError):
            exporter.flush()
        place.proxy.stalled = {"answers"}
        export_events(exporter, 1)
        with pytest.raises(ExportError) as raised:
            exporter.flush()
        return str(raised.value)

    wait_for(lambda: "still being sent: the client is proving again who it is" in error())
    place.proxy.stalled = set()
    exporter.after_fork()


def test_broker_that_wants_a_certificate_refuses(
    place: Any, new_topic: NewTopic, certificate: Path, resource: Resource
) -> None:
    """A client without the certificate that the brokers ask for hears that they refuse it, at once.

    By TLS 1.3 it hears that after the handshake, unless the end of the connection is faster.
    """
    topic = new_topic(place.servers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    place.proxy.tls = context
    exporter = KafkaExporter(place.servers, topic=topic, security_protocol="SSL", ssl_cafile=certificate)
    with pytest.raises(ExportError, match=r"refuse the connection: .*CERTIFICATE_REQUIRED|Connection reset by peer"):
        exporter.initialize(resource)
