"""What becomes of a batch, over HTTP: against a peer that answers as a test wants it to."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from one_logger.core import Event, ExportError, OneLoggerError, Resource, Span
from one_logger.exporter.otel import OTelExporter


class Answer(NamedTuple):
    """What the peer says to a request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})


class Peer:
    """Listens, and answers each request with what `answer` says to the names of the spans in it."""

    def __init__(self) -> None:
        self.answer: Callable[[list[str]], Answer | None] = lambda names: Answer()
        self.requests: list[tuple[str, dict[str, str], list[str]]] = []
        self.stopped = threading.Event()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                request = ExportTraceServiceRequest.FromString(body if self.path.endswith("traces") else b"")
                names = [
                    span.name
                    for resource in request.resource_spans
                    for scope in resource.scope_spans
                    for span in scope.spans
                ]
                peer.requests.append((self.path, dict(self.headers), names))
                answer = peer.answer(names)
                if answer is None:
                    peer.stopped.wait(60)  # never, as far as the client can tell
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def sizes(self) -> list[int]:
        """How many spans each request had."""
        return [len(names) for _, _, names in self.requests]

    def stop(self) -> None:
        """Listen no more."""
        self.stopped.set()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A peer."""
    peer = Peer()
    yield peer
    peer.stop()


@pytest.fixture
def make(peer: Peer) -> Iterator[Callable[..., OTelExporter]]:
    """A function that makes an initialised exporter to the peer."""
    made = []

    def make(**arguments: Any) -> OTelExporter:
        exporter = OTelExporter(**{"endpoint": peer.endpoint, "timeout": 5.0, **arguments})
        exporter.initialize(Resource.create("tests"))
        made.append(exporter)
        return exporter

    yield make
    peer.answer = lambda names: Answer()
    for exporter in made:
        exporter.close()


def export(exporter: OTelExporter, *names: str) -> None:
    """Export spans that stop at once."""
    for name in names:
        span = Span(name)
        exporter.export_start(span)
        span.stop()
        exporter.export_stop(span)


def refused(exporter: OTelExporter) -> ExportError:
    """Flush, which has to fail."""
    with pytest.raises(ExportError) as raised:
        exporter.flush()
    return raised.value


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_be_sent_again_is_kept(peer: Peer, make: Callable[..., OTelExporter], status: int) -> None:
    """After a status that OTLP calls retryable the error is retriable, and the next flush delivers."""
    exporter = make()
    peer.answer = lambda names: Answer(status)
    export(exporter, "a", "b")
    error = refused(exporter)
    assert error.retriable
    assert str(status) in str(error)
    assert len(peer.requests) == 1, "The exporter slept and sent again, which is the recorder's business."
    peer.answer = lambda names: Answer()
    exporter.flush()
    assert peer.requests[1:] == [(peer.requests[0][0], peer.requests[0][1], ["a", "b"])]


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405])
def test_what_will_never_be_taken_is_given_up(peer: Peer, make: Callable[..., OTelExporter], status: int) -> None:
    """After a status that is about the sender all are lost at once, and counted, and the next ones are sent."""
    exporter = make()
    peer.answer = lambda names: Answer(status)
    export(exporter, "a", "b")
    error = refused(exporter)
    assert (error.retriable, error.lost) == (False, 4)
    assert len(peer.requests) == 1
    peer.answer = lambda names: Answer()
    export(exporter, "c")
    exporter.flush()
    assert peer.requests[1][2] == ["c"]


@pytest.mark.parametrize("status", [400, 422, 500])
def test_one_bad_span_does_not_take_others_with_it(peer: Peer, make: Callable[..., OTelExporter], status: int) -> None:
    """What a peer refuses for its content is looked for, and lost alone."""
    exporter = make()
    peer.answer = lambda names: Answer(status if "poison" in names else 200)
    export(exporter, *(f"before {number}" for number in range(200)), "poison", *(f"after {n}" for n in range(300)))
    error = refused(exporter)
    assert (error.retriable, error.lost) == (False, 2)
    taken = [name for _, _, names in peer.requests if "poison" not in names for name in names]
    assert sorted(taken) == sorted([f"before {n}" for n in range(200)] + [f"after {n}" for n in range(300)])
    assert len(peer.requests) < 40


def test_peer_that_refuses_every_span_is_not_asked_for_ever(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """The search for what a peer refuses ends, and what it has not found is lost, too."""
    exporter = make()
    peer.answer = lambda names: Answer(400)
    export(exporter, *(str(number) for number in range(512)))
    assert refused(exporter).lost == 1_024
    assert len(peer.requests) < 200


@pytest.mark.parametrize("limit", [3, 100])
def test_too_large_a_batch_is_sent_in_parts(peer: Peer, make: Callable[..., OTelExporter], limit: int) -> None:
    """A peer that takes only so much at once gets everything."""
    exporter = make()
    peer.answer = lambda names: Answer(413 if len(names) > limit else 200)
    export(exporter, *(str(number) for number in range(512)))
    exporter.flush()
    taken = [name for _, _, names in peer.requests if len(names) <= limit for name in names]
    assert taken == [str(number) for number in range(512)]


def test_batches_have_the_size_that_was_asked_for(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """No request has more spans than `batch_size`."""
    exporter = make(batch_size=10)
    export(exporter, *"abcdefghijklmnopqrstuvwxyz")
    exporter.flush()
    assert peer.sizes == [10, 10, 6]


def test_pause_that_the_peer_asks_for_is_granted(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """Nothing is sent before `Retry-After` is over, but everything after it."""
    exporter = make()
    peer.answer = lambda names: Answer(503, headers={"Retry-After": "1"})
    export(exporter, "a")
    assert refused(exporter).retriable
    begin = time.monotonic()
    peer.answer = lambda names: Answer()
    while len(peer.requests) == 1:
        try:
            exporter.flush()
        except ExportError as error:
            assert error.retriable  # noqa: PT017 - as often as it takes
            time.sleep(0.01)
    assert time.monotonic() - begin > 0.9
    assert peer.sizes == [1, 1]


def test_spans_that_the_peer_rejects_are_counted(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """What a partial success says was rejected is lost, and is not sent again."""
    exporter = make()
    partial = ExportTracePartialSuccess(rejected_spans=2, error_message="no")
    peer.answer = lambda names: Answer(body=ExportTraceServiceResponse(partial_success=partial).SerializeToString())
    export(exporter, "a", "b", "c")
    error = refused(exporter)
    assert (error.retriable, error.lost) == (False, 2)
    peer.answer = lambda names: Answer(body=b"{}")  # no message of OTLP, which is no reason to doubt the status
    export(exporter, "d")
    exporter.flush()
    assert peer.requests[-1][2] == ["d"]


def test_peer_that_never_answers_is_tried_again(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """Without an answer in time the error is retriable, after about the time that was allowed."""
    exporter = make(timeout=0.3)
    peer.answer = lambda names: None
    export(exporter, "a")
    begin = time.monotonic()
    assert refused(exporter).retriable
    assert 0.2 < time.monotonic() - begin < 2
    peer.answer = lambda names: Answer()
    exporter.flush()
    assert peer.sizes == [1, 1]


def test_nobody_listening_is_tried_again(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """Without anybody there the error is retriable, comes at once, and names the peer."""
    exporter = make(endpoint="http://127.0.0.1:9")
    export(exporter, "a")
    begin = time.monotonic()
    error = refused(exporter)
    assert error.retriable
    assert "127.0.0.1:9" in str(error).replace("', port=", ":")
    assert time.monotonic() - begin < 2
    with pytest.raises(ExportError) as raised:
        exporter.close()
    assert (raised.value.retriable, raised.value.lost) == (False, 2)


def test_settings_are_on_the_wire(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """Headers, compression and the paths of both signals are as they were configured."""
    exporter = make(headers={"X-Token": "abc"}, compression="gzip", endpoint=f"{peer.endpoint}/base/v1/traces")
    export(exporter, "a")
    exporter.flush()
    ((path, headers, names),) = peer.requests
    assert (path, names) == ("/base/v1/traces", ["a"])
    assert {name.lower(): value for name, value in headers.items()}.items() >= {
        ("x-token", "abc"),
        ("content-encoding", "gzip"),
        ("content-type", "application/x-protobuf"),
    }


def test_environment_fills_in(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the configuration is silent the standard variables hold, those of the signal before the general ones."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{peer.endpoint}/mine")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-token=from%20the%20environment,x-other=1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    exporter = OTelExporter(headers={"X-Token": "from the configuration"})
    exporter.initialize(Resource.create("tests"))
    export(exporter, "a")
    exporter.close()
    ((path, headers, _),) = peer.requests
    assert path == "/mine"
    assert headers["x-token"] == "from the configuration"
    assert (headers["x-other"], headers["Content-Encoding"]) == ("1", "gzip")


def test_losses_have_the_number_of_records(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """A lost span counts as its start, its stop and its events: what the recorder has counted as recorded."""
    exporter = make()
    span = Span("a")
    exporter.export_start(span)
    for _ in range(3):
        exporter.export_event(Event("e"), span)
    span.stop()
    exporter.export_stop(span)
    peer.answer = lambda names: Answer(404)
    error = refused(exporter)
    assert error.lost == 5
    assert isinstance(error, OneLoggerError)


@pytest.mark.parametrize("events", ["log", "both"])
def test_losses_of_log_records_are_counted_once(peer: Peer, make: Callable[..., OTelExporter], events: str) -> None:
    """Where events are log records these count, and the span as its stop alone."""
    exporter = make(events=events)
    span = Span("a")
    exporter.export_start(span)
    exporter.export_event(Event("e"), span)
    span.stop()
    exporter.export_stop(span)
    peer.answer = lambda names: Answer(404)
    assert refused(exporter).lost == 3
    assert sorted(path for path, _, _ in peer.requests) == ["/v1/logs", "/v1/traces"]
