"""The thread of a channel: started where there is one to be had, put to sleep, and woken."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from one_logger.core.spi import Journal, diagnostics, error_text, leave_out_thread, process, system_threads

NEXT_THREAD = 1.0
"""Seconds after which a thread is asked for again, if there was none to be had."""

ASLEEP_WITHIN = 0.1
"""Seconds that starting the worker waits until that sleeps. It mostly takes less than a thousandth of it."""


class Worker:
    """A thread that runs `run` once, which calls `sleep` in between. There is never more than one."""

    def __init__(self, name: str, run: Callable[[], None], journal: Journal) -> None:
        self._name = name
        self._run = run
        self._journal = journal
        self._alive = system_threads.Lock()  # held by the thread
        self._next_try = 0.0
        # Locks as signals: whoever waits acquires one, whoever wants it to wake up releases it.
        self._signal, self._asleep = system_threads.Lock(), system_threads.Lock()
        self._signal.acquire()
        self._asleep.acquire()

    @property
    def alive(self) -> bool:
        """Whether there is a thread."""
        return self._alive.locked()

    @property
    def is_due(self) -> bool:
        """Whether there is none, and it is time to ask for one."""
        return not self._alive.locked() and monotonic() >= self._next_try

    def start(self) -> None:
        """Start the thread, and wait until it sleeps, so that nothing of it runs when the caller goes on.

        There may be none to be had: in a container with a limit, or at interpreter exit. That is logged once, but for
        an exit handler: Python 3.12 starts no thread for one, and once it has returned, all is delivered.
        """
        try:
            system_threads.start_thread(self._begin, f"one-logger {self._name}")
            self._asleep.acquire(timeout=ASLEEP_WITHIN)
        except RuntimeError as error:
            if not self._next_try and not process.in_exit_handler():
                self._journal.log(
                    diagnostics.WARNING,
                    f"There is no thread for exporter {self._name}: {error_text(error)}. It will be tried again; "
                    "until then flush() and close() deliver.",
                )
            self._next_try = monotonic() + NEXT_THREAD

    def _begin(self) -> None:
        if self._alive.acquire(blocking=False):  # else whoever started it was interrupted, and another one has
            leave_out_thread()  # what processors make here is of no thread of the job
            self._run()

    def sleep(self, seconds: float) -> None:
        """Have the thread wait until it is woken, or for so long."""
        if self._asleep.locked():
            self._asleep.release()
        self._signal.acquire(timeout=min(max(seconds, 0.0), system_threads.TIMEOUT_MAX))

    def wake(self) -> None:
        """Wake it, or have it not fall asleep."""
        if self._signal.locked():
            try:
                self._signal.release()
            except RuntimeError:
                return  # another thread has just done so
