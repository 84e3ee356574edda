"""The content of compressed files, which may be cut off or damaged, or go on after a cut."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any

from one_logger.core.errors import OneLoggerError

_MEMBER = b"\x1f\x8b\x08"
"""The first bytes of a member of a gzip file (RFC 1952, section 2.3.1)."""

_FRAME = b"\x28\xb5\x2f\xfd"
"""The first bytes of a frame of a Zstandard file (RFC 8878, section 3.1.1)."""

_HELD = 1 << 23
"""After so many bytes, what looks like the beginning of a member counts as a coincidence."""


def gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a gzip file.

    A killed process leaves a member without its end, and the next process writes its own members after it. So where a
    member seems to begin inside another one, the content is held back until the checksum proves that it belongs to the
    outer one. If it does not, the outer one ends there. A damaged member is read up to the damage.
    """
    return _Members().content(chunks)


class _Members:
    """The members of a gzip file, read in chunks."""

    def __init__(self) -> None:
        self._inflate: Any = None  # decompresses the member; None between members
        self._seems: bytearray | None = None  # what was read since a member seemed to begin in this one
        self._held: list[bytes] = []  # its content, if it belongs to this member

    def content(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        data = b""
        for chunk in chunks:
            data = yield from self._read(data + chunk, len(_MEMBER) - 1)  # the first bytes may be cut in two
        yield from self._read(data, 0)
        while self._seems is not None:  # the outer member has no end: it was no coincidence
            yield from self._read(self._begin_anew(), 0)

    def _read(self, data: bytes, keep: int) -> Generator[bytes, None, bytes]:
        """Yields content, and returns the rest of `data`: at most `keep` bytes."""
        while len(data) > keep:
            begin = data.find(_MEMBER) if self._seems is None else -1
            if self._inflate is None:
                if begin < 0:
                    return data[len(data) - keep :]
                self._inflate = zlib.decompressobj(wbits=31)
                self._inflate.decompress(_MEMBER)
                data = data[begin + len(_MEMBER) :]
                continue
            if begin == 0:
                self._seems = bytearray()
            end = begin if begin > 0 else len(data) - keep
            data = yield from self._feed(data[:end], data[end:])
        return data

    def _feed(self, part: bytes, rest: bytes) -> Generator[bytes, None, bytes]:
        """Decompresses `part`, and returns what to read next."""
        before = self._inflate.copy()
        try:
            content = self._inflate.decompress(part)
        except zlib.error:
            if self._seems is not None:
                return self._begin_anew() + part + rest
            self._inflate = None
            yield _until_damage(before, part)
            return rest
        ended = self._inflate.eof
        if self._seems is None:
            yield content
        else:
            self._seems += part
            self._held.append(content)
            if ended or len(self._seems) > _HELD:
                yield from self._held
                self._seems, self._held = None, []
        if ended:
            rest = self._inflate.unused_data + rest
            self._inflate = None
        return rest

    def _begin_anew(self) -> bytes:
        """Ends the member where another one seems to begin, and returns what was read of the other one."""
        begun = bytes(self._seems or b"")
        self._inflate, self._seems, self._held = None, None, []
        return begun


def _until_damage(inflate: Any, part: bytes) -> bytes:
    content = bytearray()
    with suppress(zlib.error):
        for position in range(len(part)):
            content += inflate.decompress(part[position : position + 1])
    return bytes(content)


def unzstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a Zstandard file. A damaged or cut frame is read as far as possible."""
    decompressor, failure = _zstandard()
    frame: Any = None
    data = b""
    for chunk in chunks:
        data += chunk
        while data:
            if frame is None:
                begin = data.find(_FRAME)
                data = data[begin:] if begin >= 0 else data[1 - len(_FRAME) :]
                if begin < 0:
                    break
                frame = decompressor()
            try:
                content = frame.decompress(data)
            except failure:
                frame, data = None, data[1:]
                continue
            yield content
            data = b""
            if frame.eof:
                frame, data = None, frame.unused_data


def _zstandard() -> tuple[Any, type[Exception]]:
    """A function that makes a decompressor for one frame, and the error that it raises."""
    from importlib import import_module

    try:
        module = import_module("compression.zstd")
    except ImportError:
        try:
            module = import_module("zstandard")
        except ImportError:
            raise OneLoggerError(
                "The records are compressed by Zstandard, which this Python can't read: run `pip install zstandard`."
            ) from None
        return lambda: module.ZstdDecompressor().decompressobj(), module.ZstdError
    return module.ZstdDecompressor, module.ZstdError
