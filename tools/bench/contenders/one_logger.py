"""one-logger: unconfigured, and with a file."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from one_logger.api import OneLoggerConfig, OneLoggerProvider, get_recorder, record_error, record_event, timed_span
from one_logger.core import Exporter, Resource
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder, ExporterStats, configure
from tools.bench.contenders.contender import KIND, TEN_ATTRIBUTES, Shapes, Spans, WideSpans

EVERYTHING_FITS = {"queue_capacity": 2**30, "queue_bytes": 2**50}
"""Settings with which nothing is dropped however fast a benchmark records: OpenTelemetry's queue is made so, too."""


class Unconfigured(Spans):
    """The facade in an application that doesn't configure it."""

    def configure(self) -> None:
        """Do nothing."""

    def close(self, timeout: float) -> bool:
        """Close the recorder, whichever it is."""
        return get_recorder().close(timeout)

    def flush(self) -> None:
        """Flush the recorder, whichever it is."""
        get_recorder().flush(120)

    def spans(self, steps: Iterable[int]) -> None:
        """Make a span with two attributes for each step."""
        for step in steps:
            with timed_span("work", {"step": step, "kind": KIND}):
                pass


class DisabledRank(Unconfigured):
    """An application that is configured to record on rank 0 only, on another rank."""

    def configure(self) -> None:
        """Configure, with a filter that says no."""
        config = OneLoggerConfig("benchmark", rank=1, enable_for_current_rank=lambda rank: rank == 0)
        OneLoggerProvider.instance().configure(config, DefaultRecorder([FileExporter(self.file)]))


class Recording(Unconfigured, WideSpans):
    """An application that is configured."""

    settings: Mapping[str, Any] = EVERYTHING_FITS

    def exporters(self) -> list[Exporter]:
        """Where to export to."""
        return [FileExporter(self.file)]

    def configure(self) -> None:
        """Configure, with the exporters."""
        recorder = DefaultRecorder(self.exporters(), **self.settings)
        OneLoggerProvider.instance().configure(OneLoggerConfig("benchmark"), recorder)

    def spans_with_10_attributes(self, steps: Iterable[int]) -> None:
        """Make a span with ten attributes for each step."""
        for _ in steps:
            with timed_span("work", TEN_ATTRIBUTES):
                pass

    def events(self, steps: Iterable[int]) -> None:
        """Record an event with two attributes for each step, all in one span."""
        with timed_span("work"):
            for step in steps:
                record_event("step", {"step": step, "kind": KIND})

    def dropped(self) -> int:
        """How many records were dropped."""
        return sum(stats.dropped for stats in self._stats())

    def pending(self) -> int:
        """How many records are queued."""
        return sum(stats.pending for stats in self._stats())

    def _stats(self) -> Iterable[ExporterStats]:
        return get_recorder().stats().values()


class ToFile(Recording, Shapes):
    """The exporter `file`."""

    def spans_on_disk(self) -> int:
        """How many spans the file has, written as one record or as two."""
        content = self.file.read_bytes()
        return content.count(b'"type":"complete"') + content.count(b'"type":"stop"')

    def spans_without_attributes(self, steps: Iterable[int]) -> None:
        """Make a span without attributes for each step."""
        for _ in steps:
            with timed_span("work"):
                pass

    def nested_spans(self, steps: Iterable[int]) -> None:
        """Make four spans, one in the other, for each step."""
        for step in steps:
            with (
                timed_span("work", {"step": step, "kind": KIND}),
                timed_span("work", {"step": step, "kind": KIND}),
                timed_span("work", {"step": step, "kind": KIND}),
                timed_span("work", {"step": step, "kind": KIND}),
            ):
                pass

    async def async_spans(self, steps: Iterable[int], switch: Callable[[], Awaitable[None]]) -> None:
        """Make a span for each step, and let other tasks run inside it."""
        for step in steps:
            async with timed_span("work", {"step": step, "kind": KIND}):
                await switch()

    def errors(self, steps: Iterable[int], error: Exception) -> None:
        """Record an exception for each step, all in one span."""
        with timed_span("work"):
            for _ in steps:
                record_error("It failed.", error)


class ToCompressedFile(ToFile):
    """The exporter `file`, which compresses."""

    def exporters(self) -> list[Exporter]:
        """Where to export to."""
        return [FileExporter(self.file, compression="gzip")]

    def spans_on_disk(self) -> int:
        """How many spans the file has, written as one record or as two."""
        content = gzip.decompress(self.file.read_bytes())
        return content.count(b'"type":"complete"') + content.count(b'"type":"stop"')


class ToFileByDefault(ToFile):
    """The same as an application gets it that sets nothing."""

    settings: Mapping[str, Any] = {}


class ToFileAndWait(ToFile):
    """The same for a job that waits while the queue is full rather than losing records."""

    settings: Mapping[str, Any] = {"overflow": "block", "block_timeout": 60}


class ToFileInALine(ToFile):
    """The same by the one line that leaves the exporters to whoever runs the job."""

    def configure(self) -> None:
        """Configure, with what could also stand in a file."""
        configure(application_name="benchmark", exporters=[{"type": "file", "config": {"file_path": str(self.file)}}])


class ToTwoFiles(ToFile):
    """Two exporters."""

    def exporters(self) -> list[Exporter]:
        """Two files."""
        return [FileExporter(self.file), FileExporter(self.file.with_suffix(".second"))]


class ToFullDisk(ToFileByDefault):
    """An exporter that fails: the device it writes to is full."""

    def exporters(self) -> list[Exporter]:
        """Linux' device that is always full."""
        return [FileExporter("/dev/full")]


class GatedFileExporter(FileExporter):
    """A file that can't be opened before the gate is."""

    gate = threading.Event()

    def open(self, resource: Resource) -> None:
        """Wait, and open the file."""
        self.gate.wait()
        super().open(resource)


class ToGatedFile(ToFileByDefault):
    """An exporter that lets the queue become full."""

    def exporters(self) -> list[Exporter]:
        """A file that opens when it is told."""
        return [GatedFileExporter(self.file)]
