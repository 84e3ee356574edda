"""Has Python notice the signals that it would miss, where there is a handler for them.

Python calls handlers on the main thread, between two instructions (`signal`, "Execution of Python signal handlers").
Two things follow that are not so for a signal without a handler, which ends a process at once:

- A signal that comes just before the main thread begins to wait in a system call doesn't interrupt it. The handler is
  called when the call returns: never, in a worker that waits for work until it is ended by SIGTERM.
- A forked child forgets the signals that came before Python has put it in order.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic

from one_logger.core.spi import system_threads

PATIENCE = 0.5
"""Seconds that the main thread has to notice a signal before it is sent again. Each time it gets twice as long.

A thread that is busy in native code needs no second signal, and each may end a system call of that code (`EINTR`).
"""

_ENOUGH = 4096  # bytes, of one signal each, that are read at once
_NOTICED = 128  # is added to a signal's number where its handler is called; Linux has 64 signals

_held: set[int] = set()
_masks: dict[int, set[int]] = {}  # of threads that fork: what they held back before
_reminders: list[_Reminder] = []  # that of this process, if it has one
_left: list[_Reminder] = []  # whose file descriptor somebody else may put back


def hold_back_in_forks(signals: Iterable[int]) -> None:
    """Have these signals wait while the process is forked, so that the child gets them when it is in order."""
    if not _held:
        os.register_at_fork(before=_hold_back, after_in_parent=_let_through, after_in_child=_let_through)
        # Once more: what a signal handler of the job raises just as the first begins would leave them held back.
        os.register_at_fork(after_in_parent=_let_through, after_in_child=_let_through)
    _held.update(signals)


def _hold_back() -> None:
    _masks[system_threads.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, ())  # noted before it is changed
    signal.pthread_sigmask(signal.SIG_BLOCK, _held)


def _let_through() -> None:
    mask = _masks.get(system_threads.get_ident())
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        del _masks[system_threads.get_ident()]


def remind(is_ours: Callable[[int], bool]) -> None:
    """Have a thread send a signal again if the main thread, which calls this, does not notice it.

    That needs Linux. Where somebody else is told of signals by a file descriptor (`signal.set_wakeup_fd`), as event
    loops are, it is left to them.

    Args:
        is_ours: Whether the handler of a signal is ours: one that calls `notice`. Only then is it sent again.
    """
    if not _reminders:
        reminder = _Reminder(is_ours)
        if reminder.begin():
            _reminders.append(reminder)


def notice(number: int) -> None:
    """Say that the handler of a signal is called, so that what has come by now need not be sent again."""
    for reminder in _reminders:
        reminder.notice(number)


def forget_reminder() -> None:
    """Be a forked child, to which the parent's thread and its file descriptor don't belong."""
    while _reminders:
        _reminders.pop().leave()


class _Reminder:
    """The thread, and the socket to which Python writes the number of each signal before it has its handler called.

    The handler writes to it, too. So the order of what is read tells for which signals the handler was called. Where
    another thread gets the signal, it may have the handler called a moment before it writes: the signal is then sent
    once more than it came, which is better than once less.
    """

    def __init__(self, is_ours: Callable[[int], bool]) -> None:
        self._is_ours = is_ours

    def begin(self) -> bool:
        """Start. Whether that was possible."""
        import _socket  # `socket` takes long to import, and may be gevent's

        if not hasattr(_socket, "SO_PASSCRED"):
            return False
        try:
            self._read, self._write = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
            # To tell who has written: a child that was forked unseen has this socket, too. (unix(7), SCM_CREDENTIALS)
            self._read.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
        except OSError:
            return False
        self._credentials = _socket.CMSG_SPACE(3 * 4)  # the numbers of the process, the user and the group
        self._at_once = _socket.MSG_DONTWAIT
        self._write.setblocking(False)
        others = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        with suppress(RuntimeError):  # there is no thread to be had
            if others == -1:
                system_threads.start_thread(self._run, "one-logger reminder")
                return True
        signal.set_wakeup_fd(others)
        with suppress(OSError):  # nothing has come in between
            os.write(others, self._read.recv(_ENOUGH, self._at_once))
        return False

    def leave(self) -> None:
        """Have Python write to the socket no more, and close it."""
        with suppress(ValueError):  # on a thread other than the main one
            others = signal.set_wakeup_fd(-1)
            if others == self._write.fileno():
                self._read.close()
                self._write.close()
                return
            signal.set_wakeup_fd(others)
        _left.append(self)

    def notice(self, number: int) -> None:
        """Write that the handler of a signal is called. It does not wait, and may be interrupted by itself."""
        with suppress(OSError):  # the socket is full: nobody has read for hundreds of signals
            self._write.send(bytes((_NOTICED + number,)))

    def _run(self) -> None:
        missed: dict[int, tuple[float, float]] = {}  # when a signal is to be sent again, and how long it waited
        while True:
            now = monotonic()
            for number, (due, waited) in list(missed.items()):
                if not self._is_ours(number):
                    del missed[number]
                elif due <= now:
                    os.kill(os.getpid(), number)
                    missed[number] = now + 2 * waited, 2 * waited
            self._read.settimeout(min(due for due, _ in missed.values()) - now if missed else None)
            for number in self._received():
                if number > _NOTICED:
                    missed.pop(number - _NOTICED, None)
                else:
                    missed.setdefault(number, (monotonic() + PATIENCE, PATIENCE))

    def _received(self) -> bytes:
        """The signals of this process that have come, and those that were noticed, in order. Nothing after a while."""
        try:
            numbers, extra, _, _ = self._read.recvmsg(_ENOUGH, self._credentials)
        except TimeoutError:
            return b""
        writer = int.from_bytes(extra[0][2][:4], sys.byteorder) if extra else 0
        return numbers if writer == os.getpid() else b""
