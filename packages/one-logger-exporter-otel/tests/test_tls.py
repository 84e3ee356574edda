"""Connections that are encrypted, and clients that say who they are."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from one_logger.core import ExportError, OneLoggerError, Resource, Span
from one_logger.exporter.otel import OTelExporter

Taken = list[bool]


class Files(NamedTuple):
    """What a client needs."""

    certificate: Path
    client_certificate: Path
    client_key: Path


@pytest.fixture
def authority() -> trustme.CA:
    """An authority that only these tests trust."""
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> Files:
    """The files of a client that the authority has certified."""
    files = Files(*(tmp_path / name for name in ("ca.pem", "client.pem", "key.pem")))
    client = authority.issue_cert("client")
    authority.cert_pem.write_to_path(str(files.certificate))
    client.cert_chain_pems[0].write_to_path(str(files.client_certificate))
    client.private_key_pem.write_to_path(str(files.client_key))
    return files


@pytest.fixture
def http_peer(authority: trustme.CA) -> Iterator[tuple[str, Taken]]:
    """A peer that wants to know its clients, over HTTP."""
    taken: Taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            taken.append(True)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    class Server(HTTPServer):
        def handle_error(self, *args: Any) -> None:
            """Say nothing: a client that does not trust us goes away."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    server = Server(("localhost", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"https://localhost:{server.server_address[1]}", taken
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def grpc_peer(authority: trustme.CA) -> Iterator[tuple[str, Taken]]:
    """The same over gRPC."""
    taken: Taken = []

    class Servicer(TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> ExportTraceServiceResponse:  # noqa: N802 - the name is gRPC's
            taken.append(True)
            return ExportTraceServiceResponse()

    issued = authority.issue_cert("localhost")
    credentials = grpc.ssl_server_credentials(
        [(issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())],
        root_certificates=authority.cert_pem.bytes(),
        require_client_auth=True,
    )
    server = grpc.server(futures.ThreadPoolExecutor(1))
    add_TraceServiceServicer_to_server(Servicer(), server)  # type: ignore[no-untyped-call]  # it is generated
    port = server.add_secure_port("localhost:0", credentials)
    server.start()
    yield f"https://localhost:{port}", taken
    server.stop(0).wait()


def send(**arguments: Any) -> None:
    """Send one span."""
    exporter = OTelExporter(timeout=2, **arguments)
    exporter.initialize(Resource.create("tests"))
    exporter.export_stop(Span("work"))
    exporter.close()


@pytest.mark.parametrize(("peer", "protocol"), [("http_peer", "http/protobuf"), ("grpc_peer", "grpc")])
def test_certificates_are_used(
    peer: str, protocol: str, files: Files, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer is known by the authority's certificate and the client by its own: as configured, or in variables."""
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # what the machine trusts in general
        monkeypatch.setenv(variable, ssl.get_default_verify_paths().openssl_cafile)
    endpoint, taken = request.getfixturevalue(peer)
    send(endpoint=endpoint, protocol=protocol, **files._asdict())
    assert len(taken) == 1
    for name, path in files._asdict().items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name.upper()}", str(path))
    send(endpoint=endpoint, protocol=protocol)
    assert len(taken) == 2


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("by", ["argument", "variable"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"certificate": "missing"}, "cannot be read: No such file or directory."),
        ({"certificate": "empty"}, "is empty; expected PEM."),
        ({"certificate": "text"}, "holds no certificates to trust"),
        ({"client_certificate": "client.pem"}, "and its key in"),
        ({"client_certificate": "client.pem", "client_key": "other.pem"}, "cannot be used"),
        ({"client_certificate": "client.pem", "client_key": "empty"}, "is empty; expected PEM."),
        ({"client_certificate": "client.pem", "client_key": "locked.pem"}, "needs a password"),
        ({"client_key": "key.pem"}, "without"),
    ],
    ids=str,
)
def test_files_that_cannot_be_used_are_said_when_the_exporter_is_made(
    protocol: Any, by: str, wrong: dict[str, str], said: str, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key without its certificate, one of another pair, an empty file: a sentence names it, wherever it comes from.

    gRPC would end the process by SIGABRT.
    """
    folder = files.certificate.parent
    (folder / "empty").write_text("")
    (folder / "text").write_text("no PEM")
    other = trustme.CA().issue_cert("other").private_key_pem
    other.write_to_path(str(folder / "other.pem"))
    key = serialization.load_pem_private_key(other.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )
    (folder / "locked.pem").write_bytes(locked)
    paths: dict[str, Any] = {name: str(folder / file) for name, file in wrong.items()}
    names = paths if by == "argument" else {f"OTEL_EXPORTER_OTLP_{name.upper()}": path for name, path in paths.items()}
    if by == "variable":
        for variable, path in names.items():
            monkeypatch.setenv(variable, path)
    with pytest.raises(OneLoggerError) as raised:
        OTelExporter(protocol=protocol, endpoint="https://127.0.0.1:9", **(paths if by == "argument" else {}))
    assert said in str(raised.value)
    assert any(name in str(raised.value) for name in names)


@pytest.mark.parametrize(("peer", "protocol"), [("http_peer", "http/protobuf"), ("grpc_peer", "grpc")])
def test_key_may_be_in_the_file_of_the_certificate(
    peer: str, protocol: Any, files: Files, request: pytest.FixtureRequest
) -> None:
    """A client's certificate with its key in one file needs no `client_key`."""
    both = files.certificate.parent / "both.pem"
    both.write_bytes(files.client_certificate.read_bytes() + files.client_key.read_bytes())
    endpoint, taken = request.getfixturevalue(peer)
    send(endpoint=endpoint, protocol=protocol, certificate=files.certificate, client_certificate=both)
    assert taken == [True]


@pytest.mark.parametrize(("peer", "protocol"), [("http_peer", "http/protobuf"), ("grpc_peer", "grpc")])
def test_renewed_certificates_are_used(
    peer: str, protocol: Any, files: Files, authority: trustme.CA, request: pytest.FixtureRequest
) -> None:
    """Files that are replaced while the exporter runs are read again: what the old ones could not send arrives."""
    endpoint, taken = request.getfixturevalue(peer)
    stranger = trustme.CA().issue_cert("stranger")
    right = files.client_certificate.read_bytes(), files.client_key.read_bytes()
    stranger.cert_chain_pems[0].write_to_path(str(files.client_certificate))
    stranger.private_key_pem.write_to_path(str(files.client_key))
    exporter = OTelExporter(endpoint=endpoint, protocol=protocol, timeout=2, **files._asdict())
    exporter.initialize(Resource.create("tests"))
    exporter.export_stop(Span("work"))
    with pytest.raises(ExportError) as raised:
        exporter.flush()
    assert raised.value.retriable
    files.client_certificate.write_bytes(b"half of it")  # as it is while it is being replaced
    with pytest.raises(ExportError) as raised:
        exporter.flush()
    assert raised.value.retriable
    for path, content in zip((files.client_certificate, files.client_key), right, strict=True):
        path.write_bytes(content)
    exporter.close()
    assert taken == [True]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_port_without_tls_is_said(protocol: Any) -> None:
    """Where nobody speaks TLS, the error says so, and not only what the library for TLS calls it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    connection = server.accept()[0]
                    connection.recv(1_000)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ExportError, match="his port doesn't speak TLS; try http://"):
            send(endpoint=f"https://127.0.0.1:{server.getsockname()[1]}", protocol=protocol)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(("peer", "protocol"), [("http_peer", "http/protobuf"), ("grpc_peer", "grpc")])
def test_unknown_peers_get_nothing(peer: str, protocol: str, request: pytest.FixtureRequest) -> None:
    """A peer whose certificate nobody trusts does not get the telemetry."""
    endpoint, taken = request.getfixturevalue(peer)
    with pytest.raises(ExportError):
        send(endpoint=endpoint, protocol=protocol)
    assert taken == []
