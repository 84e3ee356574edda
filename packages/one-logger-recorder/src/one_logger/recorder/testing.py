"""For the tests of instrumented code: what it records is there at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from one_logger.api import OneLoggerConfig
from one_logger.api.testing import configured
from one_logger.core import RecordExporter, Resource, read_records
from one_logger.recorder.default_recorder import DefaultRecorder
from one_logger.recorder.processors.processor import Processor

__all__ = ["RecordedTelemetry", "recorded_telemetry"]


class RecordedTelemetry:
    """What was recorded so far.

    Attributes:
        records: The records, in the order in which they were recorded: see `one_logger.core.record_schema()`.
    """

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []


class _Keeper(RecordExporter):
    """Keeps records where a test looks at them."""

    def __init__(self, telemetry: RecordedTelemetry) -> None:
        super().__init__()
        self._telemetry = telemetry

    def open(self, resource: Resource) -> None:
        """Do nothing."""

    def write(self, lines: list[str]) -> None:
        """Keep the records that a file would give back."""
        self._telemetry.records.extend(read_records(lines))
        lines.clear()

    def release(self) -> None:
        """Do nothing: the records stay."""

    def forget(self) -> None:
        """Drop the records of the parent process, in a forked child."""
        self._telemetry.records.clear()


@contextmanager
def recorded_telemetry(
    config: OneLoggerConfig | None = None, *, processors: Sequence[Processor] = ()
) -> Iterator[RecordedTelemetry]:
    """Configure the process for the length of a block, and keep what is recorded in it.

    Each call of the instrumented code exports what it records, so nothing is to be waited for: in the block, in an open
    span, and after the block, all that was recorded so far is there. Whatever the process was configured with before
    is back after the block.

    Args:
        config: The configuration. None: one for an application called `tests`.
        processors: What spans and events go through first, as in the application.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """
    telemetry = RecordedTelemetry()
    recorder = DefaultRecorder([_Keeper(telemetry)], processors=processors, delivery="inline")
    with configured(OneLoggerConfig("tests") if config is None else config, recorder):
        yield telemetry
