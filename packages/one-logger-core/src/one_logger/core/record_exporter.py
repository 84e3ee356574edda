"""What exporters that write records have in common: numbering and a buffer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from one_logger.core._json import attributes_encoder
from one_logger.core.base_exporter import BaseExporter
from one_logger.core.errors import ExportError
from one_logger.core.event import ErrorEvent, Event, TelemetryDataError
from one_logger.core.record import RecordEncoder
from one_logger.core.resource import Resource
from one_logger.core.span import Span
from one_logger.core.thread import ThreadInfo


class RecordExporter(BaseExporter):
    """An exporter that writes records, version 1, as lines of JSON.

    A subclass says where the lines go: `open`, `write`, `release`, `forget`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._attributes = attributes_encoder()
        self._encoder: RecordEncoder | None = None  # while it is open
        self._stream: str | None = None
        self._lines: list[str] = []
        self._telling = 0  # how many missing records are reported in `_lines`

    @abstractmethod
    def write(self, lines: list[str]) -> None:
        """Write `lines`, each of which ends in a line feed, and remove from the list what was written.

        Raises:
            ExportError: Not all was written. If it is retriable, what is left in the list will be written next time.
        """

    @property
    def stream(self) -> str:
        """The id of the stream that is being written, or was written last.

        Raises:
            ExportError: No stream was begun.
        """
        if self._stream is None:
            raise ExportError(f"A {type(self).__name__} has no stream before initialize().")
        return self._stream

    @staticmethod
    def records_in(lines: Sequence[str]) -> int:
        """How many records `lines` are, for the `lost` of an `ExportError`: a `complete` line counts twice."""
        return RecordEncoder.records_in(lines)

    def initialize(self, resource: Resource) -> None:
        """Begin a stream with its `resource` record."""
        super().initialize(resource)
        self._encoder = RecordEncoder(resource, self._attributes)
        self._stream = self._encoder.stream
        self._lines = [self._encoder.resource()]

    def export_start(self, span: Span) -> None:
        """Buffer a `start` record, or `complete` if the span has stopped."""
        encoder = self._encoder or self._opened("export_start")
        if span.thread is not None:
            self._name(span.thread, encoder)
        self._lines.append(encoder.start(span))

    def export_stop(self, span: Span) -> None:
        """Buffer a `stop` record, if the span is not `complete` already."""
        line = (self._encoder or self._opened("export_stop")).stop(span)
        if line:
            self._lines.append(line)

    def export_complete(self, span: Span) -> None:
        """Buffer a `complete` record."""
        encoder = self._encoder or self._opened("export_complete")
        if span.thread is not None:
            self._name(span.thread, encoder)
        self._lines.append(encoder.complete(span))

    def export_event(self, event: Event, span: Span) -> None:
        """Buffer an `event` record."""
        encoder = self._encoder or self._opened("export_event")
        if event.thread is not None:
            self._name(event.thread, encoder)
        self._lines.append(encoder.event(event, span))

    def export_error(self, event: ErrorEvent, span: Span) -> None:
        """Buffer an `error` record."""
        encoder = self._encoder or self._opened("export_error")
        if event.thread is not None:
            self._name(event.thread, encoder)
        self._lines.append(encoder.error(event, span))

    def export_telemetry_data_error(self, error: TelemetryDataError) -> None:
        """Buffer a `telemetry_data_error` record."""
        encoder = self._encoder or self._opened("export_telemetry_data_error")
        self._lines.append(encoder.telemetry_data_error(error))
        self._telling += error.dropped

    def export_alive(self) -> None:
        """Buffer an `alive` record."""
        self._lines.append((self._encoder or self._opened("export_alive")).alive())

    def flush(self) -> None:
        """Write what is buffered."""
        self.check_open("flush")
        self._write()

    def after_fork(self) -> None:
        """Forget buffer, stream and handles."""
        self._encoder = None
        self._stream = None
        self._lines = []
        self._telling = 0
        super().after_fork()

    def finish(self) -> None:
        """Write what is buffered and an `end` record."""
        encoder, self._encoder = self._opened("close"), None
        try:
            self._lines.append(encoder.end(self.close_reason))
            self._write()
        except ExportError as error:
            # Nothing is kept for another attempt now.
            raise ExportError(str(error), lost=error.lost) from error
        finally:
            self._lines = []

    def _name(self, thread: ThreadInfo, encoder: RecordEncoder) -> None:
        """Buffer a `thread` record, before the first record that has the number of the thread."""
        line = encoder.thread(thread)
        if line:
            self._lines.append(line)

    def _opened(self, method: str) -> RecordEncoder:
        if self._encoder is None:
            raise self.misused(method)
        return self._encoder

    def _write(self) -> None:
        if not self._lines:
            return
        try:
            self.write(self._lines)
        except ExportError as error:
            if not error.retriable:
                self._lose()
            raise
        except BaseException:
            self._lose()
            raise
        self._telling = 0

    def _lose(self) -> None:
        """Clear the buffer, and uncount its report of missing records, which is sent again."""
        lost, self._lines = self._lines, []
        if self._encoder is not None:
            self._encoder.lost(len(lost))
            self._encoder.dropped -= self._telling
            self._encoder.name_threads_again()
        self._telling = 0
