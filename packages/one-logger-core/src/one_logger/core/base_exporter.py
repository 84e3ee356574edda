"""What all exporters have in common: opening, closing, and forks."""

from __future__ import annotations

from one_logger.core.errors import ExportError
from one_logger.core.exporter import Exporter
from one_logger.core.resource import Resource

WITH_PLACEHOLDERS = "with placeholders"
"""Marks an argument whose text has placeholders in braces, as in `path: Annotated[str, WITH_PLACEHOLDERS]`.

A configuration doubles the braces in the values of environment variables that it puts there.
"""

_inherited: list[object] = []


def keep_inherited(*handles: object) -> None:
    """Keep handles that a forked child inherited, such as a connection, so that the child never closes them.

    Many objects close their handle when nothing refers to them. The child would close it for its parent, too.

    Args:
        handles: The handles. None is ignored.
    """
    _inherited.extend(handle for handle in handles if handle is not None)


class BaseExporter(Exporter):
    """An exporter with `initialize`, `after_fork` and `close`, and the errors for calls in the wrong order.

    A subclass overrides what it needs of `open`, `finish`, `release` and `forget`, which do nothing here. Its
    `export_*` and `flush` begin with `self.check_open("export_start")` and so on.
    """

    def __init__(self) -> None:
        import traceback  # noqa: F401 - stack traces need it, and no thread is to import: see `ExporterContract`

        self._is_open = False
        self._is_closed = False

    def open(self, resource: Resource) -> None:
        """Get ready to export.

        Args:
            resource: Who produces the telemetry.

        Raises:
            ExportError: It failed. If that is retriable, `open` is called again.
        """

    def finish(self) -> None:
        """Export what is buffered, for the last time. `close` calls it before `release`.

        Raises:
            ExportError: It failed, and what is buffered is lost.
        """

    def release(self) -> None:
        """Close what `open` opened. Called once, even if `finish` failed."""

    def forget(self) -> None:
        """Drop buffer and handles in a forked child, without exporting or closing them. See `keep_inherited`."""

    def check_open(self, method: str) -> None:
        """Raise `misused(method)` unless the exporter is between `initialize` and `close`."""
        if not self._is_open:
            raise self.misused(method)

    def misused(self, method: str) -> ExportError:
        """The `ExportError` for a method that was called before `initialize` or after `close`."""
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
        """Export what is buffered, and release the handles. See `Exporter.close`."""
        was_open, self._is_open, self._is_closed = self._is_open, False, True
        if was_open:
            try:
                self.finish()
            finally:
                self.release()
