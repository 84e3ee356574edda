"""Connections that are encrypted, and brokers that know their users."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka_job import Job, compare, make
from kafka_sasl import User

Consume = Callable[[str, str], list[Any]]
NewTopic = Callable[..., str]
WaitFor = Callable[[Callable[[], object]], None]


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
    stranger = Job(make(place, topic, **{**credentials, "sasl_plain_password": "open barley"}))
    stranger.work(10)
    wait_for(lambda: stranger.stats.failures >= 2)
    assert not stranger.end(0.1)
    wait_for(lambda: stranger.stats.pending == 0)
    assert stranger.stats.dropped == 12
    assert "barley" not in caplog.text
    job = Job(make(place, topic, **credentials))
    for _ in range(5):
        job.work(200)
        assert job.recorder.flush(20)
        place.proxy.cut()
    # Credentials that are refused for a while, and then again accepted.
    place.proxy.user = User("alice", "changed")
    place.proxy.cut()
    job.work(200)
    wait_for(lambda: job.stats.failures >= 2)
    place.proxy.user = User("alice", "open sesame")
    job.work(200)
    assert job.end()
    place.proxy.user = None
    compare(job, consume(place.servers, topic))
    assert job.stats.dropped == 0
    assert "sesame" not in caplog.text
