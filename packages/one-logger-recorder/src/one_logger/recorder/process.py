"""What a recorder has to know of the process it is in: that it was forked, and that it ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from typing import Protocol
from weakref import WeakSet

from one_logger.core.spi import diagnostics, process


class Forkable(Protocol):
    """What has to be told that it is in a forked child now."""

    def after_fork(self) -> None:
        """Forget what is the parent's."""


live_recorders: WeakSet[Forkable] = WeakSet()
"""All recorders of this process."""

LIBRARIES = ("multiprocessing", "billiard", "multiprocess")
"""Children of these end by `os._exit`, which calls no `atexit` handlers, after finalizers of the library's own."""


def _after_fork_in_child() -> None:
    for recorder in list(live_recorders):
        recorder.after_fork()


process.call_after_fork(_after_fork_in_child)
process.call_at_exit(diagnostics.write_reports)  # after the recorders are closed


def call_at_exit(function: Callable[[], None]) -> None:
    """Have `function` called when this process ends by itself."""
    process.call_at_exit(function)
    for library, child in _children():
        sys.modules[f"{library}.util"].Finalize(None, process.end, exitpriority=0)
        worker = getattr(child, "_target", None)
        # One of billiard's pool, and so of Celery's, ends without finalizers.
        if worker is not None and hasattr(worker, "on_exit"):
            worker.on_exit = _EndAfter(worker.on_exit)


def is_child() -> bool:
    """Whether this is a child of `multiprocessing`, or of what is made like it."""
    return any(True for _ in _children())


def _children() -> Iterator[tuple[str, object]]:
    """The libraries of which this process is a child, each with its object for this process."""
    for library in LIBRARIES:
        module = sys.modules.get(f"{library}.process")
        child = None if module is None else module.current_process()
        if getattr(child, "_parent_pid", None) is not None:
            yield library, child


class _EndAfter:
    """What a worker of billiard's pool calls before it ends: its own callback, and then `process.end`."""

    def __init__(self, callback: Callable[..., object] | None) -> None:
        self._callback = callback

    def __call__(self, *arguments: object) -> None:
        try:
            if self._callback is not None:
                self._callback(*arguments)
        finally:
            process.end()


def exit_reason() -> str:
    """Why the interpreter ends, asked while it does: `exit`, `exception`, or `signal SIGINT` after a Ctrl-C.

    Up to Python 3.12 a child of `multiprocessing` is still handling the exception that has ended it. From 3.13 on it
    has handled that by then, so nobody can tell, and it says `exit`. In other processes an exception that nobody
    has caught is what the interpreter has printed last (`sys.last_value`), if it has left every frame: what interactive
    shells and test runners print, they have caught.
    """
    error = sys.exception()
    if error is None and not hasattr(sys, "ps1"):
        printed: BaseException | None = getattr(sys, "last_value", None)
        trace = None if printed is None else printed.__traceback__
        error = printed if trace is not None and trace.tb_frame.f_back is None else None
    if error is None or isinstance(error, SystemExit):
        return "exit"
    return signal_reason(signal.SIGINT) if isinstance(error, KeyboardInterrupt) else "exception"


def signal_reason(number: int) -> str:
    """That a signal has ended the process, in the words of `Exporter.close_reason`."""
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"signal SIG{number}"  # one of the real-time signals, most of which have no name
