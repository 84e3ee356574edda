"""Attributes and texts of every kind arrive as OTLP can carry them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from one_logger.core import ErrorEvent, Event, Resource, Span, TelemetryDataError, TelemetryDataErrorType
from one_logger.core.testing import odd_attributes
from one_logger.exporter.otel import OTelExporter

TEXTS = st.text(alphabet=st.characters(exclude_categories=[]))  # half surrogate pairs, too
SCALARS = st.one_of(TEXTS, st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.binary())
VALUES = st.one_of(
    SCALARS,
    st.lists(TEXTS),
    st.lists(st.booleans()),
    st.lists(st.integers(-(2**64), 2**64)),
    st.lists(st.floats()),
    st.lists(st.binary()),
)


def on_the_wire(attributes: dict[str, Any], name: str = "work") -> tuple[dict[str, Any], dict[str, Any]]:
    """What a collector gets for the attributes of a span, and for those of its event."""
    spans = InMemorySpanExporter()
    exporter = OTelExporter(spans)
    exporter.initialize(Resource(attributes))
    span = Span(name, attributes)
    exporter.export_start(span)
    exporter.export_event(Event(name, attributes), span)
    span.stop()
    exporter.export_stop(span)
    exporter.close()
    request = encode_spans(spans.get_finished_spans())
    arrived = type(request).FromString(request.SerializeToString()).resource_spans[0].scope_spans[0].spans[0]
    one, other = (
        {pair.key: value_of(pair.value) for pair in holder.attributes} for holder in (arrived, arrived.events[0])
    )
    return one, other


def value_of(value: AnyValue) -> Any:
    """The Python value of one on the wire."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    return getattr(value, str(kind))


@given(st.dictionaries(TEXTS, VALUES), TEXTS)
def test_everything_can_be_sent(attributes: dict[str, Any], name: str) -> None:
    """No attribute, whatever its name and value, and no name keeps a span from being sent, and none is missing."""
    on_span, on_event = on_the_wire(attributes, name)
    assert list(on_span) == list(on_event)
    assert len(on_span) <= len(attributes)
    for key, value in attributes.items():
        if key and key.isascii() and isinstance(value, (bool, float)):
            assert on_span[key] == value or math.isnan(value)


@given(st.dictionaries(TEXTS, VALUES), TEXTS)
def test_everything_can_be_sent_as_log_records(attributes: dict[str, Any], text: str) -> None:
    """Whatever is in them, starts, events, errors and telemetry data errors can be encoded as log records."""
    logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    exporter = OTelExporter(InMemorySpanExporter(), log_exporter=logs, events="log")
    exporter.initialize(Resource(attributes))
    span = Span(text, attributes, attributes)
    exporter.export_start(span)
    exporter.export_event(Event(text, attributes), span)
    exporter.export_error(ErrorEvent(text, ValueError(text), attributes), span)
    kind = TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA
    exporter.export_telemetry_data_error(TelemetryDataError(kind, text, attributes))
    exporter.close()
    request = encode_logs(logs.get_finished_logs())
    arrived = type(request).FromString(request.SerializeToString()).resource_logs[0].scope_logs[0].log_records
    assert [record.event_name for record in arrived][2:] == ["exception", "telemetry_data_error"]


def test_odd_attributes_of_the_contract_are_sent() -> None:
    """All odd attributes that exporters have to survive arrive."""
    odd = odd_attributes()
    on_span, on_event = on_the_wire(odd)
    assert len(on_span) == len(on_event) == len(odd) - 1  # None is left out


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(2**63 - 1, 2**63 - 1, id="the greatest"),
        pytest.param(-(2**63), -(2**63), id="the least"),
        pytest.param(2**63, str(2**63), id="beyond the greatest"),
        pytest.param(-(2**63) - 1, str(-(2**63) - 1), id="beyond the least"),
        pytest.param(2**127, str(2**127), id="128 bits"),
        pytest.param(10**5_000, hex(10**5_000)[:1_024], id="beyond decimal text"),
        pytest.param([1, 2**63], ["1", str(2**63)], id="one of several"),
    ],
)
def test_integers_beyond_64_bits_are_texts(value: Any, expected: Any) -> None:
    """OTLP has no integers beyond 64 bits, so they arrive as their text; in a sequence all do."""
    assert on_the_wire({"a": value})[0] == {"a": expected}


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_floats_stay_floats(value: float) -> None:
    """NaN and the infinities arrive as what they are."""
    arrived = on_the_wire({"a": value})[0]["a"]
    assert arrived == value or (math.isnan(arrived) and math.isnan(value))


@pytest.mark.parametrize("value", [b"", b"\x00\xff", bytearray(b"text"), [b"a", b"\xff"]])
def test_bytes_stay_bytes(value: Any) -> None:
    """Bytes arrive as what they are, alone and in a sequence."""
    assert on_the_wire({"a": value})[0]["a"] == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [("\ud800", "\ufffd"), ("a\udfff\U0001f389", "a\ufffd\U0001f389"), ("\ud83c\udf89", "\U0001f389"), ("\0", "\0")],
)
def test_half_surrogate_pairs_are_replaced(text: str, expected: str) -> None:
    """Text that UTF-8 cannot hold arrives with a replacement for what it cannot, as value, item, and name."""
    arrived = on_the_wire({"a": text, f"b{text}": [text]}, name=text)[0]
    assert arrived == {"a": expected, f"b{expected}": [expected]}


def test_attribute_without_a_name_gets_one() -> None:
    """OpenTelemetry allows no empty name, so the attribute gets another."""
    assert on_the_wire({"": 1})[0] == {"one_logger.unnamed": 1}


def test_attributes_of_the_job_are_left_alone(in_memory: Callable[..., Any]) -> None:
    """Nothing about the span's own attributes changes by exporting it."""
    span = Span("work", {"a": 2**100, "b": "\ud800"})
    exporter = in_memory().exporter
    exporter.export_start(span)
    span.stop()
    exporter.export_stop(span)
    assert dict(span.attributes) == {"a": 2**100, "b": "\ud800"}
