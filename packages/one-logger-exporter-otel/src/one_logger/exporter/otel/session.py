"""What an exporter has between `initialize` and `close`. Imports OpenTelemetry's SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export import SpanExporter

from one_logger.core import ErrorEvent, Event, ExportError, Resource, Span, TelemetryDataError
from one_logger.core.spi import encodable, error_text
from one_logger.exporter.otel.given import GivenClient
from one_logger.exporter.otel.neighbour import Neighbour
from one_logger.exporter.otel.open_spans import OpenSpans
from one_logger.exporter.otel.outbox import Client, Outbox
from one_logger.exporter.otel.resource import exported_resource
from one_logger.exporter.otel.settings import OtlpSettings, Signal
from one_logger.exporter.otel.spans import data_error_span, stopped_span

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter

    from one_logger.exporter.otel.logs import LogWriter

_START_AND_STOP = 2


class Session:
    """Makes spans and log records of OpenTelemetry, and sends them. `settings` are for what goes to a collector."""

    def __init__(
        self,
        settings: Mapping[Signal, OtlpSettings],
        span_exporter: SpanExporter | None,
        log_exporter: LogRecordExporter | None,
        events: str,
        max_events: int,
        batch_size: int,
        resource: Resource,
    ) -> None:
        for each in settings.values():
            each.check_files()
        self._neighbour = Neighbour()
        clients: dict[Signal, Client] = {signal: client_of(each)(each) for signal, each in settings.items()}
        if span_exporter is not None:
            clients["traces"] = GivenClient(span_exporter, self._neighbour)
        if log_exporter is not None:
            clients["logs"] = GivenClient(log_exporter, self._neighbour)
        self._neighbour.watch(set().union(*(client.loggers for client in clients.values())))
        self._outboxes = {signal: Outbox(client, batch_size) for signal, client in clients.items()}
        self._in_spans = events != "log"
        self._open = OpenSpans(max_events)
        self._resource = exported_resource(resource)
        self._spans = self._outboxes["traces"]
        self._logs: LogWriter | None = None
        if events != "span":
            from one_logger.exporter.otel.logs import LogWriter

            self._logs = LogWriter(self._resource, self._outboxes["logs"])

    def start(self, span: Span) -> None:
        """A span has started."""
        self._open.start(span)
        if self._logs is not None:
            self._logs.start(span)

    def stop(self, span: Span) -> None:
        """A span has stopped."""
        known = self._open.stop(span)
        # If there are log records, the start and the events are counted with these.
        records = _START_AND_STOP + known.kept if self._logs is None else 1
        self._spans.put(stopped_span(span, known, self._resource), records)

    def event(self, event: Event, span: Span) -> None:
        """Something has happened in a span."""
        if self._in_spans:
            self._open.add(event, span)
        if self._logs is not None:
            self._logs.event(event, span)

    def error(self, event: ErrorEvent, span: Span) -> None:
        """Something went wrong in a span."""
        problem = encodable(event.message or event.exception_message or event.exception_type or "")
        self._open.add(event, span, problem=problem, keep=self._in_spans)
        if self._logs is not None:
            self._logs.error(event, span)

    def data_error(self, error: TelemetryDataError) -> None:
        """Something went wrong with the telemetry."""
        root = Span(error.name, start_time=error.timestamp)  # for its ids
        self._spans.put(data_error_span(error, root, self._resource), 1)
        if self._logs is not None:
            self._logs.data_error(error, root)

    def flush(self) -> None:
        """Send what is buffered."""
        if self._open.lost:
            self._spans.lose(self._open.lost, "Too many spans are open; the events of some are not kept.")
            self._open.lost = 0
        with self._neighbour.exporting():
            for outbox in self._outboxes.values():
                outbox.ship()
        lost, reasons = self._losses()
        if lost:
            raise ExportError(f"{lost} records were given up. {' '.join(reasons)}", lost=lost)

    def close(self) -> None:
        """Send what is buffered, and release every handle."""
        try:
            self.flush()
        except ExportError as error:
            if not error.retriable:
                raise
            for outbox in self._outboxes.values():
                outbox.lose_all()
            raise ExportError(str(error), lost=self._losses()[0]) from error
        finally:
            problems = self._release()
        if problems:
            raise ExportError(" ".join(problems), lost=0)

    def forget(self) -> None:
        """Leave the application's loggers as they were. All the rest is the parent's."""
        self._neighbour.remove()

    def _losses(self) -> tuple[int, list[str]]:
        losses = [outbox.losses() for outbox in self._outboxes.values()]
        return sum(lost for lost, _ in losses), [reason for lost, reason in losses if lost]

    def _release(self) -> list[str]:
        """Release every handle, and tell what went wrong."""
        problems: list[str] = []
        with self._neighbour.exporting():
            for outbox in self._outboxes.values():
                try:
                    outbox.close()
                except Exception as error:  # the exporter may be the application's, and there may be another to close
                    problems.append(f"Shutting down raised {type(error).__name__}: {error_text(error)}.")
        self._neighbour.remove()
        return problems


def client_of(settings: OtlpSettings) -> Callable[[OtlpSettings], Client]:
    """The class of the client for a protocol. Imports what that needs, which is not installed for every protocol."""
    if settings.protocol == "grpc":
        from one_logger.exporter.otel.otlp_grpc import GrpcClient, stub_of

        stub_of(settings.signal)
        return GrpcClient
    from one_logger.exporter.otel.otlp_http import HttpClient, exporter_of

    exporter_of(settings.signal)
    return HttpClient
