"""The interface between the recorder and a backend."""

from __future__ import annotations

from abc import ABC, abstractmethod

from one_logger.core.event import ErrorEvent, Event, TelemetryDataError
from one_logger.core.resource import Resource
from one_logger.core.span import Span


class Exporter(ABC):
    """Carries spans and events to one backend.

    A recorder calls an exporter from one thread only, so an exporter needs no locks. It may block: nobody waits for it.

    The life of an exporter is `initialize`, any number of `export_*` and `flush`, `close`. A call out of this order
    raises `ExportError`, but `close` may be called at any time and again.

    Names, messages and attributes are as the job gave them. They may have halves of surrogate pairs in them, which
    no encoding of text can hold: `one_logger.core.spi.encodable` replaces these. A `RecordExporter` does so by itself.

    `export_*` encodes into a buffer; `flush` exports the buffer. A failure is an `ExportError`. If it is retriable, the
    buffer was kept and `flush` will be called again; if not, what it says is lost, and the buffer is empty.
    """

    runs_inline = False
    """True for an exporter that has to be called on the thread that records, at the moment of recording."""

    events_need_span = False
    """True if events and errors can only be sent inside their finished span.

    If the span of an error is filtered out, the exporter gets the error in a span made for it.
    """

    close_reason = "closed"
    """Why it is closed: `closed` by the application, `exit` of the interpreter, after an `exception` that nobody has
    caught, or `signal` and its name, as in `signal SIGTERM`. A recorder sets it just before it calls `close`."""

    @abstractmethod
    def initialize(self, resource: Resource) -> None:
        """Get ready. Files are opened and connections made here, not in the constructor.

        By then the job may have changed its working directory: so the constructor makes relative paths absolute.

        Args:
            resource: Who produces the telemetry.

        Raises:
            ExportError: The backend is not available. `initialize` may be called again.
        """

    @abstractmethod
    def export_start(self, span: Span) -> None:
        """Export that `span` has started. It may have stopped in the meantime; then `export_stop` follows."""

    @abstractmethod
    def export_stop(self, span: Span) -> None:
        """Export that `span` has stopped."""

    def export_complete(self, span: Span) -> None:
        """Export that `span` has started, and has stopped since, without an event in between.

        By itself it calls `export_start` and `export_stop`. An exporter for which the two are one may do both here, in
        less time. If it raises, neither counts as exported. A recorder calls it if no subclass overrides the other two.
        """
        self.export_start(span)
        self.export_stop(span)

    @abstractmethod
    def export_event(self, event: Event, span: Span) -> None:
        """Export an event of `span`."""

    @abstractmethod
    def export_error(self, event: ErrorEvent, span: Span) -> None:
        """Export an error of `span`."""

    @abstractmethod
    def export_telemetry_data_error(self, error: TelemetryDataError) -> None:
        """Tell the backend that its data is incomplete or wrong, and by how much if known."""

    def export_alive(self) -> None:  # noqa: B027 - most backends have no use for it
        """Tell the backend that the process is alive, though it has recorded nothing for a while.

        A recorder calls it from the exporter's own thread, so also while the job hangs. By itself it does nothing.
        """

    @abstractmethod
    def flush(self) -> None:
        """Export what is buffered.

        Raises:
            ExportError: See above.
        """

    @abstractmethod
    def after_fork(self) -> None:
        """Forget handles and buffers in a forked child: they belong to the parent.

        Nothing is closed, flushed or written. Afterwards the exporter is like new and may be initialised.
        """

    @abstractmethod
    def close(self) -> None:
        """Export what is buffered, tell the backend that this is the end, and release every handle. May be repeated.

        Raises:
            ExportError: Something could not be exported. The handles are released nevertheless.
        """
