"""Calls one exporter, and counts which records are exported and lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from one_logger.api.spi import CURRENT_SPAN, SUPPRESSED
from one_logger.core import Exporter, ExportError, Resource, TelemetryDataError, TelemetryDataErrorType
from one_logger.core.spi import counted, is_interruption
from one_logger.recorder import pace
from one_logger.recorder.breaker import Breaker
from one_logger.recorder.exporter_log import ExporterLog
from one_logger.recorder.item import START, Item, records_in
from one_logger.recorder.recorded_span import RecordedSpan

R = TypeVar("R")


def suppressed(call: Callable[..., R], *arguments: object) -> R:
    """Call what is not to be recorded itself: an exporter, or a log handler."""
    current = CURRENT_SPAN.get()
    try:
        CURRENT_SPAN.set(SUPPRESSED)
        return call(*arguments)
    finally:
        CURRENT_SPAN.set(current)


class Delivery:
    """Calls one exporter, and counts the outcome of its records. For one thread.

    A record is, in this order, taken from the queue, buffered in the exporter, and exported or lost. Whatever the
    exporter raises stays here. Only where it is called on a thread of the job, `inline`, `KeyboardInterrupt` and the
    like pass, and what a signal handler raises, since that is meant for the job: it is no failure of the exporter, and
    what it has interrupted is lost.

    The start of a span that has ended by then is its stop as well: see `RecordedSpan`.

    **What tells that an exporter works** is what becomes of records. When it has shipped at least one, it works, even
    if it refuses others: these are lost, counted, and logged once for each kind of error. When it has shipped none of
    those that it was given, that is a failure, whether it refused each of them or the whole buffer. A buffer that
    holds no record, but a report of missing ones, says nothing after such a failure.
    """

    def __init__(self, exporter: Exporter, breaker: Breaker, log: ExporterLog) -> None:
        self._exporter = exporter
        self._methods: tuple[Callable[..., None], ...] = (  # by the kind of a record
            exporter.export_start,
            exporter.export_stop,
            exporter.export_event,
            exporter.export_error,
            exporter.export_telemetry_data_error,
        )
        self._complete = exporter.export_complete if _takes_whole_spans(exporter) else None
        self._breaker = breaker
        self._log = log
        self.inline = False
        """Whether the exporter is called on a thread of the job."""
        self.initialized = False
        self.taken = 0  # items of the queue
        self.settled = 0  # of these, the ones that are exported or lost
        self.recorded = 0  # records: what the taken items are
        self.exported = 0
        self.lost = 0
        self.held = 0
        """Of the exported ones, those that wait for a part of the backend which is away."""
        self._undecided: list[RecordedSpan] = []  # have ended, and it is not known yet whether their stop follows
        self._halves: set[RecordedSpan] = set()  # had ended when their start was exported, and their stop is queued
        self.stops: deque[int] = deque(maxlen=pace.NOTED_STOPS)  # spans, of those taken last: see `Channel.finish`
        self._judged = 0  # of the records, those that the exporter was flushed with, or has lost
        self._reported = 0  # missing records that the backend knows of
        self._reporting = 0  # the same, still buffered in the exporter
        self.wrote_at = monotonic()
        """When it was last flushed, or was to give a sign of life."""
        self.unfinished = False
        """Whether the exporter may have something left that it is to ship."""
        self._unproven = False  # whether it has failed with records, and has shipped none since
        self._last_error: BaseException | None = None
        self._last_loss: BaseException | None = None
        self._refused: BaseException | None = None  # what the exporter raised for a record since it was last flushed

    @property
    def buffered(self) -> int:
        """How many records the exporter has been given and not shipped."""
        return self.recorded - self.exported - self.lost

    @property
    def unjudged(self) -> int:
        """How many records the exporter has been given since it was flushed, those that it has refused included."""
        return self.recorded - self._judged

    @property
    def hopeless(self) -> bool:
        """Whether the last failure was of a kind that trying again does not help."""
        return self._last_error is not None and not _is_retriable(self._last_error)

    @property
    def waiting(self) -> bool:
        """Whether it is disabled, and only a record that is still queued can tell whether it works."""
        ready = self.initialized and not self.unfinished and not self._undecided
        return ready and self._unproven and self._breaker.open

    def prepare(self, resource: Resource | None, overflow: int) -> bool:
        """Initialise the exporter, ship what an earlier failure left, and report missing records.

        `overflow` is how many records were dropped before the queue. Returns whether the exporter is ready for more.
        """
        if not self.initialized:
            error = self._attempt(self._exporter.initialize, resource)
            if error is not None:
                self._failed(error)
                return False
            self.initialized = self.unfinished = True
        if self._undecided:
            suppressed(self._decide)
        if not self.ship():
            return False
        self.tell(overflow)
        return True

    def export(self, queue: deque[Item], size: int) -> None:
        """Have the exporter encode the next `size` records."""
        suppressed(self._export, queue, size)

    def _export(self, queue: deque[Item], size: int) -> None:
        take, methods, start, complete = queue.popleft, self._methods, self._methods[START], self._complete
        self.unfinished = True
        for _ in range(size):
            item: Item | None = None
            whole = False  # whether its start and its stop are exported by one call
            self.taken += 1
            self.recorded += 1
            try:
                item = take()  # not before: an interruption that comes with it is counted below
                if isinstance(item, tuple):
                    kind, span, event = item
                    if event is None and span is not None:
                        self.stops.append(span.span_id)
                        self._halves.discard(span)
                        methods[kind](span)
                    elif span is None:
                        methods[kind](event)
                    else:
                        methods[kind](event, span)
                    continue
                if item.end_unix_ns is None:
                    item._stop_is_due = True
                elif complete is not None and item._stop_follows is False:
                    whole = True
                    complete(item)
                    self.recorded += 1
                    continue
                start(item)
            except BaseException as error:
                self.recorded += whole
                self.lost += 1 + whole
                if self._passes(error):
                    if isinstance(item, RecordedSpan) and item.end_unix_ns is not None and not whole:
                        self._undecided.append(item)  # its stop is another record
                    raise
                self._refuse(error)
            if isinstance(item, RecordedSpan) and item.end_unix_ns is not None and not whole:
                self._end(item)

    def _end(self, span: RecordedSpan) -> None:
        """Export the stop of a span that had ended when its start was exported, unless it is queued."""
        if span._stop_follows is None:
            self._undecided.append(span)
        elif span._stop_follows:
            self._halves.add(span)
        else:
            self.recorded += 1
            try:
                self._exporter.export_stop(span)
            except BaseException as error:
                self.lost += 1
                if self._passes(error):
                    raise
                self._refuse(error)

    def finish_spans(self, queue: deque[Item], most: int) -> None:
        """Go on until the stop of each span is exported that had ended when its start was, if that is not far away.

        The two may be one record for the exporter, or none: so they had better arrive together, or be lost together.

        Args:
            queue: The queue.
            most: How many records the exporter may have been given then.
        """
        if self._undecided:
            suppressed(self._decide)
        while self._halves and queue and self.unjudged < most:
            self.export(queue, 1)

    def _decide(self, closing: bool = False) -> None:
        """Recheck spans whose recorder had not yet set `_stop_follows`."""
        self.unfinished = True
        for _ in range(len(self._undecided)):
            span = self._undecided.pop(0)
            if closing and span._stop_follows is None:
                span._stop_follows = False  # whoever was about to say so was interrupted
            self._end(span)

    def _refuse(self, error: BaseException) -> None:
        self._breaker.failures += 1
        self._refused = error

    def ship(self) -> bool:
        """Have the exporter ship its buffer, and judge it by the outcome. Whether it is ready for more."""
        if not self.unfinished:
            return True
        with_records = bool(self.unjudged)
        try:
            error = self._attempt(self._exporter.flush)
        except BaseException as interruption:
            self._settle(interruption)
            raise
        refused = self._refused
        if isinstance(error, ExportError) and error.held is not None:
            self._settle(error)
            self.held, self.unfinished = error.held, bool(error.held)
            self._breaker.failures += 1
            self._last_error = error
            (self._log.failed if error.held else self._log.loses)(error)
            if refused is not None:
                self._log.loses(refused)
            return True
        if error is not None and _is_retriable(error):
            self._failed(error, with_records=with_records)
            return False
        shipped = self._settle(error)
        problem = error or refused
        if shipped > 0:
            self._works()
        elif problem is None:
            if not self._unproven:
                self._works()
        else:
            self._failed(problem, with_records=with_records, refused=error is None)
            return False
        if problem is not None:
            self._breaker.failures += problem is error
            self._log.loses(problem)
        return True

    def _settle(self, error: BaseException | None) -> int:
        """Count what the exporter has shipped, and what it has lost if it has raised. How many records it has shipped.

        It may have lost more than what was buffered: one that had something in an open span loses it with the span.
        """
        buffered, lost = self.buffered, 0
        self.held = 0
        if error is not None:
            lost = error.lost if isinstance(error, ExportError) and error.lost is not None else buffered
            lost = min(lost, buffered + self.exported)
            self._last_loss = error if lost else self._last_loss
        else:
            self.wrote_at = monotonic()
        if error is None or (isinstance(error, ExportError) and error.held is not None):
            self._reported += self._reporting
        self._reporting = 0
        self._refused = None
        self.lost += lost
        self.exported += buffered - lost
        self.settled = self.taken
        self._judged = self.recorded
        self.unfinished = False
        return buffered - lost

    def tell(self, overflow: int) -> None:
        """Have the exporter tell its backend how many further records are missing.

        If the exporter refuses that, it is tried again with the next records, and does not count as failing.
        """
        missing = overflow + self.lost - self._reported - self._reporting
        if not missing:
            return
        self.unfinished = True
        what = counted(missing, "record is", "records are")
        error = self._attempt(
            self._exporter.export_telemetry_data_error,
            TelemetryDataError(
                TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA,
                f"{what} missing: the queue was full, or the exporter lost them.",
                dropped=missing,
            ),
        )
        if error is None:
            self._reporting += missing
        else:
            self._breaker.failures += 1
            self._log.cannot_tell(error)

    def say_alive(self) -> None:
        """Have the exporter tell its backend that the process is alive. That is no record that counts."""
        self.unfinished = True
        self.wrote_at = monotonic()
        error = self._attempt(self._exporter.export_alive)
        if error is not None:
            self._breaker.failures += 1
            self._log.cannot_tell(error)

    def lose_queue(self, queue: deque[Item]) -> None:
        """Count as lost what is queued."""
        while queue:
            records = records_in(queue.popleft())
            self.taken += 1
            self.recorded += records
            self.lost += records

    def close(self, overflow: int, reason: str) -> None:
        """Tell the backend what is missing, as far as it can be told, and close the exporter.

        Args:
            overflow: How many records did not even get into the queue.
            reason: Why. See `Exporter.close_reason`.
        """
        if not self.initialized:
            return
        if self._undecided:
            suppressed(self._decide, True)
        self.tell(overflow)
        if not self.ship():
            self.tell(overflow)  # once more, if that was lost: close() ships it
        try:
            self._attempt(setattr, self._exporter, "close_reason", reason)
            error = self._attempt(self._exporter.close)
        except BaseException as interruption:
            self._settle(interruption)
            raise
        if error is not None:
            self._last_error = error
            self._breaker.failed()
        self._settle(error)
        if error is not None and not overflow + self.lost:
            self._log.failed(error)

    def say_end(self, missing: int) -> None:
        """Log that the recorder is closed, and that so many records were not delivered."""
        self._log.ends(missing, self._last_error or self._last_loss)

    def after_fork(self) -> None:
        """Have the exporter forget what is the parent's."""
        error = self._attempt(self._exporter.after_fork)
        if error is not None:
            self._log.failed(error)

    def _attempt(self, method: Callable[..., None], *arguments: object) -> BaseException | None:
        """Call a method of the exporter. Returns what it raises."""
        try:
            suppressed(method, *arguments)
        except BaseException as error:
            if self._passes(error):
                raise
            return error
        return None

    def _passes(self, error: BaseException) -> bool:
        """Whether an exception is meant for the job."""
        return self.inline and (not isinstance(error, Exception) or is_interruption(error))

    def _failed(self, error: BaseException, *, with_records: bool = False, refused: bool = False) -> None:
        """Count a failure: with or without records, and whether it refused each record or the whole buffer."""
        self._last_error = error
        if isinstance(error, ExportError) and error.retry_after:
            self._breaker.pause(error.retry_after)
            self._log.waits(error)
            return
        self._unproven = self._unproven or with_records
        self._breaker.failed()
        if refused:
            self._log.loses(error)
        else:
            self._log.failed(error)
        if self._breaker.open:
            self._log.disabled(error)

    def _works(self) -> None:
        """Note that the exporter works."""
        self._last_error = None
        self._unproven = False
        self._breaker.succeeded()
        self._log.works()


def _takes_whole_spans(exporter: Exporter) -> bool:
    """Whether `export_complete` is newer in an exporter than its methods for start and stop, which it stands for."""
    if not {"export_start", "export_stop"}.isdisjoint(getattr(exporter, "__dict__", ())):
        return False
    parts = ("export_complete", "export_start", "export_stop")
    owner = next(kind for kind in type(exporter).__mro__ if any(part in vars(kind) for part in parts))
    return owner is not Exporter and "export_complete" in vars(owner)


def _is_retriable(error: BaseException) -> bool:
    return isinstance(error, ExportError) and error.retriable
