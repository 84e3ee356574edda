"""The exceptions of one-logger."""

from __future__ import annotations

from one_logger.core.text import encodable


class OneLoggerError(Exception):
    """The base class of every exception of one-logger.

    Its message is a sentence: what was given, what was expected, what to do. It can always be encoded as UTF-8.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(encodable(str.__str__(arg)) if isinstance(arg, str) else arg for arg in args))


class ExportError(OneLoggerError):
    """An exporter failed.

    Numbers below 0 are taken as 0.

    Args:
        message: A sentence that says what failed and what to do about it.
        retriable: True if the buffer is kept, and another `flush()` may deliver it. False if records are lost.
        lost: How many records are lost, if not `retriable`. None: the record that was being exported or, when raised
            by `flush()` or `close()`, all that was buffered.
        retry_after: For how many seconds the backend has asked to be left alone, if `retriable`. Waiting for that is no
            failure.
        held: None, or for how many records `flush()` is to be called again, though the exporter works: only a part of
            its backend does not, and takes nothing else with it. The other records are delivered, or `lost`.
    """

    def __init__(
        self,
        message: str,
        *,
        retriable: bool = False,
        lost: int | None = None,
        retry_after: float = 0.0,
        held: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retriable = retriable
        self.lost = lost if lost is None else max(0, lost)
        self.retry_after = max(0.0, retry_after)  # 0 instead of what is no number, too
        self.held = held if held is None else max(0, held)
