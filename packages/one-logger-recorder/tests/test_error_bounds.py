"""Errors are bounded in number and size: an exception stands in full once, and no text is longer than it may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from one_logger.api import OneLoggerConfig, record_error, timed_span
from one_logger.api.testing import configured
from one_logger.core import verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, SpanFilter

Recording = Callable[..., Any]


def _errors(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if record["type"] == "error"]


def _leave(names: list[str], exception: Exception) -> None:
    if not names:
        raise exception
    with timed_span(names[0]):
        _leave(names[1:], exception)


def test_an_exception_that_leaves_several_spans_stands_in_full_once(recording: Recording) -> None:
    """The errors of the spans around say its class, and the id of the span where it stands."""
    with recording() as records, pytest.raises(ValueError, match="no"):
        _leave(["a", "b", "c"], ValueError("no"))
    first, *others = _errors(records)
    names = {record["span_id"]: record["name"] for record in records if record["type"] in ("start", "complete")}
    assert names[first["span_id"]] == "c"
    assert first["error"]["exception_message"] == "no"
    assert "_leave" in first["error"]["stack_trace"]
    assert [names[error["span_id"]] for error in others] == ["b", "a"]
    for error in others:
        assert set(error["error"]) == {"message", "exception_type"}
        assert error["attributes"] == {"one_logger.error_span_id": first["span_id"]}


def test_another_exception_stands_in_full(recording: Recording) -> None:
    """However much it is like the one before: only the same exception is referred to."""
    with recording() as records, timed_span("outer"):
        for _ in range(20):
            with pytest.raises(ValueError, match="no"):
                _leave(["inner"], ValueError("no"))
            try:
                raise ValueError("no")
            except ValueError as error:
                record_error("caught", error)
    assert len(_errors(records)) == 40
    assert all("stack_trace" in error["error"] for error in _errors(records))


def test_an_error_that_was_recorded_in_the_span_itself_is_referred_to(recording: Recording) -> None:
    """A job that records what it has caught, and raises it again, gets it in full once."""
    with recording() as records, pytest.raises(ValueError, match="no"), timed_span("work"):
        try:
            raise ValueError("no")
        except ValueError as error:
            record_error("caught", error)
            raise
    first, second = _errors(records)
    assert second["attributes"] == {"one_logger.error_span_id": first["span_id"]}


def test_an_exception_in_a_filtered_span_stands_in_full_in_the_nearest_exported_one(recording: Recording) -> None:
    """What a span refers to is exported."""
    with recording(SpanFilter(exclude=["inner"])) as records, pytest.raises(ValueError, match="no"):
        _leave(["outer", "middle", "inner"], ValueError("no"))
    exported = {record["span_id"] for record in records if record["type"] in ("start", "complete")}
    errors = _errors(records)
    assert "stack_trace" in errors[0]["error"]
    for error in errors:
        assert error.get("attributes", {}).get("one_logger.error_span_id", error["span_id"]) in exported


def test_caught_deep_recursions_lose_nothing() -> None:
    """An exception that leaves hundreds of spans costs little more than one that leaves one."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter])
    with configured(OneLoggerConfig("app"), recorder):
        for _ in range(20):
            with pytest.raises(ValueError, match="no"):
                _leave([str(number) for number in range(200)], ValueError("no"))
        assert recorder.close(timeout=30)
    assert verify(exporter.records)[0].whole
    assert sum("stack_trace" in error["error"] for error in _errors(exporter.records)) == 20


def test_messages_are_cut(recording: Recording) -> None:
    """A message of megabytes is cut, in whatever field it stands, and that is said."""
    text = "x" * 20_000_000
    with recording() as records, pytest.raises(ValueError, match="x"), timed_span("work"):
        record_error(text)
        raise ValueError(text)
    for error in _errors(records):
        for value in error["error"].values():
            assert len(value) < 400_000
    (recorded, raised) = _errors(records)
    assert recorded["error"]["message"].endswith("... (cut here, of 20,000,000 characters)")
    assert raised["error"]["exception_message"].endswith("... (cut here, of 20,000,000 characters)")
