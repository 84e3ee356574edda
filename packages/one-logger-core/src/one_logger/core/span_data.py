"""Spans, made from their records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from heapq import heappop, heappush
from typing import Any
from weakref import WeakValueDictionary

from one_logger.core._numbers import Numbers
from one_logger.core._sources import Source
from one_logger.core.reader import read_records

_LATE = 100_000_000
"""Nanoseconds. Threads wait for each other, so a record may be queued that much later than its time says."""


class SpanData:
    """What was recorded of one span. Its attributes have the names that the records use.

    Attributes:
        stream: The id of its stream.
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_span_id: The id of its parent. None: it has none, or its start was not read.
        name: None if only events of it were read.
        thread: The number of the thread that started it. None: the main thread, or unknown.
        thread_name: The name of that thread.
        start_time_unix_nano: Nanoseconds since 1970. None if its start was not read.
        end_time_unix_nano: Nanoseconds since 1970. None if it is open.
        duration_ns: Nanoseconds by the monotonic clock. None if it is open.
        status: `UNSET`, `OK` or `ERROR`. None if it is open.
        attributes: Its attributes at the start; all of them once it has stopped.
        start_event: The attributes of its start event.
        stop_event: The attributes of its stop event.
        events: Its records of type `event`, in the order in which they were read.
        errors: Its records of type `error`.
    """

    def __init__(self, stream: str, trace_id: str, span_id: str) -> None:
        self.stream = stream
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_span_id: str | None = None
        self.name: str | None = None
        self.thread: int | None = None
        self.thread_name: str | None = None
        self.start_time_unix_nano: int | None = None
        self.end_time_unix_nano: int | None = None
        self.duration_ns: int | None = None
        self.status: str | None = None
        self.attributes: dict[str, Any] = {}
        self.start_event: dict[str, Any] = {}
        self.stop_event: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []

    @property
    def open(self) -> bool:
        """Whether its stop was not read: it is running, its process was killed, or the record is missing."""
        return self.end_time_unix_nano is None

    def __repr__(self) -> str:
        length = "open" if self.duration_ns is None else f"{self.duration_ns / 1e6:.3f} ms"
        return f"<SpanData {self.name!r}: {length}, events={len(self.events)}, errors={len(self.errors)}>"


def read_spans(source: Source) -> Iterator[SpanData]:
    """The spans in `source` with their events and errors, about in the order in which they stopped.

    A stopped span is yielded once its stream is a tenth of a second further on, so that its events are complete. An
    open one is yielded when its stream ends. So memory grows with the spans that are open at the same time and with
    their events, not with the file.

    The records of a stream should be in the order in which they were written, as in files and topics. If they are not,
    keep the spans, as `list(read_spans(...))` does: a late record is added to the span that was yielded. If that span
    is gone, the record makes a new span, which holds nothing else.

    Args:
        source: As for `read_records`, or what that returned. Repeated records count once.

    Raises:
        OneLoggerError: As `read_records`.
    """
    return _spans(read_records(source))


def _spans(records: Iterable[dict[str, Any]]) -> Iterator[SpanData]:
    streams: dict[str, _Stream] = {}
    for record in records:
        name = record["stream"]
        stream = streams.get(name)
        if stream is None:
            stream = streams[name] = _Stream(name)
        if stream.numbers.add(record["seq"]):
            stream.take(record)
            yield from stream.ready
            stream.ready.clear()
    for stream in streams.values():
        yield from stream.rest()


class _Stream:
    """The spans of one stream."""

    def __init__(self, name: str) -> None:
        self.numbers = Numbers()
        self.ready: list[SpanData] = []  # to be yielded now
        self._name = name
        self._kept: dict[str, SpanData] = {}  # by id: open ones, and those that may still get events
        self._given: MutableMapping[str, SpanData] = WeakValueDictionary()
        self._stopped: list[tuple[int, str]] = []  # a heap of those kept: when they stopped, and which
        self._newest = 0
        self._threads: dict[object, str] = {}

    def take(self, record: dict[str, Any]) -> None:
        """Add a record that was not read before."""
        kind = record["type"]
        if kind in _OF_A_SPAN:
            span = self._span(record.get("trace_id"), record.get("span_id"))
            if span is not None:
                self._add(kind, record, span)
        elif kind == "thread":
            if isinstance(name := record.get("name"), str):
                self._threads[_integer(record.get("thread"))] = name
        elif kind == "end":
            self.ready.extend(self.rest())

    def rest(self) -> list[SpanData]:
        """The spans kept so far, the earliest first."""
        spans = list(self._kept.values())
        for span in spans:
            self._give(span)
        self._stopped.clear()
        return spans

    def _span(self, trace_id: object, span_id: object) -> SpanData | None:
        if not isinstance(trace_id, str) or not isinstance(span_id, str):
            return None
        span = self._kept.get(span_id) or self._given.get(span_id)
        if span is None:
            span = self._kept[span_id] = SpanData(self._name, trace_id, span_id)
        return span

    def _add(self, kind: str, record: dict[str, Any], span: SpanData) -> None:
        time = record.get("time_unix_nano")
        if kind == "event":
            span.events.append(record)
        elif kind == "error":
            span.errors.append(record)
        if kind in ("stop", "complete"):
            _stop(span, record)
            time = span.end_time_unix_nano
            if time is not None and span.span_id in self._kept:
                heappush(self._stopped, (time, span.span_id))
        if kind in ("start", "complete"):
            _start(span, record)
            time = span.start_time_unix_nano  # it was queued then, even if it has stopped since
        if isinstance(time, int) and time > self._newest:
            self._newest = time
            while self._stopped and self._stopped[0][0] < time - _LATE:
                stopped = self._kept.get(heappop(self._stopped)[1])
                if stopped is not None:
                    self._give(stopped)
                    self.ready.append(stopped)

    def _give(self, span: SpanData) -> None:
        span.thread_name = self._threads.get(span.thread)
        del self._kept[span.span_id]
        self._given[span.span_id] = span


_OF_A_SPAN = frozenset(("start", "stop", "complete", "event", "error"))


def _start(span: SpanData, record: dict[str, Any]) -> None:
    span.name = _text(record.get("name"))
    span.parent_span_id = _text(record.get("parent_span_id"))
    span.thread = _integer(record.get("thread"))
    span.start_time_unix_nano = _integer(record.get("start_time_unix_nano"))
    span.start_event = _mapping(record.get("start_event"))
    if span.open or not span.attributes:  # a stop that was read before has all of them
        span.attributes = _mapping(record.get("attributes"))


def _stop(span: SpanData, record: dict[str, Any]) -> None:
    span.name = _text(record.get("name"))
    span.end_time_unix_nano = _integer(record.get("end_time_unix_nano"))
    span.duration_ns = _integer(record.get("duration_ns"))
    span.status = _text(record.get("status"))
    span.stop_event = _mapping(record.get("stop_event"))
    span.attributes = _mapping(record.get("attributes"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _integer(value: object) -> int | None:
    return value if type(value) is int else None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
