"""Exporting without being noticed by the application's own OpenTelemetry set-up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context

from one_logger.core.spi import error_text

# Two keys for one thing: the API's own, which the SDK's processors set, and the one that instrumentations look at too.
_SUPPRESS = (getattr(context, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation"), "suppress_instrumentation")


class Neighbour(logging.Filter):
    """Keeps what happens while we export out of the application's traces and log.

    Instrumented libraries, `requests` say, make no spans of our exports. What exporters log on our thread while they
    export goes into the error that we raise instead: the recorder logs each outage once. What they log on other
    threads, for the application, is left alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self._loggers: list[logging.Logger] = []
        self._thread: int | None = None
        self.said = ""
        """What was last kept out of the log."""

    def watch(self, loggers: set[str]) -> None:
        """Keep what is written to these loggers, while we export, out of the log."""
        self._loggers = [logging.getLogger(name) for name in sorted(loggers)]
        for logger in self._loggers:
            # Before the SDK's own filters, one of which drops repetitions: of what the application would see, ours are
            # none.
            logger.filters.insert(0, self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record goes on: unless it was made by our export."""
        if self._thread != threading.get_ident():
            return True
        try:
            self.said = record.getMessage()
        except Exception as error:  # the arguments don't fit the format: logging would print that
            self.said = f"{record.msg} ({error_text(error)})"
        return False

    def remove(self) -> None:
        """Leave the loggers as they were."""
        for logger in self._loggers:
            logger.removeFilter(self)

    @contextmanager
    def exporting(self) -> Iterator[None]:
        """A block in which the calling thread exports."""
        suppressed = context.get_current()
        for key in _SUPPRESS:
            suppressed = context.set_value(key, True, suppressed)
        token = context.attach(suppressed)
        self._thread = threading.get_ident()
        self.said = ""
        try:
            yield
        finally:
            self._thread = None
            context.detach(token)
