"""The iterations of a training loop: summed up, since there may be millions of them."""

from __future__ import annotations

from collections import deque
from math import inf
from statistics import median
from time import monotonic_ns
from typing import TYPE_CHECKING

from one_logger.core import Event, Timestamp
from one_logger.training_telemetry.gpu import GpuTimer
from one_logger.training_telemetry.names import AttributeName, EventName, SpanName
from one_logger.training_telemetry.waits import Waits

if TYPE_CHECKING:
    from one_logger.core import Span
    from one_logger.training_telemetry.training import Training

_RECENT = 64
_FIRST_FEW = 16  # after so many, and then every so many, it is computed anew what an outlier is
_LONG_NS = 1_000_000

_ITERATION = SpanName.TRAINING_SINGLE_ITERATION.value
_CURRENT = AttributeName.CURRENT_ITERATION.value
_OPEN_ITERATIONS = AttributeName.OPEN_ITERATIONS.value
_OPEN_PRODUCTIVE = AttributeName.OPEN_PRODUCTIVE_NS.value
_OPEN_DATA = AttributeName.OPEN_DATA_LOADING_NS.value


class Iterations:
    """Measures the iterations of one training loop.

    Args:
        training: What the process trains.
        span: The span of the loop.
        start_ns: The loop's start by the monotonic clock, in nanoseconds.
        first: The number of the first iteration.
        samples_start: How many samples were trained on before. None: unknown.

    Attributes:
        completed: How many iterations were completed, over all incarnations of the job.
        time_ns: The time of those of this loop.
        waits: What keeps the thread that trains from training.
    """

    def __init__(self, training: Training, span: Span, start_ns: int, first: int, samples_start: int | None) -> None:
        self._training = training
        self.span = span
        self.first = self.completed = first
        self.samples_start = samples_start
        self.time_ns = 0
        self.waits = Waits()
        self._least: float = inf
        self._most = 0
        self._first_finish: int | None = None
        self._started: int | None = None
        self._waited_before = 0
        self._iteration_span: Span | None = None
        self._recent: deque[int] = deque(maxlen=_RECENT)
        self._limit: float = inf
        self._gpu = GpuTimer() if training.config.gpu_time else None
        self._throughputs: list[float] = []
        self._begin_interval(start_ns)

    def _begin_interval(self, now: int) -> None:
        self._since = now
        self._count = self._time = self._waited = self._outliers = self._longest_outlier = 0
        self._waits_before = self.waits.total_at(now)
        self._data_before = self.waits.data_ns

    @property
    def count(self) -> int:
        """How many iterations of this loop were completed."""
        return self.completed - self.first

    @property
    def samples(self) -> int | None:
        """How many samples these have trained on."""
        batch = self._training.config.global_batch_size
        return None if batch is None else self.count * batch

    @property
    def is_open(self) -> bool:
        """Whether an iteration is under way."""
        return self._started is not None

    def begin(self, now: int | None = None) -> Span | None:
        """An iteration begins; one that has not ended does not count. Its span, if it has one.

        Args:
            now: When, by the monotonic clock, in nanoseconds. None: now.
        """
        if self._iteration_span is not None:
            self.drop()
        if self.waits.depth:
            self._training.left_waiting(Timestamp.now() if now is None else self._training.moment(now))
        if self._training.config.iteration_spans:
            now = monotonic_ns() if now is None else now
            at = None if now is None else self._training.moment(now)
            self._iteration_span = self._training.start(_ITERATION, {_CURRENT: self.completed}, at)
        if self._gpu is not None:
            self._gpu.begin()
        self._waited_before = self.waits.total_ns
        self._started = monotonic_ns() if now is None else now
        return self._iteration_span

    def end(self, now: int | None = None) -> None:
        """The iteration has come to its end: it counts."""
        started = self._started
        if started is None:
            return
        if now is None:
            now = monotonic_ns()
        self._started = None
        took = now - started
        took = max(took, 0)
        number = self.completed
        self.completed = number + 1
        self.time_ns += took
        self._count += 1
        self._time += took
        self._waited += self.waits.total_ns - self._waited_before
        self._least = min(self._least, took)
        self._most = max(self._most, took)
        if self._gpu is not None:
            self._gpu.end()
        if self._first_finish is None:
            self._first_finish = now
            self._training.note_first_iteration(now)
        if self._iteration_span is not None:
            span, self._iteration_span = self._iteration_span, None
            self._training.recorder.stop(span, None, self._training.moment(now))
        elif took > self._limit:
            self._outlier(number, started, now)
        self._recent.append(took)
        if not (number + 1) % _FIRST_FEW:
            self._limit = outlier_limit(self._recent)
        if not (number + 1) % self._training.config.log_every_n_train_iterations:
            self.flush(now)
        elif took > _LONG_NS:
            # A process that is ended by a signal closes its spans, but runs nothing of ours any more.
            set_attribute = self.span.set_attribute
            set_attribute(_OPEN_ITERATIONS, self._count)
            set_attribute(_OPEN_PRODUCTIVE, max(0, self._time - self._waited))
            set_attribute(_OPEN_DATA, self.waits.data_ns - self._data_before)

    def note_data_wait(self, since: int, waited_before: int, now: int) -> None:
        """Between iterations the loop has waited for data, but for what it waited for otherwise.

        Args:
            since: When that began, by the monotonic clock, in nanoseconds.
            waited_before: What `waits.total_ns` was then.
            now: When it ended.
        """
        waited = max(0, now - since - (self.waits.total_ns - waited_before))
        self.waits.total_ns += waited
        self.waits.data_ns += waited

    def drop(self, exception: BaseException | None = None) -> None:
        """The iteration under way is not completed. If an exception has ended it, that is recorded."""
        started, self._started = self._started, None
        span, self._iteration_span = self._iteration_span, None
        if started is None:
            return
        training = self._training
        if span is None and exception is not None:
            span = training.start(_ITERATION, {_CURRENT: self.completed}, training.moment(started))
        if span is not None:
            if exception is not None:
                training.record_exception(span, exception)
            training.recorder.stop(span)

    def _outlier(self, number: int, started: int, now: int) -> None:
        """Record a span of an iteration that took long, unless a longer one of the interval has one.

        So their number is bounded by that of the intervals and not by that of the iterations.
        """
        self._outliers += 1
        if now - started > self._longest_outlier:
            self._longest_outlier = now - started
            span = self._training.start(_ITERATION, {_CURRENT: number}, self._training.moment(started))
            self._training.recorder.stop(span, None, self._training.moment(now))

    def flush(self, now: int) -> None:
        """Record what was summed up since the last time."""
        if not self._count:
            return
        training, config, names = self._training, self._training.config, AttributeName
        count, time = self._count, self._time
        data = self.waits.data_ns - self._data_before
        # The time in which the training could train: without what checkpoints and validations took.
        waited = self.waits.total_at(now) - self._waits_before - data
        active = max(1, now - self._since - waited) / 1e9
        batch, flops, world = config.global_batch_size, config.flops_per_sample, training.world_size
        samples = self.samples
        total_flops = samples * flops if samples is not None and flops else None
        attributes: dict[str, object] = {
            names.MONOTONIC_NS: now,
            names.TRAIN_ITERATIONS_START: self.first,
            names.CURRENT_ITERATION: self.completed - 1,
            names.NUM_ITERATIONS: self.count,
            names.INTERVAL: count,
            names.TRAIN_SAMPLES_START: self.samples_start,
            names.NUM_TRAIN_SAMPLES: samples,
            names.TRAIN_TOKENS: samples * config.seq_length if samples is not None and config.seq_length else None,
            names.AVG_ITERATION_TIME_SEC: self.time_ns / self.count / 1e9,
            names.MIN_ITERATION_TIME_SEC: self._least / 1e9,
            names.MAX_ITERATION_TIME_SEC: self._most / 1e9,
            names.TOTAL_ITERATION_TIME_SEC: self.time_ns / 1e9,
            names.INTERVAL_TIME_NS: time,
            names.INTERVAL_PRODUCTIVE_NS: max(0, time - self._waited),
            names.INTERVAL_DATA_LOADING_NS: data,
            names.AVG_DATALOADER_TIME_SEC: data / count / 1e9,
            names.DATA_STALL: min(1.0, data / 1e9 / active),
            names.OUTLIERS: self._outliers,
            names.TOTAL_FLOPS: total_flops,
            names.COMPLETED_FLOPS: (
                total_flops + self.samples_start * flops
                if total_flops is not None and flops and self.samples_start is not None
                else None
            ),
            names.FIRST_FINISH: None
            if self._first_finish is None
            else training.moment(self._first_finish).unix_ns / 1e9,
            names.LAST_FINISH: training.moment(now).unix_ns / 1e9,
        }
        if batch is not None:
            attributes[names.AVG_SAMPLES_PER_SECOND] = count * batch / active
            if config.seq_length is not None:
                attributes[names.AVG_TOKENS_PER_SECOND] = count * batch * config.seq_length / active
        if total_flops is not None and batch is not None and flops and world is not None:
            attributes |= self._throughput(total_flops, count * batch * flops, active, world)
        if self._gpu is not None:
            measured, seconds = self._gpu.take()
            attributes[names.GPU_ITERATIONS] = measured
            attributes[names.AVG_GPU_TIME_SEC] = seconds / measured if measured else None
        training.recorder.event(self.span, Event(EventName.TRAINING_METRICS_UPDATE, attributes, training.moment(now)))
        self._begin_interval(now)
        if self.span.is_recording():
            for name in (_OPEN_ITERATIONS, _OPEN_PRODUCTIVE, _OPEN_DATA):
                self.span.set_attribute(name, 0)

    def _throughput(self, total_flops: float, flops: float, active: float, world: int) -> dict[str, object]:
        peak = self._training.config.peak_tflops_per_gpu
        now = flops / active / 1e12 / world
        self._throughputs = [min([now, *self._throughputs[:1]]), max([now, *self._throughputs[1:]])]
        return {
            AttributeName.TRAIN_THROUGHPUT_PER_GPU: total_flops / max(1e-9, self.time_ns / 1e9) / 1e12 / world,
            AttributeName.TRAIN_THROUGHPUT_PER_GPU_MIN: self._throughputs[0],
            AttributeName.TRAIN_THROUGHPUT_PER_GPU_MAX: self._throughputs[1],
            AttributeName.MFU: None if peak is None else now / peak,
        }


def outlier_limit(recent: deque[int]) -> float:
    """From which time on an iteration is an outlier, given the times of the last ones.

    More than 3 median absolute deviations above the median, and at least 10 % above it, since iterations may be so
    equal that the deviation is 0.
    """
    middle = median(recent)
    return max(middle + 3 * median(abs(value - middle) for value in recent), 1.1 * middle)
