"""The checkpoints of a process: how long they took, and what survives a crash thanks to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from one_logger.core import Event, Span, Timestamp
from one_logger.training_telemetry.config import CheckPointStrategy
from one_logger.training_telemetry.names import AttributeName, EventName, SpanName
from one_logger.training_telemetry.sums import Sums

if TYPE_CHECKING:
    from one_logger.training_telemetry.training import Training

_MOST_UNDER_WAY = 1_024
_SAVES = (SpanName.CHECKPOINT_SAVE_SYNC, SpanName.CHECKPOINT_SAVE_ASYNC)


class Checkpoints:
    """The checkpoints of a process.

    Args:
        training: What the process trains.
    """

    def __init__(self, training: Training) -> None:
        self._training = training
        self._attempts = 0
        self._successes = 0
        self._first: Timestamp | None = None
        self._sync_times = Sums()
        # By global step: when its saving started, and what of the training it holds.
        self._under_way: dict[int, tuple[Timestamp, CheckPointStrategy, dict[str, object]]] = {}

    def start(self, global_step: int, at: Timestamp, strategy: CheckPointStrategy | None = None) -> Span:
        """The saving of a checkpoint starts. What was summed up before is recorded first: so a kill can't lose it.

        Args:
            global_step: How many iterations it holds.
            at: When.
            strategy: Whether the training waits for it. None: as configured.
        """
        training = self._training
        loop = training.loop
        if loop is not None:
            loop.flush(at.monotonic_ns)
        self._attempts += 1
        if len(self._under_way) >= _MOST_UNDER_WAY:
            del self._under_way[next(iter(self._under_way))]
        strategy = strategy or training.config.save_checkpoint_strategy
        self._under_way[global_step] = at, strategy, training.productive()
        is_sync = strategy is CheckPointStrategy.SYNC
        attributes: dict[str, object] = {
            AttributeName.CHECKPOINT_STRATEGY: strategy.value,
            AttributeName.CURRENT_ITERATION: global_step,
            AttributeName.SAVE_CHECKPOINT_ATTEMPT_COUNT: self._attempts,
        }
        name = SpanName.CHECKPOINT_SAVE_SYNC if is_sync else SpanName.CHECKPOINT_SAVE_ASYNC
        return training.begin(name, attributes, at)

    def open_span(self, global_step: int | None = None) -> Span | None:
        """The span of a saving that is open: the one of this global step, else the one that started last."""
        saves = [span for name in _SAVES for span in self._training.open_spans(name)]
        if global_step is not None:
            saves = [span for span in saves if span.attributes[AttributeName.CURRENT_ITERATION] == global_step]
        return max(saves, key=lambda span: span.start_monotonic_ns, default=None)

    def success(self, global_step: int, at: Timestamp, of: Span | None = None) -> None:
        """A checkpoint is saved. If it was saved in the background, any thread may say so.

        Args:
            global_step: Which one.
            at: When.
            of: The span of its saving, if that is known.
        """
        training = self._training
        started: Timestamp | None = None
        strategy, productive = training.config.save_checkpoint_strategy, dict[str, object]()
        if global_step in self._under_way:
            started, strategy, productive = self._under_way.pop(global_step)
        self._successes += 1
        first = self._first = self._first or at
        took = None if started is None else max(0, at.monotonic_ns - started.monotonic_ns) / 1e9
        attributes: dict[str, object] = {
            AttributeName.MONOTONIC_NS: at.monotonic_ns,
            AttributeName.CHECKPOINT_STRATEGY: strategy.value,
            AttributeName.CURRENT_ITERATION: global_step,
            AttributeName.FIRST_SAVE: first.unix_ns / 1e9,
            AttributeName.LATEST_SAVE: at.unix_ns / 1e9,
            AttributeName.SAVE_CHECKPOINT_SUCCESS_COUNT: self._successes,
            AttributeName.SAVE_CHECKPOINT_TIME_SEC: took,
            **productive,
        }
        event = Event(EventName.SAVE_CHECKPOINT_SUCCESS, attributes, at)
        span = of
        if span is None and strategy is CheckPointStrategy.SYNC:
            span = self.open_span(global_step)
        span = span or training.around()
        if span is not None:
            training.recorder.event(span, event)
            return
        span = training.start(SpanName.CHECKPOINT_SAVE_FINALIZATION, {AttributeName.CURRENT_ITERATION: global_step}, at)
        training.recorder.event(span, event)
        training.recorder.stop(span, None, at)

    def end(self, span: Span, at: Timestamp, exception: BaseException | None = None) -> None:
        """The training goes on after the saving of a checkpoint, or after what of it is not in the background."""
        self._sync_times.add(at.monotonic_ns - span.start_monotonic_ns)
        attributes: dict[str, object] = {
            AttributeName.MONOTONIC_NS: at.monotonic_ns,
            AttributeName.SYNC_TIME_TOTAL: self._sync_times.total_ns / 1e9,
            AttributeName.SYNC_TIME_MIN: self._sync_times.least_ns / 1e9,
            AttributeName.SYNC_TIME_MAX: self._sync_times.most_ns / 1e9,
        }
        self._training.recorder.event(span, Event(EventName.SYNC_CHECKPOINT_METRICS_UPDATE, attributes, at))
        self._training.finish(span, at, exception)
