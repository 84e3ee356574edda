"""The recorder: builds spans and events on the thread that records and leaves the rest to a channel per exporter."""

from __future__ import annotations

import atexit
import signal
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from math import isnan
from time import monotonic
from typing import Literal

from one_logger.api import (
    ROOT,
    OneLoggerConfig,
    OneLoggerErrorHandlingStrategy,
    OneLoggerProvider,
    Recorder,
    Root,
)
from one_logger.api.context import CURRENT_SPAN, SUPPRESSED
from one_logger.core import (
    NOOP_SPAN,
    ErrorEvent,
    Event,
    Exporter,
    NoOpSpan,
    OneLoggerError,
    Resource,
    Span,
    SpanContext,
    Status,
    TelemetryDataError,
    TelemetryDataErrorType,
    Timestamp,
    diagnostics,
)
from one_logger.core.counter import AtomicCounter
from one_logger.core.journal import Journal
from one_logger.recorder.arguments import check_choice, check_number, check_signals, named_exporters
from one_logger.recorder.channel import Channel, InlineChannel
from one_logger.recorder.delivery import DATA_ERROR, ERROR, EVENT, START, STOP
from one_logger.recorder.process import call_at_exit, live_recorders
from one_logger.recorder.request import Request, wait_for_all
from one_logger.recorder.settings import ChannelSettings
from one_logger.recorder.signals import SignalWatch
from one_logger.recorder.stats import ExporterStats


