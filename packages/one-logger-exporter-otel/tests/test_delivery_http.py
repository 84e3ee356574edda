"""What becomes of a batch, over HTTP: against a peer that answers as a test wants it to."""

from __future__ import annotations

import gzip
import re
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from one_logger.core import Event, ExportError, OneLoggerError, Resource, Span
from one_logger.exporter.otel import OTelExporter
from one_logger.recorder import DefaultRecorder

PROTOBUF = "application/x-protobuf"


class Answer(NamedTuple):
    """What the peer says to a request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})


class Peer:
    """Listens, and answers each request with what `answer` says to the names of the spans in it."""

    def __init__(self) -> None:
        self.answer: Callable[[list[str]], Answer | None] = lambda names: Answer()
        self.answer_logs: Callable[[], Answer] = Answer
        self.requests: list[tuple[str, dict[str, str], list[str]]] = []
        self.connections = 0
        self.stopped = threading.Event()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                peer.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                logs = self.path.endswith("logs")
                request = ExportTraceServiceRequest.FromString(b"" if logs else body)
                names = [
                    span.name
                    for resource in request.resource_spans
                    for scope in resource.scope_spans
                    for span in scope.spans
                ]
                peer.requests.append((self.path, dict(self.headers), names))
                answer = peer.answer_logs() if logs else peer.answer(names)
                if answer is None:
                    peer.stopped.wait(60)  # never, as far as the client can tell
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)
                if "Content-Length" in answer.headers:  # more is promised than comes
                    self.close_connection = True

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


def in_two_seconds() -> str:
    """A date as HTTP has it, which knows whole seconds only."""
    return formatdate(time.time() + 2, usegmt=True)


@pytest.mark.parametrize("after", [lambda: "1", lambda: "1.0", in_two_seconds], ids=["seconds", "fraction", "date"])
def test_pause_that_the_peer_asks_for_is_granted(
    peer: Peer, make: Callable[..., OTelExporter], after: Callable[[], str]
) -> None:
    """Nothing is sent before `Retry-After` is over, however that is said, but everything after it."""
    exporter = make()
    peer.answer = lambda names: Answer(503, headers={"Retry-After": after()})
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


@pytest.mark.parametrize(("rejected", "lost"), [(3, 9), (1, 3)])
def test_what_the_peer_rejects_is_counted(
    peer: Peer, make: Callable[..., OTelExporter], rejected: int, lost: int
) -> None:
    """Of spans that a partial success rejects, all that was recorded in them is lost, and the peer's words are said."""
    exporter = make()
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message="the limit is 5")
    peer.answer = lambda names: Answer(body=ExportTraceServiceResponse(partial_success=partial).SerializeToString())
    for name in "abc":
        span = Span(name)
        exporter.export_start(span)
        exporter.export_event(Event("step"), span)
        span.stop()
        exporter.export_stop(span)
    error = refused(exporter)
    assert (error.retriable, error.lost) == (False, lost)
    assert f"has rejected {rejected} of 3 traces: the limit is 5" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"partialSuccess": {}}',
        ExportTraceServiceResponse().SerializeToString(),
    ],
)
def test_answers_of_otlp_are_taken(peer: Peer, make: Callable[..., OTelExporter], body: bytes) -> None:
    """An empty answer, one of Protocol Buffers and one of JSON say that all was taken."""
    exporter = make()
    peer.answer = lambda names: Answer(body=body)
    export(exporter, "a")
    exporter.flush()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(body=b"<html><title>Sign in</title>", headers={"Content-Type": "text/html"}), "<title>Sign in"),
        (Answer(body=b"<!DOCTYPE html>\n<p>Sign in"), "<!DOCTYPE html>"),
        (Answer(body=b"Sign in", headers={"Content-Type": "text/plain"}), "(text/plain): Sign in"),
        (Answer(body=b"[1]", headers={"Content-Type": "application/json"}), "(application/json): [1]"),
    ],
)
def test_answer_of_something_else_is_a_failure(
    peer: Peer, make: Callable[..., OTelExporter], answer: Answer, said: str
) -> None:
    """A page that answers with 200, as a proxy's login does, has taken nothing: what came is said."""
    exporter = make()
    peer.answer = lambda names: answer
    export(exporter, "a")
    error = refused(exporter)
    assert error.retriable
    assert said in str(error)
    peer.answer = lambda names: Answer()
    exporter.flush()
    assert peer.sizes == [1, 1]


@pytest.mark.parametrize("status", [200, 404, 503])
def test_answer_that_breaks_off_is_no_answer(peer: Peer, make: Callable[..., OTelExporter], status: int) -> None:
    """Whatever an answer that is cut short says, the batch is sent again."""
    exporter = make()
    peer.answer = lambda names: Answer(status, b"half", {"Content-Length": "8"})
    export(exporter, "a")
    assert refused(exporter).retriable
    peer.answer = lambda names: Answer()
    exporter.flush()
    assert peer.requests[-1][2] == ["a"]


