"""OpenTelemetry's SDK, with its own batch processor and its own exporter for files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable

from opentelemetry import trace
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from tools.bench.contenders.contender import KIND, TEN_ATTRIBUTES, Shapes, WideSpans

EVERYTHING_FITS = 2**20
"""How many spans the queue holds: more than any benchmark makes before it flushes, so that none is dropped."""


class Recording(WideSpans):
    """A provider with a batch processor."""

    @abstractmethod
    def exporter(self) -> SpanExporter:
        """Where to export to."""

    def configure(self) -> None:
        """Set the provider up, and get a tracer."""
        self._provider = TracerProvider(resource=Resource.create({"service.name": "benchmark"}), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(self.exporter(), max_queue_size=EVERYTHING_FITS))
        trace.set_tracer_provider(self._provider)
        self.tracer = trace.get_tracer("benchmark")

    def flush(self) -> None:
        """Wait until everything is delivered."""
        if not self._provider.force_flush(120_000):
            raise SystemExit("The SDK hasn't delivered everything.")

    def close(self, timeout: float) -> bool:
        """Shut the provider down. It takes no timeout, and says nothing."""
        self._provider.shutdown()
        return True

    def spans_with_10_attributes(self, steps: Iterable[int]) -> None:
        """Make a span with ten attributes for each step."""
        tracer = self.tracer
        for _ in steps:
            with tracer.start_as_current_span("work", attributes=TEN_ATTRIBUTES):
                pass

    def spans(self, steps: Iterable[int]) -> None:
        """Make a span with two attributes for each step."""
        tracer = self.tracer
        for step in steps:
            with tracer.start_as_current_span("work", attributes={"step": step, "kind": KIND}):
                pass


class ToFile(Recording, Shapes):
    """Its exporter for OTLP in files, which takes less time than its console exporter writing to a file."""

    def exporter(self) -> SpanExporter:
        """The file."""
        return FileSpanExporter(self.file)

    def spans_on_disk(self) -> int:
        """How many spans the file has. A line has many of them."""
        return self.file.read_bytes().count(b'"startTimeUnixNano"')

    def events(self, steps: Iterable[int]) -> None:
        """Add an event with two attributes for each step to a span, which keeps the last 128 of them."""
        with self.tracer.start_as_current_span("work") as span:
            for step in steps:
                span.add_event("step", {"step": step, "kind": KIND})

    def spans_without_attributes(self, steps: Iterable[int]) -> None:
        """Make a span without attributes for each step."""
        tracer = self.tracer
        for _ in steps:
            with tracer.start_as_current_span("work"):
                pass

    def nested_spans(self, steps: Iterable[int]) -> None:
        """Make four spans, one in the other, for each step."""
        start = self.tracer.start_as_current_span
        for step in steps:
            with (
                start("work", attributes={"step": step, "kind": KIND}),
                start("work", attributes={"step": step, "kind": KIND}),
                start("work", attributes={"step": step, "kind": KIND}),
                start("work", attributes={"step": step, "kind": KIND}),
            ):
                pass

    async def async_spans(self, steps: Iterable[int], switch: Callable[[], Awaitable[None]]) -> None:
        """Make a span for each step, and let other tasks run inside it."""
        tracer = self.tracer
        for step in steps:
            with tracer.start_as_current_span("work", attributes={"step": step, "kind": KIND}):
                await switch()

    def errors(self, steps: Iterable[int], error: Exception) -> None:
        """Record an exception for each step, all in one span."""
        with self.tracer.start_as_current_span("work") as span:
            for _ in steps:
                span.record_exception(error)
