"""The processors of a recorder, which run on the thread that records."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from enum import Enum

from one_logger.core import ErrorEvent, Event, OneLoggerError, Span, SpanContext, Status, Timestamp
from one_logger.core.spi import new_trace_id
from one_logger.recorder.channels import Channels
from one_logger.recorder.item import ERROR, EVENT
from one_logger.recorder.processors.pipeline import Failure
from one_logger.recorder.processors.processing import Processing
from one_logger.recorder.processors.processor import Processor
from one_logger.recorder.processors.unexported_span import FilteredSpan, ObservedSpan, UnexportedSpan
from one_logger.recorder.recorded_span import Owner, RecordedSpan
from one_logger.recorder.telemetry_errors import TelemetryErrors


class Chain:
    """Makes the spans of a recorder, and queues the spans and events that its processors leave.

    A mistake of a processor becomes a telemetry error at the end of the call, so that its record is not lost. Under
    `PROPAGATE_EXCEPTIONS`, the methods raise it as a `OneLoggerError`.
    """

    def __init__(
        self, processors: Sequence[Processor], recorder: Owner, errors: TelemetryErrors, channels: Channels
    ) -> None:
        self._recorder = recorder
        self._errors = errors
        self._channels = channels
        self._failures: deque[Failure] = deque()
        self._processing: Processing[RecordedSpan] = Processing(processors, self, self._failures.append)
        self._pipeline = self._processing.pipeline
        self._closed = False

    def after_fork(self) -> None:
        """Reset in a forked child."""
        self._failures.clear()
        self._pipeline.after_fork()

    def start(
        self,
        name: str | Enum,
        attributes: Mapping[str, object] | None,
        start_event_attributes: Mapping[str, object] | None,
        parent: Span | SpanContext | None,
        start_time: Timestamp | None,
    ) -> RecordedSpan:
        """Make a span. If `is_exported`, its start is to be queued."""
        pipeline = self._pipeline
        trace_id, sampled = self._sample(parent) if pipeline.samplers else (0, True)
        text = name if type(name) is str else _text(name)
        choice = (pipeline.known if sampled else pipeline.known_unsampled).get(text)
        if choice is None:
            choice = pipeline.choose(text, sampled=sampled)
        span: RecordedSpan
        if choice.dropped and not choice.observers:
            span = FilteredSpan(self._recorder, text, parent, trace_id, choice, sampled)
        else:
            kind = ObservedSpan if choice.dropped or choice.deferrers else RecordedSpan
            span = kind(self._recorder, name, attributes, start_event_attributes, parent, start_time)
            if isinstance(span, ObservedSpan):
                span.choice, span.is_sampled = choice, sampled
            if isinstance(parent, UnexportedSpan):
                span.parent_span_id = parent.parent_of_children or None
            if trace_id:
                span.trace_id = trace_id
            if pipeline.starters:
                pipeline.attributes(span, choice.depth, span.set_initial_attributes)
        if self._failures:
            self.report()
        return span

    def _sample(self, parent: Span | SpanContext | None) -> tuple[int, bool]:
        """The id of a new trace, else 0, and whether the trace is recorded.

        A child follows its parent, as with OpenTelemetry's ParentBased sampler (Trace SDK, section "ParentBased").
        """
        if parent is not None and parent.trace_id:
            if isinstance(parent, SpanContext):
                return 0, parent.sampled
            return 0, not isinstance(parent, RecordedSpan) or parent.is_sampled
        trace_id = new_trace_id()
        return trace_id, self._pipeline.samples(trace_id)

    def record(self, event: Event, span: RecordedSpan) -> None:
        """Queue what the processors leave of an event or error."""
        self._processing.event(event, span)
        if self._failures:
            self.report()

    def stop_span(self, span: RecordedSpan) -> None:
        """Show a stopped span to the processors, and queue its stop if it is exported."""
        if type(span) is FilteredSpan:
            return
        self._processing.stop(span)
        if self._failures:
            self.report()

    def show_stop(self, span: RecordedSpan) -> None:
        """Show the processors the stop of a span that the parent process exports."""
        self._pipeline.stopped(span)
        if self._failures:
            self.report()

    def close(self) -> None:
        """Call `on_close` of the processors, once."""
        if not self._closed:
            self._closed = True
            self._pipeline.close()

    def report(self) -> None:
        """Make telemetry errors of the processors' mistakes."""
        while self._failures:
            try:
                failure = self._failures.popleft()
            except IndexError:  # another thread has just taken the last one
                return
            try:
                self._errors.mistake(failure.kind, failure.message)
            except OneLoggerError as error:
                raise error from failure.error

    # -- the sink of the processors ----------------------------------------------------------------------------------

    def put(self, event: Event, place: RecordedSpan) -> None:
        """Queue an event or error."""
        self._channels.queue_event(ERROR if isinstance(event, ErrorEvent) else EVENT, place, event)

    def stop(self, place: RecordedSpan) -> None:
        """Queue the stop of a span."""
        self._channels.queue_stop(place)

    def complete(self, place: RecordedSpan) -> None:
        """Queue start and stop of a deferred span."""
        self._channels.queue_start(place)
        self._channels.queue_stop(place)

    def span_for(self, event: Event, origin: RecordedSpan | None) -> RecordedSpan:
        """A new span for an event, named like the error's span or the event."""
        is_error = isinstance(event, ErrorEvent)
        name = origin.name if is_error and origin is not None else event.name
        parent = origin if origin is not None and origin.is_sampled else None
        span = RecordedSpan(self._recorder, name, None, None, parent, event.timestamp)
        if isinstance(parent, UnexportedSpan):
            span.parent_span_id = parent.parent_of_children or None
        if is_error:
            span.set_status(Status.ERROR)
        return span

    def put_alone(self, event: Event, span: Span) -> None:
        """Queue an event with the span that `span_for` has made."""
        if isinstance(span, RecordedSpan):
            self._channels.queue_start(span)
            self.put(event, span)
            span._end_span()
            self._channels.queue_stop(span)

    def place(self, span: Span) -> RecordedSpan | None:
        """The span itself, if a recorder made it."""
        return span if isinstance(span, RecordedSpan) else None


def _text(name: str | Enum) -> str:
    """The name of a span as it will be exported."""
    return Span(name).name
