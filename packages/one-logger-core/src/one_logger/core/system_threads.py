"""Threads, locks and pauses of the operating system, also where gevent or eventlet has put its own in their place.

Both replace functions of Python's modules `_thread` and `time`. The worker of a recorder has to be a real thread: one
that is not would run in the loop that the job's greenlets share, and a lock that is none of the system's cannot be
shared with it.
"""

from __future__ import annotations

import _imp
import _thread
import time
from types import BuiltinFunctionType

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


def _unpatched(module: ModuleType, function: str) -> ModuleType:
    """The module as Python made it: itself, or a new one if one of its functions was replaced."""
    if isinstance(getattr(module, function), BuiltinFunctionType):
        return module
    new: ModuleType = _imp.create_builtin(module.__spec__)  # type: ignore[arg-type]  # it has one
    _imp.exec_builtin(new)
    return new


if TYPE_CHECKING:
    _system = _thread
    sleep = time.sleep
else:
    _system = _unpatched(_thread, "start_new_thread")
    sleep = _unpatched(time, "sleep").sleep

Lock = _system.allocate_lock
RLock = _system.RLock
Local = _system._local
TIMEOUT_MAX = _system.TIMEOUT_MAX
get_ident = _system.get_ident
get_native_id = _system.get_native_id
_start = _system.start_new_thread


def start_thread(run: Callable[[], object], name: str) -> None:
    """Start a thread that does not keep the interpreter from exiting.

    Raises:
        RuntimeError: The system, the interpreter or its being about to exit does not allow that.
    """
    if not isinstance(_thread.start_new_thread, BuiltinFunctionType):
        _start(run, ())
        return
    import threading

    def known_to_python() -> None:
        run()
        while not isinstance(_thread.start_new_thread, BuiltinFunctionType):
            sleep(3_600)  # replaced since: Python would not find the thread in its list any more, and complain

    threading.Thread(target=known_to_python, name=name, daemon=True).start()
