import base64
import importlib
import json
import logging
import math
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from one_logger.core import (
    ErrorEvent,
    Event,
    Exporter,
    RecordEncoder,
    Resource,
    Span,
    SpanContext,
    Status,
    TelemetryDataError,
    TelemetryDataErrorType,
    Timestamp,
    read_records,
    record_schema,
    verify,
)
from one_logger.exporter.file import FileExporter
from one_logger.exporter.logger import LoggerExporter, parse_line
from one_logger.exporter.memory import InMemoryExporter

_ANY_TEXT = st.text(
    st.characters(exclude_categories=()) | st.sampled_from('\x85\u2028\u2029\x1c\x0b\ud800\udc00\ufeff"\\=')
)
_VALIDATOR = jsonschema.Draft202012Validator(record_schema())
_FLOATS = st.floats()
_HUGE = st.sampled_from([2**4_095 - 1, -(2**4_096)])


def _attributes(texts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, object]]:
    values = texts | st.booleans() | st.integers() | _HUGE | _FLOATS | st.binary()
    lists = map(st.lists, (texts, st.booleans(), st.integers(), _FLOATS, st.binary()))
    return st.dictionaries(texts, st.one_of(values, *lists), max_size=5)


@pytest.fixture(params=["orjson", "standard library"], autouse=True, scope="module")
def _encoding(request: pytest.FixtureRequest) -> Iterator[None]:
    """Records are the same whether orjson is installed or not."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "orjson":
            importlib.import_module("orjson")
        else:
            patch.setitem(sys.modules, "orjson", None)
        yield


class _Lines(logging.Handler):
    """Keeps the lines that are logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _decoded(value: object) -> object:
    """What a record has for the value of an attribute."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, int) and not _fits(value):
        return str(value) if value.bit_length() <= 4_096 else hex(value)[:1_024]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        odd = any(isinstance(item, int) and not _fits(item) for item in value)
        return [str(item) if odd else _decoded(item) for item in value]
    return value


def _fits(value: int) -> bool:
    return -(2**63) <= value < 2**63


def _decoded_all(values: Mapping[str, object]) -> dict[str, object]:
    return {name: _decoded(value) for name, value in values.items()}


def _export(exporter: Exporter, text: str, values: Mapping[str, object]) -> None:
    """A stream with a record of each type, each with the text and the values."""
    exporter.initialize(Resource(values))
    span = Span(text, values, values, parent=SpanContext(1, 2), start_time=Timestamp(5, 5))
    exporter.export_start(span)
    exporter.export_event(Event(text, values, Timestamp(6, 6)), span)
    exporter.export_error(ErrorEvent(text, ValueError(text), values, Timestamp(7, 7)), span)
    error_type = TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA
    exporter.export_telemetry_data_error(TelemetryDataError(error_type, text, values, Timestamp(8, 8)))
    exporter.flush()
    span.set_attributes(values)
    span.stop(values, stop_time=Timestamp(9, 9))
    exporter.export_stop(span)
    exporter.export_start(span)  # it has stopped: `complete`
    exporter.export_stop(span)
    exporter.close()


def _all_exporters(text: str, values: Mapping[str, object]) -> dict[str, list[str]]:
    """The lines that each exporter writes."""
    handler, logger = _Lines(), logging.getLogger("one_logger_records")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)
    memory = InMemoryExporter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "records.jsonl")
        _export(FileExporter(path), text, values)
        _export(LoggerExporter(logger), text, values)
        _export(memory, text, values)
        data = path.read_bytes()
    assert data.endswith(b"\n")
    return {
        "file": data.decode().split("\n")[:-1],
        "logger": handler.lines,
        "memory": [json.dumps(record) for record in memory.records],
    }


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


_TYPES = ["resource", "start", "event", "error", "telemetry_data_error", "stop", "complete", "end"]


@settings(max_examples=40)  # most of the time is the validator's
@given(_ANY_TEXT, _attributes(_ANY_TEXT))
def test_every_line_is_one_line_of_valid_json(text: str, values: dict[str, object]) -> None:
    """Whatever a span or event holds, each exporter writes valid records, one a line by any definition of a line."""
    lines = _all_exporters(text, values)
    for line in lines["file"]:
        assert line.splitlines() == [line]
        record = json.loads(line, parse_constant=_no_constant)
        _VALIDATOR.validate(record)
    assert [json.loads(line)["type"] for line in lines["file"]] == _TYPES
    assert [json.loads(line)["type"] for line in lines["memory"]] == _TYPES
    for line in lines["logger"]:
        assert line.isascii()
        assert line.splitlines() == [line]
        record = parse_line(line)
        if record["type"] == "resource":
            record.setdefault("attributes", {})  # an empty group leaves no trace in a line
        _VALIDATOR.validate(record)


@given(st.text(), _attributes(st.text()))
def test_records_are_read_back(text: str, values: dict[str, object]) -> None:
    """Text without lone surrogates, and every value, comes back from each exporter as it was, in a whole stream."""
    lines = _all_exporters(text, values)
    expected = _decoded_all(values)
    streams = {
        "file": list(read_records(lines["file"])),
        "memory": list(read_records(lines["memory"])),
        "logger": [parse_line(line) for line in lines["logger"]],
    }
    for records in streams.values():
        resource, start, event, error, data_error, stop, complete, end = records
        for record in (resource, start, event, data_error, stop, complete):
            assert record.get("attributes", {}) == expected
        assert start.get("start_event", {}) == complete.get("start_event", {}) == expected
        assert stop.get("stop_event", {}) == complete.get("stop_event", {}) == expected
        assert start["name"] == event["name"] == stop["name"] == complete["name"] == text
        assert error["error"]["message"] == error["error"]["exception_message"] == data_error["message"] == text
        assert error.get("attributes", {}) == expected
        assert end["records"] == 8
        assert [report.whole for report in verify(records)] == [True]


def _encoder() -> RecordEncoder:
    encoder = RecordEncoder(Resource())
    encoder.resource()
    return encoder


def _record(line: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(line)
    return record


def test_records_are_numbered_within_a_stream() -> None:
    """Records of one encoder have one stream and consecutive numbers; another encoder has another stream."""
    encoder, span = RecordEncoder(Resource({"a": 1})), Span("work")
    records = [
        _record(line)
        for line in (encoder.resource(), encoder.start(span), encoder.event(Event("e"), span), encoder.end())
    ]
    assert [record["seq"] for record in records] == [1, 2, 3, 4]
    assert {record["stream"] for record in records} == {encoder.stream}
    assert {record["v"] for record in records} == {1}
    assert records[0]["attributes"] == {"a": 1}
    assert RecordEncoder(Resource()).stream != encoder.stream


def test_start_has_what_is_known_at_the_start() -> None:
    """A `start` has the ids, the parent's id, the time, and the attributes the span was started with."""
    span = Span(
        "work", {"a": 1}, {"b": 2}, parent=SpanContext(0xABC, 0xDEF), start_time=Timestamp(1_700_000_000_123_456_789, 5)
    )
    span.set_attribute("a", 9)
    span.set_attribute("later", 9)
    encoder = _encoder()
    assert _record(encoder.start(span)) == {
        "v": 1,
        "type": "start",
        "stream": encoder.stream,
        "seq": 2,
        "trace_id": f"{0xABC:032x}",
        "span_id": f"{span.span_id:016x}",
        "parent_span_id": f"{0xDEF:016x}",
        "name": "work",
        "start_time_unix_nano": 1_700_000_000_123_456_789,
        "attributes": {"a": 1},
        "start_event": {"b": 2},
    }


