"""An exporter that appends records to a file."""

from __future__ import annotations

import os
import re
import stat
import time

from one_logger.core import ExportError, OneLoggerError, RecordExporter, Resource
from one_logger.exporter.file.path import check_template, expand

_ROTATED = re.compile(r"\.\d{8}T\d{6}\.\d{9}Z-\d+")


STEADY = 0.05
"""Seconds that a file whose last line is not complete has to keep its size for the line to be one that nobody ends."""

LOOKS = 10
"""How often it is looked at for that."""


class FileExporter(RecordExporter):
    """Appends records to a file, as JSON Lines in UTF-8.

    What the file holds is never truncated. Every write ends at the end of a line, and the file is opened for appending,
    so several processes may share one on a local disk. Neither the file nor its folders are touched before
    `initialize`.

    A write that fails, on a full disk say, is retriable: what could not be written is kept and written later. If only
    part of a line could be written, it stays as a torn line, which readers pass over, and the line is written again.
    If the file was moved or removed by someone else, it is made anew at the next flush, with its folders.

    Args:
        file_path: Where to write. May hold `{rank}`, `{pid}`, `{host}` and `{session_tag}`, with a format as in
            `{rank:05}`; braces that are part of the path are doubled. Folders that do not exist are made.
        max_bytes: How large the file may grow, in bytes. Before a line that would make it larger, the file gets the
            time and the process id as a suffix, and a new one is begun. None: it is never rotated.
        backups: How many rotated files are kept; older ones are removed. None: all.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """

    def __init__(
        self,
        file_path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        *,
        max_bytes: int | None = None,
        backups: int | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(file_path, (str, bytes, os.PathLike)):
            raise OneLoggerError(f"file_path is {type(file_path).__name__}; expected a path.")
        self._template = check_template(os.fsdecode(file_path))
        self._max_bytes = _checked("max_bytes", max_bytes, 1, "a number of bytes")
        self._backups = _checked("backups", backups, 0, "a number of files")
        self._path = ""
        self._fd = -1
        self._torn = False

    def open(self, resource: Resource) -> None:
        """Open the file, making its folders."""
        try:
            self._path = os.path.abspath(expand(self._template, resource))
        except Exception as error:  # whatever a format may have against a value
            raise ExportError(f"The file path {self._template!r} cannot be filled in: {error}.") from error
        self._open()

    def write(self, lines: list[str]) -> None:
        """Append `lines`, in as few writes as the system and `max_bytes` allow."""
        try:
            if self._moved():
                self._reopen()
            while lines:
                data, count = self._next_write(lines)
                written = os.write(self._fd, data)
                if written == len(data):
                    del lines[:count]
                    self._torn = False
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
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise self._retriable("opened for appending", error) from error
        except ValueError as error:  # such as a NUL in the path
            raise ExportError(f"The file {self._path!r} cannot be opened: {error}.") from error
        self._torn = _ends_in_torn_line(self._path)

    def _reopen(self) -> None:
        self.release()
        self._open()

    def _moved(self) -> bool:
        """Whether the path leads to something else than the open file, or the file could not be opened again."""
        if self._fd < 0:
            return True
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except FileNotFoundError:
            return True

    def _next_write(self, lines: list[str]) -> tuple[bytes, int]:
        """What to write next, and how many lines that are."""
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
        count = max(count, 1)  # a line that is too long for any file is written all the same
        return start + "".join(lines[:count]).encode(), count

    def _rotate(self) -> None:
        """Move the file out of the way, unless another process that shares it has just done so."""
        if not self._moved():
            seconds, rest = divmod(time.time_ns(), 10**9)
            moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds))
            try:
                os.rename(self._path, f"{self._path}.{moment}.{rest:09}Z-{os.getpid()}")
            except FileNotFoundError:
                pass  # the other process was faster, and has not made the new file yet
            else:
                self._remove_old()
        self._reopen()

    def _remove_old(self) -> None:
        if self._backups is None:
            return
        folder, name = os.path.split(self._path)
        rotated = [n for n in os.listdir(folder) if n.startswith(name) and _ROTATED.fullmatch(n, len(name))]
        for old in sorted(rotated)[: max(0, len(rotated) - self._backups)]:
            try:
                os.remove(os.path.join(folder, old))
            except FileNotFoundError:
                continue  # another process that shares the file was faster

    def _retriable(self, what: str, error: OSError) -> ExportError:
        return ExportError(f"The file {self._path!r} cannot be {what}: {error.strerror or error}.", retriable=True)


def _checked(name: str, value: int | None, least: int, expected: str) -> int | None:
    if value is not None and (type(value) is not int or value < least):
        raise OneLoggerError(f"{name} is {value!r}; expected {expected} from {least}, or None.")
    return value


def _ends_in_torn_line(path: str) -> bool:
    """Whether the file ends in the middle of a line, as one does whose writer was killed."""
    if not os.path.isfile(path):  # a pipe or a device has no end to look at
        return False
    try:
        size, torn = _end(path)
        for _ in range(LOOKS if torn else 0):
            time.sleep(STEADY)  # another process may be writing to it: then it grows, or the line is complete
            before = size
            size, torn = _end(path)
            if size == before or not torn:
                break
    except OSError:  # may be written to, but not read
        return True
    return torn


def _end(path: str) -> tuple[int, bool]:
    """The size of a file, and whether its last line is not complete."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        return size, file.read(1) not in (b"", b"\n")
