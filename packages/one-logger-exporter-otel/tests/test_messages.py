"""What is on the wire is what OpenTelemetry's own encoder makes of the same spans and log records."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource as TheirResource
from opentelemetry.sdk.trace import Event as TheirEvent
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, StatusCode, TraceFlags

from one_logger.core import ErrorEvent, Event, Resource, Span, SpanContext, Status, Timestamp
from one_logger.exporter.otel import OTelExporter

SCOPE = InstrumentationScope("one_logger", version("one-logger-exporter-otel"))
TEXTS = st.text(alphabet=st.characters(exclude_categories=[]), max_size=40)  # half surrogate pairs, too
INTEGERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**70), 2**70))
KINDS = (TEXTS, st.booleans(), INTEGERS, st.floats())


def attributes_of(*kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Attributes with values of these kinds, and lists of them."""
    values = st.one_of(*kinds, *(st.lists(each, max_size=4) for each in kinds))
    return st.dictionaries(TEXTS, values, max_size=12)


ATTRIBUTES = attributes_of(*KINDS, st.binary())
ABOUT = attributes_of(*KINDS)  # the SDK's resources have no bytes
TIMES = st.integers(-5, 2**62).map(lambda unix_ns: Timestamp(unix_ns, unix_ns))


class Sink:
    """Takes every request, and keeps its bytes by the last part of the path."""

    def __init__(self) -> None:
        self.taken: dict[str, bytes] = {}
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                sink.taken[self.path.rpartition("/")[2]] = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    """A sink."""
    sink = Sink()
    thread = threading.Thread(target=sink.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield sink
    sink.server.shutdown()
    thread.join()
    sink.server.server_close()


def whole(text: str) -> str:
    """The text with U+FFFD in the place of each half surrogate pair."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def theirs(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes as an application would give them to OpenTelemetry's SDK."""
    return {whole(name) or "one_logger.unnamed": value_of(value) for name, value in attributes.items()}


def value_of(value: Any) -> Any:
    """The value as OpenTelemetry's SDK can encode it."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, (list, tuple)):
        small = all(not isinstance(item, int) or -(2**63) <= item < 2**63 for item in value)
        return tuple(value_of(item) if small else str(item) for item in value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return value


def time_of(unix_ns: int) -> int:
    """The time as OTLP can hold it."""
    return max(unix_ns, 0)


def resource_of(attributes: Mapping[str, Any]) -> TheirResource:
    """The resource of OpenTelemetry's SDK; one that we make says which version of ours it is."""
    about = {"telemetry.sdk.version": version("one-logger-core"), **attributes}
    return TheirResource(theirs(about))


@st.composite
def spans(draw: st.DrawFn) -> tuple[Span, list[Event], bool]:
    """A span that has stopped, what has happened in it, and whether its parent is of another process."""
    remote = draw(st.booleans())
    parent = draw(st.sampled_from([None, SpanContext(17, 5) if remote else Span("parent")]))
    span = Span(draw(TEXTS), draw(ATTRIBUTES), draw(ATTRIBUTES), parent=parent, start_time=draw(TIMES))
    span.set_attributes(draw(ATTRIBUTES))
    span.set_status(draw(st.sampled_from(Status)))
    happened: list[Event] = []
    for _ in range(draw(st.integers(0, 4))):
        name, attributes, time = draw(TEXTS), draw(ATTRIBUTES), draw(TIMES)
        error = draw(st.booleans())
        happened.append(ErrorEvent(name, None, attributes, time) if error else Event(name, attributes, time))
    span.stop(draw(ATTRIBUTES), stop_time=draw(TIMES))
    return span, happened, remote and parent is not None


def their_span(span: Span, happened: list[Event], resource: TheirResource, *, remote: bool) -> ReadableSpan:
    """The span by the classes of OpenTelemetry's SDK, put together independently of the exporter."""
    flags = TraceFlags(TraceFlags.SAMPLED)
    end = span.start_unix_ns + max(span.duration_ns or 0, 0)
    ends = [("span_start", span.start_unix_ns, span.start_event.attributes)]
    stop = span.stop_event
    events = [
        *(end_ for end_ in ends if end_[2]),
        *((event.name, event.timestamp.unix_ns, event.attributes) for event in happened),
        *([("span_stop", end, stop.attributes)] if stop and stop.attributes else []),
    ]
    errors = [event.message for event in happened if isinstance(event, ErrorEvent)]
    failed = span.status is Status.ERROR or (span.status is Status.UNSET and errors)
    code = StatusCode.ERROR if failed else StatusCode[span.status.value]
    parent = span.parent_span_id
    return ReadableSpan(
        name=whole(span.name),
        context=trace.SpanContext(span.trace_id, span.span_id, is_remote=False, trace_flags=flags),
        parent=None if parent is None else trace.SpanContext(span.trace_id, parent, remote, flags),
        resource=resource,
        attributes=theirs(span.attributes),
        events=[TheirEvent(whole(name), theirs(about), time_of(time)) for name, time, about in events],
        status=trace.Status(code, whole(errors[-1]) if failed and errors else None),
        start_time=time_of(span.start_unix_ns),
        end_time=time_of(end),
        instrumentation_scope=SCOPE,
    )


def export(exporter: OTelExporter, span: Span, happened: list[Event]) -> None:
    """Export a span with what has happened in it."""
    exporter.export_start(span)
    for event in happened:
        if isinstance(event, ErrorEvent):
            exporter.export_error(event, span)
        else:
            exporter.export_event(event, span)
    exporter.export_stop(span)
    exporter.close()


@given(spans(), ABOUT)
def test_spans_are_encoded_as_opentelemetry_does(
    sink: Sink, made: tuple[Span, list[Event], bool], about: dict[str, Any]
) -> None:
    """Any span is the same message, byte for byte, but for the flag `sampled`, which theirs leaves out."""
    span, happened, remote = made
    exporter = OTelExporter(endpoint=sink.endpoint)
    exporter.initialize(resource := Resource(about))
    export(exporter, span, happened)
    arrived = ExportTraceServiceRequest.FromString(sink.taken["traces"])
    expected = encode_spans([their_span(span, happened, resource_of(resource.attributes), remote=remote)])
    expected.resource_spans[0].scope_spans[0].spans[0].flags |= TraceFlags.SAMPLED
    assert arrived.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True)


