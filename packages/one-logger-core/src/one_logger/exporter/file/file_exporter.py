"""An exporter that appends records to a file."""

from __future__ import annotations

import os

from one_logger.core import ExportError, RecordExporter


class FileExporter(RecordExporter):
    """Appends records to a file, as JSON Lines in UTF-8.

    What the file holds is never truncated. Every write ends at the end of a line, and the file is opened for appending,
    so several processes may share one on a local disk. Neither the file nor its folders are touched before
    `initialize`.

    A write that fails, on a full disk say, is retriable: what could not be written is kept and written later. If only
    part of a line could be written, it stays as a torn line, which readers pass over, and the line is written again.

    Args:
        file_path: Where to write. Folders that do not exist are made.
    """

    def __init__(self, file_path: str | os.PathLike[str]) -> None:
        super().__init__()
        self._path = os.fspath(file_path)
        self._fd = -1
        self._torn = False

    def open(self) -> None:
        """Open the file, making its folders."""
        try:
            os.makedirs(os.path.dirname(os.path.abspath(self._path)), exist_ok=True)
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise ExportError(
                f"The file {self._path!r} cannot be opened for appending: {error.strerror or error}.", retriable=True
            ) from error
        self._fd = fd
        self._torn = _ends_in_torn_line(self._path)

    def write(self, lines: list[str]) -> None:
        """Append `lines`, in as few writes as the system allows."""
        while lines:
            start = b"\n" if self._torn else b""
            data = start + "".join(lines).encode()
            try:
                written = os.write(self._fd, data)
            except OSError as error:
                raise ExportError(
                    f"The file {self._path!r} cannot be written to: {error.strerror or error}.", retriable=True
                ) from error
            if written == len(data):
                lines.clear()
                self._torn = False
            else:
                del lines[: data.count(b"\n", len(start), written)]
                self._torn = data[:written][-1:] != b"\n" if written else self._torn

    def release(self) -> None:
        """Close the file."""
        fd, self._fd = self._fd, -1
        os.close(fd)

    def forget(self) -> None:
        """Drop the parent's descriptor. It stays open in the child: closing it is left to `exec` and exit."""
        self._fd = -1
        self._torn = False


def _ends_in_torn_line(path: str) -> bool:
    """Whether the file ends in the middle of a line, as one does whose writer was killed."""
    if not os.path.isfile(path):  # a pipe or a device has no end to look at
        return False
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            return file.read(1) not in (b"", b"\n")
    except OSError:  # may be written to, but not read
        return True
