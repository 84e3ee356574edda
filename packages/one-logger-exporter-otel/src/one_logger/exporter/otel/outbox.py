"""A queue of items for a peer, which are sent in batches until each is taken or given up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from time import monotonic, sleep
from typing import Any, Protocol

from one_logger.core import ExportError

ATTEMPTS = 10
"""Minimum attempts to send a batch that is refused without a reason, before it is given up."""

PATIENCE = 120.0
"""Minimum seconds between the first and the last of these attempts."""

REFUSALS = 32
"""How many refusals a flush answers by sending a part, at most. To find one item among 512 takes nine."""

LONGEST_RETRY_AFTER = 60.0  # seconds

PAUSE_EVERY, PAUSE = 8, 50e-6
"""After how many items the iteration over a batch sleeps, and for how many seconds."""


class Batch(list[Any]):
    """Items to be sent, which let the job have the interpreter lock while they are encoded.

    Encoding takes some 20 ms. In one go the job would wait for as long as the interpreter lets a thread have the lock,
    5 ms by default.
    """

    def __iter__(self) -> Iterator[Any]:
        for number, item in enumerate(super().__iter__(), 1):
            yield item
            if number % PAUSE_EVERY == 0:
                sleep(PAUSE)


class Hint(Enum):
    """What to do with a batch that was refused."""

    RETRY = "send it again later"
    SPLIT = "send parts of it, because a single item or the size may be the reason"
    GIVE_UP = "do not send it again"
    UNKNOWN = "the peer does not say"


class RefusedError(Exception):
    """A batch was refused. `retry_after` says for how many seconds the peer wants no request."""

    def __init__(self, reason: str, hint: Hint, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.hint = hint
        self.retry_after = retry_after


class Client(Protocol):
    """Sends batches to a peer."""

    loggers: frozenset[str]
    """The names of the loggers that it writes to while it sends."""

    def send(self, batch: Sequence[Any], /) -> int:
        """Send a batch once, or raise `RefusedError`. How many items of it the peer has rejected."""

    def close(self) -> None:
        """Release every handle."""


class Outbox:
    """A queue of items for one peer, which gets no more than `batch_size` of them at once."""

    def __init__(self, client: Client, batch_size: int) -> None:
        self._client = client
        self._batch_size = batch_size
        self._items: list[Any] = []
        self._records: list[int] = []  # how many records are in each item
        self._attempts = 0
        self._first_attempt = 0.0
        self._not_before = 0.0
        self._lost = 0
        self._reason = ""

    def put(self, item: Any, records: int) -> None:
        """Add a span or log record, and how many records of one-logger are in it."""
        self._items.append(item)
        self._records.append(records)

    def lose(self, records: int, reason: str) -> None:
        """Count records as lost."""
        self._lost += records
        self._reason = reason

    def lose_all(self) -> None:
        """Give up what is left."""
        self.lose(sum(self._records), self._reason)
        self._items.clear()
        self._records.clear()

    def losses(self) -> tuple[int, str]:
        """How many records were lost since the last call, and why."""
        lost, self._lost = self._lost, 0
        return lost, self._reason

    def ship(self) -> None:
        """Send all items. If the peer cannot take them now, keep those that it has not taken, and raise."""
        size, refusals = self._batch_size, 0
        while self._items:
            wait = self._not_before - monotonic()
            if wait > 0:
                raise ExportError(f"The peer has asked for a pause, which ends in {wait:.1f} seconds.", retriable=True)
            batch = Batch(self._items[:size])
            try:
                rejected = self._client.send(batch)
            except RefusedError as refused:
                hint = self._judge(refused)
                if hint is Hint.RETRY:
                    raise ExportError(str(refused), retriable=True) from refused
                refusals += 1
                if hint is Hint.SPLIT and len(batch) > 1 and refusals <= REFUSALS:
                    size = (len(batch) + 1) // 2
                    continue
                self.lose(sum(self._records[: len(batch)]), str(refused))
                size = self._batch_size  # what was refused is gone, or was not found
            else:
                if rejected:
                    self.lose(rejected, f"The peer has rejected {rejected} of {len(batch)}.")
            self._attempts = 0
            del self._items[: len(batch)]
            del self._records[: len(batch)]

    def _judge(self, refused: RefusedError) -> Hint:
        """What to do. If the peer does not say: `RETRY` until that was tried often enough."""
        self._not_before = monotonic() + min(refused.retry_after, LONGEST_RETRY_AFTER)
        if refused.hint is not Hint.UNKNOWN:
            return refused.hint
        if self._attempts == 0:
            self._first_attempt = monotonic()
        self._attempts += 1
        tried_enough = self._attempts >= ATTEMPTS and monotonic() - self._first_attempt >= PATIENCE
        return Hint.GIVE_UP if tried_enough else Hint.RETRY

    def close(self) -> None:
        """Close the client."""
        self._client.close()
