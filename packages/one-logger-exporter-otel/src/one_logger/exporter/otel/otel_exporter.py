"""An exporter to OpenTelemetry."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, get_args

from one_logger.core import ErrorEvent, Event, OneLoggerError, Resource, Span, TelemetryDataError
from one_logger.core.spi import BaseExporter, keep_inherited, safe_repr
from one_logger.exporter.otel.settings import OtlpSettings, Signal, check_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace.export import SpanExporter

    from one_logger.exporter.otel.pipeline import Pipeline

Events = Literal["span", "log", "both"]


class OTelExporter(BaseExporter):
    """Exports to a collector over OTLP, or to any exporter of OpenTelemetry.

    A span is exported when it stops, with the ids it has, as one span of OpenTelemetry. No provider is installed, and
    an application's own OpenTelemetry set-up doesn't notice. The table of the README says what becomes of what.

    What the configuration is silent about the standard variables `OTEL_EXPORTER_OTLP_*` say, and where they are silent,
    too, OpenTelemetry's defaults hold: HTTP to `http://localhost:4318`, gRPC to `http://localhost:4317`.

    Args:
        span_exporter: Where spans go. None: to the collector that the arguments below describe. An exporter given here
            is shut down by `close`, and a forked child inherits it as it is.
        log_exporter: Where log records go. None: to that collector.
        events: `"span"`: events are part of their span, and arrive with it. `"log"`: each start and each event is a log
            record, sent at once, and spans have no events. `"both"`.
        protocol: `"http/protobuf"` or `"grpc"`.
        endpoint: The collector's URL. Paths for the signals are added over HTTP: `http://collector:4318`.
        headers: Headers to send with each request: a mapping, or `name=value,name=value`.
        compression: `"none"`, `"gzip"`, or, over HTTP only, `"deflate"`.
        certificate: The file with the certificates of the authorities to trust.
        client_key: The file with the client's private key, if the collector asks for one.
        client_certificate: The file with the client's certificate.
        timeout: How long an answer is waited for, in seconds.
        max_events: How many events of a span are exported with it. Of more than that the newest are, but errors have
            precedence; the others are counted in the span's `dropped_events_count`.
        batch_size: How many spans or log records are sent in one request, at most.

    Raises:
        OneLoggerError: An argument is not of the kind described here, or a package is missing.
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
    ) -> None:
        super().__init__()
        if events not in get_args(Events):
            raise OneLoggerError(f"events is {safe_repr(events, 100)}; expected 'span', 'log' or 'both'.")
        _check_exporter("span_exporter", span_exporter)
        _check_exporter("log_exporter", log_exporter)
        if log_exporter is not None and events == "span":
            raise OneLoggerError("log_exporter was given, but no log records are made: say events='log' or 'both'.")
        self._max_events = _at_least("max_events", max_events, 0)
        self._batch_size = _at_least("batch_size", batch_size, 1)
        self._events = events
        self.events_need_span = events == "span"
        self._span_exporter = span_exporter
        self._log_exporter = log_exporter

        connection = (
            protocol,
            endpoint,
            headers,
            compression,
            certificate,
            client_key,
            client_certificate,
            timeout,
        )
        wanted: dict[Signal, object] = {"traces": span_exporter}
        if events != "span":
            wanted["logs"] = log_exporter
        self._settings: dict[Signal, OtlpSettings] = {
            signal: check_settings(signal, *connection) for signal, given in wanted.items() if given is None
        }
        if not self._settings and any(value is not None for value in connection):
            raise OneLoggerError(
                "How to reach a collector was said, but all that is exported goes to exporters that were given; "
                "leave one of the two out."
            )
        self._import()
        self._pipeline: Pipeline | None = None

    def _import(self) -> None:
        """Import what will be needed.

        Here, not in the exporter's thread: in a process that is forked while another thread imports something, nobody
        can import that any more, neither we nor the job.
        """
        from one_logger.exporter.otel.pipeline import client_of
        from one_logger.exporter.otel.resource import scope

        scope()  # importlib.metadata imports more when it is asked for a version
        for settings in self._settings.values():
            client_of(settings)
        if self._events != "span":
            import one_logger.exporter.otel.logs  # noqa: F401

    def open(self, resource: Resource) -> None:
        """Get ready to send. No connection is made yet."""
        from one_logger.exporter.otel.pipeline import Pipeline

        self._pipeline = Pipeline(
            resource,
            self._settings,
            self._span_exporter,
            self._log_exporter,
            events=self._events,
            max_events=self._max_events,
            batch_size=self._batch_size,
        )

    def export_start(self, span: Span) -> None:
        """Keep track of the span, and buffer a log record if events are to be that."""
        self._opened("export_start").start(span)

    def export_stop(self, span: Span) -> None:
        """Buffer the span."""
        self._opened("export_stop").stop(span)

    def export_event(self, event: Event, span: Span) -> None:
        """Keep the event until its span stops, or buffer a log record, or both."""
        self._opened("export_event").event(event, span)

    def export_error(self, event: ErrorEvent, span: Span) -> None:
        """The same, for an error."""
        self._opened("export_error").error(event, span)

    def export_telemetry_data_error(self, error: TelemetryDataError) -> None:
        """Buffer a span of its own, with the status ERROR, and a log record if events are to be that."""
        self._opened("export_telemetry_data_error").data_error(error)

    def flush(self) -> None:
        """Send what is buffered."""
        self._opened("flush").flush()

    def forget(self) -> None:
        """Drop what is buffered, and the connections."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.forget()
            keep_inherited(pipeline)

    def finish(self) -> None:
        """Send what is buffered, and shut down."""
        pipeline, self._pipeline = self._opened("close"), None
        pipeline.close()

    def _opened(self, method: str) -> Pipeline:
        if self._pipeline is None:
            raise self.misused(method)
        return self._pipeline


def _check_exporter(argument: str, given: object) -> None:
    if given is not None and not all(callable(getattr(given, method, None)) for method in ("export", "shutdown")):
        kind = "a SpanExporter" if argument == "span_exporter" else "a LogRecordExporter"
        raise OneLoggerError(
            f"{argument} was given as {type(given).__name__}; expected {kind} of OpenTelemetry, which only code can "
            "give. A configuration says protocol and endpoint instead."
        )
    if isinstance(given, type):
        raise OneLoggerError(f"{argument} was given as the class {given.__name__}; expected an object of it.")


def _at_least(argument: str, given: int, least: int) -> int:
    if type(given) is not int or given < least:
        raise OneLoggerError(f"{argument} is {safe_repr(given, 100)}; expected a whole number from {least} on.")
    return given
