"""The record, version 1: what a span or event looks like as a line of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import time_ns

from one_logger.core._json import NAMES, AttributesEncoder, attributes_json, quote
from one_logger.core.attributes import AttributeValue
from one_logger.core.event import ErrorEvent, Event, TelemetryDataError
from one_logger.core.ids import new_stream_id
from one_logger.core.resource import Resource
from one_logger.core.span import Span
from one_logger.core.thread import ThreadInfo

VERSION = 1

_COMPLETE = f'{{"v":{VERSION},"type":"complete",'
_NOT_RECORDED = tuple(f'{{"v":{VERSION},"type":"{kind}",' for kind in ("resource", "thread", "alive", "end"))
_END = "}\n"


class RecordEncoder:
    """Turns what one exporter gets between `initialize` and `close` into the lines of one stream.

    Each method returns a line of JSON that ends in a line feed. It joins fragments: a generic encoder would take
    several times as long.

    Args:
        resource: Who produces the stream.
        attributes: What encodes attributes.
    """

    def __init__(self, resource: Resource, attributes: AttributesEncoder = attributes_json) -> None:
        self.stream = new_stream_id()
        self._resource = resource
        self._seq = 0
        self.dropped = 0  # how many records the stream says are missing
        # Spans given as `complete` whose stop is still to come, and the numbers of these records.
        self._completed: dict[int, int] = {}
        self._open_spans = 0  # how many have a `start` and no `stop`
        self._namings = 0  # how often names of threads were written that are to be written again
        head = f'{{"v":{VERSION},"type":"%s","stream":"{self.stream}","seq":'
        self._start, self._stop, self._complete = head % "start", head % "stop", head % "complete"
        self._event, self._head = head % "event", head
        self._attributes = attributes
        # The last ids in hexadecimal digits. What comes one after the other is mostly of one trace, and has one parent.
        # They are compared by identity, which holds for spans that were started in one another.
        self._trace_id: int | None = None
        self._trace = ""
        self._parent_id: int | None = None
        self._parent = '"'
        self._span_id: int | None = None
        self._ids = ""

    @staticmethod
    def records_in(lines: Iterable[str]) -> int:
        """How many records `lines` are: a `complete` one is two, start and stop; lines about the stream are none."""
        return sum(2 if line.startswith(_COMPLETE) else not line.startswith(_NOT_RECORDED) for line in lines)

    def resource(self) -> str:
        """The first record of the stream."""
        self._seq += 1
        attributes = attributes_json(self._resource.attributes)
        return f'{self._head % "resource"}{self._seq},"time_unix_nano":{time_ns()},"attributes":{attributes}}}\n'

    def thread(self, thread: ThreadInfo) -> str:
        """A `thread` record, or nothing if the stream has one of it."""
        if thread.named_in.get(self.stream) == self._namings:
            return ""
        thread.named_in[self.stream] = self._namings
        self._seq += 1
        return f'{self._head % "thread"}{self._seq},"name":{quote(thread.name)}{_tail(thread)}'

    def name_threads_again(self) -> None:
        """Have `thread` give another record of each thread: those that it gave may be lost."""
        self._namings += 1

    def start(self, span: Span) -> str:
        """A `start` record, or a `complete` one if the span has stopped."""
        if span.end_unix_ns is not None:
            line = self.complete(span)
            self._completed[span.span_id] = self._seq
            return line
        self._open_spans += 1
        self._seq += 1
        thread = span.thread
        return (
            f'{self._start}{self._seq},{self._place_of(span)},"name":{NAMES[span.name]},'
            f'"start_time_unix_nano":{span.start_unix_ns}{self._group("attributes", span._initial_attributes)}'
            f"{self._group('start_event', span._start_event_attributes)}{_END if thread is None else _tail(thread)}"
        )

    def complete(self, span: Span) -> str:
        """A `complete` record of a span that has stopped."""
        # Most records are made here, so nothing is called that can be done without.
        seq = self._seq = self._seq + 1
        attributes: Mapping[str, AttributeValue] = span._initial_attributes
        if span._later_attributes:
            attributes = _all_attributes(span)
        group = f',"attributes":{self._attributes(attributes)}' if attributes else ""
        start_event = self._group("start_event", span._start_event_attributes) if span._start_event_attributes else ""
        stop_event = self._group("stop_event", span._stop_event_attributes) if span._stop_event_attributes else ""
        thread = span.thread
        return (
            f'{self._complete}{seq},{self._place_of(span)},"name":{NAMES[span.name]},'
            f'"start_time_unix_nano":{span.start_unix_ns},"end_time_unix_nano":{span.end_unix_ns},'
            f'"duration_ns":{span.end_monotonic_ns - span.start_monotonic_ns},"status":"{span._status._value_}"'
            f"{group}{start_event}{stop_event}{_END if thread is None else _tail(thread)}"
        )

    def stop(self, span: Span) -> str:
        """A `stop` record, or nothing if the span is `complete` already."""
        if span.span_id in self._completed:
            del self._completed[span.span_id]
            return ""
        if self._open_spans:
            self._open_spans -= 1
        self._seq += 1
        return (
            f'{self._stop}{self._seq},{self._ids_of(span)},"name":{NAMES[span.name]},'
            f'"end_time_unix_nano":{span.end_unix_ns},'
            f'"duration_ns":{span.end_monotonic_ns - span.start_monotonic_ns},"status":"{span._status._value_}"'
            f"{self._group('attributes', _all_attributes(span))}"
            f"{self._group('stop_event', span._stop_event_attributes)}}}\n"
        )

    def event(self, event: Event, span: Span) -> str:
        """An `event` record."""
        self._seq += 1
        thread = event._thread
        tail = "}\n" if thread is None else _tail(thread)
        return (
            f'{self._event}{self._seq},{self._ids_of(span)},"name":{NAMES[event._name]},'
            f'"time_unix_nano":{event._unix_ns}{self._group("attributes", event._attributes)}{tail}'
        )

    def error(self, event: ErrorEvent, span: Span) -> str:
        """An `error` record. What is known of the exception is in its `error`, and not among the attributes as well."""
        about = {
            "message": event.message,
            "exception_type": event.exception_type,
            "exception_message": event.exception_message,
            "stack_trace": event.stack_trace,
        }
        thread = event._thread
        tail = "}\n" if thread is None else _tail(thread)
        self._seq += 1
        return (
            f'{self._head % "error"}{self._seq},{self._ids_of(span)},"name":{NAMES[event._name]},'
            f'"time_unix_nano":{event._unix_ns}{self._group("attributes", event._attributes)},'
            f'"error":{self._attributes({k: v for k, v in about.items() if v is not None})}{tail}'
        )

    def telemetry_data_error(self, error: TelemetryDataError) -> str:
        """A `telemetry_data_error` record."""
        self.dropped += error.dropped
        dropped = f',"dropped":{error.dropped}' if error.dropped else ""
        self._seq += 1
        return (
            f'{self._head % "telemetry_data_error"}{self._seq},"error_type":"{error.error_type.value}",'
            f'"message":{quote(error.message)},"time_unix_nano":{error._unix_ns}{dropped}'
            f"{self._group('attributes', error._attributes)}}}\n"
        )

    def alive(self) -> str:
        """An `alive` record: the process is, and so many spans are open."""
        self._seq += 1
        return f'{self._head % "alive"}{self._seq},"time_unix_nano":{time_ns()},"open_spans":{self._open_spans}}}\n'

    def end(self, reason: str = "closed") -> str:
        """The last record: how many records the stream has, this one included, and how many were dropped.

        Args:
            reason: Why this is the end. See `Exporter.close_reason`.
        """
        self._seq += 1
        return (
            f'{self._head % "end"}{self._seq},"time_unix_nano":{time_ns()},"records":{self._seq},'
            f'"dropped":{self.dropped},"reason":{quote(reason)}}}\n'
        )

    def lost(self, lines: int) -> None:
        """Take note that the last `lines` lines will not be written: the stop of a span in them is still to be told."""
        first = self._seq - lines + 1
        for span_id in [span_id for span_id, seq in self._completed.items() if seq >= first]:
            del self._completed[span_id]

    def _place_of(self, span: Span) -> str:
        """The ids of a span and of its parent."""
        trace_id = span.trace_id
        if trace_id is not self._trace_id:
            self._trace_id, self._trace = trace_id, f'"trace_id":"{trace_id:032x}","span_id":"'
        parent_id = span.parent_span_id
        if parent_id is not self._parent_id:
            self._parent_id = parent_id
            self._parent = '"' if parent_id is None else f'","parent_span_id":"{parent_id:016x}"'
        return f"{self._trace}{span.span_id.to_bytes(8).hex()}{self._parent}"

    def _ids_of(self, span: Span) -> str:
        if span.span_id is not self._span_id:
            self._span_id = span.span_id
            self._ids = f'"trace_id":"{span.trace_id:032x}","span_id":"{span.span_id:016x}"'
        return self._ids

    def _group(self, name: str, attributes: Mapping[str, AttributeValue] | None) -> str:
        return f',"{name}":{self._attributes(attributes)}' if attributes else ""


def _tail(thread: ThreadInfo) -> str:
    """The end of the line of what another thread than the main one has recorded."""
    return f',"thread":{thread.number}}}\n'


def _all_attributes(span: Span) -> Mapping[str, AttributeValue]:
    if not span._later_attributes:
        return span._initial_attributes
    # A thread that found the span open may still be adding: copy() cannot be interrupted, iteration can.
    return {**span._initial_attributes, **span._later_attributes.copy()}
