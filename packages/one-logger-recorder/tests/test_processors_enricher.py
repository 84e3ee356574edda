"""Attributes that are added to what the job records."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from one_logger.api import get_recorder, record_error, record_event, timed_span
from one_logger.core import Event, OneLoggerError, Span
from one_logger.recorder import Enricher

Record = dict[str, Any]
Recording = Callable[..., AbstractContextManager[list[Record]]]


def attributes(records: list[Record], kind: str) -> dict[str, Record]:
    """The attributes by name."""
    return {record["name"]: record.get("attributes", {}) for record in records if record["type"] == kind}


def test_constants_are_added_by_name(recording: Recording) -> None:
    """To all spans unless names are given, and to the events whose names are given."""
    processors = (Enricher({"team": "ocean"}), Enricher({"kind": "io"}, spans="load*", events=["read", "wr*"]))
    with recording(*processors) as records, timed_span("load", {"a": 1}):
        for name in ("read", "write", "other"):
            record_event(name, {"b": 2})
        with timed_span("compute"):
            pass
    spans = attributes(records, "complete")
    assert spans == {"load": {"a": 1, "team": "ocean", "kind": "io"}, "compute": {"team": "ocean"}}
    events = attributes(records, "event")
    assert events == {"read": {"b": 2, "kind": "io"}, "write": {"b": 2, "kind": "io"}, "other": {"b": 2}}


def test_what_the_job_has_set_stays(recording: Recording) -> None:
    """An attribute that is there is not replaced, neither at the start nor later; of two processors the first wins."""
    processors = (Enricher({"a": "added", "b": "added"}, events="*"), Enricher({"b": "late"}, events="*"))
    with recording(*processors) as records, timed_span("work", {"a": "given"}) as span:
        record_event("event", {"a": "given"})
        span.set_attribute("b", "set")
    assert attributes(records, "complete")["work"] == {"a": "given", "b": "set"}
    assert attributes(records, "event")["event"] == {"a": "given", "b": "added"}


def test_attributes_are_there_from_the_start(recording: Recording) -> None:
    """A span that is still open has been exported with them."""
    with recording(Enricher({"team": "ocean"})) as records:
        span = get_recorder().start("month")
        assert get_recorder().flush(timeout=30)
        assert attributes(records, "start") == {"month": {"team": "ocean"}}
        get_recorder().stop(span)


def test_a_function_is_called_for_each(recording: Recording) -> None:
    """It gets the span or event, and may give None."""

    def more(of: Span | Event) -> dict[str, object] | None:
        return {"length": len(of.name)} if len(of.name) > 1 else None

    with recording(Enricher(more, events="*")) as records, timed_span("span"), timed_span("s"):
        record_event("event")
        record_event("e", {"a": 1})
    assert attributes(records, "complete") == {"span": {"length": 4}, "s": {}}
    assert attributes(records, "event") == {"event": {"length": 5}, "e": {"a": 1}}


def test_errors_are_events_named_exception(recording: Recording) -> None:
    """An error gets the attributes and keeps those of its exception."""
    with recording(Enricher({"team": "ocean"}, spans=(), events="exception")) as records, timed_span("work"):
        record_error("it failed", ValueError("no"), {"a": 1})
    (error,) = [record for record in records if record["type"] == "error"]
    assert error["attributes"] == {"team": "ocean", "a": 1}
    assert error["error"]["exception_type"] == "ValueError"
    assert attributes(records, "complete") == {"work": {}}


def test_the_event_that_the_job_has_made_is_not_changed(recording: Recording) -> None:
    """Events are immutable; what is recorded is a changed copy, with the same time."""
    event = Event("event", {"a": 1})
    with recording(Enricher({"team": "ocean"}, events="*")) as records, timed_span("work"):
        get_recorder().event(None, event)
    assert dict(event.attributes) == {"a": 1}
    (recorded,) = (record for record in records if record["type"] == "event")
    assert recorded["time_unix_nano"] == event.timestamp.unix_ns


@pytest.mark.parametrize("wrong", [lambda _: 1 / 0, lambda _: "no mapping"], ids=["raises", "gives a text"])
def test_a_function_that_fails_is_contained(recording: Recording, wrong: Callable[[object], Any]) -> None:
    """The span and the event are recorded without; it is a telemetry error."""
    with recording(Enricher(wrong, events="*")) as records, timed_span("work", {"a": 1}):
        record_event("event")
    assert attributes(records, "complete") == {"work": {"a": 1}}
    assert attributes(records, "event") == {"event": {}}
    told = [record["message"] for record in records if record["type"] == "telemetry_data_error"]
    assert len(told) == 2
    assert all("The processor Enricher (number 1) was skipped: its on_" in message for message in told)


def test_arguments_are_checked() -> None:
    """What is wrong is said where the enricher is made."""
    with pytest.raises(OneLoggerError, match="attributes is list; expected a mapping, or a function"):
        Enricher([("a", 1)])  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(OneLoggerError, match="spans is 7; expected a name"):
        Enricher({}, spans=7)  # type: ignore[arg-type]  # that is the mistake
