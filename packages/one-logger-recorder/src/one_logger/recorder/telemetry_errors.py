"""What becomes of telemetry errors: mistakes in using the library, or bugs in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from one_logger.api import ROOT, OneLoggerErrorHandlingStrategy, Root
from one_logger.core import NoOpSpan, OneLoggerError, Span, SpanContext, Timestamp
from one_logger.core.spi import AtomicCounter, Journal, diagnostics, error_text


class TelemetryErrors:
    """Counts, reports and, if the strategy says so, raises the telemetry errors of one recorder."""

    def __init__(
        self,
        journal: Journal,
        tell: Callable[[str, Mapping[str, object] | None, bool], None],
        disable: Callable[[], None],
    ) -> None:
        self.strategy = OneLoggerErrorHandlingStrategy.REPORT_METRIC_ERROR_AND_CONTINUE
        self.disabled = False
        """Whether an error has put an end to recording."""
        self._journal = journal
        self._tell = tell
        self._disable = disable
        self._counters: dict[str, AtomicCounter] = {}

    @property
    def propagates(self) -> bool:
        """Whether telemetry errors are raised."""
        return self.strategy is OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS

    def mistake(self, kind: str, message: str) -> None:
        """Deal with a telemetry error as the strategy says."""
        if self.disabled:
            return
        counter = self._counters.setdefault(kind, AtomicCounter())
        counter.add()
        occurrences = counter.value
        ends = self.strategy is OneLoggerErrorHandlingStrategy.DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR
        # A mistake made in a loop must not flood the backends: they are told the 1st, 2nd, 4th, 8th ... time.
        if occurrences & (occurrences - 1) == 0:
            self._tell(message, {"one_logger.occurrences": occurrences} if occurrences > 1 else None, ends)
        if self.propagates:
            raise OneLoggerError(message)
        if occurrences == 1:
            self._journal.log(diagnostics.WARNING, f"Telemetry error: {message}")
        if ends:
            self.disabled = True
            self._disable()

    @contextmanager
    def logged(self, when: str) -> Iterator[None]:
        """A block in which a telemetry error that the strategy has raised is logged: the steps after it are taken."""
        try:
            yield
        except OneLoggerError as error:
            self._journal.log(diagnostics.WARNING, f"Telemetry error {when}: {error}")

    def contain(self, method: str, error: Exception) -> None:
        """Deal with an exception in the library: one that the strategy has raised, or a mistake nobody thought of."""
        if isinstance(error, OneLoggerError):
            raise error
        try:
            self.mistake(
                f"{method}: {type(error).__name__}",
                f"{method}() failed with {type(error).__name__}: {error_text(error)}",
            )
        except OneLoggerError as telemetry_error:
            raise telemetry_error from error

    def checked_parent(
        self, given: Span | SpanContext | Root, default: Span | SpanContext | None
    ) -> Span | SpanContext | None:
        """The parent that `parent_span` names; `default` if it is of the wrong kind."""
        if given is ROOT:
            return None
        if isinstance(given, (Span, SpanContext)):
            return given
        self.mistake(
            "parent_span",
            f"parent_span was given as {type(given).__name__}; expected a Span, a SpanContext or ROOT. "
            "The current span was taken instead.",
        )
        return default

    def checked_time(self, argument: str, given: Timestamp) -> Timestamp | None:
        """The time that was given; None, which means now, if it is of the wrong kind."""
        if isinstance(given, Timestamp):
            return given
        self.mistake(
            argument,
            f"{argument} was given as {type(given).__name__}; expected a Timestamp. "
            "The time of the call was taken instead.",
        )
        return None

    def no_open_span(self, method: str, span: object) -> None:
        """Something was to be recorded, and there is no open span to record it on."""
        if span is None:
            self.mistake(f"{method} without a span", f"{method}() was called, but no span is open here; {_LOST}")
        elif not isinstance(span, Span):
            self.mistake(f"{method} without a span", f"{method}() was given {type(span).__name__} as the span; {_LOST}")
        elif isinstance(span, NoOpSpan):
            return
        elif span.end_unix_ns is not None:
            self.mistake(f"{method} on an ended span", f"{method}() on {span!r}, which has ended; {_LOST}")
        else:
            self.mistake(
                f"{method} on a foreign span", f"{method}() on {span!r}, which no recorder has started; {_LOST}"
            )

    def no_event(self, method: str, event: object) -> None:
        """What was to be recorded is no event."""
        self.mistake(f"{method} without an event", f"event() was given {type(event).__name__}; {_LOST}")

    def cannot_stop(self, span: object) -> None:
        """A span was to be stopped that cannot be."""
        if isinstance(span, Span):
            ended = "had ended." if span.end_unix_ns is not None else "this recorder has not started."
            self.mistake("stop", f"stop() was called on {span!r}, which {ended}")
        else:
            self.mistake("stop", f"stop() was given {type(span).__name__}; expected a Span that start() returned.")


_LOST = "it was dropped. Start a span first, or give the one that it belongs to."
