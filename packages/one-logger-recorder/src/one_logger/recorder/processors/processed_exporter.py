"""An exporter with processors of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from one_logger.core import (
    ErrorEvent,
    Event,
    Exporter,
    OneLoggerError,
    Resource,
    Span,
    Status,
    TelemetryDataError,
    TelemetryDataErrorType,
)
from one_logger.core.spi import diagnostics
from one_logger.recorder.processors.pipeline import Failure
from one_logger.recorder.processors.processing import Processing
from one_logger.recorder.processors.processor import Processor
from one_logger.recorder.processors.span_tree import Node, SpanTree


class ProcessedExporter(Exporter):
    """Passes spans and events through processors before an exporter. Other exporters of the recorder get everything.

    The processors run on the exporter's thread, and cost the job nothing. They see live spans, which are neither copied
    nor changed. A processor that fails is skipped for that call. This exporter's backend is told; the error handling
    strategy does not apply.

    The children of a dropped span are exported as children of the nearest exported span around it. Its errors go to
    that span or, without one, are exported by themselves, with the ids of their own span.

    Args:
        exporter: The exporter.
        processors: The processors, in their order.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """

    def __init__(self, exporter: Exporter, processors: Sequence[Processor]) -> None:
        if not isinstance(exporter, Exporter):
            raise OneLoggerError(
                f"exporter is {type(exporter).__name__}; expected an instance of one_logger.core.Exporter."
            )
        self.exporter = exporter
        self.runs_inline = exporter.runs_inline
        self.events_need_span = exporter.events_need_span
        self._failures: Counter[str] = Counter()
        self._ready = False
        self._processing: Processing[Node] = Processing(processors, self, self._failed)
        self._tree = SpanTree(self._processing.pipeline)

    def initialize(self, resource: Resource) -> None:
        """Initialise the exporter."""
        self.exporter.initialize(resource)
        self._ready = True

    def export_start(self, span: Span) -> None:
        """Export the start, if the processors keep the span."""
        if not self._ready:
            self.exporter.export_start(span)
            return
        node = self._tree.start(span)
        if node.is_exported:
            self.exporter.export_start(node.shown)

    def export_stop(self, span: Span) -> None:
        """Export the stop of a span whose start was exported, or both if the span was deferred."""
        if not self._ready:
            self.exporter.export_stop(span)
            return
        node = self._tree.node(span)
        try:
            self._processing.stop(node)
        finally:
            self._tree.stop(node)

    def export_event(self, event: Event, span: Span) -> None:
        """Export what the processors leave of an event."""
        self._export(event, span)

    def export_error(self, event: ErrorEvent, span: Span) -> None:
        """Export what the processors leave of an error."""
        self._export(event, span)

    def export_telemetry_data_error(self, error: TelemetryDataError) -> None:
        """Export it unchanged: processors do not see it."""
        self.exporter.export_telemetry_data_error(error)

    def export_alive(self) -> None:
        """Have the exporter say that the process is alive."""
        self.exporter.export_alive()

    def flush(self) -> None:
        """Flush the exporter."""
        self.exporter.flush()

    def after_fork(self) -> None:
        """Forget the parent process's telemetry, and have the exporter forget it."""
        self._ready = False
        self._failures.clear()
        self._tree = SpanTree(self._processing.pipeline)
        self._processing.pipeline.after_fork()
        self.exporter.after_fork()

    def close(self) -> None:
        """Let the processors emit what is left, and close the exporter."""
        try:
            if self._ready:
                self._ready = False
                self._processing.pipeline.close()
        finally:
            self.exporter.close_reason = self.close_reason
            self.exporter.close()

    def _export(self, event: Event, span: Span) -> None:
        if self._ready:
            self._processing.event(event, self._tree.node(span))
        else:
            self._export_event(event, span)

    def _export_event(self, event: Event, span: Span) -> None:
        if isinstance(event, ErrorEvent):
            self.exporter.export_error(event, span)
        else:
            self.exporter.export_event(event, span)

    # -- the sink of the processors ----------------------------------------------------------------------------------

    def put(self, event: Event, place: Node) -> None:
        """Export an event or error of a span that is exported."""
        self._export_event(event, place.shown)

    def stop(self, place: Node) -> None:
        """Export the stop of a span."""
        self.exporter.export_stop(place.shown)

    def complete(self, place: Node) -> None:
        """Export start and stop of a deferred span."""
        self.exporter.export_start(place.shown)
        self.exporter.export_stop(place.shown)

    def span_for(self, event: Event, origin: Node | None) -> Span:
        """A new span for an event, or the error's own span if this exporter takes errors alone."""
        if isinstance(event, ErrorEvent) and origin is not None:
            if not self.events_need_span:
                return origin.shown
            name = origin.shown.name
        else:
            name = event.name
        made = Span(name, start_time=event.timestamp)
        made.thread = event.thread
        if origin is not None:
            made.trace_id, made.parent_span_id = origin.shown.trace_id, origin.parent
        if isinstance(event, ErrorEvent):
            made.set_status(Status.ERROR)
        made.stop()
        return made

    def put_alone(self, event: Event, span: Span) -> None:
        """Export an event with the span that `span_for` has made, or an error alone."""
        if self._tree.known(span) is not None:
            self._export_event(event, span)
            return
        self.exporter.export_start(span)
        self._export_event(event, span)
        self.exporter.export_stop(span)

    def place(self, span: Span) -> Node | None:
        """The node of a span, if it is open."""
        return self._tree.known(span)

    def _failed(self, failure: Failure) -> None:
        """Report that a processor was skipped: to the log and the backend the 1st, 2nd, 4th, 8th ... time."""
        self._failures[failure.kind] += 1
        occurrences = self._failures[failure.kind]
        if occurrences & (occurrences - 1) == 0:
            called = type(self.exporter).__name__
            diagnostics.report(f"{called} {failure.kind}", f"Exporter {called}: {failure.message}")
            attributes = {"one_logger.occurrences": occurrences} if occurrences > 1 else None
            error = TelemetryDataError(TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA, failure.message, attributes)
            # If this fails, so does the next record, and that is counted.
            with suppress(Exception):
                self.exporter.export_telemetry_data_error(error)
