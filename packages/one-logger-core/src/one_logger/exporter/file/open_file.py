"""A file that is open for appending while others may take its name away, or its descriptor."""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import suppress
from math import inf

GZIP_BEGINNING = b"\x1f"  # no text begins so

LOST = frozenset({errno.EBADF, errno.ESTALE})
"""Errors of a descriptor that leads nowhere any more: the job has closed it, or the server has forgotten the file."""

STEADY = 0.05
"""Seconds for which an unfinished last line must stay unchanged to count as abandoned."""

LOOKS = 10
"""How often the file is looked at for that, at most."""

LEAST_PIPE_BUF = 512
"""How many bytes written to a pipe at once stay together on every system (POSIX, limits.h)."""

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
_STANDARD = 3  # descriptors below are a program's standard streams


class OpenFile:
    """A file that is open for appending.

    A job may close all descriptors, as daemons do, and the next file that it opens gets our number. So nothing is
    written to a descriptor, or closed, before it is proven to be the file that was opened.

    Args:
        path: The absolute path.
        before: The status of the file that had this name before. A new file gets its mode and, if that is allowed, its
            owner.

    Raises:
        OSError: It cannot be opened.
        ValueError: No file can have this path.
    """

    def __init__(self, path: str, before: os.stat_result | None = None) -> None:
        self.path = path
        try:
            fd = os.open(path, _FLAGS)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(os.path.realpath(path)), exist_ok=True)
            fd = os.open(path, _FLAGS | os.O_CREAT, 0o666 if before is None else stat.S_IMODE(before.st_mode))
            if before is not None:
                _make_alike(fd, before)
        low = []
        while fd < _STANDARD:  # the job has closed its standard streams, and what it prints must not get into the file
            low.append(fd)
            fd = os.dup(fd)
        for standard in low:
            os.close(standard)
        self.fd = fd
        self.status = os.fstat(fd)
        """The status of the file, as it was seen last."""
        mode = self.status.st_mode
        self.most = _pipe_buf(fd) if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) else inf
        """How many bytes may be written at once, so that what other processes write does not get in between.

        A file has no limit; a terminal is taken to be like a pipe.
        """

    @property
    def is_regular(self) -> bool:
        """Whether it is an ordinary file: no pipe, terminal or other device."""
        return stat.S_ISREG(self.status.st_mode)

    def is_current(self) -> bool:
        """Whether the descriptor still is this file, and the path still leads to it."""
        if not self.is_ours():
            return False
        try:
            return os.path.samestat(os.stat(self.path), self.status)
        except OSError as error:
            if isinstance(error, FileNotFoundError) or error.errno in LOST:
                return False
            raise

    def is_ours(self) -> bool:
        """Whether the descriptor still is this file."""
        try:
            status = os.fstat(self.fd)
        except OSError as error:
            if error.errno in LOST:
                return False
            raise
        if ours := os.path.samestat(status, self.status):
            self.status = status
        return ours

    def close(self) -> None:
        """Close the descriptor, unless it is somebody else's by now."""
        if self.is_ours():
            os.close(self.fd)

    def look(self) -> tuple[bytes, bool]:
        """The first byte of the file, and whether it ends in the middle of a line, as when its writer was killed."""
        if not self.is_regular:  # a pipe or a device has no end
            return b"", False
        try:
            beginning, size, torn = self._ends()
            for _ in range(LOOKS if torn and beginning != GZIP_BEGINNING else 0):
                time.sleep(STEADY)  # another process may be writing the line just now
                before = size
                _, size, torn = self._ends()
                if size == before or not torn:
                    break
        except OSError:  # may be written to, but not read
            return b"", True
        return beginning, torn

    def _ends(self) -> tuple[bytes, int, bool]:
        """The first byte of the file, its size, and whether its last line is not complete."""
        with open(self.path, "rb") as file:
            beginning = file.read(1)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            return beginning, size, file.read(1) not in (b"", b"\n")


def _pipe_buf(fd: int) -> int:
    try:
        return max(os.fpathconf(fd, "PC_PIPE_BUF"), LEAST_PIPE_BUF)
    except (OSError, ValueError):  # a system that doesn't say
        return LEAST_PIPE_BUF


def _make_alike(fd: int, before: os.stat_result) -> None:
    with suppress(OSError):  # not every file system has owners, and only root may give files away
        os.fchown(fd, before.st_uid, before.st_gid)
    with suppress(OSError):
        os.fchmod(fd, stat.S_IMODE(before.st_mode))