def test_stop_has_all_attributes() -> None:
    """A `stop` has the time, the duration by the monotonic clock, the status, and all attributes."""
    span = Span("work", {"a": 1, "c": 3}, start_time=Timestamp(10, 1_000))
    encoder = _encoder()
    encoder.start(span)
    span.set_attribute("a", 2)
    span.set_status(Status.ERROR)
    span.stop({"d": 4}, stop_time=Timestamp(7, 300_000_999))
    assert _record(encoder.stop(span)) == {
        "v": 1,
        "type": "stop",
        "stream": encoder.stream,
        "seq": 3,
        "trace_id": f"{span.trace_id:032x}",
        "span_id": f"{span.span_id:016x}",
        "name": "work",
        "end_time_unix_nano": 7,
        "duration_ns": 299_999_999,
        "status": "ERROR",
        "attributes": {"a": 2, "c": 3},
        "stop_event": {"d": 4},
    }


def test_span_that_has_stopped_is_one_record() -> None:
    """A span that has stopped before its start is written is one `complete` record, and its stop is none."""
    span = Span("work", {"a": 1}, {"b": 2}, start_time=Timestamp(10, 1))
    span.stop({"c": 3}, stop_time=Timestamp(20, 5))
    encoder = _encoder()
    record = _record(encoder.start(span))
    assert (record["type"], record["seq"], record["status"]) == ("complete", 2, "UNSET")
    assert (record["start_time_unix_nano"], record["end_time_unix_nano"], record["duration_ns"]) == (10, 20, 4)
    assert (record["attributes"], record["start_event"], record["stop_event"]) == ({"a": 1}, {"b": 2}, {"c": 3})
    assert "parent_span_id" not in record
    assert encoder.stop(span) == ""
    assert _record(encoder.end())["records"] == 3


