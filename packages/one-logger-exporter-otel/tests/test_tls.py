"""Connections that are encrypted, and clients that say who they are."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
import trustme
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from one_logger.core import ExportError, Resource, Span
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


@pytest.mark.parametrize(("peer", "protocol"), [("http_peer", "http/protobuf"), ("grpc_peer", "grpc")])
def test_unknown_peers_get_nothing(peer: str, protocol: str, request: pytest.FixtureRequest) -> None:
    """A peer whose certificate nobody trusts does not get the telemetry."""
    endpoint, taken = request.getfixturevalue(peer)
    with pytest.raises(ExportError):
        send(endpoint=endpoint, protocol=protocol)
    assert taken == []
