"""A bounded queue and a worker, which take records to one exporter."""

from __future__ import annotations

from collections import deque
from math import inf
from time import monotonic

from one_logger.api.spi import ExporterStats
from one_logger.core import Event, Exporter, Resource
from one_logger.core.spi import AtomicCounter, Journal, diagnostics, error_text, leave_out_thread, system_threads, weigh
from one_logger.recorder.breaker import BACK_OFF, Breaker
from one_logger.recorder.delivery import START, STOP, Delivery, Item, records_in, suppressed
from one_logger.recorder.exporter_log import ExporterLog
from one_logger.recorder.recorded_span import RecordedSpan
from one_logger.recorder.request import Request
from one_logger.recorder.settings import ChannelSettings

WAKE_AT = 2_048
"""How many queued records wake the worker before its interval is over."""

LOOK_EVERY = 31
"""By how many records the queue grows between two looks at its size in bytes. A prime, so that a job whose records come
in a pattern is not looked at in the same place of it every time."""

BATCH = 1_024
"""How many records an exporter buffers at most before it is told to ship them."""

SLICE = 200e-6
"""Seconds that the worker exports before it stands aside and lets the job run."""

HURRIED_SLICE = 1e-3
"""The same while somebody waits for a flush or the queue is half full: losing nothing comes before smoothness then."""

CLOSING_SLICE = 10e-3
"""The same while the recorder is closed: the job is over."""

PAUSE = 50e-6
"""Seconds that the worker stands aside. The interpreter lock is not fair: without sleeping, a thread that gives it up
has taken it again before another has woken up."""

CHUNK = 8
"""How many records are exported between two looks at the clock."""

LONGEST_PAUSE = 1.0
"""Seconds between attempts at a failing exporter while somebody waits for a delivery, at most."""

BLOCK_STEP = 1e-3
"""Seconds between two looks at a full queue for a thread that waits for room."""

FIRST_LOOK = 0.5
"""Seconds after which the worker first does something, at most. Not at once: servers often fork just after set-up."""

NEXT_THREAD = 1.0
"""Seconds after which a thread is asked for again, if there was none to be had."""