def test_answer_that_drips_ends_at_the_timeout(make: Callable[..., OTelExporter]) -> None:
    """A peer that sends a byte now and then cannot hold the exporter up for longer than the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection = server.accept()[0]
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(1000):
                    connection.sendall(b"x")
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        exporter = make(timeout=0.3, endpoint=f"http://127.0.0.1:{server.getsockname()[1]}")
        export(exporter, "a")
        begin = time.monotonic()
        assert refused(exporter).retriable
        assert time.monotonic() - begin < 3
        thread.join()
    with pytest.raises(ExportError):
        exporter.close()


def test_one_connection_is_kept(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """However many requests are sent, and whatever is answered, one connection carries them."""
    exporter = make()
    answers = iter([Answer(), Answer(400, b"some words"), Answer(), Answer(503, b"others"), Answer()])
    peer.answer = lambda names: next(answers)
    for _ in range(5):
        export(exporter, "a")
        with suppress(ExportError):
            exporter.flush()
    assert (len(peer.requests), peer.connections) == (5, 1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Answer(400, b"\nClient sent an HTTP request to an HTTPS server.\n<more>"),
            "answered 400 Bad Request. Client sent an HTTP request to an HTTPS server.",
        ),
        (
            Answer(413, Status(message="the limit is 4 MB").SerializeToString(), {"Content-Type": PROTOBUF}),
            f"answered 413 {HTTPStatus(413).phrase}. the limit is 4 MB",  # which Python 3.13 calls otherwise
        ),
        (
            Answer(301, headers={"Location": "https://collector/v1/traces?key=hush"}),
            "It names 'https://collector/v1/traces'; redirections are not followed.",
        ),
        (Answer(400, b"the token hush is unknown"), "the token *** is unknown"),
        (Answer(405, b"Method Not Allowed"), "answered 405 Method Not Allowed."),
    ],
)
def test_refusal_is_said(peer: Peer, make: Callable[..., OTelExporter], answer: Answer, said: str) -> None:
    """The error has the first line of what the peer answered, without our secrets."""
    exporter = make(headers={"x-token": "hush"})
    peer.answer = lambda names: answer
    export(exporter, "a")
    text = str(refused(exporter))
    assert said in text
    assert "hush" not in text


def test_netrc_has_no_say(
    peer: Peer, make: Callable[..., OTelExporter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password in .netrc is neither sent nor put in the place of what was configured."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password hush\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for headers in ({"authorization": "Bearer mine"}, None):
        exporter = make(headers=headers)
        export(exporter, "a")
        exporter.flush()
    with_ours, without = (headers for _, headers, _ in peer.requests)
    assert with_ours["authorization"] == "Bearer mine"
    assert "authorization" not in {name.lower() for name in without}


def test_proxy_of_the_environment_is_used(
    peer: Peer, make: Callable[..., OTelExporter], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `http_proxy` names gets the requests, but not for a host in `no_proxy`."""
    monkeypatch.setenv("http_proxy", peer.endpoint)
    for host, proxied in (("collector.invalid", True), ("direct.invalid", False)):
        monkeypatch.setenv("no_proxy", "direct.invalid")
        exporter = make(endpoint=f"http://{host}")
        export(exporter, "a")
        if proxied:
            exporter.flush()
        else:
            assert refused(exporter).retriable
            exporter.after_fork()
    assert [path for path, _, _ in peer.requests] == ["http://collector.invalid/v1/traces"]


