"""All the channels of a recorder."""

from __future__ import annotations

from collections.abc import Mapping

from one_logger.api.spi import ExporterStats
from one_logger.core import Event, Exporter, Resource, TelemetryDataError, TelemetryDataErrorType
from one_logger.core.spi import AtomicCounter, Journal, counted
from one_logger.recorder.channel import Channel
from one_logger.recorder.inline_channel import InlineChannel, InlineChannels
from one_logger.recorder.item import DATA_ERROR, START
from one_logger.recorder.recorded_span import RecordedSpan
from one_logger.recorder.request import Request
from one_logger.recorder.settings import ChannelSettings


class Channels:
    """A channel for each exporter, and what queues records in all of them."""

    def __init__(
        self, exporters: Mapping[str, Exporter], settings: ChannelSettings, journal: Journal, *, inline: bool
    ) -> None:
        self._all = [
            (InlineChannel if inline or exporter.runs_inline else Channel)(name, exporter, settings, journal)
            for name, exporter in exporters.items()
        ]
        called_inline = [channel for channel in self._all if isinstance(channel, InlineChannel)]
        background = [channel for channel in self._all if not isinstance(channel, InlineChannel)]
        self.queues: tuple[Channel | InlineChannels, ...] = (
            *background,
            *([InlineChannels(called_inline)] if called_inline else ()),
        )
        """Where records are queued. Inline channels come last: the job may be interrupted in them."""
        self._told = AtomicCounter()  # telemetry data errors, which are records, but no telemetry

    def queue_start(self, span: RecordedSpan) -> None:
        """Queue the start of a span for every exporter."""
        for channel in self.queues:
            queue = channel.queue
            if len(queue) < channel.limit:
                queue.append(span)
            else:
                channel.offer(START, span, None)

    def queue_event(self, kind: int, span: RecordedSpan | None, event: Event) -> None:
        """Queue an event, error or telemetry data error for every exporter."""
        if span is not None:
            span._stop_is_due = True  # its stop is to come after this
        for channel in self.queues:
            queue = channel.queue
            if len(queue) < channel.limit:
                queue.append((kind, span, event))
            else:
                channel.offer(kind, span, event)

    def tell(self, message: str, attributes: Mapping[str, object] | None, *, ends: bool) -> None:
        """Tell every backend that telemetry is incomplete; if it `ends` before there was any, that there is none."""
        error_type = TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA
        # A backend may have had nothing but such errors.
        if ends and all(each.recorded <= self._told.value for each in self.stats().values()):
            error_type = TelemetryDataErrorType.NO_TELEMETRY_DATA
        error = TelemetryDataError(error_type, message, attributes)
        self._told.add()
        self.queue_event(DATA_ERROR, None, error)

    def queue_stop(self, span: RecordedSpan) -> None:
        """Queue the stop of a span that has ended, if it has to stand in the queue by itself."""
        follows = span._stop_follows = span._stop_is_due
        for channel in self.queues:
            if follows or channel.headless:
                channel.stop(span)

    def finish(self, span: RecordedSpan, *, started: bool) -> None:
        """Finish a span whose start, or, if it is `started`, whose stop was interrupted somewhere."""
        if span.end_unix_ns is None:
            span._end_span()
        if not span.is_exported:
            return
        if span._stop_follows is None:
            span._stop_follows = span._stop_is_due
        for channel in self.queues:
            channel.finish(span, started=started or len(self.queues) == 1)

    def refuse(self) -> None:
        """Count a record that comes after `close`."""
        for channel in self._all:
            channel.refuse()

    def leave_open(self, spans: int) -> None:
        """Count spans that are not stopped."""
        for channel in self._all:
            channel.unstopped += spans

    def start(self, resource: Resource) -> None:
        """Start the workers, which initialise the exporters."""
        for channel in self._all:
            channel.start(resource)

    def deliver(self, deadline: float, *, closing: str = "") -> bool:
        """Deliver what is queued by the deadline; if `closing` says why, close the exporters. Whether all arrived."""
        requests = [channel.request(Request(deadline, closing=closing)) for channel in self._all]
        answers = [request.wait() for request in requests]  # a list: each is waited for, even after a failure
        for channel, request in zip(self._all, requests, strict=True):
            if closing and not request.answered:  # its worker hangs in the exporter, and can't say it
                channel.say_end()
        return all(answers)

    def after_fork(self) -> None:
        """Reset in a forked child."""
        self._told = AtomicCounter()
        for channel in self._all:
            channel.after_fork()

    def __str__(self) -> str:
        """What became of the records, for people."""
        counts = [
            f"{name}: {counted(each.exported, 'record')} exported, {each.pending} pending, {each.dropped} dropped"
            + ", disabled as it failed too often" * each.disabled
            for name, each in self.stats().items()
        ]
        return "; ".join(counts) or "no exporters"

    def stats(self) -> dict[str, ExporterStats]:
        """The counters of each exporter, by its name."""
        return {channel.name: channel.stats() for channel in self._all}
