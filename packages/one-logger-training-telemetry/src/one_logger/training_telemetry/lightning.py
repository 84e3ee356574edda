"""PyTorch Lightning: a callback.

    from one_logger.training_telemetry.lightning import TrainingCallback

    trainer = Trainer(callbacks=[TrainingCallback()])

An iteration is a batch, counted over all epochs and restarts, as `trainer.fit_loop.total_batch_idx` does. Works with
`lightning` and `pytorch_lightning`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from one_logger.core import Span, Timestamp
from one_logger.training_telemetry import callbacks
from one_logger.training_telemetry.adapter import Gap, base_class, finish, missing, safely
from one_logger.training_telemetry.config import CheckPointStrategy
from one_logger.training_telemetry.names import SpanName
from one_logger.training_telemetry.training import contained, training

__all__ = ["TrainingCallback"]

_BASE, _IS_INSTALLED = base_class("Callback", "lightning.pytorch.callbacks", "pytorch_lightning.callbacks")


class _Hooks:
    """What the callback does. It holds nothing that can't be pickled before `setup`, nor after `teardown`."""

    def __init__(self) -> None:
        super().__init__()
        self._forget()

    def _forget(self) -> None:
        self._gap = Gap()
        self._preparing: Span | None = None
        self._unwrap: list[tuple[bool, Callable[[], None]]] = []

    def __getstate__(self) -> dict[str, Any]:
        """To be sent to other processes: nothing of this one."""
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._forget()

    @safely
    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Preparing begins."""
        if stage == "fit":
            self._restore()
            self._prepare(trainer)

    @safely
    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """The same, where one-logger was configured by a `setup` that came after ours, as in a spawned process."""
        if not self._unwrap:
            self._prepare(trainer)

    def _prepare(self, trainer: Any) -> None:
        here = training()
        if here is None:
            return
        self._preparing = here.begin(SpanName.MODEL_INIT)
        self._wrap(trainer.strategy, "load_checkpoint", self._load)
        io = getattr(trainer.strategy, "checkpoint_io", None)
        inner = getattr(io, "checkpoint_io", None)  # that of AsyncCheckpointIO, which calls it in a thread
        steps: dict[object, int] | None = None
        if inner is not None and "Async" in type(io).__name__:
            steps = {}
            self._wrap(inner, "save_checkpoint", partial(_background, steps=steps), background=True)
        self._wrap(trainer.strategy, "save_checkpoint", partial(_save, trainer=trainer, background=steps))

    @safely
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """The training loop begins."""
        finish(training(), self._preparing)
        target = trainer.max_steps if trainer.max_steps > 0 else None
        callbacks.on_train_start(_completed(trainer), train_iterations_target=target)
        self._gap.begin()

    @safely
    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """The first batch of the epoch is awaited."""
        self._gap.begin()

    @safely
    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """An iteration begins. One that has not ended, as a hook asked for that, does not count."""
        self._gap.end()
        callbacks.on_training_single_iteration_start()

    @safely
    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """An iteration has ended."""
        callbacks.on_training_single_iteration_end()
        self._gap.begin()

    @safely
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """No batch is awaited any more."""
        self._gap.forget()

    @safely
    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """The training loop has ended."""
        callbacks.on_train_end()

    @safely
    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """A validation begins. The sanity check before the training is part of preparing."""
        if not trainer.sanity_checking:
            callbacks.on_validation_start()

    @safely
    def on_validation_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """A batch of a validation begins."""
        if not trainer.sanity_checking:
            callbacks.on_validation_single_iteration_start()

    @safely
    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """A batch of a validation has ended."""
        if not trainer.sanity_checking:
            callbacks.on_validation_single_iteration_end()

    @safely
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """A validation has ended."""
        if not trainer.sanity_checking:
            callbacks.on_validation_end()

    @safely
    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        """A test begins."""
        callbacks.on_testing_start()

    @safely
    def on_test_end(self, trainer: Any, pl_module: Any) -> None:
        """A test has ended."""
        callbacks.on_testing_end()

    @safely
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """An exception has ended all: no other hook is called after this one."""
        self._restore()
        here = training()
        if here is None:
            return
        open_spans = [
            span for name in (SpanName.VALIDATION_LOOP, SpanName.TESTING_LOOP) for span in here.open_spans(name)
        ]
        here.fail(exception, [*([self._preparing] if self._preparing else []), *open_spans])

    @safely
    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """All is over. What still runs in the background is still seen."""
        finish(training(), self._preparing)
        self._preparing = None
        self._gap.forget()
        self._restore(keep_background=True)

    def _load(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def load_checkpoint(*args: Any, **kwargs: Any) -> Any:
            span = None
            with contained():
                span = callbacks.on_load_checkpoint_start()
            try:
                return original(*args, **kwargs)
            finally:
                with contained():
                    finish(training(), span)

        return load_checkpoint

    def _wrap(
        self,
        owner: Any,
        name: str,
        wrapper: Callable[[Callable[..., Any]], Callable[..., Any]],
        *,
        background: bool = False,
    ) -> None:
        """Have a method of one object go through ours, until `_restore`."""
        before = vars(owner).get(name)
        setattr(owner, name, wrapper(getattr(owner, name)))

        def unwrap() -> None:
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

        self._unwrap.append((background, unwrap))

    def _restore(self, *, keep_background: bool = False) -> None:
        """Let all methods be what they were, but for one that a thread may still call."""
        kept: list[tuple[bool, Callable[[], None]]] = []
        while self._unwrap:
            background, unwrap = self._unwrap.pop()
            if background and keep_background:
                kept.append((background, unwrap))
                continue
            with contained():
                unwrap()
        self._unwrap = kept


TrainingCallback = type(
    "TrainingCallback",
    (_Hooks, _BASE),
    {
        "__module__": __name__,
        "__doc__": "A callback for `Trainer(callbacks=[...])`. Configure one-logger once the trainer is made: "
        "only then its rank is known.",
        **({} if _IS_INSTALLED else {"__init__": missing("PyTorch Lightning", "lightning")}),
    },
)


def _completed(trainer: Any) -> int:
    """How many batches were trained on, over all epochs and restarts."""
    return int(trainer.fit_loop.total_batch_idx) + 1


def _save(original: Callable[..., Any], trainer: Any, background: dict[object, int] | None) -> Callable[..., Any]:
    """`strategy.save_checkpoint`, so that a save is seen from its start to its success or failure.

    Args:
        original: The method.
        trainer: Whose it is.
        background: Where to note which path holds which step, if a thread saves it.
    """

    def save_checkpoint(checkpoint: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        span: Span | None = None
        step = 0
        with contained():
            here = training()
            if here is not None and here.loop is not None:  # one outside fit's loop, as of lr_find, is no checkpoint
                step = _completed(trainer)
                if background is not None:
                    background[filepath] = step
                strategy = CheckPointStrategy.SYNC if background is None else CheckPointStrategy.ASYNC
                span = here.checkpoints.start(step, Timestamp.now(), strategy)
        try:
            result = original(checkpoint, filepath, *args, **kwargs)
        except BaseException as error:
            if span is not None and here is not None:
                with contained():
                    here.checkpoints.end(span, Timestamp.now(), error)
            raise
        if span is not None and here is not None:
            with contained():
                if background is None:
                    here.checkpoints.success(step, Timestamp.now(), span)
                here.checkpoints.end(span, Timestamp.now())
        return result

    return save_checkpoint


def _background(original: Callable[..., Any], steps: dict[object, int]) -> Callable[..., Any]:
    """`save_checkpoint` of what AsyncCheckpointIO calls in its thread, so that its success is seen."""

    def save_checkpoint(checkpoint: Any, path: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(checkpoint, path, *args, **kwargs)
        with contained():
            step = steps.pop(path, None)
            if step is not None:
                callbacks.on_save_checkpoint_success(step)
        return result

    return save_checkpoint
