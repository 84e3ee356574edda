"""OpenTelemetry's SDK, with its own batch processor and its own exporters for OTLP."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExporter

from tools.bench.contenders.opentelemetry_sdk import Recording


class ToCollector(Recording):
    """A collector at the endpoint, over HTTP."""

    def exporter(self) -> SpanExporter:
        """The collector."""
        return OTLPSpanExporter(endpoint=f"{self.endpoint}/v1/traces")


class ToCollectorByGrpc(Recording):
    """The same over gRPC."""

    def exporter(self) -> SpanExporter:
        """The collector."""
        return GrpcSpanExporter(endpoint=self.endpoint)
