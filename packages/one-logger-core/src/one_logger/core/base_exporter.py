"""The life of an exporter, which all exporters have in common."""

from __future__ import annotations

from one_logger.core.errors import ExportError
from one_logger.core.exporter import Exporter
from one_logger.core.resource import Resource

_inherited: list[object] = []


def keep_inherited(*handles: object) -> None:
    """Keep, in a forked child, what the parent process still uses: a connection, say, that the child must not close.

    An object that nobody refers to any more goes away, and many close their handle then. The child would so close it
    for its parent, too.

    Args:
        handles: What was inherited. None is passed over.
    """
    _inherited.extend(handle for handle in handles if handle is not None)


class BaseExporter(Exporter):
    """The life of an exporter: `initialize`, `after_fork` and `close`, and the errors for calls out of order.

    A subclass overrides what it needs of `open`, `finish`, `release` and `forget`; each does nothing by itself. Its
    `export_*` and `flush` begin with `self.check_open("export_start")` and the like.
    """

    def __init__(self) -> None:
        self._is_open = False
        self._is_closed = False

    def open(self, resource: Resource) -> None:
        """Get ready to export.

        Args:
            resource: Who produces the telemetry.

        Raises:
            ExportError: It cannot. If that is retriable, `open` is called again.
        """

    def finish(self) -> None:
        """Ship what is buffered, for the last time. Is called by `close` before `release`.

        Raises:
            ExportError: It cannot be shipped: it is lost.
        """

    def release(self) -> None:
        """Give back what `open` took. Is called once, also after a failure of `finish`."""

    def forget(self) -> None:
        """Drop buffer and handles, in a forked child: neither ship nor close them. See `keep_inherited`."""

    def check_open(self, method: str) -> None:
        """See that the exporter is between `initialize` and `close`.

        Args:
            method: The name of the method that was called.

        Raises:
            ExportError: It is not.
        """
        if not self._is_open:
            raise self.misused(method)

    def misused(self, method: str) -> ExportError:
        """The error for a method that was called before `initialize` or after `close`."""
        state = "closed." if self._is_closed else "not initialised; call initialize() first."
        return ExportError(f"{method}() was called on {self._described} that is {state}")

    @property
    def _described(self) -> str:
        name = type(self).__name__
        return f"{'an' if name[:1] in 'AEIOU' else 'a'} {name}"

    def initialize(self, resource: Resource) -> None:
        """Get ready to export. See `Exporter.initialize`."""
        if self._is_open:
            raise ExportError(f"initialize() was called on {self._described} that is initialised already.")
        if self._is_closed:
            raise ExportError(f"initialize() was called on {self._described} that is closed; make a new one.")
        self.open(resource)
        self._is_open = True

    def after_fork(self) -> None:
        """Forget buffer and handles. See `Exporter.after_fork`."""
        self._is_open = self._is_closed = False
        self.forget()

    def close(self) -> None:
        """Ship what is buffered, and release the handles. See `Exporter.close`."""
        was_open, self._is_open, self._is_closed = self._is_open, False, True
        if was_open:
            try:
                self.finish()
            finally:
                self.release()
