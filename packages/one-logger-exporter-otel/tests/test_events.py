"""How many events of a span are kept, and which."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from one_logger.core import ErrorEvent, Event, ExportError, Span
from one_logger.exporter.otel import open_spans

Make = Callable[..., Any]


def stop(memory: Any, span: Span) -> Any:
    """The span as it arrives at a collector."""
    span.stop()
    memory.exporter.export_stop(span)
    memory.exporter.flush()
    encoded = encode_spans(memory.spans.get_finished_spans())
    return encoded.resource_spans[0].scope_spans[0].spans[-1]


def started(memory: Any, name: str = "work") -> Span:
    """A span that has started."""
    span = Span(name)
    memory.exporter.export_start(span)
    return span


@pytest.mark.parametrize(("recorded", "kept", "dropped"), [(128, 128, 0), (129, 128, 1), (302, 128, 174)])
def test_events_over_the_bound_are_counted(in_memory: Make, recorded: int, kept: int, dropped: int) -> None:
    """A span arrives with the newest 128 events, in order, and with the number of those that were dropped."""
    memory = in_memory()
    span = started(memory)
    for number in range(recorded):
        memory.exporter.export_event(Event(str(number)), span)
    arrived = stop(memory, span)
    assert [event.name for event in arrived.events] == [str(number) for number in range(recorded - kept, recorded)]
    assert arrived.dropped_events_count == dropped
    said = {pair.key: pair.value.int_value for pair in arrived.attributes}
    assert said == ({"one_logger.dropped_events": dropped} if dropped else {}), "where people see it"


def test_errors_stay_when_events_go(in_memory: Make) -> None:
    """However many events come after it, an error is among those that arrive, at its place."""
    memory = in_memory(max_events=3)
    span = started(memory)
    memory.exporter.export_event(Event("first"), span)
    memory.exporter.export_error(ErrorEvent("it failed"), span)
    for number in range(10):
        memory.exporter.export_event(Event(str(number)), span)
    arrived = stop(memory, span)
    assert [event.name for event in arrived.events] == ["exception", "8", "9"]
    assert arrived.dropped_events_count == 9


def test_of_errors_alone_the_first_stay(in_memory: Make) -> None:
    """Where all events are errors those stay with which it began; the status has the text of the last."""
    memory = in_memory(max_events=2)
    span = started(memory)
    for number in range(5):
        memory.exporter.export_error(ErrorEvent(str(number)), span)
    memory.exporter.export_event(Event("event"), span)
    arrived = stop(memory, span)
    assert [event.attributes[0].value.string_value for event in arrived.events] == ["0", "1"]
    assert arrived.dropped_events_count == 4


def test_bound_may_be_nothing(in_memory: Make) -> None:
    """With a bound of 0, events are counted and nothing else; those of the start and the stop belong to the span."""
    memory = in_memory(max_events=0)
    span = Span("work", None, {"a": 1})
    memory.exporter.export_start(span)
    memory.exporter.export_event(Event("event"), span)
    memory.exporter.export_error(ErrorEvent("error"), span)
    arrived = stop(memory, span)
    assert [event.name for event in arrived.events] == ["span_start"]
    assert arrived.dropped_events_count == 2


def test_open_span_costs_the_same_whatever_happens_in_it(in_memory: Make) -> None:
    """A span that is open for long, with very many events, takes no more memory than its bound allows."""
    memory = in_memory()
    span = started(memory)

    def grown_by(events: int) -> int:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(events):
            memory.exporter.export_event(Event("step", {"number": number}), span)
        return tracemalloc.get_traced_memory()[0] - before

    tracemalloc.start()
    try:
        grown_by(1_000)
        assert grown_by(50_000) < 500_000
    finally:
        tracemalloc.stop()


def test_spans_that_never_stop_cost_a_bounded_amount(in_memory: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of very many open spans those that have been silent for longest are let go, and their events count as lost."""
    monkeypatch.setattr(open_spans, "MAX_OPEN", 100)
    memory = in_memory()
    silent = started(memory, "silent")
    busy = started(memory, "busy")
    memory.exporter.export_event(Event("one"), silent)
    for _ in range(150):
        memory.exporter.export_event(Event("two"), busy)
        started(memory)
    with pytest.raises(ExportError) as raised:
        memory.exporter.flush()
    assert (raised.value.retriable, raised.value.lost) == (False, 1)
    assert len(stop(memory, busy).events) == 128
    assert len(stop(memory, silent).events) == 0


def test_open_spans_share_a_bound_of_events(in_memory: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a number of events in all, those go that belong to the spans that have been silent for longest."""
    monkeypatch.setattr(open_spans, "MAX_EVENTS", 64)
    memory = in_memory()
    silent, busy = started(memory, "silent"), started(memory, "busy")
    for _ in range(40):
        memory.exporter.export_event(Event("one"), silent)
    for _ in range(40):
        memory.exporter.export_event(Event("two"), busy)
    assert len(stop(memory, busy).events) == 40
    arrived = stop(memory, silent)
    assert 0 < len(arrived.events) <= 24
    assert len(arrived.events) + arrived.dropped_events_count == 40
