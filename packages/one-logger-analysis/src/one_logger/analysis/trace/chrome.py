"""Chrome's JSON format of traces, which many tools read.

Source: "Trace Event Format", https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import BinaryIO

from one_logger.analysis.trace.writer import TraceWriter


class ChromeWriter(TraceWriter):
    """Writes a trace as a JSON object.

    Its times are microseconds with three decimals: floats hold them exactly, as they count from the trace's start.

    Args:
        file: Where to write, bytes, uncompressed.
        start_unix_nano: The time of the wall clock that is 0 in the trace.
        processes: How many processes there may be: the numbers of threads start above.
    """

    def __init__(self, file: BinaryIO, start_unix_nano: int, processes: int) -> None:
        self._file = file
        self._process_of: list[int] = []
        self._first_thread = 10 ** len(str(processes))
        head = json.dumps({"displayTimeUnit": "ns", "otherData": {"start_unix_nano": str(start_unix_nano)}})
        file.write(f'{head[:-1]}, "traceEvents": ['.encode())
        self._separator = "\n"

    def process(self, process: int, name: str) -> None:
        """Metadata: its name, and where it stands."""
        self._metadata("process_name", process, 0, {"name": _plain(name)})
        self._metadata("process_sort_index", process, 0, {"sort_index": process})

    def track(self, process: int, name: str, *, thread: bool = True) -> int:
        """Metadata of a thread; the format has no other tracks."""
        track = len(self._process_of)
        self._process_of.append(process)
        number = self._first_thread + track
        self._metadata("thread_name", process, number, {"name": _plain(name)})
        self._metadata("thread_sort_index", process, number, {"sort_index": number})
        return track

    def begin(
        self, track: int, start: int, end: int | None, name: str, category: str, attributes: Mapping[str, object]
    ) -> None:
        """An event `B`."""
        # Not "X", which has a duration: Perfetto puts it before a "B" at the same time, whatever stands first.
        self._event(track, start, '"B"', name, category, attributes)

    def end(self, track: int, time: int) -> None:
        """An event `E`."""
        self._write(
            f'{{"ph":"E","pid":{self._process_of[track]},"tid":{self._first_thread + track},'
            f'"ts":{_microseconds(time)}}}'
        )

    def instant(self, track: int, time: int, name: str, category: str, attributes: Mapping[str, object]) -> None:
        """An event `i` of its thread."""
        self._event(track, time, '"i","s":"t"', name, category, attributes)

    def close(self) -> None:
        """Close the list and the object."""
        self._file.write(b"\n]}\n")

    def _event(
        self, track: int, time: int, phase: str, name: str, category: str, attributes: Mapping[str, object]
    ) -> None:
        self._write(
            f'{{"ph":{phase},"pid":{self._process_of[track]},"tid":{self._first_thread + track},'
            f'"ts":{_microseconds(time)},"name":{json.dumps(_plain(name))},"cat":"{category}",'
            f'"args":{json.dumps(_plain(attributes))}}}'
        )

    def _metadata(self, name: str, process: int, thread: int, arguments: Mapping[str, object]) -> None:
        self._write(json.dumps({"ph": "M", "name": name, "pid": process, "tid": thread, "args": arguments}))

    def _write(self, event: str) -> None:
        self._file.write(f"{self._separator}{event}".encode())
        self._separator = ",\n"


def _microseconds(nanoseconds: int) -> str:
    return f"{nanoseconds // 1000}.{nanoseconds % 1000:03}"


def _plain(value: object) -> object:
    """The value as JSON can hold it: no lone surrogate, no NaN."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
