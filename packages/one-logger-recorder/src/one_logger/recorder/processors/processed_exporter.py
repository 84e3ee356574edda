"""An exporter behind processors of its own."""

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
    diagnostics,
)
from one_logger.recorder.processors.pipeline import Failure, Pipeline
from one_logger.recorder.processors.processor import Processor
from one_logger.recorder.processors.span_tree import Node, SpanTree


class ProcessedExporter(Exporter):
    """An exporter that gets what processors of its own leave: other exporters of the recorder get everything.

    The processors run where the exporter does, in a thread of the recorder, and cost the job nothing. They see live
    spans; nothing of a span is copied or changed. A processor that fails is skipped for that call; this exporter's
    backend is told, and the job's error handling strategy has no part in it.

    The children of a span that is dropped here are shown to this exporter as children of the nearest span around it
    that it sees. An error of such a span becomes one of that span or, if there is none, is exported by itself, with the
    ids of its own span.

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
        self._pipeline = Pipeline(processors, self, self._failed)
        self._tree = SpanTree(self._pipeline)

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
        if not node.hidden:
            self.exporter.export_start(node.shown)

    def export_stop(self, span: Span) -> None:
        """Export the stop of a span whose start was exported, or both if that was put off until now."""
        if not self._ready:
            self.exporter.export_stop(span)
            return
        pipeline, node = self._pipeline, self._tree.node(span)
        deferrers: tuple[int, ...] = ()
        if node.undecided:
            deferrers = node.choice.deferrers
            refused = pipeline.refused_by(node.shown, deferrers)
            if refused is None:
                self._show(node)
            else:
                node.depth = refused
            node.undecided = False
        if node.hidden:
            pipeline.stopped(node.shown, only=[place for place in node.choice.observers if place < node.depth])
        else:
            pipeline.stopped(node.shown, without=deferrers)
        self._tree.stop(node)
        if not node.hidden:
            self.exporter.export_stop(node.shown)

    def export_event(self, event: Event, span: Span) -> None:
        """Export what the processors leave of an event."""
        self._export(event, span)

    def export_error(self, event: ErrorEvent, span: Span) -> None:
        """Export what the processors leave of an error."""
        self._export(event, span)

    def export_telemetry_data_error(self, error: TelemetryDataError) -> None:
        """Export it: processors have no say in it."""
        self.exporter.export_telemetry_data_error(error)

    def flush(self) -> None:
        """Flush the exporter."""
        self.exporter.flush()

    def after_fork(self) -> None:
        """Forget what is the parent's, and have the exporter do so."""
        self._ready = False
        self._failures.clear()
        self._tree = SpanTree(self._pipeline)
        self._pipeline.after_fork()
        self.exporter.after_fork()

    def close(self) -> None:
        """Let the processors say what they have left to say, and close the exporter."""
        try:
            if self._ready:
                self._ready = False
                self._pipeline.close()
        finally:
            self.exporter.close()

    def emit(self, processor: Processor, event: Event, span: Span | None) -> None:
        """Export an event that a processor has made, if those after it leave it."""
        if not isinstance(event, Event) or not isinstance(span, Span | None):
            raise OneLoggerError(
                f"emit() was given {type(event).__name__} and {type(span).__name__}; expected an Event and a Span."
            )
        target = None if span is None else self.exported(span)
        self._finish(event, target, span, self._pipeline.place(processor) + 1)

    def exported(self, span: Span) -> Span | None:
        """The nearest span that is open and exported here, from `span` on outwards."""
        node = self._tree.shown(self._tree.known(span))
        return None if node is None else node.shown

    def around(self, span: Span) -> Span | None:
        """The nearest span around `span` that is open and exported here."""
        known = self._tree.known(span)
        node = None if known is None else self._tree.shown(known.around)
        return None if node is None else node.shown

    def _export(self, event: Event, span: Span) -> None:
        if not self._ready:
            self._put(event, span)
            return
        node, is_error = self._tree.node(span), isinstance(event, ErrorEvent)
        if is_error and node.undecided:
            self._show(node)
        limit = node.depth if node.hidden else self._pipeline.size
        left = self._pipeline.event(event, node.shown, 0, limit)
        if left is None or node.unsampled:
            return
        if not node.hidden:
            self._put(left, node.shown)
        elif isinstance(left, ErrorEvent):
            self._finish(left, self._outwards(node), node.shown, limit)
        elif node.undecided:
            around = self._tree.shown(node.around)
            if around is not None:
                self._put(left, around.shown)

    def _put(self, event: Event, span: Span) -> None:
        if isinstance(event, ErrorEvent):
            self.exporter.export_error(event, span)
        else:
            self.exporter.export_event(event, span)

    def _show(self, node: Node) -> None:
        """Export the start of a span that was put off."""
        node.hidden = node.undecided = False
        self.exporter.export_start(node.shown)

    def _outwards(self, node: Node) -> Span | None:
        """The nearest open span around one that can take an error: shown, or undecided, which makes it shown."""
        around = node.around
        while around is not None:
            if around.open and around.undecided:
                self._show(around)
            if around.open and not around.hidden:
                return around.shown
            around = around.around
        return None

    def _finish(self, event: Event, target: Span | None, origin: Span | None, first: int) -> None:
        """Export what the processors from `first` on leave of an event that has changed its span.

        Args:
            event: The event.
            target: The span that it is part of now. None: there is none that this exporter sees.
            origin: The span that it comes from.
            first: The place of the first processor that has not seen the event.
        """
        is_error = isinstance(event, ErrorEvent) and origin is not None
        span = target or (origin if is_error else None) or _made_for(event, origin)
        left = self._pipeline.event(event, span, first, self._pipeline.size)
        if left is None:
            return
        if target is not None or (is_error and not self.events_need_span):
            self._put(left, span)
            return
        made = _made_for(left, origin)
        self.exporter.export_start(made)
        self._put(left, made)
        self.exporter.export_stop(made)

    def _failed(self, failure: Failure) -> None:
        """Say that a processor was skipped: in the log, and to the backend the 1st, 2nd, 4th, 8th ... time."""
        self._failures[failure.kind] += 1
        occurrences = self._failures[failure.kind]
        if occurrences & (occurrences - 1) == 0:
            called = type(self.exporter).__name__
            diagnostics.report(f"{called} {failure.kind}", f"Exporter {called}: {failure.message}")
            attributes = {"one_logger.occurrences": occurrences} if occurrences > 1 else None
            error = TelemetryDataError(TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA, failure.message, attributes)
            # What keeps it from being told keeps the next record from being exported, and is found there.
            with suppress(Exception):
                self.exporter.export_telemetry_data_error(error)


def _made_for(event: Event, origin: Span | None) -> Span:
    """A span that has nothing but one event, in the place of the one that it comes from, and is over."""
    is_error = isinstance(event, ErrorEvent)
    name = origin.name if origin is not None and is_error else event.name
    made = Span(name, start_time=event.timestamp)
    if origin is not None:
        made.trace_id, made.parent_span_id = origin.trace_id, origin.parent_span_id
    if is_error:
        made.set_status(Status.ERROR)
    made.stop()
    return made
