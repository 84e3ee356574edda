"""Which files are read for the paths that were given."""

from __future__ import annotations

import glob
import os
import re
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, NamedTuple

from one_logger.analysis.errors import ReadError

# With the suffixes of rotation (the file exporter's, logrotate's) and of compression.
_RECORDS = re.compile(r"\.(jsonl|ndjson|json)([.-][\w.:+-]*)?$", re.IGNORECASE)
_PARQUET = re.compile(r"\.parquet$", re.IGNORECASE)
_PIECE = 1 << 20


class Source(NamedTuple):
    """A file to read.

    Attributes:
        path: Where it is.
        kind: `jsonl`, `gzip`, `zstd` or `parquet`, whatever its name says.
        size: Its size in bytes, as it is on the disk.
        mtime_ns: When it was changed last, in nanoseconds since 1970-01-01T00:00:00Z.
    """

    path: str
    kind: str
    size: int
    mtime_ns: int


def find_sources(paths: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """The files that `paths` name, each once, in the order of their names within a folder or pattern.

    A path is a file, a folder (all files of records in it and below it), or a pattern with `*`, `?`, `[...]` or `**`.
    A file of the very name goes before a pattern.

    Raises:
        ReadError: A path is no file, or a folder or pattern without one, or may not be read.
    """
    found: dict[tuple[int, int], Source] = {}
    given = [os.fspath(path) for path in paths]
    if not given:
        raise ReadError("No path was given. Name a file, a folder, or a pattern such as 'telemetry/*.jsonl'.")
    for path in given:
        for file in _files(path):
            status, source = _look_at(file)
            found.setdefault((status.st_dev, status.st_ino), source)
    return list(found.values())


def _files(path: str) -> list[str]:
    if os.path.isdir(path):
        files = sorted(_below(path))
        if not files:
            raise ReadError(f"The folder {path!r} has no file of records. They end in .jsonl, .ndjson or .parquet.")
        return files
    if os.path.lexists(path) or not glob.has_magic(path):
        return [path]
    files = sorted(file for match in glob.glob(path, recursive=True) for file in _matched(match))
    if not files:
        raise ReadError(f"No file matches the pattern {path!r}. Check the path.")
    return files


def _matched(path: str) -> Iterable[str]:
    return _below(path) if os.path.isdir(path) else [path]


def _below(folder: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise _unreadable(str(error.filename), error) from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and (_RECORDS.search(name) or _PARQUET.search(name)):
                yield os.path.join(parent, name)


def _look_at(path: str) -> tuple[os.stat_result, Source]:
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise ReadError(f"{path!r} is no file and no folder. Name a file that holds records.")
        with open(path, "rb") as file:
            head = file.read(8)
    except OSError as error:
        raise _unreadable(path, error) from error
    kind = "jsonl"
    if head.startswith(b"\x1f\x8b"):
        kind = "gzip"
    elif head.startswith(b"\x28\xb5\x2f\xfd"):
        kind = "zstd"
    elif head.startswith(b"PAR1"):
        kind = "parquet"
    return status, Source(path, kind, status.st_size, status.st_mtime_ns)


def _unreadable(path: str, error: OSError) -> ReadError:
    if isinstance(error, FileNotFoundError):
        return ReadError(f"There is no file {path!r}. Check the path.")
    if isinstance(error, PermissionError):
        return ReadError(f"{path!r} may not be read by this user: permission denied.")
    return ReadError(f"{path!r} cannot be read: {error.strerror or error}.")


def unpack(source: Source, target: str) -> None:
    """Write what a compressed file holds to `target`. Of a file that is damaged or cut off, what comes before that.

    Raises:
        OSError: The file cannot be read, or `target` cannot be written.
    """
    with open(source.path, "rb") as packed, open(target, "wb") as out:
        out.writelines(_unzipped(packed) if source.kind == "gzip" else _unzstd(packed))


def _unzipped(packed: IO[bytes]) -> Iterator[bytes]:
    """Like `gzip`, but what was read before an error is not lost, and zeros may follow (RFC 1952, section 2.2)."""
    decoder = zlib.decompressobj(wbits=31)
    while data := packed.read(_PIECE):
        while data:
            if decoder.eof:
                data = data.lstrip(b"\0")
                if not data:
                    break
                decoder = zlib.decompressobj(wbits=31)
            try:
                yield decoder.decompress(data)
            except zlib.error:
                return
            data = decoder.unused_data


def _unzstd(packed: IO[bytes]) -> Iterator[bytes]:
    if sys.version_info >= (3, 14):
        from compression.zstd import ZstdDecompressor, ZstdError
    else:
        from backports.zstd import ZstdDecompressor, ZstdError

    decoder = ZstdDecompressor()
    while data := packed.read(_PIECE):
        while data:
            if decoder.eof:
                decoder = ZstdDecompressor()
            try:
                yield decoder.decompress(data)
            except ZstdError:
                return
            data = decoder.unused_data
