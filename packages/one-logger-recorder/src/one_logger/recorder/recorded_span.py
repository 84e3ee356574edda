"""The spans that a recorder starts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from one_logger.core import Span, SpanContext, Timestamp
from one_logger.core.spi import begin_span
from one_logger.recorder.processors.processor import ALL, Choice


class Owner(Protocol):
    """The recorder of a span."""

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""

    def stop(
        self,
        span: Span,
        stop_event_attributes: Mapping[str, object] | None = None,
        stop_time: Timestamp | None = None,
    ) -> None:
        """Stop a span."""


class RecordedSpan(Span):
    """A span that a recorder has started, and that knows whether its stop is queued.

    The start of a span is queued as a reference to the span. Most spans have ended when a worker takes the reference:
    it then exports start and stop, and the stop is not queued. A stop is queued only if something has to come before
    it. The thread that stops a span and the workers agree on that without a lock:

    - `_stop_is_due`: something queued later must precede the stop. Whoever queues an event or the start of a child sets
      it. So does a worker that takes the start, *before* it checks whether the span has ended.
    - `_stop_follows`: whether a stop is queued; None until known. The thread that stops the span ends it first, and
      *then* copies `_stop_is_due` to `_stop_follows`, and queues the stop if it is set. So at least one of the two
      threads sees what the other has done.
    - A worker that finds a span ended exports the stop right after the start if `_stop_follows` is False, leaves it to
      the queue if it is True, and checks again later if it is None.
    """

    __slots__ = ("_owner", "_passing", "_stop_follows", "_stop_is_due")

    ancestor: RecordedSpan | None
    open_ancestor: RecordedSpan | None
    _owner: Owner
    _stop_is_due: bool
    _stop_follows: bool | None
    _passing: tuple[dict[str, object], int]
    """The last exception recorded in it or in a span in it, known by its `__dict__`; and the id of that span."""

    # Class constants, so that most spans stay small. `UnexportedSpan` has others. See `Place`.
    is_exported: bool = True
    is_sampled: bool = True
    choice: Choice = ALL

    def __init__(
        self,
        recorder: Owner,
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
        """Stop the span as `Recorder.stop` does. Returns True if it was open; if not, that is a telemetry error."""
        was_open = self.end_unix_ns is None
        self._owner.stop(self, stop_event_attributes, stop_time)
        return was_open

    def report_late(self, method: str) -> None:
        """Log, once in the process, that `method` was called after the end, unless the recorder is closed.

        `close` has stopped the span then, maybe while the job was in it: on another thread, when a signal had come.
        """
        if not self._owner.closed:
            super().report_late(method)

    _end_span = Span.stop
    """Ends the span without exporting it: for its recorder."""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.end_unix_ns is None

    @property
    def shown(self) -> RecordedSpan:
        """The span as exporters see it: unchanged."""
        return self