class DefaultRecorder(Recorder):
    """Records spans and events and hands them to exporters.

    A call builds the span or event and appends a reference to one bounded queue per exporter. Everything else, all
    encoding and all input and output, is done by one thread per exporter. An exporter that is slow, hangs or fails
    neither slows the job nor the other exporters; what is lost by it is counted, and reported to its backend.

    Nothing is opened and no thread is started before the recorder is attached to a `OneLoggerProvider`, or first used.
    It is closed when the interpreter exits.

    Args:
        exporters: Where to export to: a list, or a mapping whose keys are the names to use in the log and in `stats`.
            None at all is allowed.
        delivery: `"background"`, or `"inline"` to call the exporters on the thread that records: for tests. An exporter
            whose `runs_inline` is true is always called there.
        queue_capacity: How many records may be queued for each exporter.
        queue_bytes: How many bytes may be queued for each exporter, roughly.
        overflow: What happens while a queue is full. `"drop"`: records are dropped, counted, and reported to the
            backend. `"block"`: the thread that records waits until there is room, up to `block_timeout`.
        block_timeout: How long a thread waits for room at most, in seconds; after that the record is dropped.
        flush_interval: How long a record waits at most before it is exported, in seconds.
        max_failures: After how many failures in a row an exporter is disabled.
        cool_down: How long it is left alone then before it is tried again, in seconds; each failure after that doubles
            it, up to ten minutes.
        flush_on_signals: Signals that end the process, such as `[signal.SIGTERM]`, on which to deliver first what was
            recorded. A handler that was there is called; where there was none, the process ends by the signal, after
            `exit_timeout` at most. Needs to be configured on the main thread.
        exit_timeout: How long `close` at interpreter exit or on a signal takes at most, in seconds.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """

    def __init__(
        self,
        exporters: Sequence[Exporter] | Mapping[str, Exporter],
        *,
        delivery: Literal["background", "inline"] = "background",
        queue_capacity: int = 65_536,
        queue_bytes: int = 64 * 2**20,
        overflow: Literal["drop", "block"] = "drop",
        block_timeout: float = 1.0,
        flush_interval: float = 0.5,
        max_failures: int = 5,
        cool_down: float = 5.0,
        flush_on_signals: Iterable[signal.Signals | int] = (),
        exit_timeout: float = 5.0,
    ) -> None:
        named = named_exporters(exporters)
        check_choice("delivery", delivery, ("background", "inline"))
        check_choice("overflow", overflow, ("drop", "block"))
        check_number("queue_capacity", queue_capacity, 1, "a number of records", whole=True)
        check_number("queue_bytes", queue_bytes, 1, "a number of bytes", whole=True)
        check_number("block_timeout", block_timeout, 0, "a number of seconds")
        check_number("flush_interval", flush_interval, 0.001, "a number of seconds")
        check_number("max_failures", max_failures, 1, "a number of failures", whole=True)
        check_number("cool_down", cool_down, 0, "a number of seconds")
        check_number("exit_timeout", exit_timeout, 0, "a number of seconds")
        settings = ChannelSettings(
            queue_capacity=queue_capacity,
            queue_bytes=queue_bytes,
            block_timeout=block_timeout if overflow == "block" else 0.0,
            flush_interval=flush_interval,
            max_failures=max_failures,
            cool_down=cool_down,
        )
        self._journal = Journal()
        self._channels: tuple[Channel, ...] = tuple(
            (InlineChannel if delivery == "inline" or exporter.runs_inline else Channel)(
                name, exporter, settings, self._journal
            )
            for name, exporter in named.items()
        )
        self._signals = SignalWatch(
            check_signals(flush_on_signals),
            flush=lambda: self.flush(exit_timeout),
            close=lambda: self.close(exit_timeout),
            journal=self._journal,
        )
        self._exit_timeout = exit_timeout
        self._config: OneLoggerConfig | None = None
        self._strategy = OneLoggerErrorHandlingStrategy.REPORT_METRIC_ERROR_AND_CONTINUE
        self._remote_parent: SpanContext | None = None
        self._open: dict[int, Span] = {}
        self._inherited: dict[int, Span] = {}  # what was open in the parent process when it forked this one
        self._mistakes: dict[str, AtomicCounter] = {}
        # The one thing that an instrumented call looks at before it records.
        self._recording = False
        self._disabled = False
        self._closed = False
        self._delivered: bool | None = None
        self._stop_threads()
        live_recorders.add(self)

    def _stop_threads(self) -> None:
        """The state of a recorder whose threads are not started."""
        # Held while the threads are started: for the first call, not for others. A signal handler may record within it.
        self._starting = threading.RLock()
        self._closing = threading.RLock()  # held while the recorder is closed
        self._started = False
        self._recording = False

    def after_fork(self) -> None:
        """Be as new in a forked child. Is called there, before anything else can be."""
        started = self._started
        self._stop_threads()  # always: another thread may have held a lock
        if not started or self._closed:
            return
        self._journal.clear()
        self._signals.after_fork()
        self._inherited |= self._open
        self._open = {}
        for channel in self._channels:
            channel.after_fork()

    # -- recording ---------------------------------------------------------------------------------------------------

    def start(
        self,
        name: str | Enum,
        span_attributes: Mapping[str, object] | None = None,
        start_event_attributes: Mapping[str, object] | None = None,
        start_time: Timestamp | None = None,
        parent_span: Span | SpanContext | Root | None = None,
    ) -> Span:
        """Start a span and make it the current one. See `Recorder.start`."""
        if not self._recording and not self._begin():
            return NOOP_SPAN
        try:
            current = CURRENT_SPAN.get()
            parent: Span | SpanContext | None = current
            if current is None:
                parent = self._remote_parent
            elif current.end_unix_ns is not None:
                if current is SUPPRESSED:
                    return NOOP_SPAN
                # It was stopped in another thread or context than it was started in.
                parent = current.open_ancestor or self._remote_parent
            if parent_span is not None:
                parent = self._checked_parent(parent_span, parent)
            if start_time is not None:
                start_time = self._checked_time("start_time", start_time)
            span = _new(Span)
            span._begin(name, span_attributes, start_event_attributes, parent, start_time)
            if span.problem is not None:
                problem, span.problem = span.problem, None
                self._mistake("start", problem)
            self._open[span.span_id] = span
            CURRENT_SPAN.set(span)
            for channel in self._channels:
                queue = channel.queue
                if len(queue) < channel.limit:
                    queue.append((START, span, None))
                else:
                    channel.offer(START, span, None)
        except Exception as error:
            self._contain("start", error)
            return NOOP_SPAN
        return span

    def stop(
        self,
        span: Span,
        stop_event_attributes: Mapping[str, object] | None = None,
        stop_time: Timestamp | None = None,
    ) -> None:
        """Stop a span. See `Recorder.stop`."""
        try:
            # Two threads may stop a span, and close() stops those that are open: only one of them gets it from here.
            if self._open.pop(span.span_id, None) is None:
                self._cannot_stop(span)
                return
            if stop_time is not None:
                stop_time = self._checked_time("stop_time", stop_time)
            span.stop(stop_event_attributes, stop_time=stop_time)
            if CURRENT_SPAN.get() is span:
                CURRENT_SPAN.set(span.ancestor)  # which is open, as the span has just been stopped
            for channel in self._channels:
                queue = channel.queue
                if len(queue) < channel.limit and not channel.headless:
                    queue.append((STOP, span, None))
                else:
                    channel.offer(STOP, span, None)
            if span.problem is not None:
                self._mistake("stop", span.problem)
        except Exception as error:
            if not isinstance(span, Span):
                self._mistake("stop", f"stop() was given {type(span).__name__}; expected a Span that start() returned.")
                return
            self._contain("stop", error)

    def event(self, span: Span | None, event: Event) -> Event:
        """Record an event. See `Recorder.event`."""
        self._record(EVENT, "event", span, event)
        return event

    def error(
        self,
        span: Span | None,
        message: str,
        exception: BaseException | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> ErrorEvent:
        """Record an error of the application. See `Recorder.error`."""
        event = ErrorEvent(message, sys.exception() if exception is None else exception, attributes)
        self._record(ERROR, "error", span, event)
        return event

    def _record(self, kind: int, method: str, span: Span | None, event: Event) -> None:
        if not self._recording and not self._begin():
            return
        try:
            current = CURRENT_SPAN.get()
            if current is SUPPRESSED:
                return
            if span is None:
                span = current if current is None or current.end_unix_ns is None else current.open_ancestor
                if span is None:
                    self._mistake(
                        f"{method} without a span", f"{method}() was called, but no span is open here; {_LOST}"
                    )
                    return
            elif not isinstance(span, Span):
                self._mistake(
                    f"{method} without a span", f"{method}() was given {type(span).__name__} as the span; {_LOST}"
                )
                return
            elif span.end_unix_ns is not None:
                if not isinstance(span, NoOpSpan):
                    self._mistake(f"{method} on an ended span", f"{method}() on {span!r}, which has ended; {_LOST}")
                return
            if not isinstance(event, Event):
                self._mistake(f"{method} without an event", f"event() was given {type(event).__name__}; {_LOST}")
                return
            if event.problem is not None:
                self._mistake(method, event.problem)
            if kind == ERROR:
                span.set_status(Status.ERROR)
            self._queue(kind, span, event)
        except Exception as error:
            self._contain(method, error)

    def telemetry_data_error(self, message: str, attributes: Mapping[str, object] | None = None) -> None:
        """Tell every backend that the telemetry of this process is incomplete or wrong."""
        if self._closed or CURRENT_SPAN.get() is SUPPRESSED or (not self._recording and not self._begin()):
            return
        try:
            error = TelemetryDataError(TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA, message, attributes)
            self._queue(DATA_ERROR, None, error)
        except Exception as error:
            self._contain("telemetry_data_error", error)

    def _queue(self, kind: int, span: Span | None, event: Event) -> None:
        for channel in self._channels:
            queue = channel.queue
            if len(queue) < channel.limit:
                queue.append((kind, span, event))
            else:
                channel.offer(kind, span, event)

    # -- telemetry errors --------------------------------------------------------------------------------------------

    def _mistake(self, kind: str, message: str) -> None:
        """Deal with a telemetry error as the strategy says.

        Raises:
            OneLoggerError: Under `PROPAGATE_EXCEPTIONS`.
        """
        if self._disabled:
            return
        counter = self._mistakes.setdefault(kind, AtomicCounter())
        counter.add()
        occurrences = counter.value
        # A mistake made in a loop must not flood the backends: they are told the 1st, 2nd, 4th, 8th ... time.
        if occurrences & (occurrences - 1) == 0:
            self.telemetry_data_error(message, {"one_logger.occurrences": occurrences} if occurrences > 1 else None)
        if self._strategy is OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS:
            raise OneLoggerError(message)
        if occurrences == 1:
            self._journal.log(diagnostics.WARNING, f"Telemetry error: {message}")
        if self._strategy is OneLoggerErrorHandlingStrategy.DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR:
            self._disabled = True
            self._recording = False
            provider = OneLoggerProvider.instance()
            if provider.recorder is self:
                provider.force_disable_logging()

    def _contain(self, method: str, error: Exception) -> None:
        """Deal with an exception in the library: one that the strategy has raised, or a mistake nobody thought of."""
        if isinstance(error, OneLoggerError):
            raise error
        try:
            self._mistake(
                f"{method}: {type(error).__name__}", f"{method}() failed with {type(error).__name__}: {error}"
            )
        except OneLoggerError as telemetry_error:
            raise telemetry_error from error

    def _checked_parent(
        self, given: Span | SpanContext | Root, default: Span | SpanContext | None
    ) -> Span | SpanContext | None:
        if given is ROOT:
            return None
        if isinstance(given, (Span, SpanContext)):
            return given
        self._mistake(
            "parent_span",
            f"parent_span was given as {type(given).__name__}; expected a Span, a SpanContext or ROOT. "
            "The current span was taken instead.",
        )
        return default

    def _checked_time(self, argument: str, given: Timestamp) -> Timestamp | None:
        if isinstance(given, Timestamp):
            return given
        self._mistake(
            argument,
            f"{argument} was given as {type(given).__name__}; expected a Timestamp. "
            "The time of the call was taken instead.",
        )
        return None

    def _cannot_stop(self, span: Span) -> None:
        if (
            isinstance(span, NoOpSpan)
            or CURRENT_SPAN.get() is SUPPRESSED
            or (not self._recording and not self._begin())
        ):
            return
        if self._inherited.pop(span.span_id, None) is not None:
            span.stop()  # the parent process exports it; here it is only not to be current any more
            return
        self._mistake(
            "stop",
            f"stop() was called on {span!r}, which "
            + ("had ended." if span.end_unix_ns is not None else "this recorder has not started."),
        )

    # -- life --------------------------------------------------------------------------------------------------------

    def attach(self, config: OneLoggerConfig, parent: SpanContext | None) -> None:
        """Take the configuration of the process, and start the exporters' threads. See `Recorder.attach`."""
        with self._starting:
            if self._started or self._closed:
                raise OneLoggerError(
                    "A DefaultRecorder that is in use or closed cannot be attached to the provider; make a new one."
                )
            self._config = config
            self._strategy = config.error_handling_strategy
            self._remote_parent = parent
        self._begin()

    def _begin(self) -> bool:
        """Start the exporters' threads, if that is still to be done. Whether anything is to be recorded."""
        if self._disabled or CURRENT_SPAN.get() is SUPPRESSED:
            return False
        if self._closed:
            if self._strategy is OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS:
                raise OneLoggerError("The recorder is closed; nothing can be recorded any more.")
            diagnostics.report("closed", "The recorder was used after close(); what came after it was not recorded.")
            return False
        with self._starting:
            if not self._started and not self._closed:
                self._started = True
                resource = _resource(self._config)
                for channel in self._channels:
                    channel.start(resource)
                self._signals.begin()
                call_at_exit(self._at_exit)
                self._recording = True
        return self._recording

    def _at_exit(self) -> None:
        self.close(self._exit_timeout)
        self._journal.write()
        diagnostics.write_reports()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until what was recorded is delivered. See `Recorder.flush`.

        `timeout` is for all exporters together. With inline delivery nothing is left to wait for.
        """
        if CURRENT_SPAN.get() is SUPPRESSED:
            return self._delivered is not False
        if self._closed:
            return self.close(timeout)  # another thread may be at it
        if not self._started:
            return True
        deadline = self._deadline(timeout)
        if not self._starting.acquire(timeout=max(0.0, deadline - monotonic())):
            return False  # the first call is starting an inline exporter, which takes longer than that
        self._starting.release()
        return wait_for_all([channel.request(Request(deadline)) for channel in self._channels])

    def close(self, timeout: float = 10.0) -> bool:
        """Stop the spans that are open, deliver what was recorded, and close the exporters. See `Recorder.close`.

        `timeout` is for all exporters together. A span that is stopped here gets the attribute `one_logger.unfinished`.
        """
        deadline = self._deadline(timeout)
        if not self._closing.acquire(timeout=max(0.0, deadline - monotonic())):
            return False  # another thread is closing, and takes longer than this one wants to wait
        try:
            if self._delivered is None:
                self._delivered = self._close(deadline)
            return self._delivered
        finally:
            self._closing.release()

    def _close(self, deadline: float) -> bool:
        # From here on nothing is begun; what is open can still be stopped.
        self._closed = True
        with self._starting:  # a first call may be at it
            self._recording = False
        if not self._started:
            return True
        while self._open:
            try:
                span = next(reversed(self._open.values()))
            except (RuntimeError, StopIteration):  # another thread has just stopped one
                continue
            span.set_attribute("one_logger.unfinished", True)
            self.stop(span)
        delivered = wait_for_all([channel.request(Request(deadline, closing=True)) for channel in self._channels])
        self._signals.end()
        atexit.unregister(self._at_exit)
        return delivered

    def _deadline(self, timeout: float) -> float:
        if not isinstance(timeout, (int, float)) or isnan(timeout):
            self._mistake(
                "timeout", f"timeout is {timeout!r}; expected a number of seconds. {_TIMEOUT} was taken instead."
            )
            timeout = _TIMEOUT
        return monotonic() + min(max(timeout, 0.0), _LONGEST_TIMEOUT)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def stats(self) -> dict[str, ExporterStats]:
        """The counters of each exporter, by its name: its class, with a number if there are several of one class."""
        return {channel.name: channel.stats() for channel in self._channels}


_new = Span.__new__
_TIMEOUT = 10.0
_LONGEST_TIMEOUT = 365 * 86_400.0
_LOST = "it was dropped. Start a span first, or give the one that it belongs to."


def _resource(config: OneLoggerConfig | None) -> Resource:
    if config is None:
        return Resource.create("unknown_service:python")
    return Resource.create(
        config.application_name,
        session_tag=config.session_tag,
        rank=config.rank,
        world_size=config.world_size,
        attributes=config.custom_metadata,
    )
