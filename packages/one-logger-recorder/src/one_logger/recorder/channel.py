"""A bounded queue and a worker, which take records to one exporter."""

from __future__ import annotations

from collections import deque
from math import inf
from time import monotonic

from one_logger.api.spi import ExporterStats
from one_logger.core import Event, Exporter, Resource
from one_logger.core.spi import AtomicCounter, Journal, diagnostics, error_text, system_threads
from one_logger.recorder import pace
from one_logger.recorder.breaker import BACK_OFF, Breaker
from one_logger.recorder.capacity import Capacity
from one_logger.recorder.delivery import Delivery, suppressed
from one_logger.recorder.exporter_log import ExporterLog
from one_logger.recorder.item import START, STOP, Item, records_in
from one_logger.recorder.recorded_span import RecordedSpan
from one_logger.recorder.request import Request
from one_logger.recorder.settings import ChannelSettings
from one_logger.recorder.worker import Worker


class Channel:
    """A bounded queue, a worker thread that empties it into one exporter, and the counters of both.

    Threads that record only append to `queue`, as long as it is shorter than `limit`, and call `offer` otherwise. They
    take no lock, and never wait for the worker unless the settings ask for it. The worker alone calls the exporter.

    A span is dropped whole or not at all: once its start was queued its stop always is, even beyond the capacity, and
    the other way round.
    """

    def __init__(self, name: str, exporter: Exporter, settings: ChannelSettings, journal: Journal) -> None:
        self.name = name
        self._exporter = exporter
        self._settings = settings
        self._journal = journal
        self._wake_at = max(1, min(pace.WAKE_AT, settings.queue_capacity // 2))
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Set the state of a new channel."""
        self.queue: deque[Item] = deque()
        self.limit = min(pace.LOOK_EVERY, self._settings.queue_capacity)
        self.headless: set[int] = set()  # open spans whose start was dropped
        self._overflow = AtomicCounter()
        self._refused = AtomicCounter()  # records that came after the close of the recorder: no part of the stream
        self.refuse = self._refused.add
        self.unstopped = 0  # open spans that `close` had no time to stop
        self._capacity = Capacity(self._settings.queue_capacity, self._settings.queue_bytes)
        self._breaker = Breaker(self._settings.max_failures, self._settings.cool_down)
        self._delivery = Delivery(self._exporter, self._breaker, ExporterLog(self.name, self._journal))
        self._resource: Resource | None = None
        self._worker = Worker(self.name, self._run, self._journal)
        self._asleep = False
        self._idle = 0  # how many times in a row the worker has found nothing to do
        self._here = system_threads.RLock()  # held while the exporter is called without a worker
        self._inside = self._late = False  # whether it is called so now; whether that thread has queued more meanwhile
        self._requests: deque[Request] = deque()
        self._waiting: list[Request] = []
        self._tried_at = 0.0  # when the exporter was last called
        # When there may be something to do again, if nobody says so before.
        self._look_at = monotonic() + min(pace.FIRST_LOOK, self._settings.flush_interval)
        self._closed = False
        self._over = False  # whether the worker has done its work, and answers nobody any more
        self._end = inf  # when it is to be closed at the latest

    # -- the recording threads ---------------------------------------------------------------------------------------

    def offer(self, kind: int, span: RecordedSpan | None, event: Event | None) -> None:
        """Queue a record, or count it as dropped: what `queue.append` is for while the queue is below `limit`."""
        queue = self.queue
        if self._closed:
            self._drop(kind, span)
            return
        if kind == STOP and span is not None:
            if span.span_id in self.headless:
                self._drop(kind, span)
                return
        elif len(queue) >= self._capacity.value and not self._wait_for_room():
            self._drop(kind, span)
            return
        item = span if kind == START and span is not None else (kind, span, event)
        queue.append(item)
        length = len(queue)
        if self._worker.is_due:
            self._start_worker()
        self._capacity.look(item, queue)
        # The record that comes then is looked at; each of them, while there is no worker.
        self.limit = min(length + pace.LOOK_EVERY - 1, self._capacity.value) if self._worker.alive else 0
        if self._asleep and (length >= self._wake_at or self._idle > 1):
            self._wake()

    def stop(self, span: RecordedSpan) -> None:
        """Queue the stop of a span whose start was taken, or count it as dropped, as its start was."""
        if span._stop_follows or span.span_id in self.headless:
            self.offer(STOP, span, None)

    def finish(self, span: RecordedSpan, *, started: bool) -> None:
        """Queue the stop of a span, if it is due and not queued: its start or stop was interrupted.

        Args:
            span: The span, which has ended.
            started: Whether its start was queued here, if a worker has taken it. If that is not known, and it is not in
                the queue either, nobody can know whether its stop is missing: a record is counted as lost.
        """
        queued = self.queue.copy()
        if (STOP, span, None) in queued or span.span_id in self._delivery.stops:
            return
        if started or span in queued or span.span_id in self.headless:
            self.stop(span)
        elif span._stop_follows:
            self._overflow.add()

    @property
    def missing(self) -> int:
        """How many records did not even get into the queue."""
        return self._overflow.value + self.unstopped

    def _wait_for_room(self) -> bool:
        """Wait until the queue is not full, if the settings ask for that. Whether it is not full now."""
        if self._asleep:
            self._wake()
        deadline = monotonic() + self._settings.block_timeout
        while len(self.queue) >= self._capacity.value:
            if monotonic() >= min(deadline, self._end) or self._closed:
                return False
            system_threads.sleep(pace.BLOCK_STEP)
        return True

    def _drop(self, kind: int, span: RecordedSpan | None) -> None:
        self._overflow.add()
        if span is not None:
            if kind == START:
                self.headless.add(span.span_id)
            elif kind == STOP:
                self.headless.discard(span.span_id)

    def _wake(self) -> None:
        self._asleep = False
        self._worker.wake()

    # -- whoever owns the recorder -----------------------------------------------------------------------------------

    def start(self, resource: Resource) -> None:
        """Start the worker, which initialises the exporter, unless it is started already."""
        self._resource = resource
        self._start_worker()

    def _start_worker(self) -> None:
        """Start the worker. If there is no thread to be had, `offer` tries again, and `request` does its work."""
        if self._worker.alive or not self._here.acquire(blocking=False):
            return  # another thread is starting it, or doing its work
        try:
            if not self._inside:
                self._worker.start()
        finally:
            self._here.release()

    def after_fork(self) -> None:
        """Reset in a forked child: the queue, counters, locks and open spans are the parent's."""
        self._delivery.after_fork()
        self._begin_anew()

    def request(self, request: Request) -> Request:
        """Ask for everything to be delivered that was queued before."""
        if request.closing:
            self._end = request.deadline
        self._requests.append(request)
        if self._over or not self._worker.alive:  # looked at after it was appended: else the worker finds it
            self._work_here(request)
        self._wake()
        return request

    def _work_here(self, request: Request | None = None) -> None:
        """Do the worker's work on the calling thread, until a request of this thread is answered.

        The job may be interrupted in it, by Ctrl-C for instance. That goes on to whoever has called the recorder, and
        leaves the channel in order. A signal handler or finalizer that comes here within it goes on at once: what it
        has queued is delivered when it has returned.
        """
        with self._here:
            if self._inside and request is not None:
                request.answer(delivered=False)  # whoever is in there cannot go on while this one waits
            if self._inside or (self._worker.alive and not self._over):
                self._late = True
                return
            try:
                self._inside = self._delivery.inline = self._late = True
                while self._late or (request is not None and not request.answered):
                    if not self._late:
                        system_threads.sleep(min(self._pause(), pace.BLOCK_STEP * 10))
                    self._late = False
                    self._work()
            finally:
                self._inside = False

    def stats(self) -> ExporterStats:
        """The counters as they are now."""
        delivery, overflow = self._delivery, self.missing + self._refused.value
        queued = sum(records_in(item) for item in self.queue.copy())
        taken, exported, lost = delivery.recorded, delivery.exported - delivery.held, delivery.lost
        return ExporterStats(
            recorded=queued + taken + overflow,
            exported=exported,
            dropped=overflow + lost,
            pending=queued + taken - exported - lost,
            failures=self._breaker.failures,
            disabled=self._breaker.open,
        )

    # -- the worker --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closed:
            try:
                self._sleep()
                self._work()
            except BaseException as error:
                # Nothing of the exporter gets here: this is a bug of ours, or a log handler that raises.
                diagnostics.report(
                    f"worker: {type(error).__name__}",
                    f"The worker of {self.name} raised {type(error).__name__}: {error_text(error)}.",
                )
                self._breaker.failed()
                system_threads.sleep(BACK_OFF)
        self._over = True
        with self._here:
            self._work()  # for those who have asked just before

    def _sleep(self) -> None:
        if self._idle > 1 and not self._waiting and not self._breaker.failing and not self._delivery.unfinished:
            self._sleep_long()
        # While the exporter is left alone, what is queued wakes nobody: nothing could be done with it yet.
        self._asleep = not self._breaker.failing and not self._breaker.asked
        # An idle worker is to be woken by the next record. A thread that has found the queue short before may only now
        # be putting something there: so it first sleeps once more as long as always.
        self.limit = 0 if self._idle else min(pace.LOOK_EVERY, self._settings.queue_capacity)
        # Looked at after these are set, so that what is queued in between wakes the worker, or is seen here.
        if not (self._requests or (self._asleep and len(self.queue) >= self._wake_at)):
            self._worker.sleep(self._pause())
        self._asleep = False

    def _sleep_long(self) -> None:
        """Sleep until the next record, in a process that records nothing: a server may fork at any time."""
        alive = self._settings.alive_interval
        self._asleep = True
        if not self.queue and not self._requests:
            self._worker.sleep(self._delivery.wrote_at + alive - monotonic() if alive else inf)
        self._idle = 0
        if self.queue:
            self._look_at = monotonic() + self._settings.flush_interval

    @property
    def _patience(self) -> float:
        """How long the exporter is to be left alone, in seconds: less if somebody waits for a delivery."""
        wait = self._breaker.wait
        if self._waiting and not self._breaker.asked:
            wait = min(wait, max(0.0, self._tried_at + pace.LONGEST_PAUSE - monotonic()))
        return wait

    def _pause(self) -> float:
        """How long the worker has nothing to do, in seconds."""
        pause = max(self._look_at - monotonic(), self._patience)
        if self._waiting:
            pause = min(pause, max(0.0, min(request.deadline for request in self._waiting) - monotonic()))
        return pause

    def _work(self) -> None:
        """Export what is queued now, ship it, and answer those who asked before."""
        asked, taken = self._take_requests(), self._delivery.taken
        if not self._closed and ((asked and not self._breaker.asked) or not self._patience):
            self._deliver()
            if self._silent:
                self._delivery.say_alive()
                self._delivery.ship()
            self._tried_at = monotonic()
            # An exporter that has failed and that there is nothing to try again with waits for the next record.
            self._look_at = self._tried_at + (self._patience or self._settings.interval)
        self._answer()
        self._idle = 0 if asked or self.queue or self._delivery.taken != taken else self._idle + 1

    def _write_log(self) -> None:
        suppressed(self._journal.write)
        suppressed(diagnostics.write_reports)

    def _take_requests(self) -> bool:
        """Take note of what is asked for. Whether there was something new."""
        asked = bool(self._requests)
        while self._requests:
            request = self._requests.popleft()
            request.target = self._delivery.taken + len(self.queue)
            self._waiting.append(request)
        return asked

    def _deliver(self) -> None:
        """Export and ship what is queued now, until the exporter fails or a request to close is overdue."""
        delivery, queue = self._delivery, self.queue
        if delivery.waiting and not queue:
            return
        if not delivery.prepare(self._resource, self.missing):
            return
        last = delivery.taken + len(queue)
        while delivery.taken < last and not any(each.closing and each.overdue for each in self._waiting):
            end = monotonic() + self._slice
            while delivery.taken < last and monotonic() < end:
                delivery.export(queue, min(last - delivery.taken, pace.CHUNK))
                # One that was failing is tried with a few records, so that it cannot lose more than these.
                if delivery.unjudged >= (pace.CHUNK if self._breaker.failing else pace.BATCH) and not self._ship():
                    return
            self._take_requests()
            if any(delivery.taken >= request.target for request in self._waiting):
                if not self._ship():
                    return
                self._answer()
                if self._closed:
                    return
            if delivery.taken < last and self._worker.alive:
                system_threads.sleep(pace.PAUSE)
        if self._ship():
            delivery.ship()

    def _ship(self) -> bool:
        """Have the exporter ship what it was given, and tell it what is missing. Whether it is ready for more."""
        self._delivery.finish_spans(self.queue, pace.BATCH)
        if not self._delivery.ship():
            return False
        self._delivery.tell(self.missing)
        return True

    @property
    def _silent(self) -> bool:
        """Whether the backend has heard nothing for so long that it is to hear that the process is alive."""
        interval = self._settings.alive_interval
        # Without a worker nobody could say so while the job hangs. A backend that is away hears nothing, either.
        if not interval or self._closed or not self._worker.alive or self._breaker.failing or self._breaker.asked:
            return False
        return monotonic() - self._delivery.wrote_at >= interval

    @property
    def _slice(self) -> float:
        """How long to export before the job is let in, in seconds."""
        if self._end < inf:
            return pace.CLOSING_SLICE
        hurried = self._waiting or len(self.queue) >= self._settings.queue_capacity // 2
        return pace.HURRIED_SLICE if hurried else pace.SLICE

    def _answer(self) -> None:
        """Answer the requests that are fulfilled, or cannot be."""
        self._write_log()  # before, so that what was found is in the log when the caller goes on
        delivery = self._delivery
        for request in list(self._waiting):
            done = delivery.initialized and delivery.settled >= request.target
            # Closing is the last chance to deliver: where trying again may help, it is given up at its deadline only.
            given_up = self._breaker.open and (delivery.hopeless or not request.closing)
            if not (done or given_up or request.overdue):
                continue
            self._waiting.remove(request)
            if request.closing:
                self._close(request.closing, whole=done)
                self._write_log()
            stats = self.stats()
            late = delivery.held or (request.closing and stats.pending)
            complete = stats.dropped == self._refused.value and not late
            request.answer(delivered=done and complete)

    def _close(self, reason: str, *, whole: bool) -> None:
        """Close the exporter. `whole`: what is queued now came after the request to do so, and nobody misses it."""
        if self._closed:
            return
        overflow = self.missing
        self._closed = True
        self.limit = -1  # everything goes through offer(), which counts it as dropped
        before = self._delivery.lost
        self._delivery.lose_queue(self.queue)
        late = self._delivery.lost - before if whole else 0
        self._delivery.close(self.missing, reason)
        if missing := overflow + self._delivery.lost - late:
            self._delivery.say_end(missing)

    def say_end(self) -> None:
        """Log what was not delivered, for a worker that hangs in the exporter while the recorder is closed."""
        stats = self.stats()
        if missing := stats.dropped - self._refused.value + stats.pending:
            self._delivery.say_end(missing)
