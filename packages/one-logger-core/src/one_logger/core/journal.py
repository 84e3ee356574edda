"""Messages for the log, kept until a thread that may block writes them."""

from __future__ import annotations

from collections import deque

from one_logger.core.interruption import let_pass
from one_logger.core.text import encodable

MAX_MESSAGES = 1_024  # the newest are kept


class Journal:
    """Messages that will be logged to the logger `one_logger`, without secrets.

    `log` takes no lock and does not wait, so instrumented calls and signal handlers may call it.
    """

    __slots__ = ("_messages",)

    def __init__(self) -> None:
        self._messages: deque[tuple[int, str]] = deque(maxlen=MAX_MESSAGES)

    def log(self, level: int, message: str) -> None:
        """Keep a message, a sentence, which will be logged at `level`, as in `logging`."""
        self._messages.append((level, message))

    def write(self) -> None:
        """Log the kept messages. Only for a thread that may block, never for an instrumented call."""
        if not self._messages:
            return
        import logging  # here, so that importing one_logger does not import it

        from one_logger.core.masking import masked

        logger = logging.getLogger("one_logger")
        logger.disabled = False  # `logging.config` disables all loggers that a configuration does not name
        while True:
            try:
                level, message = self._messages.popleft()
            except IndexError:
                return
            try:
                logger.log(level, masked(encodable(message)))
            except Exception as error:  # a log handler that raises must not stop the worker
                let_pass(error)

    def clear(self) -> None:
        """Forget the messages, in a forked child: the parent logs them."""
        self._messages.clear()
