"""The filter of spans: what is exported, where it hangs, and where errors go."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import Enum
from typing import Any

import pytest

from one_logger.api import (
    ROOT,
    child_environment,
    current_span,
    get_recorder,
    record_error,
    record_event,
    timed_span,
)
from one_logger.core import NOOP_SPAN, Event, Span, SpanContext
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import (
    DefaultRecorder,
    Enricher,
    EventFilter,
    ProcessedExporter,
    Processor,
    SpanFilter,
    Summarizer,
    TailSampler,
)

Record = dict[str, Any]
Recording = Callable[..., AbstractContextManager[list[Record]]]


def spans(records: list[Record]) -> dict[str, Record]:
    """The spans by name."""
    found: dict[str, Record] = {}
    for record in records:
        if record["type"] in ("start", "stop", "complete"):
            found.setdefault(record["name"], {}).update(record)
    return found


def events(records: list[Record], kind: str = "event") -> list[Record]:
    """The events, or errors, in their order."""
    return [record for record in records if record["type"] == kind]


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ({"exclude": "load"}, {"save", "load_data", "Load"}),
        ({"exclude": "load*"}, {"save", "Load"}),
        ({"exclude": ["l*", "?ave"]}, {"Load"}),
        ({"include": "load*"}, {"load", "load_data"}),
        ({"include": ["load*", "save"], "exclude": ["*_data"]}, {"load", "save"}),
        ({"include": []}, set()),
        ({"include": "?oad"}, {"load", "Load"}),
        ({}, {"load", "load_data", "Load", "save"}),
    ],
)
def test_spans_are_kept_and_dropped_by_name(recording: Recording, arguments: Record, kept: set[str]) -> None:
    """Names are exact or patterns; what is included may be excluded again; case counts."""
    with recording(SpanFilter(**arguments)) as records:
        for _ in range(2):
            for name in ("load", "load_data", "Load", "save"):
                with timed_span(name):
                    pass
    assert set(spans(records)) == kept
    assert sum(record["type"] == "complete" for record in records) == 2 * len(kept)


class Layer(Enum):
    FIRST = "layer[0]"
    ALL = "layer*"


@pytest.mark.parametrize(
    ("names", "matched"),
    [
        ("layer[0]", {"layer[0]"}),
        ("layer[*", {"layer[0]", "layer[1]"}),
        ("layer?", {"layer0"}),
        ("layer.", set()),
        ("a\nb*", {"a\nb\nc"}),
        ("a*c", {"a\nb\nc"}),
        (Layer.FIRST, {"layer[0]"}),
        ([Layer.ALL, "a??*"], {"layer[0]", "layer[1]", "layer0", "a\nb\nc"}),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda names: SpanFilter(exclude=names),
        TailSampler,
        lambda names: EventFilter(exclude=names),
        lambda names: EventFilter(where=lambda _: False, names=names),
        lambda names: Enricher({"added": 1}, spans=names),
    ],
    ids=["SpanFilter", "TailSampler", "EventFilter", "names", "Enricher"],
)
def test_patterns_mean_the_same_everywhere(
    recording: Recording, make: Callable[[Any], Processor], names: Any, matched: set[str]
) -> None:
    """`*` is any text, `?` one character, all else itself; a name may be an `Enum`, as where it is recorded."""
    all_names = {"layer[0]", "layer[1]", "layer0", "a\nb\nc"}
    with recording(make(names)) as records, timed_span("outer"):
        for name in all_names:
            with timed_span(name):
                record_event(name)
    changed = {name for name, span in spans(records).items() if span.get("attributes")}
    missing = all_names - set(spans(records)) or all_names - {event["name"] for event in events(records)}
    assert (changed or missing) == matched


def test_children_of_a_filtered_span_hang_on_the_nearest_exported_one(recording: Recording) -> None:
    """However many spans between are filtered, the parent is exported; the trace is one."""
    recorded = recording(SpanFilter(exclude="hidden*"))
    with recorded as records, timed_span("outer"), timed_span("hidden 1"), timed_span("hidden 2") as hidden:
        with timed_span("inner"), timed_span("hidden 3"), timed_span("innermost"):
            pass
        get_recorder().stop(get_recorder().start("given", parent_span=hidden))
        get_recorder().stop(get_recorder().start("by context", parent_span=hidden.context))
    found = spans(records)
    assert set(found) == {"outer", "inner", "innermost", "given", "by context"}
    for child, parent in {"inner": "outer", "innermost": "inner", "given": "outer", "by context": "outer"}.items():
        assert found[child]["parent_span_id"] == found[parent]["span_id"]
    assert len({span["trace_id"] for span in found.values()}) == 1


def test_children_of_a_filtered_root_are_roots_of_one_trace(recording: Recording) -> None:
    """Without an exported span around them they have no parent, and still belong together."""
    with recording(SpanFilter(exclude="root")) as records, timed_span("root"):
        for name in ("a", "b"):
            with timed_span(name):
                pass
        get_recorder().stop(get_recorder().start("apart", parent_span=ROOT))
    found = spans(records)
    assert not any("parent_span_id" in span for span in found.values())
    assert found["a"]["trace_id"] == found["b"]["trace_id"] != found["apart"]["trace_id"]


def test_a_filtered_span_is_current_and_can_be_used_as_any_other(recording: Recording) -> None:
    """It is the current span while it is open, takes all calls, and leaves the one around it current."""
    with recording(SpanFilter(exclude="hidden")) as records, timed_span("outer") as outer:
        with timed_span("hidden", {"a": 1}, {"b": 2}) as hidden:
            assert current_span() is hidden
            assert not hidden.is_recording()
            hidden.set_attribute("a", 1)
            hidden.set_attributes({"b": 1})
            assert hidden.context == outer.context
            assert dict(hidden.attributes) == {}
            assert hidden.start_event.name == "span_start"
            assert repr(hidden)
        assert current_span() is outer
        assert hidden.end_time is not None
    assert set(spans(records)) == {"outer"}


def test_everything_that_a_span_has_can_be_read_of_any_span(recording: Recording) -> None:
    """Of one that is filtered, unsampled, observed, undecided, or seen by one exporter: open and stopped."""
    public = [name for name in dir(Span) if not name.startswith("_") and not callable(getattr(Span, name, None))]
    seen: list[Span] = []

    class Witness(Processor):
        def on_start(self, span: Span) -> dict[str, object]:
            seen.append(span)
            return {"added": 1}

    chain = (Summarizer(span="observed"), SpanFilter(exclude=["hidden", "observed"]), TailSampler("undecided"))
    with recording(*chain) as records, timed_span("outer"):
        for name in ("hidden", "observed", "undecided"):
            with timed_span(name, {"a": 1}) as span:
                seen.append(span)
    part = ProcessedExporter(InMemoryExporter(), [Witness()])
    recorder = DefaultRecorder([part], delivery="inline")
    recorder.stop(recorder.start("viewed", {"a": 1}))
    recorder.close()
    assert len({type(span) for span in seen}) == 3
    for span in seen:
        assert {name: getattr(span, name) for name in public}.keys() == set(public)
        assert span.stop() is False
        assert span.name in repr(span)
    assert set(spans(records)) == {"outer"}


def test_filtered_spans_that_overlap_are_not_kept(recording: Recording) -> None:
    """Spans each started in the one before, of which two are open at a time, hold on to no more than that."""
    with recording(SpanFilter(exclude="hidden")):
        recorder = get_recorder()
        before = recorder.start("hidden")
        for _ in range(1_000):
            span = recorder.start("hidden")
            recorder.stop(before)
            before = span
        around, length = before.ancestor, 0
        while around is not None:
            around, length = around.ancestor, length + 1
        assert length <= 2
        recorder.stop(before)


def test_the_context_for_other_processes_is_of_an_exported_span(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subprocess started in a filtered span hangs on an exported one, or begins a trace of its own."""
    monkeypatch.delenv("TRACEPARENT", raising=False)
    with recording(SpanFilter(exclude="hidden")):
        with timed_span("outer") as outer, timed_span("hidden"):
            assert child_environment()["TRACEPARENT"] == outer.context.traceparent
        with timed_span("hidden") as alone:
            assert "TRACEPARENT" not in child_environment()
            assert alone.context == NOOP_SPAN.context
    monkeypatch.setenv("TRACEPARENT", SpanContext(7, 8).traceparent)
    with recording(SpanFilter(exclude="hidden")) as records, timed_span("hidden") as remote:
        assert remote.context == SpanContext(7, 8)
        assert child_environment()["TRACEPARENT"] == os.environ["TRACEPARENT"]
        with timed_span("inner"):
            pass
    assert spans(records)["inner"]["parent_span_id"] == f"{8:016x}"


