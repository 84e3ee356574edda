"""The interface between instrumented code and whatever records it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum

from one_logger.api.config import OneLoggerConfig
from one_logger.core import NOOP_SPAN, ErrorEvent, Event, Span, SpanContext, Timestamp

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Final

    from one_logger.api.stats import ExporterStats


class Root(Enum):
    """Has one member, `ROOT`."""

    ROOT = "root"


ROOT: Final = Root.ROOT
"""As `parent_span`: start a new trace, whatever span is current."""


class Recorder(ABC):
    """Starts and stops spans, records events and errors, and passes them to exporters.

    Bad input never makes a call block or log. It raises only if the strategy is `PROPAGATE_EXCEPTIONS`.
    """

    @abstractmethod
    def start(
        self,
        name: str | Enum,
        span_attributes: Mapping[str, object] | None = None,
        start_event_attributes: Mapping[str, object] | None = None,
        start_time: Timestamp | None = None,
        parent_span: Span | SpanContext | Root | None = None,
        current: bool = True,
    ) -> Span:
        """Start a span and make it the current one.

        Args:
            name: A `str`, or an `Enum` whose value is one.
            span_attributes: Attributes of the work.
            start_event_attributes: Attributes of the start itself.
            start_time: When the work started. None: now.
            parent_span: A span of this process, the context of one in another, or `ROOT`. None: the current span, else
                the span that `carry_context` has brought from another process, or `TRACEPARENT` in the environment
                names, else no parent.
            current: Whether to make it the current one. False, for work that overlaps with other work: what belongs to
                the span is then given it, as in `event(span, ...)` and `start(..., parent_span=span)`.

        Returns:
            The span. `NOOP_SPAN` if nothing is recorded.
        """

    @abstractmethod
    def stop(
        self,
        span: Span,
        stop_event_attributes: Mapping[str, object] | None = None,
        stop_time: Timestamp | None = None,
    ) -> None:
        """Stop a span, in any thread. If it is current here, the nearest open span around it becomes current.

        Stopping a span twice, or one that this recorder did not start, is a telemetry error; nothing changes.

        Args:
            span: What `start` returned.
            stop_event_attributes: Attributes of the stop itself.
            stop_time: When the work ended. None: now.
        """

    @abstractmethod
    def event(self, span: Span | None, event: Event) -> Event:
        """Record an event, or an error made as an `ErrorEvent`, and return it.

        So an error can be recorded of which there are only texts:
        `recorder.event(None, ErrorEvent("A worker failed.", exception_type="KeyError", stack_trace=text))`.

        If the span has stopped, or none is current, that is a telemetry error, and the event is dropped.

        Args:
            span: The span that it belongs to. None: the current one.
            event: What happened.
        """

    @abstractmethod
    def error(
        self,
        span: Span | None,
        message: str,
        exception: BaseException | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> ErrorEvent:
        """Record an error of the application, set the span's status to `ERROR`, and return the error's event.

        If the span has stopped, or none is current, that is a telemetry error, and the error is dropped.

        Args:
            span: The span that it belongs to. None: the current one.
            message: What went wrong.
            exception: The exception. None: the one being handled, if the call is in an `except` block.
            attributes: More attributes.
        """

    @abstractmethod
    def telemetry_data_error(self, message: str, attributes: Mapping[str, object] | None = None) -> None:
        """Tell every backend that the telemetry of this process is incomplete or wrong.

        Args:
            message: What is wrong with it.
            attributes: More attributes.
        """

    @abstractmethod
    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was recorded so far is delivered to every exporter. False if some of it is not.

        Args:
            timeout: The longest time to wait, in seconds.
        """

    @abstractmethod
    def close(self, timeout: float = 10.0) -> bool:
        """Stop the open spans, deliver what was recorded, and close the exporters. A second call does nothing.

        Args:
            timeout: The longest time to wait, in seconds.

        Returns:
            Whether every record was delivered to every exporter.
        """

    @abstractmethod
    def stats(self) -> Mapping[str, ExporterStats]:
        """The present counters of each exporter, by its name. Empty if there is no exporter."""

    def open_spans(self, name: str | Enum | None = None) -> list[Span]:
        """The spans that were started and not stopped, in any thread, in the order in which they were started.

        Args:
            name: Those of this name only. None: all.
        """
        return []

    @property
    def closed(self) -> bool:
        """Whether `close` was called. If so, the process may be configured again."""
        return False

    def __deepcopy__(self, memo: object) -> Recorder:
        """The recorder itself."""
        return self

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle it as the recorder of the process that loads it: its threads and files belong to this one."""
        from one_logger.api.provider import recorder_here

        return recorder_here, ()

    def attach(self, config: OneLoggerConfig, parent: SpanContext | None) -> None:  # noqa: B027 - not all need it
        """Take the configuration of the process. `OneLoggerProvider.configure` calls this once, first of all.

        Args:
            config: The configuration.
            parent: The parent of root spans, in another process.

        Raises:
            OneLoggerError: The recorder cannot be attached.
        """


class NoOpRecorder(Recorder):
    """Records nothing, and costs almost nothing.

    Args:
        behind: A recorder that should record no more. `flush`, `close` and `stats` reach it.
    """

    def __init__(self, behind: Recorder | None = None) -> None:
        self._behind = behind

    def __repr__(self) -> str:
        behind = "" if self._behind is None else f"; before it was switched off: {self._behind!r}"
        return f"<NoOpRecorder: nothing is recorded{behind}>"

    def start(
        self,
        name: str | Enum,
        span_attributes: Mapping[str, object] | None = None,
        start_event_attributes: Mapping[str, object] | None = None,
        start_time: Timestamp | None = None,
        parent_span: Span | SpanContext | Root | None = None,
        current: bool = True,
    ) -> Span:
        """Do nothing."""
        return NOOP_SPAN

    def stop(
        self,
        span: Span,
        stop_event_attributes: Mapping[str, object] | None = None,
        stop_time: Timestamp | None = None,
    ) -> None:
        """Do nothing."""

    def event(self, span: Span | None, event: Event) -> Event:
        """Do nothing."""
        return event

    def error(
        self,
        span: Span | None,
        message: str,
        exception: BaseException | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> ErrorEvent:
        """Do nothing."""
        return NO_ERROR

    def telemetry_data_error(self, message: str, attributes: Mapping[str, object] | None = None) -> None:
        """Do nothing."""

    def flush(self, timeout: float = 10.0) -> bool:
        """Flush the recorder behind this one."""
        return self._behind.flush(timeout) if self._behind else True

    def close(self, timeout: float = 10.0) -> bool:
        """Close the recorder behind this one."""
        return self._behind.close(timeout) if self._behind else True

    def stats(self) -> Mapping[str, ExporterStats]:
        """The counters of the recorder behind this one; empty if there is none."""
        return self._behind.stats() if self._behind else {}

    @property
    def closed(self) -> bool:
        """Whether the recorder behind this one is closed."""
        return self._behind.closed if self._behind else True

    def attach(self, config: OneLoggerConfig, parent: SpanContext | None) -> None:
        """Do nothing."""


NO_ERROR = ErrorEvent("Nothing is recorded.")
NOOP_RECORDER = NoOpRecorder()
