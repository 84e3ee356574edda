"""All the channels of a recorder."""

from __future__ import annotations

from collections.abc import Mapping

from one_logger.api.spi import ExporterStats
from one_logger.core import Exporter, Resource
from one_logger.core.spi import Journal
from one_logger.recorder.channel import Channel
from one_logger.recorder.inline_channel import InlineChannel, InlineChannels
from one_logger.recorder.request import Request, wait_for_all
from one_logger.recorder.settings import ChannelSettings


class Channels:
    """A channel for each exporter.

    Args:
        exporters: The exporters, by name.
        settings: The bounds and intervals of the channels.
        journal: What the channels have to say.
        inline: Whether all exporters are called on the thread that records.
    """

    def __init__(
        self, exporters: Mapping[str, Exporter], settings: ChannelSettings, journal: Journal, *, inline: bool
    ) -> None:
        background: list[Channel] = []
        called_inline: list[InlineChannel] = []
        self._all: list[Channel] = []
        for name, exporter in exporters.items():
            if inline or exporter.runs_inline:
                called_inline.append(InlineChannel(name, exporter, settings, journal))
                self._all.append(called_inline[-1])
            else:
                background.append(Channel(name, exporter, settings, journal))
                self._all.append(background[-1])
        self.queues: tuple[Channel | InlineChannels, ...] = (
            *background,
            *([InlineChannels(called_inline)] if called_inline else ()),
        )
        """Where records are queued. Exporters that are called at that come last: the job may be interrupted there."""

    def start(self, resource: Resource) -> None:
        """Start the workers, which initialise the exporters."""
        for channel in self._all:
            channel.start(resource)

    def deliver(self, deadline: float, *, closing: str = "") -> bool:
        """Deliver what was queued, and close the exporters after it if asked to. Whether all of it was delivered.

        Args:
            deadline: When to give up, on the monotonic clock, in seconds.
            closing: Why the exporters are to be closed. Empty: they are not.
        """
        return wait_for_all([channel.request(Request(deadline, closing=closing)) for channel in self._all])

    def after_fork(self) -> None:
        """Be as new in a forked child."""
        for channel in self._all:
            channel.after_fork()

    def stats(self) -> dict[str, ExporterStats]:
        """The counters of each exporter, by its name."""
        return {channel.name: channel.stats() for channel in self._all}
