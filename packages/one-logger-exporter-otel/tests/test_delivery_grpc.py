"""What becomes of a batch, over gRPC: against a peer that answers as a test wants it to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from one_logger.core import ExportError, Resource, Span
from one_logger.exporter.otel import OTelExporter


def retry_in(seconds: float) -> bytes:
    """The details of a status that asks for a pause."""
    status, info = Status(), RetryInfo()
    info.retry_delay.FromTimedelta(timedelta(seconds=seconds))
    status.details.add().Pack(info)
    return bytes(status.SerializeToString())


class Peer(TraceServiceServicer):
    """Listens, and answers each request with what `answer` says to the names of the spans in it."""

    def __init__(self, port: int = 0) -> None:
        self.answer: Callable[[list[str]], grpc.StatusCode | None] = lambda names: None
        self.rejected = 0
        self.retry_info = False
        self.requests: list[tuple[dict[str, Any], list[str]]] = []
        self.server = grpc.server(
            futures.ThreadPoolExecutor(4),
            options=[("grpc.max_receive_message_length", 20_000), ("grpc.so_reuseport", 0)],
        )
        add_TraceServiceServicer_to_server(self, self.server)  # type: ignore[no-untyped-call]  # it is generated
        self.port = self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.server.start()

    def Export(  # noqa: N802 - the name is gRPC's
        self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        """Answer a request."""
        spans = [span for group in request.resource_spans for scope in group.scope_spans for span in scope.spans]
        names = [span.name for span in spans]
        self.requests.append((dict(context.invocation_metadata()), names))
        code = self.answer(names)
        if code is not None:
            if self.retry_info:
                context.set_trailing_metadata((("grpc-status-details-bin", retry_in(0.5)),))
            context.abort(code, "as the test wants it")
        return ExportTraceServiceResponse(partial_success=ExportTracePartialSuccess(rejected_spans=self.rejected))

    @property
    def taken(self) -> list[str]:
        """The names of all spans in requests that were not refused."""
        return [name for _, names in self.requests if self.answer(names) is None for name in names]


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A peer."""
    peer = Peer()
    yield peer
    peer.server.stop(0).wait()


@pytest.fixture
def make(peer: Peer) -> Iterator[Callable[..., OTelExporter]]:
    """A function that makes an initialised exporter to the peer."""
    made = []

    def make(**arguments: Any) -> OTelExporter:
        defaults = {"endpoint": f"http://127.0.0.1:{peer.port}", "protocol": "grpc", "timeout": 5.0}
        exporter = OTelExporter(**{**defaults, **arguments})
        exporter.initialize(Resource.create("tests"))
        made.append(exporter)
        return exporter

    yield make
    peer.answer = lambda names: None
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


@pytest.mark.parametrize(
    "code", ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"]
)
def test_what_may_be_sent_again_is_kept(peer: Peer, make: Callable[..., OTelExporter], code: str) -> None:
    """After a status that OTLP calls retryable the error is retriable, and the next flush delivers."""
    exporter = make()
    peer.answer = lambda names: grpc.StatusCode[code]
    export(exporter, "a", "b")
    error = refused(exporter)
    assert error.retriable
    assert code in str(error)
    peer.answer = lambda names: None
    exporter.flush()
    assert [names for _, names in peer.requests] == [["a", "b"]] * 2


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE"])
def test_pause_that_the_peer_asks_for_is_granted(peer: Peer, make: Callable[..., OTelExporter], code: str) -> None:
    """If the peer says when to come back, nothing is sent before, and the error says how long that is."""
    exporter = make()
    peer.answer = lambda names: grpc.StatusCode[code]
    peer.retry_info = True
    export(exporter, "a")
    error = refused(exporter)
    begin = time.monotonic()
    assert (error.retriable, error.retry_after) == (True, 0.5)
    peer.answer = lambda names: None
    while len(peer.requests) == 1:
        try:
            exporter.flush()
        except ExportError as again:
            assert 0 < again.retry_after <= 0.5  # noqa: PT017 - as often as it takes
            threading.Event().wait(0.01)
    assert time.monotonic() - begin > 0.4