def test_events_of_a_filtered_span_are_dropped_with_it(recording: Recording) -> None:
    """They are not moved to another span."""
    with recording(SpanFilter(exclude="hidden")) as records, timed_span("outer"):
        with timed_span("hidden") as hidden:
            record_event("lost")
            get_recorder().event(hidden, Event("lost"))
        record_event("kept")
    assert [event["name"] for event in events(records)] == ["kept"]


def test_errors_of_a_filtered_span_go_to_the_nearest_open_exported_one(recording: Recording) -> None:
    """With their stack traces. The status of that span stays as it is: its own work has not failed."""
    with recording(SpanFilter(exclude="hidden")) as records, timed_span("outer"):
        with pytest.raises(ValueError, match="no"), timed_span("hidden"):
            raise ValueError("no")
        record_error("its own")
        current_span().set_status(current_span().status)
    outer = spans(records)["outer"]
    moved, own = events(records, "error")
    assert moved["span_id"] == own["span_id"] == outer["span_id"]
    assert moved["error"]["message"] == "hidden raised ValueError"
    assert 'raise ValueError("no")' in moved["error"]["stack_trace"]

    with recording(SpanFilter(exclude="hidden")) as records, timed_span("outer"), timed_span("hidden"):
        record_error("in hidden")
    assert spans(records)["outer"]["status"] == "UNSET"


