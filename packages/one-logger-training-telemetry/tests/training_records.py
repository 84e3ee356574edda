"""A process that is configured for a test of a training, and what it recorded, to be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from one_logger.api import OneLoggerConfig, OneLoggerErrorHandlingStrategy
from one_logger.recorder.testing import RecordedTelemetry, recorded_telemetry
from one_logger.training_telemetry import (
    TrainingTelemetryConfig,
    configure_training,
    on_training_single_iteration_end,
    on_training_single_iteration_start,
)

START = 1_700_000_000_000.0
SECOND = 1_000
"""In milliseconds, as callbacks take times."""


def iterate(times: list[float], start: float = START) -> float:
    """Iterations that take so many seconds each, one after the other. When the last one ended, in milliseconds."""
    for seconds in times:
        on_training_single_iteration_start(start)
        start += seconds * SECOND
        on_training_single_iteration_end(start)
    return start


class Recorded:
    """What was recorded so far."""

    def __init__(self, telemetry: RecordedTelemetry) -> None:
        self._telemetry = telemetry

    @property
    def records(self) -> list[dict[str, Any]]:
        return self._telemetry.records

    def events(self, name: str) -> list[dict[str, Any]]:
        """The attributes of the events of a name."""
        return [record["attributes"] for record in self.records if record["type"] == "event" and record["name"] == name]

    def spans(self, name: str) -> list[dict[str, Any]]:
        """The spans of a name that have ended, each with its start and stop together."""
        starts = {record["span_id"]: record for record in self.records if record["type"] == "start"}
        stops = [record for record in self.records if record["type"] in ("stop", "complete")]
        return [starts.get(stop["span_id"], {}) | stop for stop in stops if stop["name"] == name]

    def span(self, name: str) -> dict[str, Any]:
        """The one span of a name."""
        [span] = self.spans(name)
        return span

    def errors(self, name: str) -> list[str]:
        """The types of the errors of the spans of a name."""
        ids = {record["span_id"] for record in self.records if record.get("name") == name and record["type"] == "start"}
        errors = [record for record in self.records if record["type"] == "error"]
        return [record["error"]["exception_type"] for record in errors if record["span_id"] in ids]

    def mistakes(self) -> list[str]:
        """What telemetry errors have said."""
        return [record["message"] for record in self.records if record["type"] == "telemetry_data_error"]

    def parent(self, span: dict[str, Any]) -> str | None:
        """The name of a span's parent."""
        names = {record["span_id"]: record["name"] for record in self.records if record["type"] == "start"}
        return names.get(span.get("parent_span_id", ""))


@contextmanager
def configured(strategy: str = "REPORT_METRIC_ERROR_AND_CONTINUE", **training: Any) -> Iterator[Recorded]:
    """Configure the process and its training for a block.

    Args:
        strategy: How telemetry errors are handled.
        training: The arguments of `TrainingTelemetryConfig`.
    """
    config = OneLoggerConfig(
        "tests", session_tag="s", world_size=2, rank=0, error_handling_strategy=OneLoggerErrorHandlingStrategy[strategy]
    )
    configure_training(TrainingTelemetryConfig(**training))
    with recorded_telemetry(config) as telemetry:
        yield Recorded(telemetry)
    configure_training(TrainingTelemetryConfig())