@given(spans(), ABOUT)
def test_log_records_are_encoded_as_opentelemetry_does(
    sink: Sink, made: tuple[Span, list[Event], bool], about: dict[str, Any]
) -> None:
    """Any start, event and error is the same message, byte for byte."""
    span, happened, _ = made
    exporter = OTelExporter(endpoint=sink.endpoint, events="log")
    exporter.initialize(resource := Resource(about))
    export(exporter, span, happened)
    arrived = ExportLogsServiceRequest.FromString(sink.taken["logs"])
    parent = {} if span.parent_span_id is None else {"one_logger.parent_span_id": f"{span.parent_span_id:016x}"}
    start = {**parent, **span.initial_attributes, **span.start_event.attributes}
    context = trace.SpanContext(span.trace_id, span.span_id, False, TraceFlags(TraceFlags.SAMPLED))
    records = [(span.start_event, span.name, start), *((each, each.name, each.attributes) for each in happened)]
    expected = encode_logs(
        [
            ReadableLogRecord(
                LogRecord(
                    timestamp=time_of(event.timestamp.unix_ns),
                    observed_timestamp=log.observed_time_unix_nano,
                    context=trace.set_span_in_context(NonRecordingSpan(context), Context()),
                    severity_number=SeverityNumber.ERROR if isinstance(event, ErrorEvent) else SeverityNumber.INFO,
                    severity_text="ERROR" if isinstance(event, ErrorEvent) else "INFO",
                    body=whole(event.message if isinstance(event, ErrorEvent) else body),
                    attributes=theirs(attributes),
                    event_name=whole(event.name),
                ),
                resource_of(resource.attributes),
                SCOPE,
            )
            for (event, body, attributes), log in zip(
                records, arrived.resource_logs[0].scope_logs[0].log_records, strict=True
            )
        ]
    )
    assert arrived.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_not_a_number_may_be_a_text(sink: Sink, value: float) -> None:
    """With `nan="text"`, NaN and the infinities are texts, in a sequence all are, and other numbers stay what they are.

    Jaeger answers 500 to each query that finds such a number.
    """
    exporter = OTelExporter(endpoint=sink.endpoint, nan="text")
    exporter.initialize(Resource({}))
    span = Span("work", {"odd": value, "one of": [1.5, value], "even": 0.5, "evens": [0.5]})
    span.stop()
    export(exporter, span, [])
    arrived = ExportTraceServiceRequest.FromString(sink.taken["traces"]).resource_spans[0].scope_spans[0].spans[0]
    odd, one_of, even, evens = (pair.value for pair in arrived.attributes)
    text = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    assert odd.string_value == text
    assert [item.string_value for item in one_of.array_value.values] == ["1.5", text]
    assert even.double_value == 0.5
    assert [item.double_value for item in evens.array_value.values] == [0.5]
