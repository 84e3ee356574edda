"""The exporter keeps the contract of exporters."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from one_logger.core import Exporter
from one_logger.core.testing import Exported, ExporterContract
from one_logger.exporter.otel import OTelExporter


class TestSpans(ExporterContract):
    """With the events in the spans."""

    @pytest.fixture(autouse=True)
    def _backend(self) -> None:
        self._spans = InMemorySpanExporter()

    def make_exporter(self) -> Exporter:
        """Make one that keeps spans in memory."""
        return OTelExporter(self._spans)

    def exported(self, exporter: Exporter) -> list[Exported]:
        """Look at the spans and their events."""
        arrived: list[Exported] = []
        for span in self._spans.get_finished_spans():
            if span.name == "telemetry_data_error":
                arrived.append((span.name, span.status.description or ""))
                continue
            arrived.append(("span", span.name))
            for event in span.events:
                if event.name == "exception":
                    arrived.append(("error", str((event.attributes or {})["error.message"])))
                elif event.name not in ("span_start", "span_stop"):
                    arrived.append(("event", event.name))
        return arrived

    def program(self) -> str:
        """Make one that keeps spans in memory."""
        return (
            "from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter\n"
            "from one_logger.exporter.otel import OTelExporter\n"
            "exporter = OTelExporter(InMemorySpanExporter())\n"
        )


class TestLogs(ExporterContract):
    """With the events in the log."""

    @pytest.fixture(autouse=True)
    def _backend(self) -> None:
        self._spans = InMemorySpanExporter()
        self._logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]

    def make_exporter(self) -> Exporter:
        """Make one that keeps spans and log records in memory."""
        return OTelExporter(self._spans, log_exporter=self._logs, events="log")

    def exported(self, exporter: Exporter) -> list[Exported]:
        """Look at the spans and the log records."""
        spans = [span.name for span in self._spans.get_finished_spans()]
        arrived: list[Exported] = [("span", name) for name in spans if name != "telemetry_data_error"]
        for readable in self._logs.get_finished_logs():
            record = readable.log_record
            if record.event_name == "exception":
                arrived.append(("error", str(record.body)))
            elif record.event_name == "telemetry_data_error":
                arrived.append(("telemetry_data_error", str(record.body)))
            elif record.event_name != "span_start":
                arrived.append(("event", str(record.event_name)))
        return arrived

    def program(self) -> str:
        """Make one that keeps spans and log records in memory."""
        return (
            "from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter\n"
            "from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter\n"
            "from one_logger.exporter.otel import OTelExporter\n"
            "exporter = OTelExporter(\n"
            "    InMemorySpanExporter(), log_exporter=InMemoryLogRecordExporter(), events='log'\n"
            ")\n"
        )


class RealCollector(ExporterContract):
    """With a real collector between the exporter and where one looks."""

    protocol: Literal["http/protobuf", "grpc"]

    @pytest.fixture(autouse=True)
    def _backend(self, collector: Any) -> None:
        self._collector = collector
        collector.settle()
        self._before = len(collector.spans)

    def make_exporter(self) -> Exporter:
        """Make one that sends to the collector."""
        return OTelExporter(endpoint=self._collector.endpoint(self.protocol), protocol=self.protocol)

    def exported(self, exporter: Exporter) -> list[Exported]:
        """Look at what the collector has written."""
        self._collector.settle()
        arrived: list[Exported] = []
        for span in self._collector.spans[self._before :]:
            if span["resource"]["service.name"] != "contract":
                continue
            if span["name"] == "telemetry_data_error":
                arrived.append((span["name"], span["status"]["message"]))
                continue
            arrived.append(("span", span["name"]))
            for event in span["events"]:
                if event["name"] == "exception":
                    (message,) = (a["value"] for a in event["attributes"] if a["key"] == "error.message")
                    arrived.append(("error", message["stringValue"]))
                elif event["name"] not in ("span_start", "span_stop"):
                    arrived.append(("event", event["name"]))
        return arrived

    def program(self) -> str:
        """Make one that looks up the name of the collector's host."""
        endpoint = self._collector.endpoint(self.protocol).replace("127.0.0.1", "localhost")
        return (
            "from one_logger.exporter.otel import OTelExporter\n"
            f"exporter = OTelExporter(endpoint={endpoint!r}, protocol={self.protocol!r})\n"
        )


class TestHttp(RealCollector):
    """Over HTTP."""

    protocol = "http/protobuf"


class TestGrpc(RealCollector):
    """Over gRPC."""

    protocol = "grpc"