PARKED_WITHIN = 0.1
"""Seconds that starting the worker waits until that sleeps. It mostly takes less than a thousandth of it."""


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
        self._wake_at = max(1, min(WAKE_AT, settings.queue_capacity // 2))
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Set the state of a new channel."""
        self.queue: deque[Item] = deque()
        self.limit = min(LOOK_EVERY, self._settings.queue_capacity)
        self.headless: set[int] = set()  # open spans whose start was dropped
        self._overflow = AtomicCounter()
        self.unstopped = 0  # open spans that `close` had no time to stop
        self._weight = 0.0  # roughly the bytes of a queued record
        self._breaker = Breaker(self._settings.max_failures, self._settings.cool_down)
        self._delivery = Delivery(self._exporter, self._breaker, ExporterLog(self.name, self._journal))
        self._resource: Resource | None = None
        self._worker = system_threads.Lock()  # the worker's, as long as there is one: there is never a second one
        self._next_thread = 0.0  # when to try to start it
        # Locks as signals: the worker waits by acquiring one, whoever wants it to wake up releases it.
        self._signal, self._parked = system_threads.Lock(), system_threads.Lock()
        self._signal.acquire()
        self._parked.acquire()
        self._asleep = False
        self._idle = 0  # how many times in a row the worker has found nothing to do
        self._here = system_threads.RLock()  # held while the exporter is called without a worker
        self._inside = False  # whether it is called so now
        self._late = False  # whether something was queued meanwhile by the same thread
        self._requests: deque[Request] = deque()
        self._waiting: list[Request] = []
        self._tried_at = 0.0  # when the exporter was last called
        self._look_at = monotonic() + min(FIRST_LOOK, self._settings.flush_interval)  # when to look for something to do
        self._closed = False
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
        elif len(queue) >= self._capacity and not self._wait_for_room():
            self._drop(kind, span)
            return
        queue.append(span if kind == START and span is not None else (kind, span, event))
        length = len(queue)
        if not self._worker.locked() and monotonic() >= self._next_thread:
            self._start_worker()
        # Sample the newest and a middle record: spans in the queue grow after they were queued.
        self._weight = (self._weight + max(weigh(span, event), self._weigh_at(length // 2))) / 2
        # The record that comes then is looked at; each of them, while there is no worker.
        self.limit = min(length + LOOK_EVERY - 1, self._capacity) if self._worker.locked() else 0
        if self._asleep and (length >= self._wake_at or self._idle > 1):
            self._wake()

    def _weigh_at(self, position: int) -> int:
        try:
            item = self.queue[position]
        except IndexError:  # the worker has been there
            return 0
        return weigh(item, None) if isinstance(item, RecordedSpan) else weigh(*item[1:])

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
        if (STOP, span, None) in queued:
            return
        if started or span in queued or span.span_id in self.headless:
            self.stop(span)
        elif span._stop_follows:
            self._overflow.add()

    def refuse(self) -> None:
        """Count a record that comes after `close`."""
        self._overflow.add()

    @property
    def missing(self) -> int:
        """How many records did not even get into the queue."""
        return self._overflow.value + self.unstopped

    @property
    def _capacity(self) -> int:
        """How many records the queue may hold, given how large they have been lately."""
        settings = self._settings
        return min(settings.queue_capacity, max(1, int(settings.queue_bytes / (self._weight or 1.0))))

    def _wait_for_room(self) -> bool:
        """Wait until the queue is not full, if the settings ask for that. Whether it is not full now."""
        if self._asleep:
            self._wake()
        deadline = monotonic() + self._settings.block_timeout
        while len(self.queue) >= self._capacity:
            if monotonic() >= min(deadline, self._end) or self._closed:
                return False
            system_threads.sleep(BLOCK_STEP)
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
        if self._signal.locked():
            try:
                self._signal.release()
            except RuntimeError:
                return  # another thread has just told it

    # -- whoever owns the recorder -----------------------------------------------------------------------------------

    def start(self, resource: Resource) -> None:
        """Start the worker, which initialises the exporter, unless it is started already."""
        self._resource = resource
        self._start_worker()

    def _start_worker(self) -> None:
        """Start the worker, and wait until it sleeps, so that nothing of it runs when the caller goes on.

        There may be no thread to be had: in a container with a limit, or at interpreter exit. Then `offer` tries again
        from time to time, and `flush` and `close` do its work.
        """
        if self._worker.locked() or not self._here.acquire(blocking=False):
            return  # another thread is starting it, or doing its work
        try:
            if self._inside:
                return  # this one is
            system_threads.start_thread(self._run, f"one-logger {self.name}")
            self._parked.acquire(timeout=PARKED_WITHIN)
        except RuntimeError as error:
            if not self._next_thread:
                self._journal.log(
                    diagnostics.WARNING,
                    f"There is no thread for exporter {self.name}: {error_text(error)}. It will be tried again; "
                    "until then flush() and close() deliver.",
                )
            self._next_thread = monotonic() + NEXT_THREAD
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
        if not self._worker.locked():
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
            if self._inside:
                self._late = True
                if request is not None:
                    request.answer(delivered=False)  # whoever is in there cannot go on while this one waits
                return
            if self._worker.locked():
                return
            try:
                self._inside = self._delivery.inline = self._late = True
                while self._late or (request is not None and not request.answered):
                    if not self._late:
                        system_threads.sleep(min(self._pause(), BLOCK_STEP * 10))
                    self._late = False
                    self._work()
            except BaseException:
                if request is not None:
                    self._withdraw(request)
                raise
            finally:
                self._inside = False

    def _withdraw(self, request: Request) -> None:
        """Forget a request that nobody waits for any more."""
        for requests in (self._requests, self._waiting):
            if request in requests:
                requests.remove(request)
        if request.closing and not self._closed:
            self._end = inf

    def stats(self) -> ExporterStats:
        """The counters as they are now."""
        delivery, overflow = self._delivery, self.missing
        queued = sum(records_in(item) for item in self.queue.copy())
        taken, exported, lost = delivery.recorded, delivery.exported, delivery.lost
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
        if not self._worker.acquire(blocking=False):
            return  # whoever was starting it was interrupted, and another one has
        leave_out_thread()  # what processors make here is of no thread of the job
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

    def _sleep(self) -> None:
        if self._idle > 1 and not self._waiting and not self._breaker.failing:
            self._sleep_long()
        # While the exporter is failing, what is queued wakes nobody: nothing could be done with it yet.
        self._asleep = not self._breaker.failing
        # An idle worker is to be woken by the next record. A thread that has found the queue short before may only now
        # be putting something there: so it first sleeps once more as long as always.
        self.limit = 0 if self._idle else min(LOOK_EVERY, self._settings.queue_capacity)
        # Looked at after these are set, so that what is queued in between wakes the worker, or is seen here.
        if not (self._requests or (self._asleep and len(self.queue) >= self._wake_at)):
            self._wait(self._pause())
        self._asleep = False

    def _sleep_long(self) -> None:
        """Sleep until the next record, in a process that records nothing: a server may fork at any time."""
        alive = self._settings.alive_interval
        self._asleep = True
        if not self.queue and not self._requests:
            self._wait(self._delivery.wrote_at + alive - monotonic() if alive else inf)
        self._idle = 0
        if self.queue:
            self._look_at = monotonic() + self._settings.flush_interval

    def _wait(self, pause: float) -> None:
        if self._parked.locked():
            self._parked.release()
        self._signal.acquire(timeout=min(max(pause, 0.0), system_threads.TIMEOUT_MAX))

    @property
    def _patience(self) -> float:
        """How long the exporter is to be left alone, in seconds: less if somebody waits for a delivery."""
        wait = self._breaker.wait
        return min(wait, max(0.0, self._tried_at + LONGEST_PAUSE - monotonic())) if self._waiting else wait

    def _pause(self) -> float:
        """How long the worker has nothing to do, in seconds."""
        pause = max(self._look_at - monotonic(), self._patience)
        if self._waiting:
            pause = min(pause, max(0.0, min(request.deadline for request in self._waiting) - monotonic()))
        return pause

    def _work(self) -> None:
        """Export what is queued now, ship it, and answer those who asked before."""
        asked, taken = self._take_requests(), self._delivery.taken
        if not self._closed and (asked or not self._patience):
            self._deliver()
            if self._silent:
                self._delivery.say_alive()
                self._delivery.ship()
            self._tried_at = monotonic()
            # An exporter that has failed and that there is nothing to try again with waits for the next record.
            self._look_at = self._tried_at + (self._patience or self._interval)
        self._write_log()
        self._answer()
        self._idle = 0 if asked or self.queue or self._delivery.taken != taken else self._idle + 1

    @property
    def _interval(self) -> float:
        """After how many seconds to look again, if nothing is to be waited for."""
        flush, alive = self._settings.flush_interval, self._settings.alive_interval
        return min(flush, alive) if alive else flush

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
        while delivery.taken < last and not self._overdue():
            end = monotonic() + self._slice
            while delivery.taken < last and monotonic() < end:
                delivery.export(queue, min(last - delivery.taken, CHUNK))
                # One that was failing is tried with a few records, so that it cannot lose more than these.
                if delivery.unjudged >= (CHUNK if self._breaker.failing else BATCH) and not self._ship():
                    return
            self._take_requests()
            if any(delivery.taken >= request.target for request in self._waiting):
                if not self._ship():
                    return
                self._answer()
                if self._closed:
                    return
            if delivery.taken < last and self._worker.locked():
                system_threads.sleep(PAUSE)
        if self._ship():
            delivery.ship()

    def _ship(self) -> bool:
        """Have the exporter ship what it was given, and tell it what is missing. Whether it is ready for more."""
        self._delivery.finish_spans(self.queue, BATCH)
        if not self._delivery.ship():
            return False
        self._delivery.tell(self.missing)
        return True

    @property
    def _silent(self) -> bool:
        """Whether the backend has heard nothing for so long that it is to hear that the process is alive."""
        interval = self._settings.alive_interval
        # Without a worker nobody could say so while the job hangs; and before a close there is nothing to say.
        if not interval or not self._worker.locked() or self._waiting or self._breaker.failing:
            return False
        return monotonic() - self._delivery.wrote_at >= interval

    @property
    def _slice(self) -> float:
        """How long to export before the job is let in, in seconds."""
        if self._end < inf:
            return CLOSING_SLICE
        hurried = self._waiting or len(self.queue) >= self._settings.queue_capacity // 2
        return HURRIED_SLICE if hurried else SLICE

    def _overdue(self) -> bool:
        return any(request.closing and request.overdue for request in self._waiting)

    def _answer(self) -> None:
        """Answer the requests that are fulfilled, or cannot be."""
        if self._waiting:
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
                self._close(request.closing)
                self._write_log()
            stats = self.stats()
            request.answer(delivered=done and stats.dropped == 0 and (stats.pending == 0 or not request.closing))

    def _close(self, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        self.limit = -1  # everything goes through offer(), which counts it as dropped
        self._delivery.lose_queue(self.queue)
        self._delivery.close(self.missing, reason)
