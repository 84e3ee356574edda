"""The recorder: builds spans and events on the thread that records and leaves the rest to a channel per exporter."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from sys import exception as handled_exception
from sys import getrefcount
from time import monotonic
from typing import Literal, cast

from one_logger.api import OneLoggerConfig, OneLoggerProvider, Recorder, Root, current_span
from one_logger.api.spi import ARRIVED, CURRENT_SPAN, SUPPRESSED, ExporterStats
from one_logger.core import (
    NOOP_SPAN,
    ContextBridge,
    ErrorEvent,
    Event,
    Exporter,
    NoOpSpan,
    Span,
    SpanContext,
    Status,
    Timestamp,
)
from one_logger.core.spi import Journal, begin_span, counted, name_text
from one_logger.recorder.arguments import channel_settings, check_signals, named_exporters
from one_logger.recorder.channels import Channels
from one_logger.recorder.current import HELD_BY_SPAN, leave, noted, stop_abandoned, stop_all
from one_logger.recorder.item import ERROR, EVENT, START
from one_logger.recorder.life import Life
from one_logger.recorder.processors.chain import Chain
from one_logger.recorder.processors.pipeline import check_processors
from one_logger.recorder.processors.processor import Processor
from one_logger.recorder.recorded_span import RecordedSpan
from one_logger.recorder.telemetry_errors import TelemetryErrors


class DefaultRecorder(Recorder):
    """Records spans and events and hands them to exporters.

    A call builds the span or event and appends a reference to one bounded queue per exporter. Everything else, all
    encoding and all input and output, is done by one thread per exporter. An exporter that is slow, hangs or fails
    neither slows the job nor the other exporters; what is lost by it is counted, and reported to its backend.

    Nothing is opened and no thread is started before the recorder is attached to a `OneLoggerProvider`, or first used.
    It is closed when the interpreter exits.

    Args:
        exporters: Where to export to: a list, which may be empty, or a mapping whose keys are the names to use in the
            log and in `stats`. By default an exporter has the name of its class, with a number if there are several.
        processors: Filters, samplers and others that every span and event passes first, in this order.
        delivery: `"background"`, or `"inline"` to call the exporters on the thread that records: for tests. An exporter
            whose `runs_inline` is true is always called there.
        queue_capacity: How many records may be queued for each exporter. A span that has ended counts as one.
        queue_bytes: Roughly how many bytes may be queued for each exporter.
        overflow: What happens while a queue is full. `"drop"`: records are dropped, counted, and reported to the
            backend. `"block"`: the thread that records waits until there is room, up to `block_timeout`.
        block_timeout: How long a thread waits for room at most, in seconds; after that the record is dropped.
        flush_interval: How long a record waits at most before it is exported, in seconds.
        alive_interval: After how many seconds in which nothing was exported the backend hears that the process is
            alive, and again after as many. So a job in a long step, or that hangs, can be told from a dead one. 0:
            never. Exporters that are called on the thread that records say nothing of that.
        max_failures: After how many failures in a row an exporter is disabled.
        cool_down: After how long a disabled exporter is tried again, in seconds. Each further failure doubles it, up to
            ten minutes.
        flush_on_signals: Signals that end the process, such as `[signal.SIGTERM]`, on which to deliver first what was
            recorded. A previous handler is called; without one, the process ends by the signal, after `exit_timeout`
            at most. The recorder has to be configured on the main thread.
        exit_timeout: How long `close` at interpreter exit or on a signal takes at most, in seconds.
        context_bridge: Joins the current span with another library's, as `one_logger.exporter.otel.OTelContextBridge`.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """

    def __init__(
        self,
        exporters: Sequence[Exporter] | Mapping[str, Exporter],
        *,
        processors: Sequence[Processor] = (),
        delivery: Literal["background", "inline"] = "background",
        queue_capacity: int = 65_536,
        queue_bytes: int = 16_000_000,
        overflow: Literal["drop", "block"] = "drop",
        block_timeout: float = 1.0,
        flush_interval: float = 0.5,
        alive_interval: float = 30.0,
        max_failures: int = 5,
        cool_down: float = 5.0,
        flush_on_signals: Iterable[signal.Signals | int] = (),
        exit_timeout: float = 5.0,
        context_bridge: ContextBridge | None = None,
    ) -> None:
        named = named_exporters(exporters)
        settings = channel_settings(
            delivery=delivery,
            overflow=overflow,
            queue_capacity=queue_capacity,
            queue_bytes=queue_bytes,
            block_timeout=block_timeout,
            flush_interval=flush_interval,
            alive_interval=alive_interval,
            max_failures=max_failures,
            cool_down=cool_down,
            exit_timeout=exit_timeout,
            context_bridge=context_bridge,
        )
        self._journal = Journal()
        self._errors = TelemetryErrors(self._journal, self._tell_error, self._disable)
        self._channels = Channels(named, settings, self._journal, inline=delivery == "inline")
        self._queues = self._channels.queues
        self._life = Life(
            self._channels,
            self._errors,
            self._journal,
            signals=check_signals(flush_on_signals),
            exit_timeout=exit_timeout,
            finish=self._finish,
            forked=self._be_forked,
        )
        self._bridge = context_bridge
        self._recording = self._life.recording
        self._remote_parent: SpanContext | None = None
        self._open: dict[Span, RecordedSpan] = {}  # those whose stop is not done
        self._inherited: dict[Span, RecordedSpan] = {}  # spans that were open in the parent process at the fork
        self._chain = Chain(processors, self, self._errors, self._channels) if check_processors(processors) else None

    def start(  # noqa: C901 - in one piece, as each call that it is divided by would cost every span
        self,
        name: str | Enum,
        span_attributes: Mapping[str, object] | None = None,
        start_event_attributes: Mapping[str, object] | None = None,
        start_time: Timestamp | None = None,
        parent_span: Span | SpanContext | Root | None = None,
        current: bool = True,
    ) -> Span:
        """Start a span. See `Recorder.start`."""
        if not self._recording[0] and not self._life.begin():
            return NOOP_SPAN
        span = None
        before = _current()
        try:
            parent: Span | SpanContext | None = before
            if before is None:
                pass
            elif before.end_unix_ns is None:
                if before.holder is not None and getrefcount(before.holder) <= HELD_BY_SPAN:
                    parent = stop_abandoned(before, self.stop)
            else:
                if before is _suppressed:
                    self._life.suppressed()
                    return NOOP_SPAN
                # stop() leaves the span in its place: setting the variable is a tenth of what a span costs. It may also
                # have been stopped in another thread or context. The nearest open span around it is the current one.
                parent = before.ancestor
                if parent is not None and parent.end_unix_ns is not None:
                    parent = before.open_ancestor
                if parent is not None and parent.holder is not None and getrefcount(parent.holder) <= HELD_BY_SPAN:
                    parent = stop_abandoned(parent, self.stop)
            if parent is None:
                parent = self._remote_parent
                if ARRIVED:
                    parent = ARRIVED[0].get() or parent
                if self._bridge is not None:
                    parent = self._bridge.parent() or parent
            if parent_span is not None or start_time is not None:
                parent = self._errors.checked_parent(parent_span, parent)
                start_time = self._errors.checked_time("start_time", start_time)
                if self._errors.disabled:
                    return NOOP_SPAN
            chain = self._chain
            if chain is None:
                span = _new(RecordedSpan)
                begin_span(span, name, span_attributes, start_event_attributes, parent, start_time)
                span._owner = self
                span._stop_is_due = False
                span._stop_follows = None
            else:
                span = chain.start(name, span_attributes, start_event_attributes, parent, start_time)
                if self._errors.disabled:  # by what a processor did wrong
                    return NOOP_SPAN
            if span.problem is not None:
                problem, span.problem = span.problem, None
                self._errors.mistake("start", problem)
                if self._errors.disabled:
                    return NOOP_SPAN
            ancestor = span.ancestor
            if ancestor is not None:
                try:
                    ancestor._stop_is_due = True  # its stop is to come after this
                except AttributeError:
                    span.ancestor = None  # nobody, or a recorder of another kind, has started it
            self._open[span] = span
            # Looked at after that: either close() finds the span there and stops it, or it is seen here.
            if self._life.closed and not self._life.begin():
                self._open.pop(span, None)
                return NOOP_SPAN
            if self._bridge is not None:
                self._bridge.started(span)
            if current:
                CURRENT_SPAN.set(span)
            if chain is None or span.is_exported:
                for channel in self._queues:
                    queue = channel.queue
                    if len(queue) < channel.limit:
                        queue.append(span)
                    else:
                        channel.offer(START, span, None)
            return span
        except BaseException as error:
            CURRENT_SPAN.set(before)  # nobody gets the span
            if span is not None and span in self._open:
                self._channels.finish(span, started=False)
                self._open.pop(span, None)
            self._errors.contain("start", error)
            return NOOP_SPAN

    def stop(  # noqa: C901 - as `start`
        self,
        span: Span,
        stop_event_attributes: Mapping[str, object] | None = None,
        stop_time: Timestamp | None = None,
    ) -> None:
        """Stop a span. See `Recorder.stop`."""
        try:
            if span not in self._open:
                self._cannot_stop(span)
                return
            recorded: RecordedSpan = span  # type: ignore[assignment]  # no others are in there
            current = _current()
            if current is not span and current is not None:
                leave(recorded, current)
            if stop_time is not None:
                stop_time = self._errors.checked_time("stop_time", stop_time)
            # Two threads may stop a span, and close() stops those that are open: only one of them ends it.
            if not recorded._end_span(stop_event_attributes, stop_time=stop_time):
                self._cannot_stop(span)
                return
            if self._chain is not None:
                self._chain.stop_span(recorded)
            else:
                follows = recorded._stop_follows = recorded._stop_is_due  # after it has ended: see RecordedSpan
                for channel in self._queues:
                    if follows or channel.headless:
                        channel.stop(recorded)
            del self._open[span]  # last: until then, it can be found and finished after an interruption
            if span.problem is not None:
                self._errors.mistake("stop", span.problem)
        except BaseException as error:
            if not isinstance(span, Span):
                if isinstance(error, TypeError):  # it cannot be looked up
                    self._errors.cannot_stop(span)
                    return
            elif (interrupted := self._open.get(span)) is not None:
                self._channels.finish(interrupted, started=True)
                self._open.pop(span, None)
            self._errors.contain("stop", error)

    def event(self, span: Span | None, event: Event) -> Event:
        """Record an event. See `Recorder.event`."""
        self._record("event", span, event)
        return event

    def error(
        self,
        span: Span | None,
        message: str,
        exception: BaseException | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> ErrorEvent:
        """Record an error of the application. See `Recorder.error`."""
        exception = handled_exception() if exception is None else exception
        stands_in = noted(exception, _current() if span is None else span)
        event = ErrorEvent(message, exception, attributes, error_span_id=stands_in)
        self._record("error", span, event)
        return event

    def _record(self, method: str, span: Span | None, event: Event) -> None:
        if not self._recording[0] and not self._life.begin():
            return
        try:
            current = _current()
            if current is _suppressed:
                self._life.suppressed()
                return
            if span is None:
                span = current if current is None or current.end_unix_ns is None else current.open_ancestor
            if not isinstance(span, RecordedSpan) or span.end_unix_ns is not None:
                if self._records():  # else close() has just stopped it
                    self._errors.no_open_span(method, span)
                return
            kind = EVENT
            if type(event) is not Event:
                if not isinstance(event, Event):
                    self._errors.no_event(method, event)
                    return
                if isinstance(event, ErrorEvent):
                    kind = ERROR
                    span.set_status(Status.ERROR)
            if event.problem is not None:
                self._errors.mistake(method, event.problem)
            if self._chain is not None:
                self._chain.record(event, span)
            else:
                self._channels.queue_event(kind, span, event)
        except Exception as error:
            self._errors.contain(method, error)

    def telemetry_data_error(self, message: str, attributes: Mapping[str, object] | None = None) -> None:
        """Tell every backend that the telemetry of this process is incomplete or wrong."""
        self._tell_error(message, attributes, ends=False)

    def _tell_error(self, message: str, attributes: Mapping[str, object] | None, ends: bool) -> None:
        if self._life.closed or not self._records():
            return
        try:
            self._channels.tell(message, attributes, ends=ends)
        except Exception as error:
            self._errors.contain("telemetry_data_error", error)

    def _cannot_stop(self, span: Span) -> None:
        if isinstance(span, NoOpSpan) or not self._records():
            return
        if (inherited := self._inherited.pop(span, None)) is not None:
            inherited._end_span()  # the parent process exports it; here it is only not to be current any more
            if self._chain is not None and inherited.is_exported:
                self._chain.show_stop(inherited)  # for what processors have to say of it here
            return
        self._errors.cannot_stop(span)

    def _records(self) -> bool:
        return not self._life.suppressed() and (bool(self._recording[0]) or self._life.begin())

    def attach(self, config: OneLoggerConfig, parent: SpanContext | None) -> None:
        """Take the configuration of the process, and start the exporters' threads. See `Recorder.attach`."""
        self._life.attach(config)
        self._errors.strategy = config.error_handling_strategy
        self._remote_parent = parent
        if self._bridge is not None:
            self._bridge.attach(current_span)
        self._life.begin()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until what was recorded is delivered, by all exporters within `timeout`. See `Recorder.flush`."""
        return self._life.flush(timeout)

    def close(self, timeout: float = 10.0) -> bool:
        """Stop the spans that are open, deliver what was recorded, and close the exporters. See `Recorder.close`.

        `timeout` is for all exporters together. A span that is stopped here gets the attribute `one_logger.unfinished`.
        """
        return self._life.close(timeout)

    def open_spans(self, name: str | Enum | None = None) -> list[Span]:
        """The spans that are open. See `Recorder.open_spans`."""
        text = name_text(name)
        return [s for s in list(self._open) if s.end_unix_ns is None and (name is None or s.name == text)]

    def __repr__(self) -> str:
        state = "closed" if self.closed else counted(len(self.open_spans()), "open span")
        return f"<DefaultRecorder: {state}; {self._channels}>"

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._life.closed

    def stats(self) -> dict[str, ExporterStats]:
        """The counters of each exporter, by its name. See `Recorder.stats`."""
        return self._channels.stats()

    def _disable(self) -> None:
        self._recording[0] = 0
        provider = OneLoggerProvider.instance()
        if provider.recorder is self:
            provider.force_disable_logging()

    def _be_forked(self) -> None:
        self._inherited |= self._open
        self._open = {}
        if self._chain is not None:
            self._chain.after_fork()

    def _finish(self, deadline: float) -> None:
        enough = (monotonic() + deadline) / 2  # so that half of the time is left to deliver them
        self._channels.leave_open(stop_all(list(self._open.values()), self.stop, self._errors, enough))
        if self._bridge is not None:
            self._bridge.close()
        if self._chain is not None:
            self._chain.close()
            with self._errors.logged("while the recorder was closed"):
                self._chain.report()


_new = RecordedSpan.__new__
_suppressed: Span = SUPPRESSED
_current = cast("Callable[[], RecordedSpan | None]", CURRENT_SPAN.get)  # recorders put nothing else there
