"""Hugging Face Transformers: a callback, and a block around `trainer.train()`.

    from one_logger.training_telemetry.transformers import TrainingCallback

    telemetry = TrainingCallback()
    trainer = Trainer(..., callbacks=[telemetry])
    with telemetry.around_train():
        trainer.train()

An iteration is an optimizer step, as `state.global_step` counts them. The block sees what gives no event: an exception,
a save that fails, and the time in which `train()` loads a checkpoint and prepares.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from one_logger.core import Span, Timestamp
from one_logger.training_telemetry import callbacks
from one_logger.training_telemetry.adapter import Gap, base_class, finish, missing, safely
from one_logger.training_telemetry.config import CheckPointStrategy
from one_logger.training_telemetry.names import SpanName
from one_logger.training_telemetry.training import contained, training

__all__ = ["TrainingCallback"]

_BASE, _IS_INSTALLED = base_class("TrainerCallback", "transformers")


class _Hooks:
    """What the callback does."""

    def __init__(self) -> None:
        super().__init__()
        self._gap = Gap()
        self._preparing: Span | None = None
        self._saving: Span | None = None
        self._evaluating: Span | None = None
        self._latest = Timestamp.now()  # when a hook was called last

    @contextmanager
    def around_train(self) -> Iterator[None]:
        """A block around `trainer.train()`."""
        with contained():
            here = training()
            self._preparing = None if here is None else here.begin(SpanName.MODEL_INIT)
        try:
            yield
        except BaseException as error:
            with contained():
                self._fail(error)
            raise
        finally:
            with contained():
                finish(training(), self._preparing)
                self._preparing = None

    def _fail(self, error: BaseException) -> None:
        here = training()
        spans = [span for span in (self._saving, self._evaluating, self._preparing) if span is not None]
        self._saving = self._evaluating = None
        if here is not None:
            here.fail(error, spans)

    @safely
    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The training loop begins. One that is open has failed: it begins again, with a smaller batch, say."""
        finish(training(), self._preparing)
        self._saving = self._evaluating = None
        target = state.max_steps if state.max_steps > 0 else None
        callbacks.on_train_start(state.global_step, train_iterations_target=target)

    @safely
    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The first batches of the epoch are awaited."""
        self._gap.begin()

    @safely
    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """An iteration begins."""
        self._gap.end()
        self._close_save()
        callbacks.on_training_single_iteration_start()

    @safely
    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """An iteration has ended. An evaluation and a save follow, if the trainer is to make them."""
        callbacks.on_training_single_iteration_end()
        self._gap.begin()
        self._what_follows(state, control)

    @safely
    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """No batch is awaited any more."""
        self._gap.forget()
        self._what_follows(state, control)

    @safely
    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A batch was predicted, in an evaluation that may have begun without a hook."""
        here = training()
        if self._evaluating is None and here is not None:
            self._evaluating = callbacks.on_validation_start()

    @safely
    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """An evaluation has ended."""
        self._end_evaluation()
        if control.should_save:
            self._begin_save(state)
        self._latest = Timestamp.now()

    @safely
    def on_predict(self, args: Any, state: Any, control: Any, *_: Any, **__: Any) -> None:
        """A prediction has ended."""
        self._end_evaluation()

    @safely
    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A checkpoint is saved."""
        here = training()
        if here is None:
            return
        if self._saving is None:  # that it would be saved was found out after the last hook
            self._saving = here.checkpoints.start(state.global_step, self._latest, CheckPointStrategy.SYNC)
        span, self._saving = self._saving, None
        now = Timestamp.now()
        here.checkpoints.success(state.global_step, now, span)
        here.checkpoints.end(span, now)

    @safely
    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The training loop has ended."""
        self._close_save()
        callbacks.on_train_end()

    def _what_follows(self, state: Any, control: Any) -> None:
        here = training()
        self._latest = Timestamp.now()
        if here is None:
            return
        if control.should_evaluate:
            self._evaluating = self._evaluating or callbacks.on_validation_start()
        elif control.should_save:
            self._begin_save(state)

    def _begin_save(self, state: Any) -> None:
        here = training()
        if here is not None and self._saving is None:
            self._saving = here.checkpoints.start(state.global_step, Timestamp.now(), CheckPointStrategy.SYNC)

    def _close_save(self) -> None:
        """A save was to come, and did not."""
        span, self._saving = self._saving, None
        finish(training(), span)

    def _end_evaluation(self) -> None:
        span, self._evaluating = self._evaluating, None
        here = training()
        if here is not None and span is not None and span.end_unix_ns is None:
            here.evaluations.end(span, Timestamp.now())


TrainingCallback = type(
    "TrainingCallback",
    (_Hooks, _BASE),
    {
        "__module__": __name__,
        "__doc__": "A callback for `Trainer(callbacks=[...])`, with `around_train()` for a block around `train()`.",
        **({} if _IS_INSTALLED else {"__init__": missing("Transformers", "transformers")}),
    },
)
