"""The span that stands where nothing is recorded."""

from __future__ import annotations

from collections.abc import Mapping

from one_logger.core.span import Span, Status
from one_logger.core.span_context import INVALID_SPAN_CONTEXT, SpanContext
from one_logger.core.timestamp import Timestamp


class NoOpSpan(Span):
    """A span that records nothing and on which every method works.

    There is one of it, `NOOP_SPAN`: what `timed_span` yields, and `Recorder.start` returns, while nothing is recorded.
    Its ids are zero, which no real span's are.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("")
        super().stop()
        self.trace_id = 0
        self.span_id = 0

    @property
    def context(self) -> SpanContext:
        """The context that has no ids."""
        return INVALID_SPAN_CONTEXT

    def stop(
        self, stop_event_attributes: Mapping[str, object] | None = None, *, stop_time: Timestamp | None = None
    ) -> bool:
        """Do nothing."""
        return False

    def set_attribute(self, name: str, value: object) -> None:
        """Do nothing."""

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Do nothing."""

    def set_initial_attributes(self, attributes: Mapping[str, object]) -> None:
        """Do nothing."""

    def set_status(self, status: Status) -> None:
        """Do nothing."""


NOOP_SPAN = NoOpSpan()
