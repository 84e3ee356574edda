"""one-logger with the exporter for OpenTelemetry, over HTTP."""

from __future__ import annotations

from one_logger.core import Exporter
from one_logger.exporter.otel import OTelExporter
from tools.bench.contenders.one_logger import Recording


class ToCollector(Recording):
    """The exporter `otel`, with a collector at the endpoint."""

    def exporters(self) -> list[Exporter]:
        """The collector."""
        return [OTelExporter(endpoint=self.endpoint)]