def test_an_error_that_no_exported_span_can_take_gets_a_span_of_its_own(recording: Recording) -> None:
    """It has the filtered span's name and place, and the status ERROR."""
    with recording(SpanFilter(exclude="hidden")) as records:
        with timed_span("hidden") as root, timed_span("hidden"):
            record_error("alone", attributes={"a": 1})
        with timed_span("outer") as outer:
            survivor = get_recorder().start("hidden")
        get_recorder().error(survivor, "late")
        get_recorder().stop(survivor)
    alone, late = (record for record in records if record["type"] == "complete" and record["name"] == "hidden")
    assert (alone["trace_id"], alone["status"], alone.get("parent_span_id")) == (f"{root.trace_id:032x}", "ERROR", None)
    assert late["parent_span_id"] == f"{outer.span_id:016x}"
    assert [(error["span_id"], error["error"]["message"]) for error in events(records, "error")] == [
        (alone["span_id"], "alone"),
        (late["span_id"], "late"),
    ]
    assert events(records, "error")[0]["attributes"]["a"] == 1


def test_a_filtered_span_that_outlives_the_spans_around_it(recording: Recording) -> None:
    """Its children still hang on what was exported; after it nothing stopped is current."""
    with recording(SpanFilter(exclude="hidden")) as records:
        recorder = get_recorder()
        outer = recorder.start("outer")
        hidden = recorder.start("hidden")
        recorder.stop(outer)
        recorder.stop(recorder.start("inner", parent_span=hidden))
        recorder.stop(hidden)
        assert current_span() is NOOP_SPAN
        recorder.stop(recorder.start("next"))
    found = spans(records)
    assert found["inner"]["parent_span_id"] == found["outer"]["span_id"]
    assert "parent_span_id" not in found["next"]


def test_stopping_a_filtered_span_twice_is_a_mistake_as_ever(recording: Recording) -> None:
    """A span that had ended is no less ended for being filtered; nor are its events taken."""
    with recording(SpanFilter(exclude="hidden")) as records:
        hidden = get_recorder().start("hidden")
        get_recorder().stop(hidden)
        get_recorder().stop(hidden)
        get_recorder().event(hidden, Event("late"))
    told = [record["message"] for record in records if record["type"] == "telemetry_data_error"]
    assert len(told) == 2
    assert "which had ended." in told[0]
    assert "event() on" in told[1]


def test_names_need_not_be_texts(recording: Recording) -> None:
    """Members of an `Enum` are filtered by what is exported as their name."""

    class Name(Enum):
        EPOCH = "epoch"
        STEP = "step"

    with recording(SpanFilter(exclude="step")) as records:
        for name in Name:
            with timed_span(name):
                pass
    assert set(spans(records)) == {"epoch"}