def test_exhausted_peer_that_asks_for_no_pause_takes_nothing(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """RESOURCE_EXHAUSTED without a time to come back gives the batch up."""
    exporter = make()
    peer.answer = lambda names: grpc.StatusCode.RESOURCE_EXHAUSTED
    export(exporter, "a")
    error = refused(exporter)
    assert (error.retriable, error.lost) == (False, 2)


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "FAILED_PRECONDITION"])
def test_what_will_never_be_taken_is_given_up(peer: Peer, make: Callable[..., OTelExporter], code: str) -> None:
    """After a status that is about the sender all are lost at once, and counted, and the next ones are sent."""
    exporter = make()
    peer.answer = lambda names: grpc.StatusCode[code]
    export(exporter, "a", "b")
    error = refused(exporter)
    assert (error.retriable, error.lost) == (False, 4)
    peer.answer = lambda names: None
    export(exporter, "c")
    exporter.flush()
    assert [names for _, names in peer.requests] == [["a", "b"], ["c"]]


def test_one_bad_span_does_not_take_others_with_it(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """What a peer refuses for its content is looked for, and lost alone."""
    exporter = make(batch_size=64)
    peer.answer = lambda names: grpc.StatusCode.INVALID_ARGUMENT if "poison" in names else None
    export(exporter, *(str(number) for number in range(50)), "poison", *(str(number) for number in range(50, 100)))
    error = refused(exporter)
    assert (error.retriable, error.lost) == (False, 2)
    assert sorted(peer.taken, key=int) == [str(number) for number in range(100)]


def test_too_large_a_batch_is_sent_in_parts(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """A peer that takes only so many bytes at once gets everything but the span that is too large by itself."""
    exporter = make()
    names = [f"{number}".zfill(100) for number in range(300)]
    export(exporter, *names[:150], "x" * 30_000, *names[150:])
    assert refused(exporter).lost == 2
    assert sorted(peer.taken) == names


def test_what_the_peer_rejects_is_counted(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """What was recorded in spans that a partial success rejects is lost, and is not sent again."""
    exporter = make()
    peer.rejected = 2
    export(exporter, "a", "b", "c")
    error = refused(exporter)
    assert (error.retriable, error.lost) == (False, 4)
    assert len(peer.requests) == 1


def test_peer_that_never_answers_is_tried_again(make: Callable[..., OTelExporter]) -> None:
    """Without an answer in time the error is retriable, after about the time that was allowed."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        exporter = make(timeout=0.3, endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        export(exporter, "a")
        begin = time.monotonic()
        assert refused(exporter).retriable
        assert 0.2 < time.monotonic() - begin < 2
        with pytest.raises(ExportError):
            exporter.close()


def test_peer_that_comes_back_is_found_soon(make: Callable[..., OTelExporter], peer: Peer) -> None:
    """After an outage the peer is found again as soon as the exporter tries."""
    exporter = make()
    export(exporter, "a")
    exporter.flush()
    peer.server.stop(0).wait()
    export(exporter, "b")
    for _ in range(5):
        assert refused(exporter).retriable
    returned = Peer(peer.port)
    deadline = time.monotonic() + 10
    while returned.requests == []:
        assert time.monotonic() < deadline
        try:
            exporter.flush()
        except ExportError as error:
            assert error.retriable  # noqa: PT017 - as often as it takes
            threading.Event().wait(0.05)
    assert returned.taken == ["b"]
    returned.server.stop(0).wait()


def test_settings_are_on_the_wire(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers of the configuration and of the environment are sent, and the endpoint may come from there."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{peer.port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-token=environment,x-other=1")
    exporter = OTelExporter(headers={"X-Token": "configuration"}, compression="gzip")
    exporter.initialize(Resource.create("tests"))
    export(exporter, "a")
    exporter.close()
    ((metadata, names),) = peer.requests
    assert names == ["a"]
    assert (metadata["x-token"], metadata["x-other"]) == ("configuration", "1")