def test_spans_of_several_traces_may_take_turns() -> None:
    """Each record has the ids of its own span and parent, whatever came before it in the stream."""
    encoder = _encoder()
    roots = [Span("root"), Span("root", parent=SpanContext(0xA, 0xB)), Span("root")]
    spans = [*roots, *(Span("child", parent=root) for _ in range(2) for root in roots)]
    for span in [*spans, *reversed(spans)]:
        parent = {} if span.parent_span_id is None else {"parent_span_id": f"{span.parent_span_id:016x}"}
        ids = {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}
        start, event = _record(encoder.start(span)), _record(encoder.event(Event("e"), span))
        assert {name: start.get(name) for name in start if name.endswith("_id")} == ids | parent
        assert {name: event.get(name) for name in event if name.endswith("_id")} == ids


def test_error_has_what_is_known_of_the_exception() -> None:
    """An `error` has message, class, text and stack trace of the exception, each of them once."""
    span = Span("work")
    event = ErrorEvent("failed", ValueError("no"), {"a": 1}, Timestamp(5, 5))
    record = _record(_encoder().error(event, span))
    assert record["name"] == "exception"
    assert record["time_unix_nano"] == 5
    assert record["span_id"] == f"{span.span_id:016x}"
    assert record["attributes"] == {"a": 1}
    assert record["error"] == {
        "message": "failed",
        "exception_type": "ValueError",
        "exception_message": "no",
        "stack_trace": "ValueError: no\n",
    }
    assert _record(_encoder().error(ErrorEvent("failed"), span))["error"] == {"message": "failed"}


def test_end_counts_what_was_dropped() -> None:
    """The `end` of a stream adds up what the telemetry data errors before it said was dropped."""
    encoder = _encoder()
    for dropped in (2, 0, 5):
        error = TelemetryDataError(TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA, "lost", dropped=dropped)
        assert _record(encoder.telemetry_data_error(error)).get("dropped") == (dropped or None)
    end = _record(encoder.end())
    assert (end["records"], end["dropped"]) == (5, 7)


def test_alive_says_how_many_spans_are_open() -> None:
    """An `alive` has the time, and the number of spans that have a `start` in the stream and no `stop`."""
    encoder, spans = _encoder(), [Span("work") for _ in range(3)]
    before = time.time_ns()
    counts = [_record(encoder.alive())["open_spans"]]
    for span in spans:
        encoder.start(span)
    counts.append(_record(encoder.alive())["open_spans"])
    spans[0].stop()
    encoder.stop(spans[0])
    encoder.start(spans[0])  # it has stopped: `complete`
    encoder.stop(spans[0])
    alive = _record(encoder.alive())
    assert [*counts, alive["open_spans"]] == [0, 3, 2]
    assert before <= alive["time_unix_nano"] <= time.time_ns()
    _VALIDATOR.validate(alive)


