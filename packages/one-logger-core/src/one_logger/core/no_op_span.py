"""The span that stands where nothing is recorded."""

from __future__ import annotations

from one_logger.core.empty_span import EmptySpan
from one_logger.core.span_context import INVALID_SPAN_CONTEXT, SpanContext


class NoOpSpan(EmptySpan):
    """A span that records nothing, has ended, and on which every method works.

    There is one of it, `NOOP_SPAN`: what `timed_span` yields, and `Recorder.start` returns, while nothing is recorded.
    Its ids are zero, which no real span's are.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("", trace_id=0, span_id=0)
        self.stop()

    @property
    def context(self) -> SpanContext:
        """The context that has no ids."""
        return INVALID_SPAN_CONTEXT


NOOP_SPAN = NoOpSpan()
