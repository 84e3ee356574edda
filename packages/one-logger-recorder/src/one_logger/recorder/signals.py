"""Delivers what was recorded when a signal is about to end the process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from time import sleep
from types import FrameType

from one_logger.core.spi import Journal, diagnostics

ATTEMPTS = 200
"""How often a signal that has to end the process is sent. The first one nearly always does it."""

PAUSE = 0.05
"""Seconds between these attempts."""

Handler = Callable[[int, FrameType | None], object]


class SignalWatch:
    """Signal handlers that have a thread deliver what was recorded, and call the handlers that were there before.

    A handler only hands the signal's number to the thread, and calls the application's handler at once. If there is
    none, so that the signal would have ended the process, the thread closes the recorder, and then sends the signal
    again to end the process. Several recorders with handlers in one chain are closed one after the other.
    """

    def __init__(
        self, signals: Iterable[int], flush: Callable[[], object], close: Callable[[int], object], journal: Journal
    ) -> None:
        self._signals = tuple(signals)
        self._flush = flush
        self._close = close
        self._journal = journal
        self._previous: dict[int, Handler | int] = {}
        self._caught: SimpleQueue[int | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Install the handlers, and start the thread. Python allows that on the main thread only."""
        if not self._signals or self._thread is not None:
            return
        if threading.current_thread() is not threading.main_thread():
            self._journal.log(
                diagnostics.WARNING,
                "flush_on_signals has no effect: the recorder was first used on a thread other than the main one, "
                "where Python installs no signal handlers. Configure it on the main thread.",
            )
            return
        for number in self._signals:
            previous = signal.getsignal(number)
            if previous is None:
                self._journal.log(
                    diagnostics.WARNING, f"Signal {number} has a handler that is not Python's; it is left."
                )
            elif previous != self._handle:
                self._previous[number] = previous
                signal.signal(number, self._handle)
        self._caught = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="one-logger signals", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Restore the previous handlers, unless somebody has replaced ours, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._caught.put(None)
        if threading.current_thread() is threading.main_thread():
            for number, previous in self._previous.items():
                if signal.getsignal(number) == self._handle:
                    signal.signal(number, previous)

    def after_fork(self) -> None:
        """Reset in a forked child, where the thread does not run: handlers then only call the previous ones."""
        self._thread = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        alive = self._thread is not None
        if alive:
            self._caught.put(number)  # does not wait, and may be called within itself
        previous = self._previous[number]
        if previous == signal.SIG_DFL and not alive:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif callable(previous) and not isinstance(previous, signal.Handlers) and not (alive and self._is_last(number)):
            previous(number, frame)

    def _is_last(self, number: int) -> bool:
        """Whether the signal ends the process, as there is no handler but ours."""
        previous = self._previous[number]
        watch = getattr(previous, "__self__", None)
        return watch._is_last(number) if isinstance(watch, SignalWatch) else previous == signal.SIG_DFL

    def _run(self) -> None:
        caught = self._caught
        while (number := caught.get()) is not None:
            if self._is_last(number):
                self._close(number)
                # The next watch in the chain gets this second signal; or, as only the main thread can take the handler
                # away, that does so then.
                self._thread = None
                for _ in range(ATTEMPTS):
                    os.kill(os.getpid(), number)
                    # One that comes just as the main thread begins to wait in a system call does not interrupt it.
                    sleep(PAUSE)
                return
            self._flush()
