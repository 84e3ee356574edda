"""From spans, events and errors of one-logger to messages of OTLP, `opentelemetry.proto`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from time import time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from one_logger.core import AttributeValue, ErrorEvent, Event, Resource, Span, Status, TelemetryDataError
from one_logger.core.spi import encodable
from one_logger.exporter.otel.attributes import put_attributes
from one_logger.exporter.otel.open_spans import HAS_IS_REMOTE, SAMPLED, OpenSpan

if TYPE_CHECKING:
    from one_logger.exporter.otel.otel_exporter import NaN

PARENT = "one_logger.parent_span_id"
"""The attribute of a `span_start` with its parent's id, in hexadecimal: a log record has only the id of its span."""

DROPPED_EVENTS = "one_logger.dropped_events"
"""The attribute of a span for how many events it has been exported without: few backends show OTLP's own number."""

INTERNAL: Any = 1  # numbers are as good as the enums, and quicker
OK: Any = 1
ERROR: Any = 2
"""A kind of span and two status codes (trace.proto, `Span.SpanKind` and `Status.StatusCode`)."""

# Looking a member up in its Enum costs several times as much as a global name.
_UNSET, _FAILED = Status.UNSET, Status.ERROR

_SEVERITIES = {9: "INFO", 17: "ERROR"}  # logs.proto, `SeverityNumber`


def installed_version(distribution: str) -> str:
    """The version, or `unknown` if the sources are used without having been installed."""
    try:
        return version(distribution) or "unknown"  # a folder that `pip` has left behind has none
    except PackageNotFoundError:
        return "unknown"


USER_AGENT = "one-logger/{0} OTel-OTLP-Exporter-Python/{0}".format(installed_version("one-logger-exporter-otel"))
"""How requests name their sender (OTLP exporter specification, "User Agent")."""

SCOPE = InstrumentationScope(name="one_logger", version=installed_version("one-logger-exporter-otel"))
"""The instrumentation scope of all spans and log records."""


class Messages:
    """Makes messages for one resource. Each holds one span or one log record, in the group that requests consist of."""

    def __init__(self, resource: Resource, nan: NaN) -> None:
        self._nan = nan
        self.resource = ResourceMessage()
        about = {"telemetry.sdk.version": installed_version("one-logger-core"), **resource.attributes}
        put_attributes(self.resource.attributes, about, nan)

    def span(self, span: Span, known: OpenSpan) -> ScopeSpans:
        """A span that has stopped, with what is known of it."""
        group = ScopeSpans()
        parent, start = span.parent_span_id, span.start_unix_ns
        length = span.end_monotonic_ns - span.start_monotonic_ns
        end = start + length if length > 0 else start
        message = group.spans.add()  # with arguments it would take longer
        message.trace_id = span.trace_id.to_bytes(16)
        message.span_id = span.span_id.to_bytes(8)
        if parent is not None:
            message.parent_span_id = parent.to_bytes(8)
        message.name = encodable(span.name)
        message.kind = INTERNAL
        if start >= 0:
            message.start_time_unix_nano, message.end_time_unix_nano = start, end
        else:  # before 1970
            message.start_time_unix_nano, message.end_time_unix_nano = 0, max(end, 0)
        message.flags = known.flags
        put_attributes(message.attributes, span.attributes, self._nan)
        if span.start_event_attributes is not None:
            self._event(message, "span_start", start, span.start_event_attributes)
        if known.recorded:
            for event in known.events:
                self._event(message, event.name, event.timestamp.unix_ns, event.attributes)
            if known.dropped:
                message.dropped_events_count = known.dropped
                put_attributes(message.attributes, {DROPPED_EVENTS: known.dropped}, self._nan)
        if span.stop_event_attributes is not None:
            self._event(message, "span_stop", end, span.stop_event_attributes)
        # If nobody has set the status, an error does. A recorder sets it, but other callers need not.
        status = span.status
        if status is _FAILED or (status is _UNSET and known.problem is not None):
            message.status.code = ERROR
            message.status.message = encodable(known.problem or "")
        elif status is _UNSET:
            message.status.SetInParent()
        else:
            message.status.code = OK
        return group

    def data_error(self, error: TelemetryDataError, root: Span) -> ScopeSpans:
        """A span of its own for a telemetry data error, with the ids of `root`.

        It takes a nanosecond: one that takes no time looks as if it never ended, to Jaeger for instance.
        """
        group = ScopeSpans()
        time = max(error.timestamp.unix_ns, 0)
        message = group.spans.add(
            trace_id=root.trace_id.to_bytes(16),
            span_id=root.span_id.to_bytes(8),
            name=encodable(error.name),
            kind=INTERNAL,
            start_time_unix_nano=time,
            end_time_unix_nano=time + 1,
            flags=HAS_IS_REMOTE | SAMPLED,
        )
        put_attributes(message.attributes, _about(error), self._nan)
        message.status.code = ERROR
        message.status.message = encodable(error.message)
        return group

    def start_log(self, span: Span) -> ScopeLogs:
        """The start of a span: its name is the body, what is known of it by then are the attributes."""
        parent = {} if span.parent_span_id is None else {PARENT: f"{span.parent_span_id:016x}"}
        event = span.start_event
        return self._log(event, span, span.name, {**parent, **span.initial_attributes, **event.attributes})

    def event_log(self, event: Event, span: Span) -> ScopeLogs:
        """An event of a span. The name is the body as well: it is what people see of a log record."""
        return self._log(event, span, event.name, event.attributes)

    def error_log(self, event: ErrorEvent, span: Span) -> ScopeLogs:
        """An error in a span (semantic conventions, "Exceptions in logs")."""
        return self._log(event, span, event.message or problem_of(event), event.attributes, 17)

    def data_error_log(self, error: TelemetryDataError, root: Span) -> ScopeLogs:
        """A telemetry data error, in the context of the span that it is, too."""
        return self._log(error, root, error.message, _about(error), 17)

    def _event(self, span: Any, name: str, unix_ns: int, attributes: Mapping[str, AttributeValue]) -> None:
        event = span.events.add(name=encodable(name), time_unix_nano=max(unix_ns, 0))
        put_attributes(event.attributes, attributes, self._nan)

    def _log(
        self, event: Event, span: Span, body: str, attributes: Mapping[str, AttributeValue], severity: int = 9
    ) -> ScopeLogs:
        group = ScopeLogs()
        message = group.log_records.add(
            time_unix_nano=max(event.timestamp.unix_ns, 0),
            observed_time_unix_nano=time_ns(),
            trace_id=span.trace_id.to_bytes(16),
            span_id=span.span_id.to_bytes(8),
            flags=SAMPLED,
            severity_number=severity,
            severity_text=_SEVERITIES[severity],
            event_name=encodable(event.name),
        )
        message.body.string_value = encodable(body)
        put_attributes(message.attributes, attributes, self._nan)
        return group


