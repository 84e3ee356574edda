"""What a recorder has to know of the process it is in: that it was forked, and that it ends."""

from __future__ import annotations

import atexit
import os
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
