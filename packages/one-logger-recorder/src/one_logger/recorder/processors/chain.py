"""The processors of a recorder: what they make of the spans and events of the calling thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import Enum

from one_logger.api import Recorder
from one_logger.core import ErrorEvent, Event, OneLoggerError, Span, SpanContext, Status, Timestamp
from one_logger.core.ids import new_trace_id
from one_logger.recorder.delivery import ERROR, EVENT
from one_logger.recorder.processors.pipeline import Failure, Pipeline
from one_logger.recorder.processors.processor import Processor
from one_logger.recorder.processors.unexported_span import (
    FilteredSpan,
    ObservedSpan,
    UnexportedSpan,
    is_exported,
    nearest_exported,
)
from one_logger.recorder.recorded_span import RecordedSpan
from one_logger.recorder.telemetry_errors import TelemetryErrors

QueueSpan = Callable[[RecordedSpan], None]
QueueEvent = Callable[[int, RecordedSpan, Event], None]


class Chain:
    """Makes the spans of a recorder, and decides what of them and of their events is queued.

    What a processor does wrong becomes a telemetry error when the call is done: what is recorded by it is not lost.

    Args:
        processors: The processors.
        recorder: The recorder.
        errors: The telemetry errors of the recorder.
        queue_start: Queues the start of a span for every exporter.
        queue_event: The same for an event or error, given with its kind.
        queue_stop: The same for the stop of a span.
    """

    def __init__(
        self,
        processors: Sequence[Processor],
        recorder: Recorder,
        errors: TelemetryErrors,
        queue_start: QueueSpan,
        queue_event: QueueEvent,
        queue_stop: QueueSpan,
    ) -> None:
        self._recorder = recorder
        self._errors = errors
        self._queue_start = queue_start
        self._queue_event = queue_event
        self._queue_stop = queue_stop
        self._closed = False
        self.failures: deque[Failure] = deque()
        self._pipeline = Pipeline(processors, self, self.failures.append)
        # Held while an undecided span is decided on, so that its start is queued once, and before its stop. Threads
        # that record share it, no worker does; a signal handler may record within it.
        self._deciding = threading.RLock()

    def after_fork(self) -> None:
        """Be as new in a forked child."""
        self._deciding = threading.RLock()
        self.failures.clear()
        self._pipeline.after_fork()

    def start(
        self,
        name: str | Enum,
        attributes: Mapping[str, object] | None,
        start_event_attributes: Mapping[str, object] | None,
        parent: Span | SpanContext | None,
        start_time: Timestamp | None,
    ) -> RecordedSpan:
        """Make a span. Whether it is to be queued, `is_exported` says.

        Raises:
            OneLoggerError: Under `PROPAGATE_EXCEPTIONS`, a processor did something wrong.
        """
        pipeline = self._pipeline
        trace_id, unsampled = self._sample(parent) if pipeline.samplers else (0, False)
        text = name if type(name) is str else _text(name)
        choice = None if unsampled else pipeline.known.get(text)
        limit = pipeline.samplers[0].place if unsampled else pipeline.size
        if choice is None:
            choice = pipeline.choose(text, limit)
        depth = limit if choice.depth is None else choice.depth
        span: RecordedSpan
        if (unsampled or choice.depth is not None) and not choice.observers:
            span = FilteredSpan(self._recorder, text, parent, depth, trace_id, unsampled)
        else:
            if unsampled or choice.depth is not None or choice.deferrers:
                observed = ObservedSpan(self._recorder, name, attributes, start_event_attributes, parent, start_time)
                observed.take_choice(choice, depth, unsampled=unsampled)
                span = observed
            else:
                span = RecordedSpan(self._recorder, name, attributes, start_event_attributes, parent, start_time)
            if trace_id:
                span.trace_id = trace_id
            if pipeline.starters:
                pipeline.attributes(span, depth, span.set_initial_attributes)
        if self.failures:
            self.report()
        return span

    def _sample(self, parent: Span | SpanContext | None) -> tuple[int, bool]:
        """The id of the trace, if it is a new one, and whether it is not to be recorded.

        As with OpenTelemetry's ParentBased sampler, what was decided of the parent holds for the child (Trace SDK,
        section "ParentBased").
        """
        if parent is not None and parent.trace_id:
            if isinstance(parent, SpanContext):
                return 0, not parent.sampled
            return 0, isinstance(parent, UnexportedSpan) and parent.unsampled
        trace_id = new_trace_id()
        return trace_id, not self._pipeline.samples(trace_id)

    def record(self, event: Event, span: RecordedSpan) -> None:
        """Queue what the processors leave of an event or error.

        Raises:
            OneLoggerError: Under `PROPAGATE_EXCEPTIONS`, a processor did something wrong.
        """
        if isinstance(span, UnexportedSpan) and not self._is_kept(span, event):
            self._record_unexported(event, span)
        else:
            left = self._pipeline.event(event, span, 0, self._pipeline.size)
            if left is not None:
                self._queue_event(ERROR if isinstance(left, ErrorEvent) else EVENT, span, left)
        if self.failures:
            self.report()

    def _is_kept(self, span: UnexportedSpan, event: Event) -> bool:
        """Whether a span is exported after all; an error decides for it."""
        if not isinstance(span, ObservedSpan):
            return False
        return span.kept or (isinstance(event, ErrorEvent) and self._keep(span))

    def _keep(self, span: ObservedSpan) -> bool:
        """Queue the start of a span that is undecided. Whether it is exported now."""
        with self._deciding:
            if span.undecided and not span.kept:
                span.keep()
                self._queue_start(span)
            return span.kept

    def _record_unexported(self, event: Event, span: UnexportedSpan) -> None:
        undecided = isinstance(span, ObservedSpan) and span.undecided
        left = self._pipeline.event(event, span, 0, span.depth)
        if left is None or span.unsampled:
            return
        if isinstance(left, ErrorEvent):
            self._finish(left, self._around(span), span, span.depth)
        elif undecided:
            around = nearest_exported(span.ancestor)
            if around is not None:
                self._queue_event(EVENT, around, left)

    def _around(self, span: RecordedSpan) -> RecordedSpan | None:
        """The nearest open span around one that can take an error: exported, or undecided, which makes it exported."""
        around = span.ancestor
        while around is not None:
            if around.end_unix_ns is None and (
                is_exported(around) or (isinstance(around, ObservedSpan) and self._keep(around))
            ):
                return around
            around = around.ancestor
        return None

    def _finish(self, event: Event, target: RecordedSpan | None, origin: RecordedSpan | None, first: int) -> None:
        """Queue what the processors from `first` on leave of an event that has changed its span.

        Args:
            event: The event.
            target: The exported span to queue it for. None: a span is made that has nothing but this event.
            origin: The span that it comes from, by whose name an error's span is called.
            first: The place of the first processor that has not seen the event.
        """
        span = target
        if span is None:
            is_error = isinstance(event, ErrorEvent) and origin is not None
            name = origin.name if is_error and origin is not None else event.name
            unsampled = isinstance(origin, UnexportedSpan) and origin.unsampled
            parent = None if unsampled else origin
            span = RecordedSpan(self._recorder, name, None, None, parent, event.timestamp)
        left = self._pipeline.event(event, span, first, self._pipeline.size)
        if left is None:
            return
        kind = ERROR if isinstance(left, ErrorEvent) else EVENT
        if target is not None:
            self._queue_event(kind, target, left)
            return
        if kind == ERROR:
            span.set_status(Status.ERROR)
        self._queue_start(span)
        self._queue_event(kind, span, left)
        span._end_span()
        self._queue_stop(span)

    def stop(self, span: RecordedSpan) -> None:
        """Show a span that has stopped to the processors, and queue its stop if it is exported.

        Raises:
            OneLoggerError: Under `PROPAGATE_EXCEPTIONS`, a processor did something wrong.
        """
        if type(span) is FilteredSpan:
            return
        if isinstance(span, ObservedSpan) and not span.kept:
            exported = self._stop_unexported(span)
        else:
            self._pipeline.stopped(span)
            exported = True
        if exported:
            self._queue_stop(span)
        if self.failures:
            self.report()

    def show_stop(self, span: RecordedSpan) -> None:
        """Show the processors that a span which the parent process exports has stopped here."""
        self._pipeline.stopped(span)
        if self.failures:
            self.report()

    def _stop_unexported(self, span: ObservedSpan) -> bool:
        if span.undecided:
            refused = self._pipeline.refused_by(span, span.deferrers)
            with self._deciding:
                if refused is None:
                    self._keep(span)
                elif not span.kept:
                    span.depth = refused
                span.undecided = False
        if span.kept:
            self._pipeline.stopped(span, without=span.deferrers)
        else:
            self._pipeline.stopped(span, only=[index for index in span.observers if index < span.depth])
        return span.kept

    def emit(self, processor: Processor, event: Event, span: Span | None) -> None:
        """Queue an event that a processor has made, if those after it leave it."""
        if not isinstance(event, Event) or not isinstance(span, RecordedSpan | None):
            raise OneLoggerError(
                f"emit() was given {type(event).__name__} and {type(span).__name__}; "
                "expected an Event and a span that a recorder has started."
            )
        target = span if span is not None and is_exported(span) else nearest_exported(span)
        self._finish(event, target, span, self._pipeline.place(processor) + 1)

    def exported(self, span: Span) -> Span | None:
        """The nearest span that is open and exported, from `span` on outwards."""
        return nearest_exported(span) if isinstance(span, RecordedSpan) else None

    def around(self, span: Span) -> Span | None:
        """The nearest span around `span` that is open and exported."""
        return nearest_exported(span.ancestor) if isinstance(span, RecordedSpan) else None

    def close(self) -> None:
        """Tell the processors that this was all. Again: nothing."""
        if not self._closed:
            self._closed = True
            self._pipeline.close()

    def report(self) -> None:
        """Make telemetry errors of what processors did wrong.

        Raises:
            OneLoggerError: Under `PROPAGATE_EXCEPTIONS`.
        """
        while self.failures:
            try:
                failure = self.failures.popleft()
            except IndexError:  # another thread has just taken the last one
                return
            try:
                self._errors.mistake(failure.kind, failure.message)
            except OneLoggerError as error:
                raise error from failure.error


def _text(name: str | Enum) -> str:
    """The name of a span as it will be exported."""
    value = name.value if isinstance(name, Enum) else name
    return value if type(value) is str else Span(name).name
