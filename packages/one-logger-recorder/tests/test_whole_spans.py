"""A span that has ended by the time it is exported: by one call, where the exporter has it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from one_logger.core import Event, ExportError, Span
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder


class Calls(InMemoryExporter):
    """Notes what it is called for, after it was initialised."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str]] = []

    def export_complete(self, span: Span) -> None:
        """Note it."""
        self.calls.append(("complete", span.name))
        super().export_complete(span)

    def export_event(self, event: Event, span: Span) -> None:
        """Note it."""
        self.calls.append(("event", event.name))
        super().export_event(event, span)


class Parts(Calls):
    """One that looks at each start and stop by itself."""

    def export_start(self, span: Span) -> None:
        """Note it."""
        self.calls.append(("start", span.name))
        super().export_start(span)

    def export_stop(self, span: Span) -> None:
        """Note it."""
        self.calls.append(("stop", span.name))
        super().export_stop(span)


def _recorded(exporter: Calls) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    """The calls and the records of a span in another one, which has an event, too."""
    recorder = DefaultRecorder([exporter], flush_interval=3_600)
    outer = recorder.start("outer")
    inner = recorder.start("inner")
    recorder.stop(inner)
    recorder.event(outer, Event("event"))
    recorder.stop(outer)
    assert recorder.close(30)
    stats = recorder.stats()[type(exporter).__name__]
    assert (stats.recorded, stats.exported, stats.dropped) == (5, 5, 0)
    return exporter.calls, [record for record in exporter.records if "span_id" in record]


def test_a_span_that_nothing_follows_is_exported_by_one_call() -> None:
    """The start and the stop of a span with nothing in between are one call; those of the span around it are two."""
    calls, records = _recorded(Calls())
    assert calls == [("complete", "inner"), ("event", "event")]
    assert [record["type"] for record in records] == ["complete", "complete", "event"]


def test_an_exporter_that_overrides_start_or_stop_gets_each_of_them() -> None:
    """What a subclass does at a start or a stop isn't passed over."""
    calls, records = _recorded(Parts())
    assert calls == [
        *[("start", "outer"), ("start", "inner"), ("stop", "inner")],
        *[("event", "event"), ("stop", "outer")],
    ]
    assert [record["type"] for record in records] == ["complete", "complete", "event"]


def test_so_does_one_that_was_changed_by_hand() -> None:
    """A method that was put into the object itself is called, as in somebody's test."""
    exporter = Calls()
    seen: list[str] = []
    exporter.export_stop = lambda span: seen.append(span.name)  # type: ignore[method-assign]
    recorder = DefaultRecorder([exporter], flush_interval=3_600)
    recorder.stop(recorder.start("work"))
    recorder.close(30)
    assert seen == ["work"]
    assert exporter.calls == []


@pytest.mark.parametrize("error", [ExportError("refused"), OSError("away"), SystemExit()])
def test_a_whole_span_that_is_refused_is_two_lost_records(error: BaseException) -> None:
    """Whatever the call raises, start and stop are lost, the others are not, and the backend is told how many."""

    class Refusing(InMemoryExporter):
        def export_complete(self, span: Span) -> None:
            if span.name == "bad":
                raise error
            super().export_complete(span)

    exporter = Refusing()
    recorder = DefaultRecorder([exporter], flush_interval=3_600)
    for name in ("good", "bad", "good"):
        recorder.stop(recorder.start(name))
    assert not recorder.close(30)
    stats = recorder.stats()["Refusing"]
    assert (stats.recorded, stats.exported, stats.dropped) == (6, 4, 2)
    assert [record["name"] for record in exporter.records if record["type"] == "complete"] == ["good", "good"]
    assert exporter.records[-1]["dropped"] == 2


def test_an_interruption_of_the_job_in_the_call_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no thread to be had, so that `flush` calls the exporter, Ctrl-C goes through, and is counted."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    for name in {"_start_new_thread", "_start_joinable_thread"} & vars(threading).keys():  # it depends on Python
        monkeypatch.setattr(threading, name, refuse)

    class Interrupted(InMemoryExporter):
        def export_complete(self, span: Span) -> None:
            if span.name == "bad":
                raise KeyboardInterrupt
            super().export_complete(span)

    exporter = Interrupted()
    recorder = DefaultRecorder([exporter], flush_interval=3_600)
    for name in ("good", "bad", "good"):
        recorder.stop(recorder.start(name))
    with pytest.raises(KeyboardInterrupt):
        recorder.flush(30)
    assert not recorder.close(30)
    stats = recorder.stats()["Interrupted"]
    assert (stats.recorded, stats.exported, stats.dropped, stats.failures) == (6, 4, 2, 0)
    assert exporter.records[-1]["dropped"] == 2
