"""The lines of a source of records: a path, an open file, bytes, text, or lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

from one_logger.core.errors import OneLoggerError

Line = str | bytes | bytearray | memoryview | dict[str, object]
"""A line of JSON, in text or in UTF-8, or a record that was read before."""

Source = str | bytes | bytearray | memoryview | os.PathLike[str] | Iterable[Line]
"""A source of records. An open file is an iterable of lines, too."""

_CHUNK = 1 << 18  # bytes
_LONGEST_LINE = 1 << 24  # bytes; a longer one, such as zeros that a crash left, is read in pieces

_EXPECTED = "Give the path of a file, an open file, bytes, text that holds a record, or lines."


def lines_of(source: Source, *, decoded: bool) -> Iterable[Line]:
    """The lines of `source`, in which a text is a path. Only a line feed ends a line.

    A path is checked now, and opened for the first line. With `decoded`, many lines are decoded at once, which is
    faster; bytes that are not UTF-8 become U+FFFD.
    """
    if isinstance(source, (str, os.PathLike)):
        return _lines(_chunks_of_path(_checked(os.fspath(source))), decoded)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _lines(iter([bytes(source)]), decoded)
    if isinstance(source, dict) or not isinstance(source, Iterable):
        raise OneLoggerError(f"Records can't be read from an object of type {type(source).__name__}. {_EXPECTED}")
    if hasattr(source, "read"):
        return _text_lines(source) if isinstance(source.read(0), str) else _lines(_chunks_of_file(source), decoded)
    return source


def no_record(text: str) -> OneLoggerError:
    """The error for a text that is no path and holds no record."""
    shown = text if len(text) <= 100 else text[:100] + "..."
    return OneLoggerError(f"{shown!r} is neither a file nor a text that holds a record. {_EXPECTED}")


def _checked(path: str) -> str:
    try:
        if os.path.isdir(path):
            raise OneLoggerError(f"{path!r} is a folder. Give the path of each file in it that is to be read.")
        os.stat(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not os.access(path, os.R_OK):
        raise OneLoggerError(f"{path!r} can't be read: this user isn't allowed to.")
    return path


def _unreadable(path: str, error: Exception) -> OneLoggerError:
    return OneLoggerError(f"{path!r} can't be read: {getattr(error, 'strerror', None) or error}. {_EXPECTED}")


def _chunks_of_path(path: str) -> Iterator[bytes]:
    try:
        with open(path, "rb", buffering=0) as file:  # so that data in a pipe is seen at once
            yield from _chunks_of_file(file)
    except OSError as error:
        raise _unreadable(path, error) from error


def _chunks_of_file(file: Any) -> Iterator[bytes]:
    read = getattr(file, "read1", file.read)  # of a pipe: what is there
    while chunk := read(_CHUNK):
        yield chunk


def _text_lines(file: Any) -> Iterator[str]:
    """The lines of a file opened in text mode. Bytes that it can't decode become U+FFFD."""
    with suppress(OSError, ValueError):  # a pipe cannot seek
        file.seek(file.tell())  # decode again, by the rule below, what was decoded in advance
    with suppress(AttributeError, OSError, ValueError):  # no encoding, or a pipe already read from
        file.reconfigure(errors="replace")
    yield from file


def _lines(chunks: Iterator[bytes], decoded: bool) -> Iterator[str | bytes]:
    return chain.from_iterable(_split(_uncompressed(chunks), decoded))


def _uncompressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content. The first bytes say whether it is compressed: a file may have any name."""
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= 4:
            break
    chunks = chain([start], chunks)
    if start.startswith(b"\x1f"):  # no text begins so; the rest of the magic number may be torn off
        from one_logger.core._compressed import gunzip

        chunks = gunzip(chunks)
    elif start.startswith(b"\x28\xb5\x2f\xfd"):
        from one_logger.core._compressed import unzstd

        chunks = unzstd(chunks)
    yield from chunks


def _split(chunks: Iterator[bytes], decoded: bool) -> Iterator[list[str] | list[bytes]]:
    """Lines without their line feeds, many at a time."""
    pieces: list[bytes] = []
    length = 0
    for chunk in chunks:
        lines, feed, rest = chunk.rpartition(b"\n")
        if feed:
            pieces.append(lines)
            yield _split_whole(b"".join(pieces), decoded)
            pieces, length = [], 0
        pieces.append(rest)
        length += len(rest)
        if length > _LONGEST_LINE:
            yield _split_whole(b"".join(pieces), decoded)
            pieces, length = [], 0
    yield _split_whole(b"".join(pieces), decoded)


def _split_whole(lines: bytes, decoded: bool) -> list[str] | list[bytes]:
    return lines.decode("utf-8", "replace").split("\n") if decoded else lines.split(b"\n")
