"""Read records back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from one_logger.core._sources import Line, Source, lines_of, no_record
from one_logger.core.errors import OneLoggerError

_VERSION = 1
_MAX_SEQ = (1 << 63) - 1
_TOO_LONG, _TOO_LOW = b"0" * 20, b"-" + b"0" * 19
"""An integer beyond 64 bits contains one of these, once each digit is a zero."""
_ZEROS = bytes.maketrans(b"0123456789", b"0000000000")


class Records:
    """An iterator over the records that `read_records` reads. It counts what is no record, as far as it has read.

    Attributes:
        lines_passed_over: How many lines hold no record: torn ones, and those that another program wrote. Blank lines
            don't count.
        unknown_versions: How many records there are of each version that this reader does not know. They are left out.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self.lines_passed_over = 0
        self.unknown_versions: dict[int, int] = {}
        self._records = self._read(lines)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._records  # which is faster than by way of __next__

    def __next__(self) -> dict[str, Any]:
        return next(self._records)

    def _read(self, lines: Iterable[Line]) -> Iterator[dict[str, Any]]:
        decode = _decoder()
        for line in lines:
            try:
                record: Any = line if type(line) is dict else decode(line)
                # _is_record(), written out: a call would cost time for each of many lines.
                if (
                    record["v"] == _VERSION
                    and type(record["v"]) is type(record["seq"]) is int
                    and type(record["type"]) is type(record["stream"]) is str
                    and 0 < record["seq"] <= _MAX_SEQ
                ):
                    yield record
                    continue
            except (LookupError, ValueError, TypeError, StopIteration, RecursionError):
                pass
            yield from self._search(line)

    def _search(self, line: Line) -> Iterator[dict[str, Any]]:
        """The records in a line that is not one record as a whole."""
        found = False
        for record in _objects(line):
            version = record["v"]
            if version == _VERSION:
                yield record
            else:
                self.unknown_versions[version] = self.unknown_versions.get(version, 0) + 1
            found = True
        if not found and (isinstance(line, dict) or _text(line).strip("\ufeff \t\r\n")):
            self.lines_passed_over += 1


def read_records(source: Source) -> Records:
    """The records in `source`, in their order.

    Whatever bytes there are:

    - Only a line feed ends a line. In a file, a line of more than 16 MiB is read in pieces.
    - A record is a JSON object with integers `v` and `seq`, `seq` from 1 to 2**63 - 1, and texts `type` and `stream`.
      If `v` isn't 1, it is counted and left out. Unknown types and fields are kept.
    - A line that is a record, with or without JSON's white space around it, is that record.
    - In any other line, records are searched from left to right: at each `{`, a JSON object that is a record counts,
      and the search goes on behind it. So a prefix, as by `grep -n`, or the rest of a torn record does not hide the
      record that follows. An object followed by `}` or `,"` is part of another object, such as an attribute, and is
      no record.
    - Bytes that are not UTF-8 become U+FFFD. NaN and the infinities may be numbers.
    - A line without a record is left out, and counted unless it is blank.

    It takes no longer than `json.loads` of each line, and less with orjson; the records are the same. Memory does not
    grow with the number of records.

    Args:
        source: The path of a file, which may be compressed by gzip or Zstandard; an open file, in text or binary mode;
            the content of a file, in bytes or text; or lines, each in text or UTF-8. A text is a path if there is such
            a file. A dict counts as a line that was read before. `Records` are returned as they are.

    Raises:
        OneLoggerError: `source` is none of these: a text that is no file and holds no record, a folder, a file that
            can't be read, or an object of another type. Or it is compressed by Zstandard, and nothing that can read
            that is installed.
    """
    if isinstance(source, Records):
        return source
    if isinstance(source, str) and ("\n" in source or not os.path.exists(source)):
        if source.strip() and next(_objects(source), None) is None:
            raise no_record(source)
        return Records(source.split("\n"))
    return Records(lines_of(source, decoded=_orjson() is None))


def _objects(line: Line) -> Iterator[dict[str, Any]]:
    """The records of any version in a line, or in a text of several lines."""
    if isinstance(line, dict):
        if _is_record(line):
            yield line
        return
    import re
    from json import JSONDecoder

    decode = JSONDecoder().raw_decode
    begin, within = re.compile(r'\{\s*"'), re.compile(r'\s*(?:\}|,\s*")')
    for text in _text(line).split("\n"):
        position = 0
        while found := begin.search(text, position):
            try:
                value, position = decode(text, found.start())
            except (ValueError, RecursionError):
                position = found.start() + 1
                continue
            if _is_record(value) and not within.match(text, position):
                yield value
            else:
                position = found.start() + 1


def _is_record(value: Any) -> bool:
    """Whether a value is a record, of whatever version."""
    return (
        isinstance(value, dict)
        and type(value.get("v")) is type(value.get("seq")) is int
        and type(value.get("type")) is type(value.get("stream")) is str
        and 0 < value["seq"] <= _MAX_SEQ
    )


def _text(line: Any) -> str:
    if isinstance(line, str):
        return line
    if isinstance(line, (bytes, bytearray, memoryview)):
        return bytes(line).decode("utf-8", "replace")
    raise OneLoggerError(f"A line is an object of type {type(line).__name__}; expected text or UTF-8.")


def _decoder() -> Callable[[Any], Any]:
    """A function that decodes a line of JSON, and raises an exception for other lines."""
    if (orjson := _orjson()) is not None:
        loads = orjson.loads

        def decode_utf8(line: Any) -> Any:
            data = line if type(line) is bytes else _text(line).encode()
            digits = data.translate(_ZEROS)
            if _TOO_LONG in digits or _TOO_LOW in digits:
                raise ValueError  # orjson reads such integers as floats
            return loads(data)

        return decode_utf8

    from json import JSONDecoder

    decoder: Any = JSONDecoder()
    scan = decoder.scan_once  # what json.loads calls, without its search for spaces

    def decode_text(line: Any) -> Any:
        text = line if type(line) is str else _text(line)
        value, end = scan(text, 0)
        if end != len(text) and text[end:].strip(" \t\r\n"):
            raise ValueError
        return value

    return decode_text


def _orjson() -> Any:
    """The module orjson; None if it isn't installed."""
    try:
        import orjson
    except ImportError:
        return None
    return orjson
