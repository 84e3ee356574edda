"""Keeps exporting out of the application's own traces and log."""

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
    """Keeps exporting out of the application's traces and log.

    Instrumented libraries, such as `requests`, make no spans of our exports. What is logged on our thread while we
    export goes into the error that we raise, as the recorder logs each outage once. Other threads log as before.
    """

    def __init__(self) -> None:
        super().__init__()
        self._loggers: list[logging.Logger] = []
        self._thread: int | None = None
        self.said = ""  # what was last kept out of the log

    def watch(self, loggers: set[str]) -> None:
        """Watch these loggers while we export."""
        self._loggers = [logging.getLogger(name) for name in sorted(loggers)]
        for logger in self._loggers:
            # First, so the SDK's duplicate filter never sees our records.
            logger.filters.insert(0, self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is not of our export."""
        if self._thread != threading.get_ident():
            return True
        try:
            self.said = record.getMessage()
        except Exception as error:  # the arguments don't fit the format
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
