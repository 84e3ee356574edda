"""The application's own OpenTelemetry set-up, and ours, do not notice each other."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from one_logger.api import OneLoggerConfig, timed_span
from one_logger.api.testing import configured
from one_logger.core import ExportError, Resource, Span
from one_logger.exporter.otel import OTelExporter
from one_logger.recorder import DefaultRecorder

BEFORE_AND_AFTER = """
import logging, os, sys, threading
from opentelemetry import context, propagate, trace, _logs, metrics
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

if sys.argv[1] == "set up":
    theirs = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(theirs))
    trace.set_tracer_provider(provider)

def state():
    loggers = {n: (l.level, l.propagate, list(l.handlers), list(l.filters), l.disabled)
               for n, l in logging.root.manager.loggerDict.items() if isinstance(l, logging.Logger)}
    return (trace.get_tracer_provider(), _logs.get_logger_provider(), metrics.get_meter_provider(),
            propagate.get_global_textmap(), context.get_current(), dict(os.environ), list(logging.root.handlers),
            logging.root.level, loggers)

before = state()
from one_logger.api import OneLoggerConfig, configure_one_logger, timed_span
from one_logger.exporter.otel import OTelExporter
from one_logger.recorder import DefaultRecorder
ours = InMemorySpanExporter()
recorder = DefaultRecorder([OTelExporter(ours), OTelExporter(endpoint="http://127.0.0.1:9")])
configure_one_logger(OneLoggerConfig("app"), recorder)
with timed_span("ours"):
    during = context.get_current()
recorder.close(1)
for thread in threading.enumerate():
    if thread.name.startswith("one-logger"):
        thread.join()
after = state()
assert during == before[4]
assert after[:-1] == before[:-1], (before, after)
assert {name: after[-1][name] for name in before[-1]} == before[-1]
for name, (level, _, handlers, filters, disabled) in after[-1].items():
    handlers = [handler for handler in handlers if not isinstance(handler, logging.NullHandler)]
    assert not (level or handlers or disabled), name
    assert not any(type(each).__module__.startswith("one_logger") for each in filters), name
assert [span.name for span in ours.get_finished_spans()] == ["ours"]
assert sys.argv[1] != "set up" or theirs.get_finished_spans() == ()
"""


@pytest.mark.parametrize("own", ["set up", "not set up"])
def test_nothing_of_theirs_changes(own: str) -> None:
    """Providers, propagators, context, environment and loggers are the same after a run of ours, set up or not."""
    command = [sys.executable, "-c", BEFORE_AND_AFTER, own]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_their_spans_are_not_parents_of_ours_nor_ours_of_theirs(in_memory: Callable[..., Any]) -> None:
    """Within a span of ours theirs is a root, and the other way round, and each gets to its own exporter only."""
    ours, theirs = in_memory().spans, InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(theirs))
    tracer = provider.get_tracer("theirs")
    recorder = DefaultRecorder([OTelExporter(ours)])
    with configured(OneLoggerConfig("tests"), recorder):
        with timed_span("ours"), tracer.start_as_current_span("theirs in ours"):
            pass
        with tracer.start_as_current_span("theirs"), timed_span("ours in theirs"):
            pass
        recorder.close()
    for spans, names in ((ours, ["ours", "ours in theirs"]), (theirs, ["theirs in ours", "theirs"])):
        assert [(span.name, span.parent) for span in spans.get_finished_spans()] == [(name, None) for name in names]


class Instrumented(SpanExporter):
    """An exporter that uses a library which makes spans, unless it is told not to."""

    def __init__(self) -> None:
        self.suppressed: list[bool] = []

    def export(self, spans: Any) -> SpanExportResult:
        """Note what instrumentations would find."""
        self.suppressed.append(bool(context.get_value("suppress_instrumentation")))
        logging.getLogger(__name__).error("It failed, as it always does.")
        return SpanExportResult.FAILURE


def test_exports_are_not_instrumented() -> None:
    """While we export, instrumentations are told to make no spans, and only then."""
    exporter = OTelExporter(given := Instrumented())
    exporter.initialize(Resource.create("tests"))
    exporter.export_stop(Span("work"))
    with pytest.raises(ExportError):
        exporter.flush()
    assert given.suppressed == [True]
    assert context.get_value("suppress_instrumentation") is None
    with pytest.raises(ExportError):
        exporter.close()


def test_exporters_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What an exporter logs while we use it is in our error, not in the log; what it logs for others is in the log."""
    exporter = OTelExporter(Instrumented())
    exporter.initialize(Resource.create("tests"))
    exporter.export_stop(Span("work"))
    for _ in range(5):
        with pytest.raises(ExportError, match="It failed, as it always does") as raised:
            exporter.flush()
        assert raised.value.retriable
    assert caplog.records == []
    Instrumented().export([])
    assert [record.getMessage() for record in caplog.records] == ["It failed, as it always does."]
    with pytest.raises(ExportError):
        exporter.close()
    Instrumented().export([])
    assert len(caplog.records) == 2
    assert logging.getLogger(__name__).filters == []


def test_log_of_other_threads_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """What the application's own exporter logs on another thread, while we export, is in the log."""

    class Busy(Instrumented):
        def export(self, spans: Any) -> SpanExportResult:
            theirs = threading.Thread(target=Instrumented().export, args=([],))
            theirs.start()
            theirs.join()
            return SpanExportResult.SUCCESS

    exporter = OTelExporter(Busy())
    exporter.initialize(Resource.create("tests"))
    exporter.export_stop(Span("work"))
    exporter.close()
    assert len(caplog.records) == 1


def test_an_outage_is_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    """However often a dead collector is tried, there are a few lines in the log, all of them ours."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    exporters = {
        "http": OTelExporter(endpoint=f"http://127.0.0.1:{port}", events="both"),
        "grpc": OTelExporter(endpoint=f"http://127.0.0.1:{port}", protocol="grpc", events="both"),
        "given": OTelExporter(OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}/v1/traces", timeout=0.5)),
    }
    recorder = DefaultRecorder(exporters, max_failures=3)
    with configured(OneLoggerConfig("tests"), recorder):
        for _ in range(5):
            with timed_span("work"):
                pass
            assert not recorder.flush(1)
        assert not recorder.close(1)
    assert min(stats.failures for stats in recorder.stats().values()) >= 3
    by_name = {name: [r for r in caplog.records if f"Exporter {name}" in r.getMessage()] for name in exporters}
    assert all(0 < len(lines) <= 3 for lines in by_name.values()), by_name
    assert {record.name for record in caplog.records} == {"one_logger"}


def test_their_context_is_kept(in_memory: Callable[..., Any]) -> None:
    """Where the exporter is called on the job's own thread, the job's context is what it was."""
    context_of_theirs = trace.SpanContext(1, 2, is_remote=False)
    memory = in_memory()
    with trace.use_span(trace.NonRecordingSpan(context_of_theirs)):
        before = context.get_current()
        memory.exporter.export_stop(Span("work"))
        memory.exporter.flush()
        assert context.get_current() == before
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        assert carrier["traceparent"].startswith("00-00000000000000000000000000000001-0000000000000002")
