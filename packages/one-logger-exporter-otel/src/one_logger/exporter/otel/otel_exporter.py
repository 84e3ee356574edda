"""An exporter to OpenTelemetry."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Literal, get_args

from one_logger.core import ErrorEvent, Event, OneLoggerError, Resource, Span, TelemetryDataError
from one_logger.core.spi import BaseExporter, check_choice, check_number, keep_inherited
from one_logger.exporter.otel.settings import Signal, check_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace.export import SpanExporter

    from one_logger.exporter.otel.session import Session

Events = Literal["span", "log", "both"]
NaN = Literal["number", "text"]


class OTelExporter(BaseExporter):
    """Exports to a collector over OTLP, or to any exporter of OpenTelemetry.

    A span is exported as one span of OpenTelemetry with the same ids, when it stops. No provider is installed, and an
    application's own OpenTelemetry is left alone. The README has the table of the mapping.

    Arguments that are not given fall back to `OTEL_EXPORTER_OTLP_*`, then to OpenTelemetry's defaults: HTTP to
    `http://localhost:4318`, gRPC to `http://localhost:4317`.

    Args:
        span_exporter: Where spans go. None: to the collector that the arguments below describe. An exporter given here
            is shut down by `close`, and a forked child inherits it as it is.
        log_exporter: Where log records go. None: to that collector.
        events: `"span"`: events are sent with their span. `"log"`: each start and each event is a log record, sent at
            once, and spans have no events. `"both"`.
        protocol: `"http/protobuf"` or `"grpc"`.
        endpoint: The collector's URL, such as `http://collector:4318`. Over HTTP the path of the signal is added.
        headers: Headers to send with each request: a mapping, or `name=value,name=value`.
        compression: `"none"`, `"gzip"`, or, over HTTP only, `"deflate"`.
        certificate: The file with the certificates of the authorities to trust.
        client_key: The file with the client's private key, if the collector asks for one.
        client_certificate: The file with the client's certificate.
        timeout: How long to wait for an answer, in seconds.
        max_events: How many events of a span are exported with it, at most: errors first, then the newest. The others
            are counted in the span's `dropped_events_count` and its attribute `one_logger.dropped_events`.
        batch_size: How many spans or log records are sent in one request, at most.
        nan: `"number"`: NaN and the infinities are sent as they are. `"text"`: as texts, for a backend that cannot
            show a trace with such numbers in it, as Jaeger.

    Raises:
        OneLoggerError: An argument or an environment variable cannot be used, or a package is missing.
    """

    def __init__(
        self,
        span_exporter: SpanExporter | None = None,
        *,
        log_exporter: LogRecordExporter | None = None,
        events: Events = "span",
        protocol: Literal["http/protobuf", "grpc"] | None = None,
        endpoint: str | None = None,
        headers: Mapping[str, str] | str | None = None,
        compression: Literal["none", "gzip", "deflate"] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        client_key: str | os.PathLike[str] | None = None,
        client_certificate: str | os.PathLike[str] | None = None,
        timeout: float | None = None,
        max_events: int = 128,
        batch_size: int = 512,
        nan: NaN = "number",
    ) -> None:
        super().__init__()
        check_choice("events", events, get_args(Events))
        check_choice("nan", nan, get_args(NaN))
        _check_exporter("span_exporter", span_exporter)
        _check_exporter("log_exporter", log_exporter)
        if log_exporter is not None and events == "span":
            raise OneLoggerError("log_exporter was given, but no log records are made: say events='log' or 'both'.")
        check_number("max_events", max_events, 0, "a whole number", whole=True)
        check_number("batch_size", batch_size, 1, "a whole number", whole=True)
        self.events_need_span = events == "span"
        names = ("protocol", "endpoint", "headers", "compression", "certificate", "client_key", "client_certificate")
        values = (protocol, endpoint, headers, compression, certificate, client_key, client_certificate)
        connection = {**dict(zip(names, values, strict=True)), "timeout": timeout}
        signals: tuple[Signal, ...] = ("traces",) if events == "span" else ("logs", "traces")
        exporters: dict[Signal, SpanExporter | LogRecordExporter | None] = {
            "traces": span_exporter,
            "logs": log_exporter,
        }
        given = {signal: exporter for signal, exporter in exporters.items() if exporter is not None}
        settings = {signal: check_settings(signal, connection) for signal in signals if signal not in given}
        if not settings and any(value is not None for value in connection.values()):
            raise OneLoggerError(
                "Arguments say how to reach a collector, but all goes to exporters that were given; "
                "leave one of the two out."
            )

        # The exporter's thread is to import nothing: a child that is forked meanwhile could not import it any more.
        from one_logger.exporter.otel.session import Session, client_of

        for each in settings.values():
            client_of(each)
        if given:
            import one_logger.exporter.otel.given  # noqa: F401
        if log_exporter is not None:
            import opentelemetry.sdk._logs  # noqa: F401

        self._begin = partial(Session, settings, given, events, max_events, batch_size, nan)
        self._session: Session | None = None

    def open(self, resource: Resource) -> None:
        """Get ready to send. No connection is made yet."""
        self._session = self._begin(resource)

    def export_start(self, span: Span) -> None:
        """Keep track of the span. Unless `events` is `"span"`, buffer a log record."""
        (self._session or self._opened("export_start")).start(span)

    def export_stop(self, span: Span) -> None:
        """Buffer the span."""
        (self._session or self._opened("export_stop")).stop(span)

    def export_complete(self, span: Span) -> None:
        """Do both."""
        (self._session or self._opened("export_complete")).complete(span)

    def export_event(self, event: Event, span: Span) -> None:
        """Keep the event until its span stops, or buffer a log record, or both, as `events` says."""
        (self._session or self._opened("export_event")).event(event, span)

    def export_error(self, event: ErrorEvent, span: Span) -> None:
        """The same, for an error."""
        (self._session or self._opened("export_error")).error(event, span)

    def export_telemetry_data_error(self, error: TelemetryDataError) -> None:
        """Buffer a span of its own with the status ERROR. Unless `events` is `"span"`, buffer a log record, too."""
        self._opened("export_telemetry_data_error").data_error(error)

    def flush(self) -> None:
        """Send what is buffered."""
        self._opened("flush").flush()

    def forget(self) -> None:
        """Drop what is buffered, and the parent's connections."""
        session, self._session = self._session, None
        if session is not None:
            session.forget()
            keep_inherited(session)

    def finish(self) -> None:
        """Send what is buffered, and shut down."""
        session, self._session = self._opened("close"), None
        session.close()

    def _opened(self, method: str) -> Session:
        if self._session is None:
            raise self.misused(method)
        return self._session


def _check_exporter(argument: str, given: object) -> None:
    if given is not None and not all(callable(getattr(given, method, None)) for method in ("export", "shutdown")):
        kind = "a SpanExporter" if argument == "span_exporter" else "a LogRecordExporter"
        raise OneLoggerError(
            f"{argument} was given as {type(given).__name__}; expected {kind} of OpenTelemetry, which only code can "
            "give. In a configuration give protocol and endpoint instead."
        )
    if isinstance(given, type):
        raise OneLoggerError(f"{argument} was given as the class {given.__name__}; expected an object of it.")
