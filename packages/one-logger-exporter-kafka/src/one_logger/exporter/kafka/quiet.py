"""Limits what kafka-python logs for an exporter.

kafka-python logs several lines for each attempt to reach a broker. A filter passes a few lines a minute of what threads
log that work for an exporter. It passes everything from other producers and consumers, and changes no level and no
handler. It is there only while a producer of ours lives.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

LINES = 2
"""How many lines from WARNING on pass in each `PERIOD`. The recorder itself logs up to three for the same outage."""

PERIOD = 60.0  # seconds

NO_NEWS = frozenset(
    {
        "%s: Aborting producer batches due to fatal error: %s",  # what is too large goes again, in smaller messages
        "Failed to produce messages to topic-partition %s with base offset %s: %s",
        "Topic %s is not available during auto-create initialization",  # but it will be
        "Topic %s not found in cluster metadata",
    }
)
"""What kafka-python logs of what is usual, or will be in the exporter's own error. It does not count."""

_threads: set[int] = set()
_producers = 0
_lock = threading.Lock()


class _Quiet(logging.Filter):
    """Stops the log records of threads that work for an exporter, if there were enough in the last `PERIOD`."""

    def __init__(self) -> None:
        super().__init__()
        self._passed: deque[float] = deque()

    def filter(self, record: logging.LogRecord) -> bool:
        client = getattr(threading.current_thread(), "_client", None)  # of the thread of a producer
        if threading.get_ident() not in _threads and not getattr(client, "of_exporter", False):
            return True
        if record.levelno < logging.WARNING:
            return _is_asked_for(record.name)
        if not isinstance(record.msg, str) or record.msg in NO_NEWS:
            return False
        now = monotonic()
        while self._passed and self._passed[0] <= now - PERIOD:
            self._passed.popleft()
        if len(self._passed) >= LINES:
            return False
        self._passed.append(now)
        return True


_filter = _Quiet()


def _is_asked_for(name: str) -> bool:
    """Whether the application has set a level for kafka-python itself, rather than for everything."""
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None and logger is not logging.root:
        if logger.level != logging.NOTSET:
            return True
        logger = logger.parent
    return False


def producer_made() -> None:
    """Count a producer, and put the filter on kafka-python's loggers."""
    global _producers  # noqa: PLW0603 - a process has one set of loggers
    with _lock:
        _producers += 1
        # A logger's filters are not asked about what is logged to its children.
        for logger in _loggers():
            logger.addFilter(_filter)


def producer_ended() -> None:
    """Count a producer out whose thread has ended. The last one removes the filter."""
    global _producers  # noqa: PLW0603
    with _lock:
        _producers -= 1
        if not _producers:
            for logger in _loggers():
                logger.removeFilter(_filter)


@contextmanager
def quietly() -> Iterator[None]:
    """In this block the calling thread works for an exporter."""
    _threads.add(threading.get_ident())
    try:
        yield
    finally:
        _threads.discard(threading.get_ident())


def _loggers() -> list[logging.Logger]:
    known = list(logging.root.manager.loggerDict.items())
    return [logger for name, logger in known if name.startswith("kafka") and isinstance(logger, logging.Logger)]


def _after_fork() -> None:
    global _lock, _producers
    _lock, _producers = threading.Lock(), 0
    _threads.clear()
    for logger in _loggers():
        logger.removeFilter(_filter)


os.register_at_fork(after_in_child=_after_fork)
