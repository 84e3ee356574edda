"""What is to be sent, in batches, until each item was taken or given up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic, sleep
from typing import Generic, Protocol, TypeVar

from one_logger.core import ExportError
from one_logger.exporter.otel.refusal import RefusedError, Remedy

Item = TypeVar("Item")
Sent_contra = TypeVar("Sent_contra", contravariant=True)

ATTEMPTS = 10
"""How often a batch is sent, at least, if it is refused for a reason that nobody says, before it is given up."""

PATIENCE = 120.0
"""Seconds that pass between the first and the last of these attempts, at least."""

REFUSALS = 32
"""How often a flush sends a part of what the peer refuses, at most. To find one item among 512 takes nine times."""

LONGEST_RETRY_AFTER = 60.0
"""Seconds for which the peer's wish to be left alone is respected, at most."""


PAUSE_EVERY, PAUSE = 8, 50e-6
"""After how many items whoever goes through a batch stands aside, and for how many seconds."""


class Batch(list[Item]):
    """Items to be sent, which give way to the job.

    An exporter goes through a batch to encode it, for some 20 ms. If it did so in one go the job would wait for the
    interpreter lock for as long as the interpreter lets a thread have it, 5 ms by default.
    """

    def __iter__(self) -> Iterator[Item]:
        for number, item in enumerate(super().__iter__(), 1):
            yield item
            if number % PAUSE_EVERY == 0:
                sleep(PAUSE)


class Client(Protocol[Sent_contra]):
    """The way to a peer."""

    @property
    def loggers(self) -> set[str]:
        """The names of the loggers that it writes to while it sends."""

    def send(self, batch: Sequence[Sent_contra], /) -> int:
        """Send a batch, once.

        Returns:
            How many items of it the peer says it has rejected.

        Raises:
            RefusedError: It was not taken.
        """

    def close(self) -> None:
        """Release every handle."""


class Outbox(Generic[Item]):
    """A queue of items for one peer.

    Args:
        client: The way to the peer.
        batch_size: How many items are sent at once, at most.
    """

    def __init__(self, client: Client[Item], batch_size: int) -> None:
        self._client = client
        self._batch_size = batch_size
        self._items: list[Item] = []
        self._records: list[int] = []
        self._attempts = 0
        self._first_attempt = 0.0
        self._not_before = 0.0
        self._lost = 0
        self._reason = ""

    def put(self, item: Item, records: int) -> None:
        """Add an item.

        Args:
            item: A span or log record.
            records: How many records of one-logger are in it.
        """
        self._items.append(item)
        self._records.append(records)

    def lose(self, records: int, reason: str) -> None:
        """Count records as lost that were never put here."""
        self._lost += records
        self._reason = reason

    def lose_all(self) -> int:
        """Give up what is left. How many records that are."""
        lost = sum(self._records)
        self._items.clear()
        self._records.clear()
        return lost

    def losses(self) -> tuple[int, str]:
        """How many records were lost since this was last asked, and why."""
        lost, self._lost = self._lost, 0
        return lost, self._reason

    def ship(self) -> None:
        """Send what there is.

        Raises:
            ExportError: The peer cannot take it now. What it has not taken is kept.
        """
        size, refusals = self._batch_size, 0
        while self._items:
            wait = self._not_before - monotonic()
            if wait > 0:
                raise ExportError(f"The peer has asked for a pause, which ends in {wait:.1f} seconds.", retriable=True)
            batch = Batch(self._items[:size])
            try:
                rejected = self._client.send(batch)
            except RefusedError as refused:
                remedy = self._judge(refused)
                if remedy is Remedy.RETRY:
                    raise ExportError(str(refused), retriable=True) from refused
                refusals += 1
                if remedy is Remedy.SPLIT and len(batch) > 1 and refusals <= REFUSALS:
                    size = (len(batch) + 1) // 2
                    continue
                self.lose(sum(self._records[: len(batch)]), str(refused))
                size = self._batch_size  # what was refused is gone, or not to be found
            else:
                if rejected:
                    self.lose(rejected, f"The peer has rejected {rejected} of {len(batch)}.")
            self._attempts = 0
            del self._items[: len(batch)]
            del self._records[: len(batch)]

    def _judge(self, refused: RefusedError) -> Remedy:
        """What to do: for a reason that nobody says, `RETRY` until that was tried often enough."""
        self._not_before = monotonic() + min(refused.retry_after, LONGEST_RETRY_AFTER)
        if refused.remedy is not Remedy.UNKNOWN:
            return refused.remedy
        if self._attempts == 0:
            self._first_attempt = monotonic()
        self._attempts += 1
        tried_enough = self._attempts >= ATTEMPTS and monotonic() - self._first_attempt >= PATIENCE
        return Remedy.NONE if tried_enough else Remedy.RETRY

    def close(self) -> None:
        """Release the way to the peer."""
        self._client.close()
