"""Spans, events and errors for OpenTelemetry: to a collector over OTLP, or to any `SpanExporter`."""

from one_logger.exporter.otel.context_bridge import OTelContextBridge
from one_logger.exporter.otel.otel_exporter import OTelExporter

__all__ = ["OTelContextBridge", "OTelExporter"]
