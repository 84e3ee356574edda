"""What is between an initialised exporter and its peers. Imports OpenTelemetry's SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter

from one_logger.core import ErrorEvent, Event, ExportError, Resource, Span, TelemetryDataError
from one_logger.core.spi import encodable, error_text
from one_logger.exporter.otel.given import GivenClient
from one_logger.exporter.otel.neighbour import Neighbour
from one_logger.exporter.otel.open_spans import OpenSpans
from one_logger.exporter.otel.outbox import Client, Outbox
from one_logger.exporter.otel.resource import exported_resource, scope
from one_logger.exporter.otel.settings import OtlpSettings, Signal
from one_logger.exporter.otel.spans import SpanBuilder

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk._logs.export import LogRecordExporter

    from one_logger.exporter.otel.logs import LogBuilder

_START_AND_STOP = 2


class Pipeline:
    """Turns what is recorded into spans and log records, and sends them.

    Args:
        resource: Who produces the telemetry.
        settings: How to reach the collector, for each signal that goes there.
        span_exporter: Where spans go that go somewhere else.
        log_exporter: Where log records go that go somewhere else.
        events: As of `OTelExporter`.
        max_events: As of `OTelExporter`.
        batch_size: As of `OTelExporter`.
    """

    def __init__(
        self,
        resource: Resource,
        settings: Mapping[Signal, OtlpSettings],
        span_exporter: SpanExporter | None,
        log_exporter: LogRecordExporter | None,
        *,
        events: str,
        max_events: int,
        batch_size: int,
    ) -> None:
        with_logs = events != "span"
        for each in settings.values():
            each.check_files()
        self._neighbour = Neighbour()
        clients: dict[Signal, Client[Any]] = {signal: client_of(each)(each) for signal, each in settings.items()}
        if span_exporter is not None:
            clients["traces"] = GivenClient[Any](span_exporter, self._neighbour)
        if log_exporter is not None and with_logs:
            clients["logs"] = GivenClient[Any](log_exporter, self._neighbour)
        self._neighbour.watch(set().union(*(client.loggers for client in clients.values())))
        self._outboxes = {signal: Outbox[Any](client, batch_size) for signal, client in clients.items()}
        self._in_spans = events != "log"
        self._open = OpenSpans(max_events)
        described, maker = exported_resource(resource), scope()
        self._builder = SpanBuilder(described, maker)
        self._spans: Outbox[ReadableSpan] = self._outboxes["traces"]
        self._logs: Outbox[ReadableLogRecord] | None = self._outboxes.get("logs")
        self._log_builder: LogBuilder | None = None
        if with_logs:
            from one_logger.exporter.otel.logs import LogBuilder

            self._log_builder = LogBuilder(described, maker)

    def start(self, span: Span) -> None:
        """A span has started."""
        self._open.start(span)
        if self._logs is not None and self._log_builder is not None:
            self._logs.put(self._log_builder.start(span), 1)

    def stop(self, span: Span) -> None:
        """A span has stopped."""
        known = self._open.stop(span)
        # Where there are log records the start and the events are counted with these.
        self._spans.put(self._builder.span(span, known), _START_AND_STOP + known.kept if self._logs is None else 1)

    def event(self, event: Event, span: Span) -> None:
        """Something has happened in a span."""
        if self._in_spans:
            self._open.add(event, span)
        if self._logs is not None and self._log_builder is not None:
            self._logs.put(self._log_builder.event(event, span), 1)

    def error(self, event: ErrorEvent, span: Span) -> None:
        """Something went wrong in a span."""
        problem = encodable(event.message or event.exception_message or event.exception_type or "")
        self._open.add(event, span, problem=problem, keep=self._in_spans)
        if self._logs is not None and self._log_builder is not None:
            self._logs.put(self._log_builder.error(event, span), 1)

    def data_error(self, error: TelemetryDataError) -> None:
        """Something went wrong with the telemetry."""
        root = Span(error.name, start_time=error.timestamp)  # its ids are what is wanted
        self._spans.put(self._builder.data_error(error, root), 1)
        if self._logs is not None and self._log_builder is not None:
            self._logs.put(self._log_builder.data_error(error, root), 1)

    def flush(self) -> None:
        """Send what there is.

        Raises:
            ExportError: A peer cannot take it now, or has not taken all of it.
        """
        if self._open.lost:
            self._spans.lose(self._open.lost, "Too many spans are open; the events of some are not kept.")
            self._open.lost = 0
        with self._neighbour.exporting():
            for outbox in self._outboxes.values():
                outbox.ship()
        lost, reasons = self._losses()
        if lost:
            raise ExportError(f"{lost} records were given up. {' '.join(reasons)}", lost=lost)

    def _losses(self) -> tuple[int, list[str]]:
        losses = [outbox.losses() for outbox in self._outboxes.values()]
        return sum(lost for lost, _ in losses), [reason for lost, reason in losses if lost]

    def close(self) -> None:
        """Send what there is, and release every handle.

        Raises:
            ExportError: Not all could be sent.
        """
        try:
            self.flush()
        except ExportError as error:
            if not error.retriable:
                raise
            lost = sum(outbox.lose_all() for outbox in self._outboxes.values()) + self._losses()[0]
            raise ExportError(str(error), lost=lost) from error
        finally:
            problems = self._release()
        if problems:
            raise ExportError(" ".join(problems), lost=0)

    def _release(self) -> list[str]:
        """Release every handle. What went wrong."""
        problems: list[str] = []
        with self._neighbour.exporting():
            for outbox in self._outboxes.values():
                try:
                    outbox.close()
                except Exception as error:  # it is the application's code, and there may be another to close
                    problems.append(f"Shutting down raised {type(error).__name__}: {error_text(error)}.")
        self._neighbour.remove()
        return problems

    def forget(self) -> None:
        """Leave the application's loggers alone, and everything else as it is: it is the parent's."""
        self._neighbour.remove()


def client_of(settings: OtlpSettings) -> Callable[[OtlpSettings], Client[Any]]:
    """What makes the client for a protocol. Imports all that it needs, which is not installed for each protocol."""
    if settings.protocol == "grpc":
        from one_logger.exporter.otel.otlp_grpc import GrpcClient, stub_of

        stub_of(settings.signal)
        return GrpcClient
    from one_logger.exporter.otel.otlp_http import HttpClient, exporter_of

    exporter_of(settings.signal)
    return HttpClient
