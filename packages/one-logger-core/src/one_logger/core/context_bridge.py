"""Joins the current span with that of another tracing library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from one_logger.core.span import Span
from one_logger.core.span_context import SpanContext


class ContextBridge(ABC):
    """What a recorder needs to know of another tracing library in the same process, and the other way round.

    It is called on the thread that records, for every span: it must not wait, and do no input or output.
    """

    @abstractmethod
    def attach(self, current: Callable[[], Span]) -> None:
        """Begin: from now on, spans that the other library starts inside ours are children of ours.

        Args:
            current: Gives the open span of the thread, task or context that calls it. `NOOP_SPAN` if there is none.

        Raises:
            OneLoggerError: The other library has no place where this could be done.
        """

    @abstractmethod
    def parent(self) -> SpanContext | None:
        """The current span of the other library: the parent of a root span of ours. None if it has none."""

    @abstractmethod
    def started(self, span: Span) -> None:
        """Take notice that a span of ours was started here."""

    @abstractmethod
    def close(self) -> None:
        """End: leave the other library as it was."""
