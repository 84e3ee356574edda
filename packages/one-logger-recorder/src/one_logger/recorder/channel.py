"""The way from the threads that record to one exporter."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic, sleep

from one_logger.api.context import CURRENT_SPAN, SUPPRESSED
from one_logger.core import (
    Event,
    Exporter,
    ExportError,
    Resource,
    Span,
    TelemetryDataError,
    TelemetryDataErrorType,
    diagnostics,
)
from one_logger.core.counter import AtomicCounter
from one_logger.recorder.stats import ExporterStats

# What is queued: (kind, span, event). A kind is the index of the exporter's method in `Channel._methods`.
START, STOP, EVENT, ERROR, DATA_ERROR = range(5)
Item = tuple[int, Span | None, Event | None]

WAKE_AT = 2_048
"""How many queued records wake the worker before its interval is over."""

BATCH = 1_024
"""How many records an exporter buffers at most before it is told to ship them."""

SLICE = 200e-6
"""Seconds that the worker exports before it stands aside and lets the job run."""

HURRIED_SLICE = 1e-3
"""The same while somebody waits for a flush or the queue is half full: losing nothing comes before smoothness then."""

PAUSE = 50e-6
"""Seconds that the worker stands aside. The interpreter lock is not fair: without sleeping, a thread that gives it up
has taken it again before another has woken up."""

CHUNK = 8
"""How many records are exported between two looks at the clock."""


class Request:
    """A wish to have everything delivered that was queued before.

    Args:
        deadline: When to give up, on the monotonic clock, in seconds.
        closing: Whether the exporter is to be closed then.
    """

    def __init__(self, deadline: float, *, closing: bool) -> None:
        self.deadline = deadline
        self.closing = closing
        self.target = 0  # how many records the worker has to have dealt with; it sets this when it takes the request
        self._answered = threading.Event()
        self._delivered = False

    def answer(self, *, delivered: bool) -> None:
        """Say how it went."""
        self._delivered = delivered
        self._answered.set()

    def wait(self) -> bool:
        """Whether everything was delivered by the deadline. Waits until then at most."""
        return self._answered.wait(max(0.0, self.deadline - monotonic())) and self._delivered


class Channel:
    """A bounded queue, a worker thread that empties it into one exporter, and the counters of both.

    Threads that record only append to `queue`, as long as it is shorter than `limit`, and call `offer` otherwise. They
    take no lock, and never wait for the worker. The worker alone calls the exporter.

    A span is dropped whole or not at all: once its start was queued its stop always is, even beyond the capacity, and
    the other way round.

    Args:
        name: What the exporter is called in log messages and statistics.
        exporter: The exporter.
        capacity: How many records may be queued.
        flush_interval: How long a record waits at most before it is exported, in seconds.
        max_failures: After how many failures in a row the exporter is disabled.
    """

    def __init__(
        self, name: str, exporter: Exporter, *, capacity: int, flush_interval: float, max_failures: int
    ) -> None:
        self.name = name
        self._exporter = exporter
        self._methods: tuple[Callable[..., None], ...] = (
            exporter.export_start,
            exporter.export_stop,
            exporter.export_event,
            exporter.export_error,
            exporter.export_telemetry_data_error,
        )
        self._capacity = capacity
        self._flush_interval = flush_interval
        self._max_failures = max_failures
        self._wake_at = max(1, min(WAKE_AT, capacity // 2))
        self._begin_anew()

    def _begin_anew(self) -> None:
        """The state of a channel that nothing has gone through."""
        self.queue: deque[Item] = deque()
        self.limit = self._capacity
        self.headless: set[int] = set()  # the spans that are open and whose start was dropped
        self._resource: Resource | None = None
        self._thread: threading.Thread | None = None
        # A lock as a signal: the worker waits by acquiring it, whoever wants it to wake up releases it.
        self._signal = threading.Lock()
        self._signal.acquire()
        self._here = threading.RLock()  # held while the exporter is called without a worker
        self._requests: deque[Request] = deque()
        self._waiting: list[Request] = []
        self._initialized = False
        self._closed = False
        self._disabled = False
        self._overflow = AtomicCounter()
        # Only the worker writes these:
        self._taken = 0
        self._exported = 0
        self._lost = 0
        self._reported = 0  # dropped records that the exporter has told its backend of
        self._reporting = 0  # the same, still buffered in the exporter
        self._dirty = False  # whether the exporter may have something buffered
        self._failures = 0
        self._failures_in_a_row = 0  # without anything delivered in between
        self._last_error: BaseException | None = None
        self._refused: BaseException | None = None  # what the exporter raised for a record since it was last flushed
        self._refusals: set[str] = set()  # the kinds of that, each of which is logged once
        self._failing = False  # whether the exporter could not be initialised or flushed at the last attempt

    # -- the recording threads ---------------------------------------------------------------------------------------

    def offer(self, kind: int, span: Span | None, event: Event | None) -> None:
        """Queue a record, or count it as dropped: what `queue.append` is for while the queue is below `limit`."""
        if self._closed or self._disabled:
            self._drop(kind, span)
            return
        if kind == STOP and span is not None:
            if span.span_id in self.headless:
                self._drop(kind, span)
                return
        elif len(self.queue) >= self._capacity:
            self._drop(kind, span)
            self._wake()
            return
        self.queue.append((kind, span, event))
        if len(self.queue) >= self._wake_at == self.limit:
            self.limit = self._capacity  # until the worker sleeps again, nobody else needs to wake it
            self._wake()

    def _drop(self, kind: int, span: Span | None) -> None:
        self._overflow.add()
        if span is not None:
            if kind == START:
                self.headless.add(span.span_id)
            elif kind == STOP:
                self.headless.discard(span.span_id)

    def _wake(self) -> None:
        if self._signal.locked():
            try:
                self._signal.release()
            except RuntimeError:
                return  # another thread has just told it

    # -- whoever owns the recorder -----------------------------------------------------------------------------------

    def start(self, resource: Resource) -> None:
        """Start the worker, which initialises the exporter.

        Args:
            resource: Who produces the telemetry.
        """
        self._resource = resource
        thread = threading.Thread(target=self._run, name=f"one-logger {self.name}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread can be started at interpreter exit; close() does the work then
            return
        self._thread = thread

    def after_fork(self) -> None:
        """Be as new in a forked child: what is queued, counted, locked and open is the parent's."""
        if self._initialized:
            self._call(self._exporter.after_fork)
        self._begin_anew()

    def request(self, deadline: float, *, closing: bool = False) -> Request:
        """Ask for everything to be delivered that was queued before.

        Args:
            deadline: When to give up, on the monotonic clock, in seconds.
            closing: Whether the exporter is to be closed then.
        """
        request = Request(deadline, closing=closing)
        self._requests.append(request)
        if self._thread is None:
            self._work_here()
        self._wake()
        return request

    def _work_here(self) -> None:
        """Do the worker's work on the calling thread."""
        with self._here:
            current = CURRENT_SPAN.get()
            CURRENT_SPAN.set(SUPPRESSED)
            try:
                self._work()
            finally:
                CURRENT_SPAN.set(current)

    def stats(self) -> ExporterStats:
        """The counters as they are now."""
        queued, taken, overflow = len(self.queue), self._taken, self._overflow.value
        return ExporterStats(
            recorded=queued + taken + overflow,
            exported=self._exported,
            dropped=overflow + self._lost,
            pending=queued + taken - self._exported - self._lost,
            failures=self._failures,
            disabled=self._disabled,
        )

    # -- the worker --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        CURRENT_SPAN.set(SUPPRESSED)
        while True:
            self._work()
            if self._closed:
                return
            self._sleep()

    def _sleep(self) -> None:
        if not self._disabled:
            self.limit = self._wake_at
        # Looked at after the limit is lowered, so that nothing queued in between goes unnoticed.
        if len(self.queue) < self._wake_at or self._failing:
            deadlines = [request.deadline - monotonic() for request in self._waiting]
            self._signal.acquire(timeout=max(0.0, min([self._flush_interval, *deadlines])))
        if not self._disabled:
            self.limit = self._capacity

    def _work(self) -> None:
        """Export what is queued now, ship it, and answer those who asked before."""
        self._take_requests()
        if not self._disabled and not self._closed:
            self._deliver()
        diagnostics.write_reports()
        self._answer()

    def _deliver(self) -> None:
        """Export and ship what is queued now, until the exporter fails in a way that makes it pointless to go on."""
        if not self._initialized:
            if not self._call(self._exporter.initialize, self._resource):
                return
            self._initialized = self._dirty = True
        if not self._ship():
            return
        backlog = len(self.queue)
        while backlog > 0:
            hurried = self._waiting or len(self.queue) >= self._capacity // 2
            end = monotonic() + (HURRIED_SLICE if hurried else SLICE)
            while backlog > 0 and monotonic() < end:
                self._export(min(backlog, CHUNK))
                backlog -= CHUNK
                if self._buffered >= BATCH and not self._ship():
                    return
            self._take_requests()
            if any(self._taken >= request.target for request in self._waiting):
                if not self._ship():
                    return
                self._answer()
            if backlog > 0 and self._thread is not None:
                sleep(PAUSE)
        if self._ship() and self._report_missing():
            self._ship()

    def _take_requests(self) -> None:
        while self._requests:
            request = self._requests.popleft()
            request.target = self._taken + len(self.queue)
            self._waiting.append(request)

    @property
    def _buffered(self) -> int:
        """How many records the exporter has been given and not shipped."""
        return self._taken - self._exported - self._lost

    def _export(self, size: int) -> None:
        """Have the exporter encode the next `size` records."""
        take, methods = self.queue.popleft, self._methods
        self._dirty = True
        for _ in range(size):
            kind, span, event = take()
            self._taken += 1
            try:
                if event is None:
                    methods[kind](span)
                elif span is None:
                    methods[kind](event)
                else:
                    methods[kind](event, span)
            except BaseException as error:  # whatever an exporter raises stays here
                self._lost += 1
                self._failures += 1
                self._refused = error
                kind_of_error = type(error).__name__
                if kind_of_error not in self._refusals:
                    self._refusals.add(kind_of_error)
                    self._log(logging.WARNING, f"lost a record, it raised {kind_of_error}: {error}")

    def _ship(self) -> bool:
        """Have the exporter ship what it has buffered. False if there is no point in going on now."""
        if not self._dirty:
            return True
        buffered = self._buffered
        if not self._call(self._exporter.flush):
            error = self._last_error
            if isinstance(error, ExportError) and error.retriable:
                return False
            lost = buffered if not isinstance(error, ExportError) or error.lost is None else min(error.lost, buffered)
            self._lost += lost
            self._exported += buffered - lost
            self._reporting = 0
            self._dirty = False
            return not self._disabled
        if self._failing:
            self._failing = False
            self._log(logging.INFO, "works again")
        self._exported += buffered
        self._reported += self._reporting
        self._reporting = 0
        self._dirty = False
        refused, self._refused = self._refused, None
        if buffered:
            self._failures_in_a_row = 0
        elif refused is not None:  # the exporter took none of the records that it was given
            self._count_failure_in_a_row(refused)
        return not self._disabled

    @property
    def _missing(self) -> int:
        """How many records are missing that the exporter has not told its backend of."""
        return self._overflow.value + self._lost - self._reported - self._reporting

    def _report_missing(self) -> bool:
        """Have the exporter tell its backend what is missing. Whether there is something to ship now."""
        missing = self._missing
        if missing <= 0:
            return False
        error = TelemetryDataError(
            TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA,
            f"{missing} records are missing: the queue was full, or the exporter lost them.",
            dropped=missing,
        )
        if self._call(self._exporter.export_telemetry_data_error, error):
            self._reporting += missing
            self._dirty = True
        return self._dirty

    def _call(self, method: Callable[..., None], *arguments: object) -> bool:
        """Call a method of the exporter. Whether it has not failed."""
        try:
            method(*arguments)
        except BaseException as error:  # whatever an exporter raises stays here
            self._last_error = error
            if not self._failing:
                self._failing = True
                self._log(logging.WARNING, f"failed with {type(error).__name__}: {error}")
            self._failures += 1
            self._count_failure_in_a_row(error)
            return False
        return True

    def _count_failure_in_a_row(self, error: BaseException) -> None:
        self._failures_in_a_row += 1
        if self._failures_in_a_row < self._max_failures or self._disabled or self._closed:
            return
        self._disabled = True
        self.limit = -1
        self._lose_queue()
        self._log(
            logging.ERROR,
            f"failed {self._failures_in_a_row} times in a row and is disabled; the last failure was "
            f"{type(error).__name__}: {error}",
        )

    def _lose_queue(self) -> None:
        while self.queue:
            self.queue.popleft()
            self._taken += 1
            self._lost += 1

    def _answer(self) -> None:
        """Answer the requests that are fulfilled, or cannot be."""
        for request in list(self._waiting):
            fulfilled = self._initialized and self._exported + self._lost >= request.target
            if not (fulfilled or self._disabled or monotonic() >= request.deadline):
                continue
            self._waiting.remove(request)
            if request.closing and not self._closed:
                self._close()
                diagnostics.write_reports()
                fulfilled = self._initialized
            request.answer(delivered=fulfilled and self.stats().dropped == 0)

    def _close(self) -> None:
        self._closed = True
        self.limit = -1
        if not self._initialized:
            self._lose_queue()
            return
        if not self._disabled and not self._failing:
            self._deliver()
        self._lose_queue()
        self._report_missing()
        buffered = self._buffered
        if self._call(self._exporter.close):
            self._exported += buffered
        else:
            self._lost += buffered

    def _log(self, level: int, message: str) -> None:
        diagnostics.log(level, f"Exporter {self.name} {message}")


class InlineChannel(Channel):
    """A channel that calls its exporter on the thread that records, one thread at a time.

    The job waits for the exporter. For tests, and for exporters that have to run at that place and moment.
    """

    def offer(self, kind: int, span: Span | None, event: Event | None) -> None:
        """Export a record, and ship it."""
        with self._here:
            super().offer(kind, span, event)
            self._work_here()

    def start(self, resource: Resource) -> None:
        """Initialise the exporter."""
        self._resource = resource
        self.limit = -1  # every record goes through offer()
        self._work_here()
