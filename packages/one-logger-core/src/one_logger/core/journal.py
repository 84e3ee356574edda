"""Messages for the log, kept until a thread that may wait writes them."""

from __future__ import annotations

from collections import deque

from one_logger.core.text import encodable

MAX_MESSAGES = 1_024
"""How many messages are kept. If there are more, the oldest go."""


class Journal:
    """What is to be logged to the logger `one_logger`, later.

    `log` may be called by an instrumented call, or in a signal handler: it takes no lock and does not wait.
    """

    __slots__ = ("_messages",)

    def __init__(self) -> None:
        self._messages: deque[tuple[int, str]] = deque(maxlen=MAX_MESSAGES)

    def log(self, level: int, message: str) -> None:
        """Keep a message.

        Args:
            level: The level to log it at, as in `logging`.
            message: A sentence.
        """
        self._messages.append((level, message))

    def write(self) -> None:
        """Log what was kept. To be called by a thread that may block, never by an instrumented call."""
        if not self._messages:
            return
        import logging  # not by the job that imports us, but by the thread that writes

        logger = logging.getLogger("one_logger")
        while True:
            try:
                level, message = self._messages.popleft()
            except IndexError:
                return
            try:
                logger.log(level, encodable(message))
            except Exception:  # noqa: S112 - a handler that raises must not reach whoever writes, and cannot be told so
                continue

    def clear(self) -> None:
        """Forget what was kept, in a forked child: the parent logs it."""
        self._messages.clear()
