"""The filter of events: by name, by attributes, by verbosity; and what filters of both kinds refuse."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from one_logger.api import (
    get_recorder,
    record_error,
    record_event,
    timed_span,
)
from one_logger.core import ErrorEvent, OneLoggerError
from one_logger.recorder import (
    EventFilter,
    SpanFilter,
)

Record = dict[str, Any]
Recording = Callable[..., AbstractContextManager[list[Record]]]


def events(records: list[Record], kind: str = "event") -> list[Record]:
    """The events, or errors, in their order."""
    return [record for record in records if record["type"] == kind]


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ({"exclude": "batch*"}, ["saved", "noisy", "noisy 2"]),
        ({"include": ["saved", "nois*"]}, ["saved", "noisy", "noisy 2"]),
        ({"where": {"loss": {"above": 1}}}, ["batch 2"]),
        ({"where": {"loss": {"above": 1}}, "names": "batch*"}, ["batch 2", "saved", "noisy", "noisy 2"]),
        ({"where": {"loss": {"at_least": 0.5, "below": 2}}}, ["batch 1"]),
        ({"where": {"loss": {"at_most": 0.5}, "phase": "train"}}, ["batch 1"]),
        ({"where": {"phase": {"one_of": ["test", "train"]}}}, ["batch 1", "saved"]),
        ({"where": {"phase": {"not_equals": "train"}}}, ["batch 2", "saved", "noisy", "noisy 2"]),
        ({"where": {"loss": {"exists": False}}}, ["saved", "noisy", "noisy 2"]),
        ({"where": {"loss": {"exists": True}}}, ["batch 1", "batch 2"]),
        ({"where": {"verbosity": True}}, []),
        ({"where": lambda event: "2" in event.name}, ["batch 2", "noisy 2"]),
        ({"max_verbosity": 1}, ["batch 1", "batch 2", "saved", "noisy"]),
        ({"max_verbosity": 0, "verbosity_attribute": "loss"}, ["saved", "noisy", "noisy 2"]),
    ],
)
def test_events_are_kept_and_dropped(recording: Recording, arguments: Record, kept: list[str]) -> None:
    """By name, by conditions on attributes, by a function, and by verbosity."""
    with recording(EventFilter(**arguments)) as records, timed_span("work"):
        record_event("batch 1", {"loss": 0.5, "phase": "train"})
        record_event("batch 2", {"loss": 2})
        record_event("saved", {"phase": "test"})
        record_event("noisy", {"verbosity": 1})
        record_event("noisy 2", {"verbosity": 2})
    assert [event["name"] for event in events(records)] == kept


def test_errors_are_not_events_to_a_filter(recording: Recording) -> None:
    """Whatever an `EventFilter` drops, errors stay."""
    with recording(EventFilter(exclude="*"), EventFilter(where={"no": "such"})) as records, timed_span("work"):
        record_event("dropped")
        record_error("kept")
        get_recorder().event(None, ErrorEvent("kept, too"))
    assert [error["error"]["message"] for error in events(records, "error")] == ["kept", "kept, too"]
    assert not events(records)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SpanFilter(exclude=7), "exclude is 7; expected a name, a pattern such as 'load_*', or a list"),  # type: ignore[arg-type]
        (lambda: SpanFilter(include=["a", 7]), "include is ['a', 7]"),  # type: ignore[list-item]
        (lambda: EventFilter(where=7), "where is int; expected a mapping of attributes to conditions, or a function"),  # type: ignore[arg-type]
        (lambda: EventFilter(where={"a": {"under": 1}}), "where['a'] has 'under', which is no condition; expected one"),
        (lambda: EventFilter(where={"a": {"below": "1"}}), "where['a'].below is '1'; expected a number."),
        (lambda: EventFilter(where={"a": {"one_of": 1}}), "where['a'].one_of is 1; expected a list of values."),
        (lambda: EventFilter(where={"a": {"exists": 1}}), "where['a'].exists is 1; expected true or false."),
        (lambda: EventFilter(max_verbosity=True), "max_verbosity is True; expected a number."),
        (lambda: EventFilter(verbosity_attribute=1), "verbosity_attribute is 1; expected an attribute's name."),  # type: ignore[arg-type]
    ],
)
def test_arguments_are_checked(make: Callable[[], object], sentence: str) -> None:
    """What is wrong is said where the filter is made."""
    with pytest.raises(OneLoggerError) as raised:
        make()
    assert sentence in str(raised.value)
