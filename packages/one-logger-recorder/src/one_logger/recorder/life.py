"""The lifecycle of a recorder: lazy start, fork, flush, close, exit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from time import monotonic

from one_logger.api import OneLoggerConfig
from one_logger.api.spi import CURRENT_SPAN, SUPPRESSED
from one_logger.core import OneLoggerError, Resource
from one_logger.core.spi import Journal, diagnostics, process, safe_repr, system_threads
from one_logger.recorder.channels import Channels
from one_logger.recorder.process import call_at_exit, exit_reason, live_recorders, signal_reason
from one_logger.recorder.signals import SignalWatch
from one_logger.recorder.telemetry_errors import TelemetryErrors

_TIMEOUT = 10.0
_LONGEST_TIMEOUT = 365 * 86_400.0


class Life:
    """Starts, flushes, closes and resets a recorder, and knows whether it records.

    `finish` stops the open spans, before `close` closes the exporters; it gets the time by which all has to be done.
    `forked` resets the rest of the recorder in a forked child.
    """

    def __init__(
        self,
        channels: Channels,
        errors: TelemetryErrors,
        journal: Journal,
        *,
        signals: Iterable[int],
        exit_timeout: float,
        finish: Callable[[float], None],
        forked: Callable[[], None],
    ) -> None:
        self._channels = channels
        self._errors = errors
        self._journal = journal
        self._finish = finish
        self._forked = forked
        self._exit_timeout = exit_timeout
        self._signals = SignalWatch(
            tuple(signals),
            flush=lambda: self.flush(exit_timeout),
            close=lambda number: self.close(exit_timeout, signal_reason(number)),
            journal=journal,
        )
        self._config: OneLoggerConfig | None = None
        self.recording = process.own_flag()
        """Its first item: whether to record. An instrumented call looks at this first. In a forked child it is 0."""
        self.closed = False
        """Whether `close` was called."""
        self._reason = ""  # why it was closed
        self._delivered: bool | None = None
        self._be_unborn()
        live_recorders.add(self)

    def _be_unborn(self) -> None:
        """The state of a recorder whose threads are not started."""
        # Held while the threads are started: for the first call, not for others. A signal handler may record within it.
        self._starting = system_threads.RLock()
        self._closing = system_threads.RLock()  # held while the recorder is closed
        self._started = False
        self.recording[0] = 0

    def after_fork(self) -> None:
        """Reset in a forked child, before anything else runs there."""
        started = self._started
        self._be_unborn()  # always: another thread may have held a lock
        self._signals.after_fork()
        if not started or self.closed:
            return
        self._journal.clear()
        self._forked()
        self._channels.after_fork()

    def attach(self, config: OneLoggerConfig) -> None:
        """Take the configuration of the process, before anything is recorded.

        Raises:
            OneLoggerError: Something was recorded, or the recorder is closed.
        """
        with self._starting:
            if self._started or self.closed:
                raise OneLoggerError(
                    "A DefaultRecorder that is in use or closed cannot be attached to the provider; make a new one."
                )
            self._config = config

    def begin(self) -> bool:
        """Start the exporters' threads, unless they are started. Whether anything is to be recorded."""
        process.find_fork()
        if self._errors.disabled or self.suppressed():
            return False
        if self.closed:
            self._channels.refuse()
            if self._reason != "closed" and not (process.has_ended() and _is_main_thread()):
                return False  # nobody but us has closed it: the job may go on recording until it is over
            if self._errors.propagates and not process.has_ended():
                raise OneLoggerError("The recorder is closed; nothing can be recorded any more.")
            self._say("closed", "The recorder was used after close(); what came after it was not recorded.")
            return False
        if process.has_ended() and not self._started:
            self._say(
                "late",
                "The recorder was first used after the library's own exit handler has run. Close it, or what was not "
                "delivered is lost.",
            )
        with self._starting:
            # What is done already, as the job was interrupted in it, is not done again.
            if not (self.recording[0] or self.closed or self._errors.disabled):
                if not self._started:
                    call_at_exit(self._at_exit)
                    self._started = True
                self._channels.start(_resource(self._config))
                self._signals.begin()
                self.recording[0] = 1
        return bool(self.recording[0])

    def suppressed(self) -> bool:
        """Whether nothing is to be recorded here: in an exporter's call. That is counted, and logged once."""
        if CURRENT_SPAN.get() is not SUPPRESSED:
            return False
        diagnostics.report(
            "in an exporter's call",
            "Telemetry was left out that was recorded in a call of an exporter: by the exporter itself, or by a "
            "finalizer or signal handler that ran just then.",
        )
        return True

    def _say(self, kind: str, message: str) -> None:
        diagnostics.report(kind, message)
        if process.has_ended():
            diagnostics.write_reports()  # nobody else does it now

    def flush(self, timeout: float) -> bool:
        """Wait until what was recorded is delivered. See `Recorder.flush`."""
        process.find_fork()
        if CURRENT_SPAN.get() is SUPPRESSED:
            return self._delivered is not False
        if self.closed:
            return self.close(timeout)  # another thread may be at it
        if not self._started:
            return True
        deadline = self._deadline(timeout)
        if not self._starting.acquire(timeout=max(0.0, deadline - monotonic())):
            return False  # the first call is starting an inline exporter, which takes longer than that
        self._starting.release()
        return self._channels.deliver(deadline)

    def close(self, timeout: float, reason: str = "closed") -> bool:
        """Finish, deliver what was recorded, and close the exporters. See `Recorder.close`, `Exporter.close_reason`."""
        process.find_fork()
        deadline = self._deadline(timeout)
        if not self._closing.acquire(timeout=max(0.0, deadline - monotonic())):
            return False  # another thread is closing, and takes longer than this one wants to wait
        try:
            if self._delivered is None:
                self._delivered = self._close(deadline, reason)
            return self._delivered
        finally:
            self._closing.release()

    def _close(self, deadline: float, reason: str) -> bool:
        # From here on nothing is begun; what is open can still be stopped.
        self._reason, self.closed = reason, True
        with self._starting:  # a first call may be at it
            self.recording[0] = 0
        if not self._started:
            return True
        self._finish(deadline)
        delivered = self._channels.deliver(deadline, closing=reason)
        self._signals.end()
        if delivered:  # else the last words of an exporter that hangs may still have to be logged
            process.not_at_exit(self._at_exit)
        return delivered

    def _at_exit(self) -> None:
        self.close(self._exit_timeout, exit_reason())
        self._journal.write()
        diagnostics.write_reports()

    def _deadline(self, timeout: float) -> float:
        if not isinstance(timeout, (int, float)) or not (timeout > 0 or timeout <= 0):
            self._errors.mistake(
                "timeout",
                f"timeout is {safe_repr(timeout, 100)}; expected a number of seconds. {_TIMEOUT} was taken instead.",
            )
            timeout = _TIMEOUT
        return monotonic() + min(max(timeout, 0.0), _LONGEST_TIMEOUT)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


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
