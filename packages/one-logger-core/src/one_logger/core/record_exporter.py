"""What exporters that write records have in common: life cycle, numbering, buffer."""

from __future__ import annotations

from abc import abstractmethod

from one_logger.core._json import attributes_encoder
from one_logger.core.errors import ExportError
from one_logger.core.event import ErrorEvent, Event, TelemetryDataError
from one_logger.core.exporter import Exporter
from one_logger.core.record import RecordEncoder
from one_logger.core.resource import Resource
from one_logger.core.span import Span


class RecordExporter(Exporter):
    """An exporter that writes records, version 1, as lines of JSON.

    A subclass says where the lines go: `open`, `write`, `release`, `forget`.
    """

    def __init__(self) -> None:
        self._attributes = attributes_encoder()
        self._encoder: RecordEncoder | None = None
        self._stream: str | None = None
        self._lines: list[str] = []
        self._telling = 0  # how many missing records are reported in `_lines`
        self._closed = False

    @abstractmethod
    def open(self, resource: Resource) -> None:
        """Get ready to write.

        Args:
            resource: Who produces the telemetry.

        Raises:
            ExportError: It cannot be written to. `open` may be called again.
        """

    @abstractmethod
    def write(self, lines: list[str]) -> None:
        """Write `lines`, each of which ends in a line feed, and remove from the list what was written.

        Raises:
            ExportError: Not all was written. If it is retriable, what is left in the list will be written next time.
        """

    @abstractmethod
    def release(self) -> None:
        """Give back what `open` took. Is called once, also after a failure."""

    @abstractmethod
    def forget(self) -> None:
        """Drop what `open` took, in a forked child: neither write nor close."""

    @property
    def stream(self) -> str:
        """The id of the stream that is being written, or was written last.

        Raises:
            ExportError: No stream was begun.
        """
        if self._stream is None:
            raise ExportError(f"A {type(self).__name__} has no stream before initialize().")
        return self._stream

    def initialize(self, resource: Resource) -> None:
        """Begin a stream with its `resource` record."""
        if self._encoder is not None:
            raise ExportError(f"initialize() was called on a {type(self).__name__} that is initialised already.")
        if self._closed:
            raise ExportError(f"initialize() was called on a closed {type(self).__name__}; make a new one.")
        self.open(resource)
        self._encoder = RecordEncoder(resource, self._attributes)
        self._stream = self._encoder.stream
        self._lines = [self._encoder.resource()]

    def export_start(self, span: Span) -> None:
        """Buffer a `start` record, or `complete` if the span has stopped."""
        if self._encoder is None:
            raise self._misused("export_start")
        self._lines.append(self._encoder.start(span))

    def export_stop(self, span: Span) -> None:
        """Buffer a `stop` record, if the span is not `complete` already."""
        if self._encoder is None:
            raise self._misused("export_stop")
        line = self._encoder.stop(span)
        if line:
            self._lines.append(line)

    def export_event(self, event: Event, span: Span) -> None:
        """Buffer an `event` record."""
        if self._encoder is None:
            raise self._misused("export_event")
        self._lines.append(self._encoder.event(event, span))

    def export_error(self, event: ErrorEvent, span: Span) -> None:
        """Buffer an `error` record."""
        if self._encoder is None:
            raise self._misused("export_error")
        self._lines.append(self._encoder.error(event, span))

    def export_telemetry_data_error(self, error: TelemetryDataError) -> None:
        """Buffer a `telemetry_data_error` record."""
        if self._encoder is None:
            raise self._misused("export_telemetry_data_error")
        self._lines.append(self._encoder.telemetry_data_error(error))
        self._telling += error.dropped

    def flush(self) -> None:
        """Write what is buffered."""
        if self._encoder is None:
            raise self._misused("flush")
        self._write()

    def after_fork(self) -> None:
        """Forget buffer, stream and handles."""
        self._encoder = None
        self._stream = None
        self._lines = []
        self._telling = 0
        self._closed = False
        self.forget()

    def close(self) -> None:
        """Write what is buffered and an `end` record, and release the handles."""
        encoder, self._encoder, self._closed = self._encoder, None, True
        if encoder is None:
            return
        try:
            self._lines.append(encoder.end())
            self._write()
        except ExportError as error:
            # Nothing is kept for another attempt now.
            raise ExportError(str(error), lost=error.lost) from error
        finally:
            self._lines = []
            self.release()

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
        """Forget what is buffered; a report of missing records in it will be repeated, and is not to count twice."""
        lost, self._lines = self._lines, []
        if self._encoder is not None:
            self._encoder.lost(len(lost))
            self._encoder.dropped -= self._telling
        self._telling = 0

    def _misused(self, method: str) -> ExportError:
        return ExportError(
            f"{method}() was called on a {type(self).__name__} that "
            + ("is closed." if self._closed else "is not initialised; call initialize() first.")
        )
