"""Reads what is added to files, also to those that are rotated, cut, or appear later."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from one_logger.analysis.errors import ReadError
from one_logger.analysis.sources import Source, find_sources, unpack

_PIECE = 4 << 20
# In seconds. Looking for new files costs more than asking for the sizes of those that are known.
_LOOK_AGAIN = 5.0


@dataclass
class _File:
    """A file that is followed: where it is, which one it is, and how far it was read."""

    path: str
    device: int
    inode: int
    offset: int = 0
    rest: bytes = b""


class Tail:
    """The lines that are added to the files of a run.

    No notification of the operating system is used: there is none for a file that another host writes (NFS).

    Args:
        paths: Files, folders and patterns, as `Run.open` takes them. A folder may be empty yet.

    Raises:
        ReadError: A file is not there, or may not be read.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = list(paths)
        self._files: dict[tuple[int, int], _File] = {}
        self._seen: set[tuple[int, int]] = set()
        self._looked = 0.0
        for path in self._paths:
            try:
                find_sources([path])
            except ReadError as error:
                if not _may_come(path) or isinstance(error.__cause__, PermissionError):
                    raise

    def lines(self) -> Iterator[bytes]:
        """The lines that were added since the last call. A last one without a line feed waits for its rest."""
        for file in list(self._files.values()):
            yield from self._follow(file)
        if not self._looked or monotonic() - self._looked > _LOOK_AGAIN:
            yield from self._look()

    def _look(self) -> Iterator[bytes]:
        """What is in files that were not there before."""
        self._looked = monotonic()
        for source in self._sources():
            try:
                status = os.stat(source.path)
            except OSError:
                continue
            key = (status.st_dev, status.st_ino)
            known = self._files.get(key)
            if known is not None:
                known.path = source.path  # it was rotated
            elif key not in self._seen:
                self._seen.add(key)
                if source.kind == "jsonl":
                    file = self._files[key] = _File(source.path, *key)
                    yield from self._follow(file)
                elif source.kind in {"gzip", "zstd"}:
                    yield from _unpacked(source)

    def _sources(self) -> list[Source]:
        found = []
        for path in self._paths:
            try:
                found += find_sources([path])
            except ReadError:
                continue  # it is not there yet, or gone
        return found

    def _follow(self, file: _File) -> Iterator[bytes]:
        key = (file.device, file.inode)
        try:
            status = os.stat(file.path)
        except OSError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != key:
            moved = _find(os.path.dirname(file.path) or ".", file.inode)
            if moved is None:
                del self._files[key]
                self._seen.discard(key)  # the number may be given to a new file
            else:
                file.path = moved
                yield from self._read(file)
            self._looked = 0.0
            return
        if status.st_size < file.offset:
            file.offset, file.rest = 0, b""  # it was cut, and is written anew
        if status.st_size > file.offset:
            yield from self._read(file)

    def _read(self, file: _File) -> Iterator[bytes]:
        with contextlib.suppress(OSError), open(file.path, "rb") as opened:
            status = os.fstat(opened.fileno())
            if (status.st_dev, status.st_ino) != (file.device, file.inode):
                return  # it was rotated just now: it is found by its number next time
            opened.seek(file.offset)
            while data := opened.read(_PIECE):
                file.offset += len(data)
                *lines, file.rest = (file.rest + data).split(b"\n")
                yield from lines


def _may_come(path: str) -> bool:
    return os.path.isdir(path) or (not os.path.lexists(path) and any(character in path for character in "*?["))


def _find(folder: str, inode: int) -> str | None:
    """The file of this number in a folder: rotation gives it another name."""
    try:
        with os.scandir(folder) as entries:
            return next((entry.path for entry in entries if entry.inode() == inode), None)
    except OSError:
        return None


def _unpacked(source: Source) -> Iterator[bytes]:
    with tempfile.TemporaryDirectory(prefix="one-logger-") as folder:
        plain = os.path.join(folder, "plain")
        try:
            unpack(source, plain)
        except OSError:
            return
        with open(plain, "rb") as file:
            yield from file
