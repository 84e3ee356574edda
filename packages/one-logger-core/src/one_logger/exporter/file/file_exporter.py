"""An exporter that appends records to a file."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from one_logger.core import ExportError, RecordExporter, Resource
from one_logger.core.checks import check_choice, check_number, check_type
from one_logger.exporter.file.path import check_template, expand

_ROTATED = re.compile(r"\.\d{8}T\d{6}\.\d{9}Z-\d+")

_GZIP_BEGINNING = b"\x1f"  # no text begins so

STEADY = 0.05
"""Seconds for which an unfinished last line must stay unchanged to count as abandoned."""

LOOKS = 10
"""How often the file is looked at for that, at most."""


class FileExporter(RecordExporter):
    """Appends records to a file, as JSON Lines in UTF-8.

    The file is never truncated. It is opened for appending, and every write ends at the end of a line, so several
    processes may share one on a local disk. If someone else moves or removes it, the next flush makes a new one.

    A write that fails, on a full disk for example, is tried again at the next flush. If only part of a line could be
    written, it stays as a torn line, which readers skip, and the line is written again.

    Args:
        file_path: Where to write. May hold `{rank}`, `{pid}`, `{host}` and `{session_tag}`, with a format as in
            `{rank:05}`; braces that are part of the path are doubled. Missing folders are made.
        max_bytes: How large the file may grow, in bytes. Before a line that would make it larger, the file is renamed
            with the time and the process id as a suffix, and a new one is begun. None: it is never rotated.
        backups: How many rotated files are kept; older ones are removed. None: all.
        compression: `"gzip"`: each flush appends a member of its own to the file, so what is flushed can be read, and a
            process that is killed leaves one torn member. The file gets the name that was given, without a suffix. A
            file holds either kind: one that holds the other is refused. What is said above of lines holds for members:
            processes may share the file, it is rotated before a member that would make it larger, and a member of
            which only a part could be written is written again. None: no compression.

    Raises:
        OneLoggerError: An argument cannot be used.
    """

    def __init__(
        self,
        file_path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        *,
        max_bytes: int | None = None,
        backups: int | None = None,
        compression: Literal["gzip"] | None = None,
    ) -> None:
        super().__init__()
        check_type("file_path", file_path, (str, bytes, os.PathLike), "a path")
        check_number("max_bytes", max_bytes, 1, "a number of bytes", whole=True, optional=True)
        check_number("backups", backups, 0, "a number of files", whole=True, optional=True)
        self._template = check_template(str.__str__(os.fsdecode(file_path)))
        self._max_bytes = max_bytes
        self._backups = backups
        self._member: Callable[[bytes], bytes] | None = None
        if compression is not None:
            check_choice("compression", compression, ("gzip",))
            # Here, and not in the exporter's thread: a process that is forked during an import can't repeat it.
            from one_logger.exporter.file.gzip_member import gzip_member

            self._member = gzip_member
        self._path = ""
        self._fd = -1
        self._torn = False

    def open(self, resource: Resource) -> None:
        """Open the file. Make its folders if they are missing."""
        try:
            self._path = os.path.abspath(expand(self._template, resource))
        except Exception as error:  # whatever a format may have against a value
            raise ExportError(f"The file path {self._template!r} cannot be filled in: {error}.") from error
        self._open()

    def write(self, lines: list[str]) -> None:
        """Append `lines` in as few writes as the system and `max_bytes` allow."""
        try:
            if self._moved():
                self._open()
            while lines:
                data, count = self._next_write(lines)
                written = os.write(self._fd, data)
                if written == len(data):
                    del lines[:count]
                    self._torn = False
                elif written and self._member is not None:
                    self._torn = True
                elif written:
                    del lines[: data.count(b"\n", int(self._torn), written)]
                    self._torn = data[written - 1 : written] != b"\n"
        except OSError as error:
            raise self._retriable("written to", error) from error

    def release(self) -> None:
        """Close the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def forget(self) -> None:
        """Drop the parent's descriptor. It stays open in the child: closing it is left to `exec` and exit."""
        self._fd = -1

    def _open(self) -> None:
        self.release()
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise self._retriable("opened for appending", error) from error
        except ValueError as error:  # such as a NUL in the path
            raise ExportError(f"The file {self._path!r} cannot be opened: {error}.") from error
        compressed = self._member is not None
        beginning, torn = _look(self._path)
        if beginning and (beginning == _GZIP_BEGINNING) != compressed:
            self.release()
            given, other = ("compressed", "not compressed") if compressed else ("not compressed", "compressed")
            raise ExportError(
                f"The file {self._path!r} holds records that are {other}, and those to be appended are {given}; no "
                "reader could make sense of it. Give another path."
            )
        # Whether a member is torn would take reading it: so what comes after any begins with a line feed.
        self._torn = torn or (compressed and bool(beginning))

    def _moved(self) -> bool:
        """Whether the path is not that of the open file any more, or no file is open."""
        if self._fd < 0:
            return True
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except FileNotFoundError:
            return True

    def _next_write(self, lines: list[str]) -> tuple[bytes, int]:
        """The bytes to write next, and how many lines they are."""
        if self._member is not None:
            return self._next_member(lines, self._member)
        start = b"\n" if self._torn else b""
        data = start + "".join(lines).encode()
        if self._max_bytes is None:
            return data, len(lines)
        size = os.fstat(self._fd).st_size
        if size + len(data) <= self._max_bytes:
            return data, len(lines)
        room, count = self._max_bytes - size - len(start), 0
        for line in lines:
            room -= len(line.encode())
            if room < 0:
                break
            count += 1
        if count == 0 and size > 0 and stat.S_ISREG(os.fstat(self._fd).st_mode):
            self._rotate()
            return self._next_write(lines)
        count = max(count, 1)  # a line that is longer than `max_bytes` is written all the same
        return start + "".join(lines[:count]).encode(), count

    def _next_member(self, lines: list[str], member: Callable[[bytes], bytes]) -> tuple[bytes, int]:
        """The next member to write, and how many lines are in it: fewer, where all do not fit in a file."""
        start, count = "\n" if self._torn else "", len(lines)
        data = member((start + "".join(lines)).encode())
        if self._max_bytes is None:
            return data, count
        status = os.fstat(self._fd)
        if status.st_size > 0 and status.st_size + len(data) > self._max_bytes and stat.S_ISREG(status.st_mode):
            self._rotate()
            return self._next_member(lines, member)
        while len(data) > self._max_bytes and count > 1:
            count //= 2
            data = member((start + "".join(lines[:count])).encode())
        return data, count

    def _rotate(self) -> None:
        """Rename the file, unless another process that shares it has just done so."""
        if not self._moved():
            seconds, rest = divmod(time.time_ns(), 10**9)
            moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
            with suppress(FileNotFoundError):  # another process was faster, and has not made the new file yet
                os.rename(self._path, f"{self._path}.{moment}.{rest:09}Z-{os.getpid()}")
                self._remove_old()
        self._open()

    def _remove_old(self) -> None:
        if self._backups is None:
            return
        folder, name = os.path.split(self._path)
        rotated = [n for n in os.listdir(folder) if n.startswith(name) and _ROTATED.fullmatch(n, len(name))]
        for old in sorted(rotated)[: max(0, len(rotated) - self._backups)]:
            with suppress(FileNotFoundError):  # another process was faster
                os.remove(os.path.join(folder, old))

    def _retriable(self, what: str, error: OSError) -> ExportError:
        return ExportError(f"The file {self._path!r} cannot be {what}: {error.strerror or error}.", retriable=True)


def _look(path: str) -> tuple[bytes, bool]:
    """The first byte of a file, and whether it ends in the middle of a line, as when its writer was killed."""
    if not os.path.isfile(path):  # a pipe or a device has no end
        return b"", False
    try:
        beginning, size, torn = _ends(path)
        for _ in range(LOOKS if torn and beginning != _GZIP_BEGINNING else 0):
            time.sleep(STEADY)  # another process may be writing the line just now
            before = size
            _, size, torn = _ends(path)
            if size == before or not torn:
                break
    except OSError:  # may be written to, but not read
        return b"", True
    return beginning, torn


def _ends(path: str) -> tuple[bytes, int, bool]:
    """The first byte of a file, its size, and whether its last line is not complete."""
    with open(path, "rb") as file:
        beginning = file.read(1)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        return beginning, size, file.read(1) not in (b"", b"\n")
