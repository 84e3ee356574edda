"""How much kafka-python logs on our behalf.

kafka-python says several lines about every attempt to reach a broker. Of what it logs from threads that work for an
exporter, a filter lets few lines a minute through. What other producers and consumers of the application log passes,
and levels and handlers stay as the application has set them. The filter is there while a producer of ours lives.
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
"""How many lines from WARNING on pass in each `PERIOD`. The recorder says up to three about the same outage."""

PERIOD = 60.0
"""Seconds."""

_threads: set[int] = set()
_failures: dict[int, str] = {}
_producers = 0
_lock = threading.Lock()


class _Quiet(logging.Filter):
    """Lets a message pass, unless a thread that works for an exporter has said enough."""

    def __init__(self) -> None:
        super().__init__()
        self._said: deque[float] = deque()

    def filter(self, record: logging.LogRecord) -> bool:
        if threading.get_ident() not in _threads:
            return True
        if record.levelno < logging.WARNING:
            return _is_asked_for(record.name)
        message = record.getMessage()
        if "failed: " in message and not message.startswith("Bootstrap failed"):
            _failures[threading.get_ident()] = message
        now = monotonic()
        while self._said and self._said[0] <= now - PERIOD:
            self._said.popleft()
        if len(self._said) >= LINES:
            return False
        self._said.append(now)
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
    """Note that there is a producer, whose threads are to be quiet."""
    global _producers  # noqa: PLW0603 - filters hang at loggers, of which the process has one set
    with _lock:
        _producers += 1
        # A logger's filters don't hold for those below it.
        for logger in _loggers():
            logger.addFilter(_filter)


def producer_ended() -> None:
    """Note that a producer's thread has ended. The last one takes the filter with it."""
    global _producers  # noqa: PLW0603
    with _lock:
        _producers -= 1
        _threads.discard(threading.get_ident())
        if not _producers:
            for logger in _loggers():
                logger.removeFilter(_filter)


def quieten() -> None:
    """Note that the calling thread works for an exporter."""
    _threads.add(threading.get_ident())


def last_failure() -> str:
    """What kafka-python last logged on the calling thread about something that failed, which its errors don't say."""
    return _failures.pop(threading.get_ident(), "")


@contextmanager
def quietly() -> Iterator[None]:
    """Note the same, for a block."""
    quieten()
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
