"""What a recorder has to know of the process it is in: that it was forked, and that it ends."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """What has to be told that it is in a forked child now."""

    def after_fork(self) -> None:
        """Forget what is the parent's."""


live_recorders: WeakSet[Forkable] = WeakSet()
"""All recorders of this process."""


def _after_fork_in_child() -> None:
    for recorder in list(live_recorders):
        recorder.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def call_at_exit(function: Callable[[], None]) -> None:
    """Have `function` called when this process ends by itself.

    A child of `multiprocessing` runs no `atexit` handlers, only finalizers of its own.
    """
    atexit.register(function)
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is not None and multiprocessing.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, function, exitpriority=0)


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
