"""What happens to the process: it is forked, also where Python does not see that, and it ends."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, MutableSequence

from one_logger.core.system_threads import get_ident

Function = Callable[[], object]

_WIPE_ON_FORK = 18  # Linux, since 4.14

_pid = os.getpid()
_after_fork: list[Function] = []
_at_exit: list[Function] = []
_ended = False


def call_after_fork(function: Function) -> None:
    """Have `function` called in every forked child from now on, in the order of these calls, before anything else."""
    _after_fork.append(function)


def find_fork() -> bool:
    """Do what is due in a forked child, if this is one that Python was not told of. Whether it is."""
    if os.getpid() == _pid:
        return False
    _be_forked()
    return True


def _be_forked() -> None:
    global _pid  # noqa: PLW0603 - there is one process
    _pid = os.getpid()
    for function in _after_fork:
        function()


def own_flag() -> MutableSequence[int]:
    """A byte, zero, that is zero again in a forked child, also where Python was not told of the fork, on Linux.

    To look at it takes no call of the system. (madvise(2), MADV_WIPEONFORK)
    """
    try:
        import mmap

        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        page.madvise(_WIPE_ON_FORK)
    except (ImportError, AttributeError, OSError, ValueError):
        return bytearray(1)
    return page  # type: ignore[return-value]  # as far as it is used


def call_at_exit(function: Function) -> None:
    """Have `function` called when the interpreter exits, as late as Python allows.

    Python calls `atexit` handlers in the reverse order of their registration: ours when this module was imported.
    """
    _at_exit.append(function)


def not_at_exit(function: Function) -> None:
    """Take back `call_at_exit`."""
    if function in _at_exit:
        _at_exit.remove(function)


def has_ended() -> bool:
    """Whether that has happened already. What is recorded now comes from exit handlers that are even older."""
    return _ended


def in_exit_handler() -> bool:
    """Whether an `atexit` handler calls this: they run on the main thread after that has ended, as `threading` sees it.

    Threads that are no daemons may run for long after the main thread has ended; Python waits for them first.
    """
    threading = sys.modules.get("threading")
    if threading is None:
        return False
    main = threading.main_thread()
    return get_ident() == main.ident and not main.is_alive()


def end() -> None:
    """Call what is to be called at exit. For the ends of processes that run no `atexit` handlers."""
    global _ended  # noqa: PLW0603 - there is one process
    while _at_exit:
        _at_exit.pop()()
    _ended = True


atexit.register(end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_be_forked)
