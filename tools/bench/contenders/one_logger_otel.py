"""one-logger with the exporter for OpenTelemetry."""

from __future__ import annotations

from typing import Literal

from one_logger.core import Exporter
from one_logger.exporter.otel import OTelExporter
from tools.bench.contenders.one_logger import Recording


class ToCollector(Recording):
    """The exporter `otel`, with a collector at the endpoint, over HTTP."""

    protocol: Literal["http/protobuf", "grpc"] = "http/protobuf"

    def exporters(self) -> list[Exporter]:
        """The collector."""
        return [OTelExporter(endpoint=self.endpoint, protocol=self.protocol)]


class ToCollectorByGrpc(ToCollector):
    """The same over gRPC."""

    protocol = "grpc"
