"""Handles telemetry errors: mistakes in using the library, or bugs in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from one_logger.api import ROOT, OneLoggerErrorHandlingStrategy, Root
from one_logger.core import NoOpSpan, OneLoggerError, Span, SpanContext, Timestamp
from one_logger.core.spi import AtomicCounter, Journal, diagnostics, error_text, is_foreign, located


class TelemetryErrors:
    """Counts and reports the telemetry errors of one recorder, and raises them under `PROPAGATE_EXCEPTIONS`.

    `tell` tells every exporter: it takes a sentence, attributes, and whether recording ends. `disable` ends recording.
    """

    def __init__(
        self,
        journal: Journal,
        tell: Callable[[str, Mapping[str, object] | None, bool], None],
        disable: Callable[[], None],
    ) -> None:
        self.strategy = OneLoggerErrorHandlingStrategy.REPORT_METRIC_ERROR_AND_CONTINUE
        self.disabled = False
        """Whether an error has ended recording."""
        self._journal = journal
        self._tell = tell
        self._disable = disable
        self._counters: dict[str, AtomicCounter] = {}

    @property
    def propagates(self) -> bool:
        """Whether telemetry errors are raised."""
        return self.strategy is OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS

    def mistake(self, kind: str, message: str) -> None:
        """Handle a telemetry error as the strategy says. `kind` is the same text for the same mistake."""
        if self.disabled:
            return
        counter = self._counters.setdefault(kind, AtomicCounter())
        counter.add()
        occurrences = counter.value
        ends = self.strategy is OneLoggerErrorHandlingStrategy.DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR
        # A mistake made in a loop must not flood the backends: they are told the 1st, 2nd, 4th, 8th ... time.
        told = occurrences & (occurrences - 1) == 0
        if told or self.propagates:
            message, attributes = located(message)
        if told:
            if occurrences > 1:
                attributes["one_logger.occurrences"] = occurrences
            self._tell(message, attributes, ends)
        if self.propagates:
            raise OneLoggerError(message)
        if occurrences == 1:
            self._journal.log(diagnostics.WARNING, f"Telemetry error: {message}")
        if ends:
            self.disabled = True
            self._disable()

    @contextmanager
    def logged(self, when: str) -> Iterator[None]:
        """Log a telemetry error that is raised in a block, so that the steps after it are still taken."""
        try:
            yield
        except OneLoggerError as error:
            self._journal.log(diagnostics.WARNING, f"Telemetry error {when}: {error}")

    def contain(self, method: str, error: BaseException) -> None:
        """Handle an exception in the library: a bug. One that the strategy has raised, or the job, goes on."""
        if isinstance(error, OneLoggerError) or is_foreign(error):
            raise error
        try:
            self.mistake(
                f"{method}: {type(error).__name__}",
                f"{method}() failed with {type(error).__name__}: {error_text(error)}",
            )
        except OneLoggerError as telemetry_error:
            raise telemetry_error from error

    def checked_parent(
        self, given: Span | SpanContext | Root | None, default: Span | SpanContext | None
    ) -> Span | SpanContext | None:
        """The parent that `parent_span` gives; `default` if it gives none, or one of the wrong type."""
        if given is None:
            return default
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

    def checked_time(self, argument: str, given: Timestamp | None) -> Timestamp | None:
        """The time that was given; None, which means now, if it is of the wrong type."""
        if given is None or isinstance(given, Timestamp):
            return given
        self.mistake(
            argument,
            f"{argument} was given as {type(given).__name__}; expected a Timestamp. "
            "The time of the call was taken instead.",
        )
        return None

    def no_open_span(self, method: str, span: object) -> None:
        """Report that a method of the recorder was called without an open span."""
        kind = "without a span"
        if span is None:
            what = "was called, but no span is open here"
        elif not isinstance(span, Span):
            what = f"was given {type(span).__name__} as the span"
        elif isinstance(span, NoOpSpan):
            return
        elif span.end_unix_ns is not None:
            kind, what = "on an ended span", f"on {span!r}, which has ended"
        else:
            kind, what = "on a foreign span", f"on {span!r}, which no recorder has started"
        self.mistake(f"{method} {kind}", f"{method}() {what}; {_LOST}")

    def no_event(self, method: str, event: object) -> None:
        """Report that something other than an event was to be recorded."""
        self.mistake(f"{method} without an event", f"event() was given {type(event).__name__}; {_LOST}")

    def cannot_stop(self, span: object) -> None:
        """Report that a span cannot be stopped."""
        if isinstance(span, Span):
            ended = "had ended." if span.end_unix_ns is not None else "this recorder has not started."
            self.mistake("stop", f"stop() was called on {span!r}, which {ended}")
        else:
            self.mistake("stop", f"stop() was given {type(span).__name__}; expected a Span that start() returned.")


_LOST = "it was dropped. Start a span first, or give the one that it belongs to."
