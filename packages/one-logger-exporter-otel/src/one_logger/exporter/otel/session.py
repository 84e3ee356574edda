"""What an exporter has between `initialize` and `close`."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING

from one_logger.core import ErrorEvent, Event, ExportError, Resource, Span, TelemetryDataError
from one_logger.core.spi import counted, error_text
from one_logger.exporter.otel.messages import Messages, problem_of
from one_logger.exporter.otel.neighbour import Neighbour
from one_logger.exporter.otel.open_spans import OpenSpans
from one_logger.exporter.otel.outbox import Client, Outbox
from one_logger.exporter.otel.settings import OtlpSettings, Signal

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace.export import SpanExporter

    from one_logger.exporter.otel.otel_exporter import NaN
    from one_logger.exporter.otel.otlp_grpc import GrpcClient
    from one_logger.exporter.otel.otlp_http import HttpClient

_START_AND_STOP = 2

TELL_EVERY = 60.0
"""Seconds between two reports of missing records, at least. Each is a span that people see."""


class Session:
    """Makes messages of OTLP, and sends them: each signal by `settings`, or through an exporter that was given."""

    def __init__(
        self,
        settings: Mapping[Signal, OtlpSettings],
        given: Mapping[Signal, SpanExporter | LogRecordExporter],
        events: str,
        max_events: int,
        batch_size: int,
        nan: NaN,
        resource: Resource,
    ) -> None:
        self._neighbour = Neighbour()
        self._messages = Messages(resource, nan)
        about = self._messages.resource
        clients: dict[Signal, Client] = {signal: client_of(each)(each, about) for signal, each in settings.items()}
        if given:
            from one_logger.exporter.otel.given import GivenClient

            clients |= {signal: GivenClient(each, about, self._neighbour) for signal, each in given.items()}
        self._neighbour.watch(set().union(*(client.loggers for client in clients.values())))
        self._outboxes = [Outbox(signal, client, batch_size) for signal, client in sorted(clients.items())]
        self._spans = self._outboxes[-1]  # after the logs, if there are any
        self._logs = self._outboxes[0] if events != "span" else None
        self._in_spans = events != "log"
        self._open = OpenSpans(max_events)
        self._untold: TelemetryDataError | None = None  # missing records, not told yet
        self._tell_at = 0.0

    def start(self, span: Span) -> None:
        """A span has started."""
        self._open.start(span)
        if self._logs is not None:
            self._logs.put(self._messages.start_log(span), 1)

    def stop(self, span: Span) -> None:
        """A span has stopped."""
        known = self._open.stop(span)
        # If there are log records, the start and the events are counted with these.
        records = 1 if self._logs is not None else _START_AND_STOP + known.recorded - known.dropped
        self._spans.put(self._messages.span(span, known), records)

    def complete(self, span: Span) -> None:
        """A span has started and stopped."""
        records = _START_AND_STOP
        if self._logs is not None:
            self._logs.put(self._messages.start_log(span), 1)
            records = 1
        self._spans.put(self._messages.span(span, self._open.without_events(span)), records)

    def event(self, event: Event, span: Span) -> None:
        """Something has happened in a span."""
        if self._in_spans:
            self._open.add(event, span)
        if self._logs is not None:
            self._logs.put(self._messages.event_log(event, span), 1)

    def error(self, event: ErrorEvent, span: Span) -> None:
        """Something went wrong in a span."""
        self._open.add(event, span, problem=problem_of(event), keep=self._in_spans)
        if self._logs is not None:
            self._logs.put(self._messages.error_log(event, span), 1)

    def data_error(self, error: TelemetryDataError) -> None:
        """Something went wrong with the telemetry. Reports of missing records are put together, for a minute each."""
        if error.dropped:
            missing = error.dropped + (self._untold.dropped if self._untold else 0)
            text = error.message.replace(f"{error.dropped} ", f"{missing} ", 1)
            error = TelemetryDataError(error.error_type, text, error.attributes, error.timestamp, dropped=missing)
            self._untold = error
            if monotonic() < self._tell_at:
                return
            self._tell_at, self._untold = monotonic() + TELL_EVERY, None
        root = Span(error.name, start_time=error.timestamp)  # for its ids
        self._spans.put(self._messages.data_error(error, root), 0 if error.dropped else 1)
        if self._logs is not None:
            self._logs.put(self._messages.data_error_log(error, root), 0)

    def flush(self, *, last: bool = False) -> None:
        """Send what is buffered: each signal by itself, so that one that the peer can't take keeps nothing else."""
        if self._untold and (last or monotonic() >= self._tell_at):
            error, self._untold, self._tell_at = self._untold, None, 0.0
            self.data_error(error)
        if self._open.lost:
            self._spans.lose(self._open.lost, "Too many spans are open; the events of some are not kept.")
            self._open.lost = 0
        failed: dict[Outbox, ExportError] = {}
        with self._neighbour.exporting():
            for outbox in self._outboxes:
                try:
                    outbox.ship(last=last)
                except ExportError as error:
                    failed[outbox] = error
        said = " ".join(map(str, failed.values()))
        if len(failed) == len(self._outboxes):
            pause = min(error.retry_after for error in failed.values())
            raise ExportError(said, retriable=True, retry_after=pause)
        unwanted = [outbox for outbox in self._outboxes if outbox.unwanted]
        in_part = len(failed) + len(unwanted) > 0 and len(unwanted) < len(self._outboxes)
        for outbox in failed:
            outbox.hold()
        for outbox in unwanted if in_part else ():
            outbox.leave_out()
        lost, reasons = self._losses()
        if lost or failed:
            given_up = f"{counted(lost, 'record was', 'records were')} given up. {reasons} " if lost else ""
            held = sum(outbox.held for outbox in failed) if in_part else None
            raise ExportError(f"{given_up}{said}".strip(), lost=lost, held=held)

    def close(self) -> None:
        """Send what is buffered, and release every handle."""
        try:
            self.flush(last=True)
        except ExportError as error:
            if not error.retriable and not error.held:
                raise
            for outbox in self._outboxes:
                outbox.lose_all()
            raise ExportError(str(error), lost=(error.lost or 0) + self._losses()[0]) from error
        finally:
            problems = self._release()
        if problems:
            raise ExportError(" ".join(problems), lost=0)

    def forget(self) -> None:
        """Leave the application's loggers as they were. All the rest is the parent's."""
        self._neighbour.remove()

    def _losses(self) -> tuple[int, str]:
        losses = [outbox.losses() for outbox in self._outboxes]
        return sum(lost for lost, _ in losses), " ".join(reason for lost, reason in losses if lost)

    def _release(self) -> list[str]:
        """Release every handle, and tell what went wrong."""
        problems: list[str] = []
        with self._neighbour.exporting():
            for outbox in self._outboxes:
                try:
                    outbox.close()
                except Exception as error:  # the exporter may be the application's, and there may be another to close
                    problems.append(f"Shutting down raised {type(error).__name__}: {error_text(error)}.")
        self._neighbour.remove()
        return problems


def client_of(settings: OtlpSettings) -> type[GrpcClient | HttpClient]:
    """The class of the client for a protocol. Imports what that needs, which is not installed for every protocol."""
    if settings.protocol == "grpc":
        from one_logger.exporter.otel.otlp_grpc import GrpcClient

        return GrpcClient
    from one_logger.exporter.otel.otlp_http import HttpClient

    return HttpClient
