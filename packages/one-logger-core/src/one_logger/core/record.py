"""The record, version 1: what a span or event looks like as a line of JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from json.encoder import encode_basestring

from one_logger.core._safe_repr import safe_repr
from one_logger.core.attributes import AttributeValue
from one_logger.core.event import ErrorEvent, Event, TelemetryDataError
from one_logger.core.ids import new_stream_id
from one_logger.core.resource import Resource
from one_logger.core.span import Span

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
_CACHED_NAMES = 1_024
_CACHED_LENGTH = 128


class RecordEncoder:
    """Turns what one exporter gets between `initialize` and `close` into the lines of one stream.

    Each method gives a line of JSON that ends in a line feed. The lines are put together from fragments: at this
    place a generic encoder would cost several times as much.

    Args:
        resource: Who produces the stream.
    """

    def __init__(self, resource: Resource) -> None:
        self.stream = new_stream_id()
        self._resource = resource
        self._seq = 0
        self.dropped = 0  # how many records the stream says are missing
        self._completed: set[int] = set()  # spans written as `complete` whose stop is still to come
        self._head = {
            kind: f'{{"v":{VERSION},"type":"{kind}","stream":"{self.stream}","seq":'
            for kind in ("resource", "start", "stop", "complete", "event", "error", "telemetry_data_error", "end")
        }

    def resource(self) -> str:
        """The first record of the stream."""
        self._seq += 1
        attributes = _attributes_json(self._resource.attributes)
        return f'{self._head["resource"]}{self._seq},"attributes":{attributes}}}\n'

    def start(self, span: Span) -> str:
        """A `start` record, or a `complete` one if the span has stopped."""
        if span.end_unix_ns is not None:
            self._completed.add(span.span_id)
            return self._complete(span)
        self._seq += 1
        return (
            f"{self._head['start']}{self._seq},{_span_start(span)}"
            f"{_group('attributes', span._initial_attributes)}"
            f"{_group('start_event', span._start_event_attributes)}}}\n"
        )

    def stop(self, span: Span) -> str:
        """A `stop` record, or nothing if the span is `complete` already."""
        if span.span_id in self._completed:
            self._completed.remove(span.span_id)
            return ""
        self._seq += 1
        return (
            f"{self._head['stop']}{self._seq},{_ids(span)},"
            f'"name":{_name_json(span.name)},{_span_end(span)}{_all_attributes(span)}'
            f"{_group('stop_event', span._stop_event_attributes)}}}\n"
        )

    def _complete(self, span: Span) -> str:
        self._seq += 1
        return (
            f"{self._head['complete']}{self._seq},{_span_start(span)},{_span_end(span)}{_all_attributes(span)}"
            f"{_group('start_event', span._start_event_attributes)}"
            f"{_group('stop_event', span._stop_event_attributes)}}}\n"
        )

    def event(self, event: Event, span: Span) -> str:
        """An `event` record."""
        self._seq += 1
        return (
            f'{self._head["event"]}{self._seq},{_ids(span)},"name":{_name_json(event._name)},'
            f'"time_unix_nano":{event._unix_ns}{_group("attributes", event._attributes)}}}\n'
        )

    def error(self, event: ErrorEvent, span: Span) -> str:
        """An `error` record."""
        about = {
            "message": event.message,
            "exception_type": event.exception_type,
            "exception_message": event.exception_message,
            "stack_trace": event.stack_trace,
        }
        self._seq += 1
        return (
            f'{self._head["error"]}{self._seq},{_ids(span)},"name":{_name_json(event._name)},'
            f'"time_unix_nano":{event._unix_ns}{_group("attributes", event._exported_attributes())},'
            f'"error":{_attributes_json({k: v for k, v in about.items() if v is not None})}}}\n'
        )

    def telemetry_data_error(self, error: TelemetryDataError) -> str:
        """A `telemetry_data_error` record."""
        self.dropped += error.dropped
        dropped = f',"dropped":{error.dropped}' if error.dropped else ""
        self._seq += 1
        return (
            f'{self._head["telemetry_data_error"]}{self._seq},"error_type":"{error.error_type.value}",'
            f'"message":{_quote(error.message)},"time_unix_nano":{error._unix_ns}{dropped}'
            f"{_group('attributes', error._attributes)}}}\n"
        )

    def end(self) -> str:
        """The last record: how many records the stream has, this one included, and how many were dropped."""
        self._seq += 1
        return f'{self._head["end"]}{self._seq},"records":{self._seq},"dropped":{self.dropped}}}\n'


def _ids(span: Span) -> str:
    return f'"trace_id":"{span.trace_id:032x}","span_id":"{span.span_id:016x}"'


def _span_start(span: Span) -> str:
    parent = "" if span.parent_span_id is None else f',"parent_span_id":"{span.parent_span_id:016x}"'
    return f'{_ids(span)}{parent},"name":{_name_json(span.name)},"start_time_unix_nano":{span.start_unix_ns}'


def _span_end(span: Span) -> str:
    return (
        f'"end_time_unix_nano":{span.end_unix_ns},'
        f'"duration_ns":{span.end_monotonic_ns - span.start_monotonic_ns},"status":"{span._status._value_}"'
    )


def _all_attributes(span: Span) -> str:
    if span._later_attributes:
        # A thread that found the span open may still be adding: copy() cannot be interrupted, iteration can.
        return _group("attributes", {**span._initial_attributes, **span._later_attributes.copy()})
    return _group("attributes", span._initial_attributes)


def _group(name: str, attributes: Mapping[str, AttributeValue] | None) -> str:
    return f',"{name}":{_attributes_json(attributes)}' if attributes else ""


def _attributes_json(attributes: Mapping[str, AttributeValue]) -> str:
    parts = [f"{_name_json(name)}:{_ENCODE[type(value)](value)}" for name, value in attributes.items()]
    return f"{{{','.join(parts)}}}"


_names: dict[str, str] = {}


def _name_json(name: str) -> str:
    """A name in quotes. Names come again and again, so the first ones that come are kept."""
    quoted = _names.get(name)
    if quoted is None:
        quoted = _quote(name)
        if len(name) <= _CACHED_LENGTH and len(_names) < _CACHED_NAMES:
            _names[name] = quoted
    return quoted


def _quote(text: str) -> str:
    return encode_basestring(text) if text.isascii() else _quote_unicode(text)


_LINE_ENDS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def _quote_unicode(text: str) -> str:
    """Text in quotes that is valid UTF-8 and one line whatever splits it.

    Half a surrogate pair, which no encoding of Unicode can hold, becomes U+FFFD.
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return encode_basestring(whole).translate(_LINE_ENDS)


_MAX_BITS = 4_096  # decimal text of more than 4,300 digits is refused (sys.set_int_max_str_digits)


def _integer(value: int) -> str:
    return int.__repr__(value) if value.bit_length() <= _MAX_BITS else _integer_text(value)


def _integer_text(value: int) -> str:
    return _quote(safe_repr(value))


def _float(value: float) -> str:
    if value - value == 0.0:  # holds for all but NaN and the infinities, which JSON has no numbers for
        return float.__repr__(value)
    return '"Infinity"' if value > 0 else '"-Infinity"' if value < 0 else '"NaN"'


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _sequence(values: tuple[Any, ...]) -> str:
    if not values:
        return "[]"
    encode = _ENCODE[type(values[0])]
    if encode is _integer and any(value.bit_length() > _MAX_BITS for value in values):
        encode = _integer_text  # of all, since the items are of one type
    return f"[{','.join([encode(value) for value in values])}]"


_ENCODE: dict[type, Callable[..., str]] = {
    str: _quote,
    int: _integer,
    float: _float,
    bool: _boolean,
    tuple: _sequence,
}
