"""Delivers what was recorded when a signal is about to end the process."""

from __future__ import annotations

import os
import signal
from _queue import SimpleQueue  # that of `queue` may be gevent's
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import FrameType

from one_logger.core.spi import Journal, diagnostics, error_text, system_threads
from one_logger.recorder.missed_signals import forget_reminder, hold_back_in_forks, notice, remind
from one_logger.recorder.process import is_child

ATTEMPTS = 200
"""How often a signal that has to end the process is sent. The first one nearly always does it."""

PAUSE = 0.05
"""Seconds between these attempts."""

Previous = Callable[[int, FrameType | None], object] | int | None


class _Handler:
    """A handler as Python has it: it knows whose it is, and what was there before."""

    def __init__(self, watch: SignalWatch, number: int, previous: Previous) -> None:
        self.watch = watch
        self.number = number
        self.previous = previous

    def __call__(self, number: int, frame: FrameType | None) -> None:
        notice(number)
        self.watch.handle(self, frame)

    def ends_process(self) -> bool:
        """Whether the signal ends the process, as there is no handler but ours."""
        previous = self.previous
        return previous.ends_process() if isinstance(previous, _Handler) else previous == signal.SIG_DFL

    def take_away(self) -> None:
        """Put back what was there before, unless somebody has replaced this. Only the main thread can."""
        now: object = signal.getsignal(self.number)
        if now is not self:
            return
        previous = self.previous
        while isinstance(previous, _Handler) and not previous.watch.begun:
            previous = previous.previous
        with suppress(ValueError):
            signal.signal(self.number, previous)


class SignalWatch:
    """Signal handlers that have a thread deliver what was recorded, and call the handlers that were there before.

    A handler only tells the thread, and calls the application's handler at once. If there is none, so that the signal
    would have ended the process, the thread closes the recorder, and then sends the signal again to end the process.
    Several recorders with handlers in one chain are closed one after the other.

    A forked child has the handlers that were there before, until it records.
    """

    def __init__(
        self, signals: Iterable[int], flush: Callable[[], object], close: Callable[[int], object], journal: Journal
    ) -> None:
        self._signals = tuple(signals)
        self._flush = flush
        self._close = close
        self._journal = journal
        self._handlers: list[_Handler] = []
        self._caught: SimpleQueue[_Handler | None] = SimpleQueue()
        self._listening = False  # whether there is a thread
        self.begun = False

    def begin(self) -> None:
        """Install the handlers, and start the thread. Python allows that on the main thread only."""
        if not self._signals or self.begun:
            return
        self._caught = SimpleQueue()
        self._handlers = []
        for number in self._signals:
            previous = signal.getsignal(number)
            if previous is None:
                self._journal.log(
                    diagnostics.WARNING, f"Signal {number} has a handler that is not Python's; it is left."
                )
                continue
            handler = _Handler(self, number, previous)
            try:
                signal.signal(number, handler)
            except ValueError:
                self._journal.log(
                    diagnostics.WARNING,
                    "flush_on_signals has no effect: the recorder was first used on a thread other than the main "
                    "one, where Python installs no signal handlers. Configure it on the main thread.",
                )
                return
            self._handlers.append(handler)
        self.begun = True
        self._listen()
        hold_back_in_forks(self._signals)
        if is_child():
            remind(_is_ours)

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
        self._restore()
        self._caught.put(None)

    def after_fork(self) -> None:
        """Restore the previous handlers in a forked child, where the thread does not run."""
        self._restore()
        forget_reminder()

    def _restore(self) -> None:
        self._listening = self.begun = False
        for handler in self._handlers:
            handler.take_away()

    def handle(self, handler: _Handler, frame: FrameType | None) -> None:
        """Have the thread do what is due at a signal."""
        if self.begun:
            self._listen()
        alive = self._listening
        if alive:
            self._caught.put(handler)  # does not wait, and may be called within itself
        number, previous = handler.number, handler.previous
        if previous == signal.SIG_DFL and not alive:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif callable(previous) and not isinstance(previous, signal.Handlers):
            if alive and handler.ends_process():
                return  # the thread ends it
            previous(number, frame)

    def _run(self) -> None:
        caught = self._caught
        while (handler := caught.get()) is not None:
            if handler.ends_process():
                self._close(handler.number)
                # The next watch in the chain gets this second signal; or, as only the main thread can take the handler
                # away, that does so then.
                self._listening = self.begun = False
                for _ in range(ATTEMPTS):
                    os.kill(os.getpid(), handler.number)
                    # One that comes just as the main thread begins to wait in a system call does not interrupt it.
                    system_threads.sleep(PAUSE)
                return
            self._flush()


def _is_ours(number: int) -> bool:
    return isinstance(signal.getsignal(number), _Handler)
