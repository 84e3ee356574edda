"""Which thread of the job has recorded something."""

from __future__ import annotations

import os
import sys
from itertools import count

from one_logger.core.process import call_after_fork
from one_logger.core.system_threads import Local, get_ident, get_native_id

_next_number = count(1).__next__


class ThreadInfo:
    """A thread that records and is not the main one. There is one such object for each, as long as the thread lives.

    An identifier of the operating system's would not do: a new thread often gets that of one that has ended.

    Args:
        name: What the job calls it.

    Attributes:
        name: The name, as it was when the thread first recorded something.
        number: A small number that no other thread of this process has or had.
        named_in: For encoders: the streams that have a `thread` record of it, and for which time that was written.
    """

    __slots__ = ("name", "named_in", "number")

    def __init__(self, name: str) -> None:
        self.name = name
        self.number = _next_number()
        self.named_in: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<ThreadInfo {self.number} {self.name[:100]!r}>"


HERE = Local()
"""Its attribute `thread` is the thread that looks at it, and None in the main one. One call into C; an `AttributeError`
when a thread first looks: then `look_around` gives it. (A subclass would do that by itself, and take longer.)"""


def look_around() -> ThreadInfo | None:
    """The thread that calls this; None in the main one. It is `HERE.thread` from then on."""
    HERE.thread = thread = _this_thread()
    return thread


def _this_thread() -> ThreadInfo | None:
    threading = sys.modules.get("threading")  # importing it would take a fifth of our import time
    # gevent gives the main thread another identifier.
    if threading is None or threading.main_thread().ident == get_ident() or get_native_id() == os.getpid():
        return None
    # current_thread() would take a lock for a thread that Python has not started, and keep an object for ever.
    known = getattr(threading, "_active", {}).get(get_ident())
    return ThreadInfo(f"native thread {get_native_id()}" if known is None else known.name)


def leave_out_thread() -> None:
    """Have records say nothing of the thread that calls this: it belongs to a recorder, and not to the job."""
    HERE.thread = None


call_after_fork(leave_out_thread)  # whichever thread has forked is the main one there
