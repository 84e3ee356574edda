"""An exporter that appends records to a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import inf
from typing import Annotated, Literal

from one_logger.core import ExportError, RecordExporter, Resource
from one_logger.core.base_exporter import WITH_PLACEHOLDERS
from one_logger.core.checks import check_choice, check_number, check_type
from one_logger.exporter.file.open_file import GZIP_BEGINNING, LOST, OpenFile
from one_logger.exporter.file.path import check_template, expand


class FileExporter(RecordExporter):
    """Appends records to a file, as JSON Lines in UTF-8.

    The file is never truncated. It is opened for appending, and every write ends at the end of a line, so several
    processes may share one on a local disk, or a pipe for lines of up to `PIPE_BUF` bytes. If someone else moves or
    removes it, the next flush makes a new one. If the job closes its descriptor, the next flush opens it anew, and
    nothing is written to a file of the job that has got the number.

    A write that fails, on a full disk for example, is tried again at the next flush. If only part of a line could be
    written, it stays as a torn line, which readers skip, and the line is written again.

    Args:
        file_path: Where to write. May hold `{rank}`, `{local_rank}`, `{pid}`, `{host}`, `{job_id}` and `{session_tag}`,
            with a format as in `{rank:05}`; braces that are part of the path are doubled. `~` is the home folder. A
            relative path is meant in the present working directory. Missing folders are made.
        max_bytes: How large the file may grow, in bytes. Before a line that would make it larger, the file is renamed
            with the time and the process id as a suffix, and a new one is begun, with its mode and owner. If that is
            not possible it grows on, and the log says so once. Devices, pipes and the job's own output are not
            rotated. None: nothing is.
        backups: How many rotated files are kept; older ones are removed. None: all.
        compression: `"gzip"`: each flush appends a member of its own to the file, so what is flushed can be read, and a
            process that is killed leaves one torn member. The file gets the name that was given, without a suffix. A
            file holds either kind: one that holds the other is refused. What is said above of lines holds for members:
            processes may share the file, it is rotated before a member that would make it larger, and a member of
            which only a part could be written is written again: `read_records` then gives some records twice, which
            have the same `stream` and `seq`, and `verify` counts them once. None: no compression.

    Raises:
        OneLoggerError: An argument cannot be used.
    """

    def __init__(
        self,
        file_path: Annotated[str | bytes | os.PathLike[str] | os.PathLike[bytes], WITH_PLACEHOLDERS],
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
        # What is imported for some files only is imported here, and not in the exporter's thread: a process that is
        # forked during an import can't repeat it.
        if max_bytes is not None:
            from one_logger.exporter.file.rotation import rotate

            self._rotate = rotate
        if compression is not None:
            check_choice("compression", compression, ("gzip",))
            from one_logger.exporter.file.gzip_member import gzip_member

            self._member = gzip_member
        self._path = ""
        self._file: OpenFile | None = None
        self._torn = False
        self._grows = False  # beyond `max_bytes`, as it cannot be rotated

    def open(self, resource: Resource) -> None:
        """Open the file. Make its folders if they are missing."""
        try:
            self._path = os.path.normpath(expand(self._template, resource))
        except Exception as error:  # whatever a format may have against a value
            raise ExportError(f"The file path {self._template!r} cannot be filled in: {error}.") from error
        self._open()

    def write(self, lines: list[str]) -> None:
        """Append `lines` in as few writes as the system and `max_bytes` allow."""
        self._grows = False
        for may_be_lost in (True, False):
            try:
                file = self._file
                if file is None or not file.is_current():
                    file = self._open()
                self._append(lines, file)
                return
            except OSError as error:
                if error.errno not in LOST or not may_be_lost:
                    raise self._retriable("written to", error) from error
                self._file = None

    def release(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        self._close(file)

    def forget(self) -> None:
        """Drop the parent's descriptor. It stays open in the child: closing it is left to `exec` and exit."""
        self._file = None

    def _open(self) -> OpenFile:
        """Open the file anew."""
        try:
            file = OpenFile(self._path, before=self._file.status if self._file is not None else None)
        except OSError as error:
            raise self._retriable("opened for appending", error) from error
        except ValueError as error:  # such as a NUL in the path
            raise ExportError(f"The file {self._path!r} cannot be opened: {error}.") from error
        compressed = self._member is not None
        beginning, torn = file.look()
        if beginning and (beginning == GZIP_BEGINNING) != compressed:
            file.close()
            given, other = ("compressed", "not compressed") if compressed else ("not compressed", "compressed")
            raise ExportError(
                f"The file {self._path!r} holds records that are {other}, and those to be appended are {given}; no "
                "reader could make sense of it. Give another path."
            )
        before, self._file = self._file, file
        # Whether a member is torn would take reading it: so what comes after any begins with a line feed.
        self._torn = torn or (compressed and bool(beginning))
        self._close(before)
        return file

    def _close(self, file: OpenFile | None) -> None:
        try:
            if file is not None:
                file.close()
        except OSError as error:
            raise self._retriable("closed", error) from error

    def _append(self, lines: list[str], file: OpenFile) -> None:
        while lines:
            room, size = file.most, 0
            if self._max_bytes is not None and file.is_regular and not self._grows:
                size = os.fstat(file.fd).st_size
                room = self._max_bytes - size
            data, count = self._packed(lines, room)
            if len(data) > room and size > 0:
                file = self._rotated(file)
                continue
            written = os.write(file.fd, data)
            if written == len(data):
                del lines[:count]
                self._torn = False
            elif written and self._member is not None:
                self._torn = True
            elif written:
                # A line of which only the line feed is missing is there for readers: twice, if it were written again.
                del lines[: data.count(b"\n", int(self._torn), written + 1)]
                self._torn = data[written - 1 : written] != b"\n"

    def _packed(self, lines: list[str], room: float) -> tuple[bytes, int]:
        """What to write next, and how many lines it is: as many as fit in `room` bytes, but at least one."""
        start = "\n" if self._torn else ""
        if self._member is None:
            count = len(lines) if room == inf else max(1, _fitting(lines, room - len(start)))
            return (start + "".join(lines[:count])).encode(), count
        count = len(lines)
        while len(data := self._member((start + "".join(lines[:count])).encode())) > room and count > 1:
            count //= 2
        return data, count

    def _rotated(self, file: OpenFile) -> OpenFile:
        """The file to write to instead of one that is full: the same if it cannot be rotated."""
        if file.is_current():
            self._grows = not self._rotate(self._path, self._backups)
        return file if self._grows else self._open()

    def _retriable(self, what: str, error: OSError) -> ExportError:
        return ExportError(f"The file {self._path!r} cannot be {what}: {error.strerror or error}.", retriable=True)


def _fitting(lines: list[str], room: float) -> int:
    """How many of the lines fit in `room` bytes."""
    for count, line in enumerate(lines):
        room -= len(line.encode())
        if room < 0:
            return count
    return len(lines)