def test_stop_of_a_span_without_a_start_is_no_open_one_less() -> None:
    """The stop of a span whose start is in another stream does not make the number of open spans wrong."""
    encoder, span = _encoder(), Span("work")
    span.stop()
    encoder.stop(span)
    encoder.start(Span("open"))
    assert _record(encoder.alive())["open_spans"] == 1


def test_stream_says_when_it_began_and_ended() -> None:
    """The `resource` has the time of the beginning, the `end` that of the end and the reason."""
    encoder, before = RecordEncoder(Resource()), time.time_ns()
    resource, end = _record(encoder.resource()), _record(encoder.end("signal SIGTERM"))
    assert before <= resource["time_unix_nano"] <= end["time_unix_nano"] <= time.time_ns()
    assert end["reason"] == "signal SIGTERM"
    for record in (resource, end):
        _VALIDATOR.validate(record)


def test_what_is_empty_is_left_out() -> None:
    """Empty attributes take no space in a record."""
    span = Span("work")
    encoder = _encoder()
    records = [_record(encoder.start(span)), _record(encoder.event(Event("e"), span))]
    span.stop()
    records.append(_record(encoder.stop(span)))
    assert not [record for record in records if {"attributes", "start_event", "stop_event"} & set(record)]


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**64 - 1, 2**64])
def test_integers_beyond_64_bits_are_texts(value: int) -> None:
    """An integer that a signed one of 64 bits can't hold is the text of its digits, and so are those beside it."""
    exported = value if _fits(value) else str(value)
    exporter = InMemoryExporter()
    exporter.initialize(Resource({"n": value}))
    exporter.export_event(Event("e", {"n": value}), Span("work"))
    exporter.export_event(Event("e", {"ns": [1, value]}), Span("work"))
    exporter.close()
    resource, alone, among, _ = (record.get("attributes") for record in exporter.records)
    assert resource == alone == {"n": exported}
    assert among == {"ns": [1, value] if _fits(value) else ["1", str(value)]}


def test_integers_beyond_all_bounds_are_valid_in_a_sequence() -> None:
    """A sequence of integers of which some are too large to be written as a number is valid by the schema."""
    record = _record(_encoder().event(Event("e", {"n": [1, 2**5_000]}), Span("work")))
    assert _VALIDATOR.is_valid(record)
    assert len(record["attributes"]["n"]) == 2


def test_names_that_never_come_again_are_not_kept() -> None:
    """A job that makes up a name for every event does not fill the memory with them."""
    encoder, span = _encoder(), Span("work")

    def encode(first: int, last: int) -> None:
        for number in range(first, last):
            encoder.event(Event(f"{number:0200}"), span)

    encode(0, 2_000)
    tracemalloc.start()
    try:
        encode(2_000, 10_000)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 200_000


@pytest.mark.parametrize(
    "change",
    [{"v": 2}, {"type": "unknown"}, {"seq": 0}, {"span_id": "0" * 16}, {"more": 1}, {"attributes": {"a": None}}],
    ids=["version", "type", "seq", "zero-id", "unknown-field", "null"],
)
def test_schema_refuses_what_is_no_record(change: dict[str, object]) -> None:
    """The schema holds a record to its fields and their types."""
    record = _record(_encoder().start(Span("work")))
    assert _VALIDATOR.is_valid(record)
    assert not _VALIDATOR.is_valid({**record, **change})


def test_every_type_of_record_needs_its_fields() -> None:
    """A record without one of the fields that every record of its type has is refused by the schema."""
    memory = InMemoryExporter()
    _export(memory, "text", {"a": 1})
    optional = {"attributes", "start_event", "stop_event", "parent_span_id", "dropped"}
    for record in memory.records:
        missing_in_old_files = {"time_unix_nano", "reason"}
        for field in set(record) - (missing_in_old_files if record["type"] in ("resource", "end") else optional):
            assert not _VALIDATOR.is_valid({name: value for name, value in record.items() if name != field}), field
