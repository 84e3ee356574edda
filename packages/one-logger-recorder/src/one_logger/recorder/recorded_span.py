"""The spans that a recorder starts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from one_logger.api import Recorder
from one_logger.core import Span, SpanContext, Timestamp
from one_logger.core.spi import begin_span
from one_logger.recorder.processors.choice import ALL, Choice


class RecordedSpan(Span):
    """A span that a recorder has started, and that knows what is to become of its stop.

    The start of a span is queued as a reference to the span. Most spans have ended when a worker gets to that: then the
    start says it all, and the stop needs no place in the queue. A stop is queued by itself if something stands between
    the two. The thread that stops a span and the workers agree on that without a lock:

    - Whoever queues something that the stop has to come after, an event or the start of a child, sets `_stop_is_due`.
      So does a worker that takes the start, *before* it looks whether the span has ended.
    - The thread that stops the span ends it first, and *then* looks at `_stop_is_due`: it copies it to `_stop_follows`,
      and queues the stop if it is set. So of the two, at least one sees what the other has done.
    - A worker that finds a span ended exports the stop right after the start if `_stop_follows` is False, and leaves it
      to the queue if it is True. Where it is still None, as the other thread is just about to set it, the worker looks
      again later.
    """

    __slots__ = ("_owner", "_stop_follows", "_stop_is_due")

    ancestor: RecordedSpan | None
    open_ancestor: RecordedSpan | None
    _owner: Recorder
    _stop_is_due: bool
    _stop_follows: bool | None

    # What processors have decided of it, as of most spans. See `Place`, and `UnexportedSpan` for the others.
    is_exported: bool = True
    is_sampled: bool = True
    choice: Choice = ALL

    def __init__(
        self,
        recorder: Recorder,
        name: str | Enum,
        attributes: Mapping[str, object] | None,
        start_event_attributes: Mapping[str, object] | None,
        parent: Span | SpanContext | None,
        start_time: Timestamp | None,
    ) -> None:
        # `DefaultRecorder.start` does the same by itself, as a call of the class costs more than these lines.
        begin_span(self, name, attributes, start_event_attributes, parent, start_time)
        self._owner = recorder
        self._stop_is_due = False
        self._stop_follows = None

    def stop(
        self, stop_event_attributes: Mapping[str, object] | None = None, *, stop_time: Timestamp | None = None
    ) -> bool:
        """Stop the span as `Recorder.stop` does: it is exported, and to stop it twice is a telemetry error."""
        was_open = self.end_unix_ns is None
        self._owner.stop(self, stop_event_attributes, stop_time)
        return was_open

    _end_span = Span.stop
    """Ends the span, and no more than that: for its recorder."""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.end_unix_ns is None

    @property
    def shown(self) -> RecordedSpan:
        """The span as the exporters of the recorder see it: as it is."""
        return self
