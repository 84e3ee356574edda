"""What a recorder says of the threads of the job."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from one_logger.api import OneLoggerConfig, carry_context, record_error, timed_span
from one_logger.api.testing import configured
from one_logger.core import Event, read_spans
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ProcessedExporter, SpanFilter, Summarizer


def test_threads_of_a_pool_are_named_after_they_have_ended() -> None:
    """Spans of a pool have their thread's number and name, also if the pool is gone when they are exported."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], flush_interval=3_600)

    def load(step: int) -> str:
        with timed_span(f"load {step}"):
            return threading.current_thread().name

    with configured(OneLoggerConfig("app"), recorder):
        with timed_span("epoch"), ThreadPoolExecutor(3, "loader") as pool:
            names = dict(enumerate(pool.map(carry_context(load), range(50))))
        recorder.flush()
    recorder.close()
    spans = {span.name: span.thread_name for span in read_spans(exporter.records)}
    assert spans == {"epoch": None} | {f"load {step}": name for step, name in names.items()}
    named = [record["name"] for record in exporter.records if record["type"] == "thread"]
    assert sorted(named) == sorted(set(names.values()))


def test_threads_of_the_library_are_left_out() -> None:
    """What processors make in an exporter's own thread is of no thread; an error that they move keeps its own."""
    exporter = InMemoryExporter()
    processors = [SpanFilter(exclude="hidden"), Summarizer("step", attribute="loss")]
    recorder = DefaultRecorder([ProcessedExporter(exporter, processors)])

    def fail() -> None:
        with timed_span("hidden"):
            record_error("it failed")

    with configured(OneLoggerConfig("app"), recorder):
        with timed_span("work") as work:
            recorder.event(work, Event("step", {"loss": 1.0}))
        thread = threading.Thread(target=fail, name="loader")
        thread.start()
        thread.join()
    recorder.close()
    kinds = {(record["type"], record.get("name"), "thread" in record) for record in exporter.records}
    assert ("thread", "loader", True) in kinds
    assert ("error", "exception", True) in kinds
    assert {kind for kind in kinds if kind[0] == "event"} == {
        ("event", "step", False),
        ("event", "step stats update", False),
    }
