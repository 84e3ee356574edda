"""Delivers what was recorded when a signal is about to end the process."""

from __future__ import annotations

import os
import signal
from _queue import SimpleQueue  # that of `queue` may be gevent's
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FrameType

from one_logger.core.spi import Journal, diagnostics, error_text, system_threads

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
        self._listening = False  # whether there is a thread
        self._begun = False

    def begin(self) -> None:
        """Install the handlers, and start the thread. Python allows that on the main thread only."""
        if not self._signals or self._begun:
            return
        self._caught = SimpleQueue()
        for number in self._signals:
            previous = signal.getsignal(number)
            if previous is None:
                self._journal.log(
                    diagnostics.WARNING, f"Signal {number} has a handler that is not Python's; it is left."
                )
            elif previous != self._handle:
                self._previous[number] = previous
                try:
                    signal.signal(number, self._handle)
                except ValueError:
                    self._journal.log(
                        diagnostics.WARNING,
                        "flush_on_signals has no effect: the recorder was first used on a thread other than the main "
                        "one, where Python installs no signal handlers. Configure it on the main thread.",
                    )
                    return
        self._begun = True
        self._listen()

    def _listen(self) -> None:
        """Start the thread. If there is none to be had, the handler tries again."""
        if self._listening:
            return
        self._listening = True
        try:
            system_threads.start_thread(self._run, "one-logger signals")
        except RuntimeError as error:
            self._listening = False
            self._journal.log(
                diagnostics.WARNING,
                f"There is no thread for flush_on_signals: {error_text(error)}. It will be tried again when a signal "
                "comes.",
            )

    def end(self) -> None:
        """Restore the previous handlers, unless somebody has replaced ours, and end the thread."""
        self._listening = self._begun = False
        self._caught.put(None)
        with suppress(ValueError):  # on a thread other than the main one
            for number, previous in self._previous.items():
                if signal.getsignal(number) == self._handle:
                    signal.signal(number, previous)

    def after_fork(self) -> None:
        """Reset in a forked child, where the thread does not run: handlers then only call the previous ones."""
        self._listening = self._begun = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._begun:
            self._listen()
        alive = self._listening
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
                self._listening = self._begun = False
                for _ in range(ATTEMPTS):
                    os.kill(os.getpid(), number)
                    # One that comes just as the main thread begins to wait in a system call does not interrupt it.
                    system_threads.sleep(PAUSE)
                return
            self._flush()
