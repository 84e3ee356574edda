"""Channels of exporters that are called on the thread that records."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from one_logger.core import Event, Resource
from one_logger.recorder.channel import Channel
from one_logger.recorder.item import START, Item
from one_logger.recorder.recorded_span import RecordedSpan


class InlineChannel(Channel):
    """A channel that calls its exporter on the thread that records, one thread at a time.

    The job waits for the exporter. For tests, and for exporters that have to run at once on that thread.
    """

    def offer(self, kind: int, span: RecordedSpan | None, event: Event | None) -> None:
        """Export a record, and ship it."""
        with self._here:
            super().offer(kind, span, event)
            self._work_here()

    def _wait_for_room(self) -> bool:
        self._work_here()  # nobody else would make room
        return len(self.queue) < self._capacity.value

    def _start_worker(self) -> None:
        """There is none."""

    def start(self, resource: Resource) -> None:
        """Initialise the exporter."""
        self._resource = resource
        self._work_here()


class InlineChannels:
    """Several inline channels as one: if the job is interrupted in one of them, the others still get the record."""

    limit = -1
    """Every record is offered: there is no room in `queue`."""

    def __init__(self, channels: Sequence[InlineChannel]) -> None:
        self._channels = channels
        self.queue: deque[Item] = deque(maxlen=0)
        self._started: RecordedSpan | None = None  # the last one
        self._stopped: RecordedSpan | None = None

    @property
    def headless(self) -> bool:
        """Whether there are open spans whose start one of them has dropped."""
        return any(channel.headless for channel in self._channels)

    def offer(self, kind: int, span: RecordedSpan | None, event: Event | None) -> None:
        """Export a record to all of them."""
        if kind == START:
            self._started = span
        self._each(lambda channel: channel.offer(kind, span, event))

    def stop(self, span: RecordedSpan) -> None:
        """Export the stop of a span to those that have exported its start."""
        self._stopped = span
        self._each(lambda channel: channel.stop(span))

    def finish(self, span: RecordedSpan, *, started: bool) -> None:
        """Export the stop of a span whose start or stop was interrupted, unless it was interrupted here."""
        if span is not self._stopped and (started or span is self._started):
            self.stop(span)

    def _each(self, call: Callable[[InlineChannel], None]) -> None:
        interruption: BaseException | None = None
        for channel in self._channels:
            try:
                call(channel)
            except BaseException as error:
                interruption = error
        if interruption is not None:
            raise interruption
