"""The content of compressed files, as far as it can be read: they may be cut off, damaged, or go on after a tear."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator

from one_logger.core.errors import OneLoggerError

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Any

_MEMBER = b"\x1f\x8b\x08"
"""How a member of a gzip file begins (RFC 1952, section 2.3.1)."""

_FRAME = b"\x28\xb5\x2f\xfd"
"""How a frame of a Zstandard file begins (RFC 8878, section 3.1.1)."""

_HELD = 1 << 23
"""How many bytes are read on, at most, before what looks like the beginning of a member is taken for a coincidence."""


def gunzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a gzip file.

    A process that is killed leaves a member without its end, and the next process writes its own members after it. So
    where a member seems to begin inside another one, what follows is held back until the checksum proves that it
    belongs to the outer one; if it does not, the outer one ends there. Of a damaged member, what comes before the
    damage is given.
    """
    return _Members().content(chunks)


class _Members:
    """The members of a gzip file, read in chunks."""

    def __init__(self) -> None:
        self._inflate: Any = None  # what decompresses the member; None between two members
        self._seems: bytearray | None = None  # what was read since a member seems to begin inside this one
        self._held: list[bytes] = []  # the content of that, if it belongs to this member

    def content(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        data = b""
        for chunk in chunks:
            data = yield from self._read(data + chunk, len(_MEMBER) - 1)  # a beginning may be cut in two
        yield from self._read(data, 0)
        while self._seems is not None:  # the outer member has no end: a tear, no coincidence
            yield from self._read(self._begin_anew(), 0)

    def _read(self, data: bytes, keep: int) -> Generator[bytes, None, bytes]:
        """Gives content, and returns what is left of `data`: `keep` bytes at most."""
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
        """Decompresses `part`, and returns what is to be read next."""
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
        """Ends the member where another one seems to begin, and returns what was read of that one."""
        begun = bytes(self._seems or b"")
        self._inflate, self._seems, self._held = None, None, []
        return begun


def _until_damage(inflate: Any, part: bytes) -> bytes:
    from contextlib import suppress

    content = bytearray()
    with suppress(zlib.error):
        for position in range(len(part)):
            content += inflate.decompress(part[position : position + 1])
    return bytes(content)


def unzstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a Zstandard file. Of a damaged or cut frame, what could be decompressed is given.

    Raises:
        OneLoggerError: Neither Python 3.14's `compression.zstd` nor the package zstandard is there.
    """
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
    """What makes decompressors of a frame, and what these raise."""
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
