"""A queue of items for a peer, which are sent in batches until each is taken or given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from math import ceil
from time import monotonic
from typing import Any, Protocol

from one_logger.core import ExportError
from one_logger.core.spi import diagnostics
from one_logger.exporter.otel.messages import Rejected

ATTEMPTS = 10
"""Minimum attempts to send a batch that is refused without a reason, before it is given up."""

PATIENCE = 120.0
"""Minimum seconds between the first and the last of these attempts."""

REFUSALS = 32
"""How many refusals a flush answers by sending a part, at most. To find one item among 512 takes nine."""

LARGEST = 3 * 2**20
"""Bytes of items in a request, at most: what gRPC's servers take by default is 4 MiB."""

LONGEST_PAUSE = 600.0
"""Seconds that a peer may ask for, at most; and for which a signal that it will never take is left out."""

LONGEST_BACK_OFF = 60.0
"""Seconds between two attempts to send one signal while the other one arrives, at most."""

MOST_HELD = 16_384
"""How many items of one signal are kept while only the other one arrives."""


class Hint(Enum):
    """What to do with a batch that was refused."""

    RETRY = "send it again later"
    SPLIT = "send parts of it, because a single item or the size may be the reason"
    GIVE_UP = "do not send it again"
    NEVER = "do not send anything of this signal: it is not the batch that the peer will not take"
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

    @property
    def item(self) -> Callable[[Any], Any]:
        """What gives what to keep of a message until it is sent."""

    def send(self, batch: Sequence[Any], /) -> Rejected:
        """Send a batch once, or raise `RefusedError`. What the peer has rejected of it."""

    def close(self) -> None:
        """Release every handle."""


class Outbox:
    """A queue of items of one signal, of which the peer gets no more than `batch_size` at once."""

    def __init__(self, signal: str, client: Client, batch_size: int) -> None:
        self._signal = signal
        self._client = client
        self._item = client.item
        self._batch_size = batch_size
        self._items: list[Any] = []
        self._records: list[int] = []  # how many records are in each item
        self._attempts = 0
        self._first_attempt = 0.0
        self._not_before = 0.0  # as the peer has asked
        self._back_off = 0.0
        self._back_off_until = 0.0
        self._left_out_until = 0.0
        self._lost = 0
        self._reason = ""
        self.unwanted = False
        """Whether the peer has said of the last batch that it takes nothing of the signal."""

    def put(self, message: Any, records: int) -> None:
        """Add a span or log record, and how many records of one-logger are in it."""
        if self._left_out_until and monotonic() < self._left_out_until:
            self._lost += records
        else:
            self._items.append(self._item(message))
            self._records.append(records)

    @property
    def held(self) -> int:
        """How many records wait."""
        return sum(self._records)

    def lose(self, records: int, reason: str) -> None:
        """Count records as lost."""
        self._lost += records
        self._reason = reason

    def lose_all(self) -> None:
        """Give up what is left."""
        self._give_up(len(self._items), self._reason)

    def losses(self) -> tuple[int, str]:
        """How many records were lost since the last call, and why."""
        lost, self._lost = self._lost, 0
        return lost, self._reason

    def ship(self, *, last: bool = False) -> None:
        """Send all items; if it is the `last` time, though it has failed just now.

        Raises:
            ExportError: The peer cannot take them now. Those that it has not taken are kept.
        """
        size, refusals = self._batch_size, 0
        while self._items:
            self._wait(last=last)
            count = self._fitting(size)
            try:
                rejected = self._client.send(self._items[:count])
            except RefusedError as refused:
                self._reason = str(refused)
                hint = self._judge(refused)
                self.unwanted = hint is Hint.NEVER
                if hint is Hint.RETRY:
                    raise ExportError(str(refused), retriable=True, retry_after=refused.retry_after) from refused
                refusals += 1
                if hint is Hint.SPLIT and count > 1 and refusals <= REFUSALS:
                    size = (count + 1) // 2
                    continue
                self._give_up(len(self._items) if self.unwanted else count, self._reason)
                size = self._batch_size  # what was refused is gone, or was not found
            else:
                self.unwanted = False
                self._back_off = 0.0
                self._account(count, rejected)
            self._attempts = 0

    def hold(self) -> None:
        """Wait longer each time before the next attempt, and keep no more than `MOST_HELD` items meanwhile."""
        if self._back_off_until <= monotonic():
            self._back_off = min(max(2 * self._back_off, 1.0), LONGEST_BACK_OFF)
            self._back_off_until = monotonic() + self._back_off
        self._give_up(max(0, len(self._items) - MOST_HELD), self._reason)

    def leave_out(self) -> None:
        """Send nothing of the signal for a while."""
        if self._left_out_until > monotonic():
            return
        self._left_out_until = monotonic() + LONGEST_PAUSE
        diagnostics.report(f"left out: {self._reason}", f"The {self._signal} are left out. {self._reason}")

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _wait(self, *, last: bool) -> None:
        """Raise an `ExportError` if it is not time for another attempt."""
        wait = self._not_before - monotonic()
        if wait > 0:
            text = f"The peer has asked for a pause, which ends in {wait:.1f} seconds. {self._reason}"
            raise ExportError(text, retriable=True, retry_after=wait)
        if self._back_off and self._back_off_until > monotonic() and not last:
            raise ExportError(self._reason, retriable=True)

    def _fitting(self, size: int) -> int:
        """How many items go into the next request: `size`, or fewer if these are large."""
        room = LARGEST
        for count, item in enumerate(self._items[:size]):
            room -= len(item) if isinstance(item, bytes) else 0
            if room < 0 and count:
                return count
        return min(size, len(self._items))

    def _account(self, count: int, rejected: Rejected) -> None:
        """Remove what was sent, and count what the peer has rejected of it.

        It says how many items these are, but not which. So the share of the records is counted.
        """
        words = f": {rejected.words}" if rejected.words else "."
        if rejected.items > 0:
            share = ceil(sum(self._records[:count]) * min(rejected.items / count, 1))
            self.lose(share, f"The peer has rejected {rejected.items} of {count} {self._signal}{words}")
        elif rejected.words:
            diagnostics.report(f"warning: {rejected.words}", f"The peer has taken {self._signal} and says{words}")
        del self._items[:count]
        del self._records[:count]

    def _give_up(self, count: int, reason: str) -> None:
        self.lose(sum(self._records[:count]), reason)
        del self._items[:count]
        del self._records[:count]

    def _judge(self, refused: RefusedError) -> Hint:
        """What to do. If the peer does not say: `RETRY` until that was tried often enough."""
        refused.retry_after = min(refused.retry_after, LONGEST_PAUSE)
        self._not_before = monotonic() + refused.retry_after
        if refused.hint is not Hint.UNKNOWN:
            return refused.hint
        if self._attempts == 0:
            self._first_attempt = monotonic()
        self._attempts += 1
        tried_enough = self._attempts >= ATTEMPTS and monotonic() - self._first_attempt >= PATIENCE
        return Hint.GIVE_UP if tried_enough else Hint.RETRY
