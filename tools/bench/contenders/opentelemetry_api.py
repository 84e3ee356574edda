"""OpenTelemetry's API in a process where no SDK is set up."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry import trace

from tools.bench.contenders.contender import KIND, Spans


class Unconfigured(Spans):
    """The tracer of the API's default provider, got once, as a library would."""

    def configure(self) -> None:
        """Get the tracer."""
        self.tracer = trace.get_tracer("benchmark")

    def close(self, timeout: float) -> bool:
        """Do nothing."""
        return True

    def spans(self, steps: Iterable[int]) -> None:
        """Make a span with two attributes for each step."""
        tracer = self.tracer
        for step in steps:
            with tracer.start_as_current_span("work", attributes={"step": step, "kind": KIND}):
                pass
