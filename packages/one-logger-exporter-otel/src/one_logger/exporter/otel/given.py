"""Sends through an exporter of OpenTelemetry that the application has given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from one_logger.core.spi import error_text, shown
from one_logger.exporter.otel.neighbour import Neighbour
from one_logger.exporter.otel.outbox import Hint, RefusedError

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace.export import SpanExporter


class GivenClient:
    """Sends through an exporter that the application has given. Such an exporter says that it failed, but not why."""

    def __init__(self, exporter: SpanExporter | LogRecordExporter, neighbour: Neighbour) -> None:
        self._exporter = exporter
        self._neighbour = neighbour
        # Most libraries name a logger like the module that uses it, which may define a base of the exporter's class.
        modules = frozenset(base.__module__ for base in type(exporter).__mro__)
        self.loggers = modules - {"abc", "builtins", "typing"}

    def send(self, batch: Sequence[Any], /) -> int:
        """Export a batch, or raise `RefusedError`."""
        name = type(self._exporter).__name__
        try:
            result = self._exporter.export(batch)
        except Exception as error:
            raise RefusedError(f"{name} raised {type(error).__name__}: {error_text(error)}", Hint.UNKNOWN) from error
        if getattr(result, "name", None) != "SUCCESS":
            said = f" It has logged: {self._neighbour.said}" if self._neighbour.said else ""
            raise RefusedError(f"{name} returned {shown(result)}.{said}", Hint.UNKNOWN)
        return 0

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()
