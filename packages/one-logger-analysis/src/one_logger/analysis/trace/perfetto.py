"""Perfetto's own format: TrackEvent, in Protocol Buffers.

Sources: https://perfetto.dev/docs/reference/synthetic-track-event and the schema,
https://github.com/google/perfetto/blob/main/protos/perfetto/trace/perfetto_trace.proto: the numbers of fields below are
those of its messages `Trace`, `TracePacket`, `ClockSnapshot`, `TrackDescriptor`, `ProcessDescriptor`,
`ThreadDescriptor`, `TrackEvent` and `DebugAnnotation`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO

from one_logger.analysis.trace.protobuf import double, integer, message, tag, text, varint
from one_logger.analysis.trace.writer import TraceWriter

_BEGIN, _END, _INSTANT = 1, 2, 3  # TrackEvent.Type
_REALTIME, _BOOTTIME = 1, 6  # BuiltinClock; the latter is the one of a trace's timestamps
_EXPLICIT = 3  # ChildTracksOrdering, ProcessOrdering and ThreadOrdering have it under different numbers
_SEQUENCE = integer(10, 1)
_TIMESTAMP, _TRACK_EVENT = tag(8), tag(11, 2)
_TYPES = {kind: integer(9, kind) for kind in (_BEGIN, _END, _INSTANT)}
_PACKET = tag(1, 2)
_CHUNK_BYTES = 1 << 18
_KEPT_NAMES = 10_000


class PerfettoWriter(TraceWriter):
    """Writes a trace for https://ui.perfetto.dev.

    Args:
        file: Where to write, bytes, uncompressed.
        start_unix_nano: The time of the wall clock that is 0 in the trace.
        processes: How many processes there may be: the numbers of threads start above.
    """

    def __init__(self, file: BinaryIO, start_unix_nano: int, processes: int) -> None:
        self._file = file
        self._buffer = bytearray()
        self._tracks = [b""]  # for each track, the field that names it; 0 is the root of all
        self._first_thread = 10 ** len(str(processes))  # a thread with a process's number would be its main thread
        self._process_tracks: dict[int, int] = {}
        self._heads: dict[tuple[str, str], bytes] = {}
        clocks = [
            message(1, integer(1, clock), integer(2, at))
            for clock, at in ((_BOOTTIME, 0), (_REALTIME, start_unix_nano))
        ]
        self._packet(integer(8, 0), message(6, *clocks, integer(2, _BOOTTIME)))
        # The root of all tracks: that processes and threads stand in the order of their sibling_order_rank.
        self._packet(message(60, integer(1, 0), integer(11, _EXPLICIT), integer(19, 1), integer(20, 1)))

    def process(self, process: int, name: str) -> None:
        """A track that has a process."""
        track = self._process_tracks[process] = self._track_number()
        description = message(3, integer(1, process), text(6, name))
        self._packet(message(60, integer(1, track), text(2, name), integer(12, len(self._process_tracks)), description))

    def track(self, process: int, name: str, *, thread: bool = True) -> int:
        """A track that has a thread, or whose parent is a process's."""
        track = self._track_number()
        number = self._first_thread + track
        if thread:
            kind = message(4, integer(1, process), integer(2, number), text(5, name))
        else:
            kind = integer(5, self._process_tracks[process])
        self._packet(message(60, integer(1, track), text(2, name), integer(12, track), kind))
        return track

    def begin(
        self, track: int, start: int, end: int | None, name: str, category: str, attributes: Mapping[str, object]
    ) -> None:
        """An event of the type `TYPE_SLICE_BEGIN`."""
        self._event(track, start, _BEGIN, self._head(name, category), attributes)

    def end(self, track: int, time: int) -> None:
        """An event of the type `TYPE_SLICE_END`."""
        self._event(track, time, _END, b"", {})

    def instant(self, track: int, time: int, name: str, category: str, attributes: Mapping[str, object]) -> None:
        """An event of the type `TYPE_INSTANT`."""
        self._event(track, time, _INSTANT, self._head(name, category), attributes)

    def close(self) -> None:
        """Write what is left in the buffer."""
        self._file.write(self._buffer)
        self._buffer.clear()

    def _track_number(self) -> int:
        self._tracks.append(integer(11, len(self._tracks)))
        return len(self._tracks) - 1

    def _head(self, name: str, category: str) -> bytes:
        head = self._heads.get((name, category))
        if head is None:
            head = text(23, name) + text(22, category)
            if len(self._heads) < _KEPT_NAMES:
                self._heads[name, category] = head
        return head

    def _event(self, track: int, time: int, kind: int, head: bytes, attributes: Mapping[str, object]) -> None:
        event = _TYPES[kind] + self._tracks[track] + head
        if attributes:
            event += b"".join(_annotation(4, name, value) for name, value in attributes.items())
        self._packet(_TIMESTAMP + varint(time) + _TRACK_EVENT + varint(len(event)) + event)

    def _packet(self, *parts: bytes) -> None:
        packet = b"".join(parts) + _SEQUENCE
        self._buffer += _PACKET + varint(len(packet)) + packet
        if len(self._buffer) >= _CHUNK_BYTES:
            self.close()


def _annotation(field: int, name: str, value: object) -> bytes:
    first, dot, rest = name.partition(".")
    if dot and first and rest:
        # Perfetto makes an underscore of a dot, but shows what is nested with dots between.
        return message(field, text(10, first), _annotation(11, rest, value))
    return message(field, text(10, name), _value(value))


def _value(value: object) -> bytes:
    if isinstance(value, bool):
        return integer(2, value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return integer(4, value)
    if isinstance(value, float):
        return double(5, value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return b"".join(message(12, _value(item)) for item in value)
    if isinstance(value, Mapping):
        return b"".join(_annotation(11, str(name), item) for name, item in value.items())
    return text(6, str(value))
