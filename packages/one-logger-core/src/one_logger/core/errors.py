"""The exceptions of this project: `OneLoggerError` is the root of them all."""

from __future__ import annotations

from one_logger.core.text import encodable


class OneLoggerError(Exception):
    """The root of every exception that one-logger raises.

    Its message is a sentence: what was given, what was expected, what to do. It can be encoded as UTF-8, whatever the
    values have in them that it speaks of.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(encodable(str.__str__(arg)) if isinstance(arg, str) else arg for arg in args))


class ExportError(OneLoggerError):
    """An exporter could not do what it was asked.

    Args:
        message: A sentence that says what failed and what to do about it.
        retriable: True if what the exporter has buffered is kept and calling `flush()` again may deliver it.
            False if it is given up.
        lost: How many records were given up. None: the record that was being exported or, when raised by
            `flush()` or `close()`, all that was buffered. Without meaning if `retriable`.
    """

    def __init__(self, message: str, *, retriable: bool = False, lost: int | None = None) -> None:
        super().__init__(message)
        self.retriable = retriable
        self.lost = lost
