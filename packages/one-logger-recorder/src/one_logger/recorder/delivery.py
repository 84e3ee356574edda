"""Calling one exporter, and keeping account of what becomes of the records."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from one_logger.core import (
    Event,
    Exporter,
    ExportError,
    Resource,
    TelemetryDataError,
    TelemetryDataErrorType,
)
from one_logger.core.journal import Journal
from one_logger.core.text import error_text
from one_logger.recorder.breaker import Breaker
from one_logger.recorder.recorded_span import RecordedSpan

# What is queued: a span, that has started and may have ended; or (kind, span, event). A kind is the index of the
# exporter's method in `Delivery._methods`.
START, STOP, EVENT, ERROR, DATA_ERROR = range(5)
Item = RecordedSpan | tuple[int, RecordedSpan | None, Event | None]


def records_in(item: Item) -> int:
    """How many records a queued item is: a span that has ended is start and stop, unless its stop is queued, too."""
    return 2 if isinstance(item, RecordedSpan) and item._stop_follows is False else 1


class Delivery:
    """One exporter, and what became of the records that it was given. For one thread.

    Whatever the exporter raises stays here. A record is, in this order, taken from the queue, buffered in the exporter,
    and exported or lost.

    The start of a span that has ended by then is its stop as well: see `RecordedSpan`.

    Args:
        name: What the exporter is called in log messages.
        exporter: The exporter.
        breaker: Is told of each failure and success.
        journal: Where to say what has changed.
    """

    def __init__(self, name: str, exporter: Exporter, breaker: Breaker, journal: Journal) -> None:
        self._name = name
        self._exporter = exporter
        self._methods: tuple[Callable[..., None], ...] = (
            exporter.export_start,
            exporter.export_stop,
            exporter.export_event,
            exporter.export_error,
            exporter.export_telemetry_data_error,
        )
        self._breaker = breaker
        self._journal = journal
        self.initialized = False
        self.taken = 0  # items of the queue
        self.settled = 0  # of these, the ones that are exported or lost
        self.recorded = 0  # records: what the taken items are
        self.exported = 0
        self.lost = 0
        self._undecided: list[RecordedSpan] = []  # have ended, and it is not known yet whether their stop follows
        self._reported = 0  # missing records that the backend knows of
        self._reporting = 0  # the same, still buffered in the exporter
        self._dirty = False  # whether the exporter may have something buffered
        self._last_error: BaseException | None = None
        self._refused: BaseException | None = None  # what the exporter raised for a record since it was last flushed
        self._refusals: set[str] = set()  # the kinds of that, each of which is logged once
        self._said_failing = False
        self._said_disabled = False

    @property
    def buffered(self) -> int:
        """How many records the exporter has been given and not shipped."""
        return self.recorded - self.exported - self.lost

    @property
    def hopeless(self) -> bool:
        """Whether the last failure was of a kind that trying again does not help."""
        error = self._last_error
        return error is not None and not (isinstance(error, ExportError) and error.retriable)

    def prepare(self, resource: Resource | None, overflow: int) -> bool:
        """Initialise the exporter if it is not, have it ship what an earlier failure left, tell it what is missing.

        Args:
            resource: Who produces the telemetry.
            overflow: How many records did not even get into the queue.

        Returns:
            Whether the exporter is ready for more.
        """
        if not self.initialized:
            if not self._call(self._exporter.initialize, resource):
                return False
            self.initialized = self._dirty = True
        if self._undecided:
            self._decide()
        return self.ship() and self.report_missing(overflow)

    def export(self, queue: deque[Item], size: int) -> None:
        """Have the exporter encode the next `size` records."""
        take, methods, start = queue.popleft, self._methods, self._methods[START]
        self._dirty = True
        for _ in range(size):
            item = take()
            self.taken += 1
            self.recorded += 1
            try:
                if isinstance(item, tuple):
                    kind, span, event = item
                    if event is None:
                        methods[kind](span)
                    elif span is None:
                        methods[kind](event)
                    else:
                        methods[kind](event, span)
                    continue
                if item.end_unix_ns is None:
                    item._stop_is_due = True
                start(item)
            except BaseException as error:
                self._refuse(error)
            if isinstance(item, RecordedSpan) and item.end_unix_ns is not None:
                self._end(item)

    def _end(self, span: RecordedSpan) -> None:
        """Export the stop of a span that had ended when its start was exported, unless it is queued."""
        if span._stop_follows is None:
            self._undecided.append(span)
        elif not span._stop_follows:
            self.recorded += 1
            try:
                self._exporter.export_stop(span)
            except BaseException as error:
                self._refuse(error)

    def _decide(self, *, closing: bool = False) -> None:
        """Look again at the spans that had ended just before their recorder could say whether their stop follows."""
        undecided, self._undecided = self._undecided, []
        self._dirty = True
        for span in undecided:
            if closing and span._stop_follows is None:
                span._stop_follows = False  # whoever was about to say so was interrupted
            self._end(span)

    def _refuse(self, error: BaseException) -> None:
        self.lost += 1
        self._breaker.failures += 1
        self._refused = error
        kind = type(error).__name__
        if kind not in self._refusals:
            self._refusals.add(kind)
            self._log(logging.WARNING, f"lost a record, it raised {_sentence(error)}")

    def ship(self) -> bool:
        """Have the exporter ship what it has buffered. Whether it is ready for more."""
        if not self._dirty:
            return True
        buffered = self.buffered
        if not self._call(self._exporter.flush):
            if self.hopeless:
                self._lose(buffered)
            return False
        self._dirty = False
        self.settled = self.taken
        self.exported += buffered
        self._reported += self._reporting
        self._reporting = 0
        refused, self._refused = self._refused, None
        if refused is not None and not buffered:  # the exporter took none of the records that it was given
            self._failed(refused)
            return False
        self._works()
        return True

    def _lose(self, buffered: int) -> None:
        error = self._last_error
        lost = error.lost if isinstance(error, ExportError) and error.lost is not None else buffered
        # It may be more than what is buffered: an exporter that had something in an open span loses it with the span.
        lost = min(lost, buffered + self.exported)
        self.lost += lost
        self.exported += buffered - lost
        self._reporting = 0
        self._dirty = False
        self.settled = self.taken

    def report_missing(self, overflow: int) -> bool:
        """Have the exporter tell its backend how many records are missing that it does not know of.

        Args:
            overflow: How many records did not even get into the queue.

        Returns:
            Whether the exporter is ready for more.
        """
        return self._tell(overflow) and self.ship()

    def _tell(self, overflow: int) -> bool:
        missing = overflow + self.lost - self._reported - self._reporting
        if missing <= 0:
            return True
        error = TelemetryDataError(
            TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA,
            f"{missing} records are missing: the queue was full, or the exporter lost them.",
            dropped=missing,
        )
        if not self._call(self._exporter.export_telemetry_data_error, error):
            return False
        self._reporting += missing
        self._dirty = True
        return True

    def lose_queue(self, queue: deque[Item]) -> None:
        """Count as lost what is queued."""
        while queue:
            records = records_in(queue.popleft())
            self.taken += 1
            self.recorded += records
            self.lost += records

    def close(self, overflow: int) -> None:
        """Tell the backend what is missing, as far as it can be told, and close the exporter.

        Args:
            overflow: How many records did not even get into the queue.
        """
        if not self.initialized:
            return
        if self._undecided:
            self._decide(closing=True)
        if not self.report_missing(overflow):
            self._tell(overflow)  # once more, if that was lost: close() ships it
        buffered = self.buffered
        if self._call(self._exporter.close):
            self.exported += buffered
        else:
            self._lose(buffered)

    def after_fork(self) -> None:
        """Have the exporter forget what is the parent's."""
        self._call(self._exporter.after_fork)

    def _call(self, method: Callable[..., None], *arguments: object) -> bool:
        """Call a method of the exporter. Whether it has not failed."""
        try:
            method(*arguments)
        except BaseException as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error: BaseException) -> None:
        self._last_error = error
        self._breaker.failed()
        if not self._said_failing:
            self._said_failing = True
            self._log(logging.WARNING, f"failed, it raised {_sentence(error)}")
        if self._breaker.open and not self._said_disabled:
            self._said_disabled = True
            self._log(
                logging.ERROR,
                f"has failed too often and is disabled, it last raised {_sentence(error)} It will be tried again.",
            )

    def _works(self) -> None:
        self._last_error = None
        self._breaker.succeeded()
        if self._said_failing:
            self._said_failing = self._said_disabled = False
            self._log(logging.INFO, "works again.")

    def _log(self, level: int, message: str) -> None:
        self._journal.log(level, f"Exporter {self._name} {message}")


def _sentence(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error_text(error)}".strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
