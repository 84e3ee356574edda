"""The life of a recorder: it begins at the first use, works on in a forked child, and ends with `close`."""

from __future__ import annotations

import atexit
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from time import monotonic

from one_logger.api import OneLoggerConfig, OneLoggerProvider, Recorder
from one_logger.api.spi import CURRENT_SPAN, SUPPRESSED, ExporterStats
from one_logger.core import Exporter, OneLoggerError, Resource, Span, SpanContext
from one_logger.core.spi import AtomicCounter, Journal, diagnostics, safe_repr
from one_logger.recorder.channel import Channel
from one_logger.recorder.inline_channel import InlineChannel, InlineChannels
from one_logger.recorder.process import call_at_exit, live_recorders
from one_logger.recorder.processors.chain import Chain
from one_logger.recorder.recorded_span import RecordedSpan
from one_logger.recorder.request import Request, wait_for_all
from one_logger.recorder.settings import ChannelSettings
from one_logger.recorder.signals import SignalWatch
from one_logger.recorder.telemetry_errors import TelemetryErrors


class ChannelledRecorder(Recorder):
    """What a recorder is beside its recording: channels to its exporters, and a life.

    Args:
        exporters: The exporters, by name.
        settings: The bounds and intervals of the channels.
        inline: Whether all exporters are called on the thread that records.
        signals: The signals that end the process, on which to deliver first.
        exit_timeout: How long `close` at interpreter exit or on a signal takes at most, in seconds.
    """

    def __init__(
        self,
        exporters: Mapping[str, Exporter],
        settings: ChannelSettings,
        *,
        inline: bool,
        signals: Iterable[int],
        exit_timeout: float,
    ) -> None:
        self._journal = Journal()
        self._errors = TelemetryErrors(self._journal, self._tell_error, self._disable)
        self._channels: tuple[Channel, ...] = tuple(
            (InlineChannel if inline or exporter.runs_inline else Channel)(name, exporter, settings, self._journal)
            for name, exporter in exporters.items()
        )
        inline_channels = [channel for channel in self._channels if isinstance(channel, InlineChannel)]
        # Where records are queued. Exporters that are called at that come last, as the job may be interrupted there.
        self._queues: tuple[Channel | InlineChannels, ...] = (
            *(channel for channel in self._channels if not isinstance(channel, InlineChannel)),
            *([InlineChannels(inline_channels)] if inline_channels else ()),
        )
        self._signals = SignalWatch(
            tuple(signals),
            flush=lambda: self.flush(exit_timeout),
            close=self._close_with_process,
            journal=self._journal,
        )
        self._told = AtomicCounter()  # telemetry data errors, which are records, but no telemetry
        self._exit_timeout = exit_timeout
        self._config: OneLoggerConfig | None = None
        self._remote_parent: SpanContext | None = None
        self._chain: Chain | None = None  # the processors, if there are any
        # Keyed by the span, not its id: a span that is not exported has the id of another.
        self._open: dict[Span, RecordedSpan] = {}
        self._inherited: dict[Span, RecordedSpan] = {}  # what was open in the parent process when it forked this one
        # The one thing that an instrumented call looks at before it records.
        self._recording = False
        self._closed = False
        self._ending = False  # whether it was closed because the process ends
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

    @abstractmethod
    def _tell_error(self, message: str, attributes: Mapping[str, object] | None, ends: bool) -> None:
        """Tell every exporter of a telemetry error; `ends` says that nothing will be recorded after it."""

    def _recorded_nothing(self) -> bool:
        """Whether no exporter has had anything but telemetry data errors."""
        told = self._told.value
        return all(channel.stats().recorded <= told for channel in self._channels)

    def _disable(self) -> None:
        self._recording = False
        provider = OneLoggerProvider.instance()
        if provider.recorder is self:
            provider.force_disable_logging()

    def after_fork(self) -> None:
        """Be as new in a forked child. Is called there, before anything else can be."""
        started = self._started
        self._stop_threads()  # always: another thread may have held a lock
        if not started or self._closed:
            return
        self._journal.clear()
        self._told = AtomicCounter()
        self._signals.after_fork()
        self._inherited |= self._open
        self._open = {}
        if self._chain is not None:
            self._chain.after_fork()
        for channel in self._channels:
            channel.after_fork()

    def attach(self, config: OneLoggerConfig, parent: SpanContext | None) -> None:
        """Take the configuration of the process, and start the exporters' threads. See `Recorder.attach`."""
        with self._starting:
            if self._started or self._closed:
                raise OneLoggerError(
                    "A DefaultRecorder that is in use or closed cannot be attached to the provider; make a new one."
                )
            self._config = config
            self._errors.strategy = config.error_handling_strategy
            self._remote_parent = parent
        self._begin()

    def _begin(self) -> bool:
        """Start the exporters' threads, if that is still to be done. Whether anything is to be recorded."""
        if self._errors.disabled or CURRENT_SPAN.get() is SUPPRESSED:
            return False
        if self._closed:
            if self._ending:
                return False  # nobody but us has closed it: the job may go on recording until it is over
            if self._errors.propagates:
                raise OneLoggerError("The recorder is closed; nothing can be recorded any more.")
            diagnostics.report("closed", "The recorder was used after close(); what came after it was not recorded.")
            return False
        with self._starting:
            # What is done already, as the job was interrupted in it, is not done again.
            if not (self._recording or self._closed or self._errors.disabled):
                if not self._started:
                    self._started = True
                    call_at_exit(self._at_exit)
                resource = _resource(self._config)
                for channel in self._channels:
                    channel.start(resource)
                self._signals.begin()
                self._recording = True
        return self._recording

    def _close_with_process(self) -> None:
        self._ending = True
        self.close(self._exit_timeout)

    def _at_exit(self) -> None:
        self._close_with_process()
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
            self._despite_errors(partial(self.stop, span))
        if self._chain is not None:
            self._chain.close()
            self._despite_errors(self._chain.report)
        delivered = wait_for_all([channel.request(Request(deadline, closing=True)) for channel in self._channels])
        self._signals.end()
        atexit.unregister(self._at_exit)
        return delivered

    def _despite_errors(self, step: Callable[[], None]) -> None:
        """Take a step of closing that may find telemetry errors: the steps after it are taken all the same."""
        try:
            step()
        except OneLoggerError as error:
            self._journal.log(diagnostics.WARNING, f"Telemetry error while the recorder was closed: {error}")

    def _deadline(self, timeout: float) -> float:
        if not isinstance(timeout, (int, float)) or not (timeout > 0 or timeout <= 0):
            self._errors.mistake(
                "timeout",
                f"timeout is {safe_repr(timeout, 100)}; expected a number of seconds. {_TIMEOUT} was taken instead.",
            )
            timeout = _TIMEOUT
        return monotonic() + min(max(timeout, 0.0), _LONGEST_TIMEOUT)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def stats(self) -> dict[str, ExporterStats]:
        """The counters of each exporter, by its name. See `Recorder.stats`.

        An exporter that was given no name is called by its class, with a number if there are several of one class.
        """
        return {channel.name: channel.stats() for channel in self._channels}


_TIMEOUT = 10.0
_LONGEST_TIMEOUT = 365 * 86_400.0


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
