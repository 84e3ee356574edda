"""Exporters of OpenTelemetry that the application has given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from one_logger.core.spi import error_text, safe_repr
from one_logger.exporter.otel.neighbour import Neighbour
from one_logger.exporter.otel.refusal import RefusedError, Remedy

Sent_contra = TypeVar("Sent_contra", contravariant=True)


class GivenExporter(Protocol[Sent_contra]):
    """A `SpanExporter` or `LogRecordExporter`."""

    def export(self, batch: Sequence[Sent_contra], /) -> object:
        """Export a batch. What it returns has the name `SUCCESS` or `FAILURE`."""

    def shutdown(self) -> None:
        """Release every handle."""


class GivenClient(Generic[Sent_contra]):
    """The way through an exporter that the application has given, which says whether it failed, but not why.

    Args:
        exporter: The exporter.
        neighbour: Knows what the exporter has logged.
    """

    def __init__(self, exporter: GivenExporter[Sent_contra], neighbour: Neighbour) -> None:
        self._exporter = exporter
        self._neighbour = neighbour

    @property
    def loggers(self) -> set[str]:
        """Those of the modules in which the exporter's class and its bases stand."""
        modules = {base.__module__ for base in type(self._exporter).__mro__}
        return modules - {"abc", "builtins", "typing"}

    def send(self, batch: Sequence[Sent_contra], /) -> int:
        """Export a batch. What is not taken may be taken later, or never: nobody says.

        Raises:
            RefusedError: It was not taken.
        """
        called = type(self._exporter).__name__
        try:
            result = self._exporter.export(batch)
        except Exception as error:
            raise RefusedError(
                f"{called} raised {type(error).__name__}: {error_text(error)}", Remedy.UNKNOWN
            ) from error
        if getattr(result, "name", None) != "SUCCESS":
            said = f" It has logged: {self._neighbour.said}" if self._neighbour.said else ""
            raise RefusedError(f"{called} returned {safe_repr(result, 100)}.{said}", Remedy.UNKNOWN)
        return 0

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()