def test_user_in_the_endpoint_is_sent_as_a_header(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """A user and password in the URL become basic authorization, and no message has them."""
    exporter = make(endpoint=peer.endpoint.replace("//", "//user:hu%21sh@"))
    peer.answer = lambda names: Answer(503)
    export(exporter, "a")
    assert "hu" not in str(refused(exporter)).replace("http", "")
    ((_, headers, _),) = peer.requests
    assert headers["authorization"] == "Basic " + b64encode(b"user:hu!sh").decode()


def test_sender_is_named(peer: Peer, make: Callable[..., OTelExporter]) -> None:
    """The User-Agent has the name that the OTLP specification asks for, and ours."""
    exporter = make()
    export(exporter, "a")
    exporter.flush()
    assert re.fullmatch(r"one-logger/\S+ OTel-OTLP-Exporter-Python/\S+", peer.requests[0][1]["user-agent"])


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
    assert (headers["x-other"], headers["content-encoding"]) == ("1", "gzip")


@pytest.mark.parametrize(
    "headers",
    ["authorization=Bearer%20abc,x%2Dtoken=1\n", {"authorization": "Bearer abc\n", "x-token": "1\n"}],
    ids=repr,
)
def test_headers_are_what_the_same_text_is_in_the_environment(
    peer: Peer, make: Callable[..., OTelExporter], headers: str | dict[str, str]
) -> None:
    """A text is decoded as `OTEL_EXPORTER_OTLP_HEADERS` is; a line feed at the end, as files have, is left out."""
    exporter = make(headers=headers)
    export(exporter, "a")
    exporter.flush()
    ((_, sent, _),) = peer.requests
    assert (sent["authorization"], sent["x-token"]) == ("Bearer abc", "1")


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
    peer.answer_logs = lambda: Answer(404)
    assert refused(exporter).lost == 3
    assert sorted(path for path, _, _ in peer.requests) == ["/v1/logs", "/v1/traces"]


def recorder_to(peer: Peer, **arguments: Any) -> DefaultRecorder:
    """A recorder that sends spans and log records to the peer."""
    return DefaultRecorder({"otel": OTelExporter(endpoint=peer.endpoint, **arguments)}, flush_interval=0.02)


def work(recorder: DefaultRecorder, spans: int) -> None:
    """Record spans with an event each, for a while."""
    for _ in range(spans):
        span = recorder.start("work")
        recorder.event(span, Event("step"))
        recorder.stop(span)
        time.sleep(0.002)


@pytest.mark.parametrize("status", [403, 404, 405, 503])
@pytest.mark.parametrize("away", ["logs", "traces"])
def test_signal_that_is_not_taken_keeps_no_other_back(
    peer: Peer, status: int, away: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a backend takes no log records, or no spans, all of the others arrive, and what is missing is counted."""
    if away == "logs":
        peer.answer_logs = lambda: Answer(status)
    else:
        peer.answer = lambda names: Answer(status)
    recorder = recorder_to(peer, events="log")
    work(recorder, 400)
    assert not recorder.close(30)
    stats = recorder.stats()["otel"]
    assert (stats.pending, stats.disabled) == (0, False)
    if away == "logs":  # a span counts as its stop, where its start and events are log records
        assert sum(names.count("work") for path, _, names in peer.requests if path == "/v1/traces") == 400
        assert (stats.exported, stats.dropped) == (400, 800)
    else:
        assert (stats.exported, stats.dropped) == (800, 400)
    refused = sum(path.endswith(away) for path, _, _ in peer.requests)
    assert refused < 10, "a signal that is not taken is seldom tried"
    lines = [message for message in caplog.messages if message.startswith("Exporter otel") or peer.endpoint in message]
    assert len(lines) <= 3, lines
    assert caplog.messages[-1].startswith(f"Exporter otel was closed with {stats.dropped:,} records undelivered.")
    assert f"/v1/{away} answered {status}" in caplog.messages[-1]


def test_signal_that_was_away_gets_what_was_held(peer: Peer) -> None:
    """What could not be sent while the other signal arrived counts as pending, and is sent when its time has come."""
    peer.answer_logs = lambda: Answer(503)
    recorder = recorder_to(peer, events="log")
    work(recorder, 20)
    assert recorder.flush(5) is False
    stats = recorder.stats()["otel"]
    assert (stats.exported, stats.dropped, stats.pending) == (20, 0, 40)
    peer.answer_logs = Answer
    assert recorder.close(30)
    assert recorder.stats()["otel"].exported == 60


def test_waiting_as_asked_is_no_failure(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    """A peer that asks for two seconds gets them; the exporter counts no failure, and a flush waits that long."""
    answers = iter([Answer(503, headers={"Retry-After": "2"})])
    peer.answer = lambda names: next(answers, Answer())
    recorder = recorder_to(peer)
    recorder.stop(recorder.start("work"))
    assert recorder.flush(30)
    stats = recorder.stats()["otel"]
    assert (stats.exported, stats.failures, stats.disabled) == (2, 0, False)
    assert len(peer.requests) == 2
    assert recorder.close(30)
    (message,) = caplog.messages
    assert message.startswith("Exporter otel waits, as its backend asks")


def test_what_a_peer_rejects_again_and_again_is_said_seldom(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    """A peer that rejects spans of every request makes a few lines in the log and one report among the spans."""
    partial = ExportTracePartialSuccess(rejected_spans=1, error_message="too many")
    peer.answer = lambda names: Answer(body=ExportTraceServiceResponse(partial_success=partial).SerializeToString())
    recorder = recorder_to(peer)
    for _ in range(30):
        recorder.stop(recorder.start("work"))
        recorder.stop(recorder.start("work"))
        recorder.flush(5)
    recorder.close(30)
    assert sum(names.count("telemetry_data_error") for _, _, names in peer.requests) <= 3
    assert sum("otel" in message for message in caplog.messages) <= 4, caplog.messages
    assert "too many" in caplog.text


def test_last_word_of_a_job_says_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    """If the collector is dead until the end, the last line of the log says how much was not delivered, and where."""
    recorder = DefaultRecorder({"otel": OTelExporter(endpoint="http://127.0.0.1:9")}, flush_interval=0.01)
    for _ in range(150):
        recorder.stop(recorder.start("work"))
    recorder.flush(1)
    assert not recorder.close(1)
    deadline = time.monotonic() + 30
    while "Exporter otel was closed with 300 records undelivered." not in caplog.text:
        assert time.monotonic() < deadline, caplog.messages
        time.sleep(0.01)  # its thread says so when `close` has returned already
    assert "http://127.0.0.1:9/v1/traces" in caplog.messages[-1]