def problem_of(event: ErrorEvent) -> str:
    """What went wrong, for the status of the span: the exception, as OpenTelemetry's SDK has it, or the message."""
    if not event.exception_type:
        return event.message
    return f"{event.exception_type}: {event.exception_message}" if event.exception_message else event.exception_type


def _about(error: TelemetryDataError) -> dict[str, AttributeValue]:
    """All of a telemetry data error but its message."""
    dropped = {"one_logger.dropped": error.dropped} if error.dropped else {}
    return {"one_logger.error_type": error.error_type.value, **dropped, **error.attributes}


class Requests:
    """Puts requests together. Those for traces and for logs have the same fields, with the same numbers.

    What is buffered are groups of one span each, encoded as they end. One behind the other they are the group of all
    these spans (Protocol Buffers, "Encoding", "Last One Wins": repeated fields are concatenated).
    """

    def __init__(self, resource: ResourceMessage) -> None:
        self._resource = ResourceSpans(resource=resource).SerializeToString()
        self._scope = ScopeSpans(scope=SCOPE).SerializeToString()

    def item(self, message: ScopeSpans | ScopeLogs) -> bytes:
        """What is buffered of a group."""
        return message.SerializeToString()

    def encoded(self, groups: Iterable[bytes]) -> bytes:
        """The request with what is in these groups."""
        return _field(1, self._resource + _field(2, self._scope + b"".join(groups)))


def _field(number: int, content: bytes) -> bytes:
    """A field that holds a message (Protocol Buffers, "Encoding", "Length-Delimited Records")."""
    head, length = bytearray((number << 3 | 2,)), len(content)
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + content


class Rejected(NamedTuple):
    """How many items a peer has rejected of a request that it has taken, and what it says."""

    items: int = 0
    words: str = ""


def partial_success(content: bytes) -> Rejected:
    """What the answer to a request says (OTLP specification, section "Partial Success").

    Raises:
        ValueError: It is no answer of OTLP.
    """
    try:
        said = ExportTraceServiceResponse.FromString(content).partial_success
    except DecodeError as error:
        raise ValueError from error
    return Rejected(said.rejected_spans, said.error_message)
