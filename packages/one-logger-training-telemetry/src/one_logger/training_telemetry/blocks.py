"""Context managers and decorators, for loops that are written by hand.

An exception that leaves a block is recorded, and goes on unchanged; the span is stopped, as are those within that
nothing has ended. While nothing is recorded, each of them yields a span on which every method does nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ContextDecorator
from functools import wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Self, TypeVar

from one_logger.core import NOOP_SPAN, Span, Timestamp
from one_logger.training_telemetry import callbacks
from one_logger.training_telemetry.config import CheckPointStrategy
from one_logger.training_telemetry.names import SpanName
from one_logger.training_telemetry.training import Training, contained, training

if TYPE_CHECKING:
    from types import TracebackType

    F = TypeVar("F", bound=Callable[..., Any])


class _Block(ContextDecorator):
    """A block of one kind."""

    _name: SpanName
    _here: Training | None = None
    _span: Span = NOOP_SPAN

    def _recreate_cm(self) -> Self:
        """As a decorator, it makes a block for each call."""
        return type(self)()

    def __call__(self, function: F) -> F:
        """Decorate a function or a coroutine function."""
        if not iscoroutinefunction(function):
            return super().__call__(function)

        @wraps(function)
        async def coroutine(*args: object, **kwargs: object) -> object:
            with self._recreate_cm():
                return await function(*args, **kwargs)

        return coroutine  # type: ignore[return-value]  # wraps() keeps the signature

    def __enter__(self) -> Span:
        here = self._here = training()
        if here is not None:
            self._span = self._begin(here)
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        here = self._here
        if here is None:
            return
        if exception is None:
            self._finish(here, None)
            return
        with contained():
            self._finish(here, exception)

    def _begin(self, here: Training) -> Span:
        return here.begin(self._name)

    def _finish(self, here: Training, exception: BaseException | None) -> None:
        here.finish(self._span, None, exception)


class application(_Block):  # noqa: N801 - these read as the statements that they are
    """The whole of the process's work."""

    def _begin(self, here: Training) -> Span:
        return callbacks.on_app_start()

    def _finish(self, here: Training, exception: BaseException | None) -> None:
        here.end_application(self._span, Timestamp.now(), exception)


class distributed_init(_Block):  # noqa: N801
    """Setting up communication between ranks."""

    _name = SpanName.DIST_INIT


class model_init(_Block):  # noqa: N801
    """Making the model."""

    _name = SpanName.MODEL_INIT


class dataloader_init(_Block):  # noqa: N801
    """Making the data loaders."""

    _name = SpanName.DATA_LOADER_INIT


class optimizer_init(_Block):  # noqa: N801
    """Making the optimizer."""

    _name = SpanName.OPTIMIZER_INIT


class checkpoint_load(_Block):  # noqa: N801
    """Loading a checkpoint."""

    _name = SpanName.CHECKPOINT_LOAD


class training_loop(_Block):  # noqa: N801
    """The training loop.

    Args:
        train_iterations_start: How many iterations the checkpoint holds from which the training goes on; 0 without one.
        train_samples_start: How many samples were trained on before. None: as many as iterations times batch size.
        train_iterations_target: How many iterations there are to be. None: as configured.
        train_samples_target: How many samples there are to be. None: as configured.
    """

    def __init__(
        self,
        train_iterations_start: int = 0,
        train_samples_start: int | None = None,
        train_iterations_target: int | Callable[[], int] | None = None,
        train_samples_target: int | Callable[[], int] | None = None,
    ) -> None:
        self._arguments = (
            train_iterations_start,
            train_samples_start,
            train_iterations_target,
            train_samples_target,
        )

    def _recreate_cm(self) -> Self:
        return type(self)(*self._arguments)

    def _begin(self, here: Training) -> Span:
        return callbacks.on_train_start(*self._arguments)

    def _finish(self, here: Training, exception: BaseException | None) -> None:
        here.end_loop(self._span, Timestamp.now(), exception)


class training_iteration:  # noqa: N801
    """One iteration: what belongs to one optimizer step. It counts if it ends without an exception.

    Iterations are summed up, so it yields a span on which every method does nothing, unless `iteration_spans` asks for
    spans of all of them. Cheap: about what two spans cost.
    """

    __slots__ = ("_here",)

    def __enter__(self) -> Span:
        here = self._here = training()
        if here is None:
            return NOOP_SPAN
        loop = here.loop
        if loop is None:
            return callbacks.on_training_single_iteration_start()
        return loop.begin() or NOOP_SPAN

    def __exit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        here = self._here
        if here is None or here.loop is None:
            return
        if exception is None:
            here.loop.end()
            return
        with contained():
            here.loop.drop(exception)

    def __call__(self, function: F) -> F:
        """Decorate a function: each call is an iteration."""

        @wraps(function)
        def timed(*args: object, **kwargs: object) -> object:
            with training_iteration():
                return function(*args, **kwargs)

        return timed  # type: ignore[return-value]  # wraps() keeps the signature


class validation_loop(_Block):  # noqa: N801
    """A validation."""

    _name = SpanName.VALIDATION_LOOP

    def _finish(self, here: Training, exception: BaseException | None) -> None:
        here.evaluations.end(self._span, Timestamp.now(), exception)


class validation_iteration(_Block):  # noqa: N801
    """A batch of a validation. It yields a span only if `iteration_spans` asks for spans of all iterations."""

    def _begin(self, here: Training) -> Span:
        return here.evaluations.begin_iteration(Timestamp.now()) or NOOP_SPAN

    def _finish(self, here: Training, exception: BaseException | None) -> None:
        here.evaluations.end_iteration(Timestamp.now(), exception)


class testing_loop(validation_loop):  # noqa: N801
    """A test."""

    _name = SpanName.TESTING_LOOP


class checkpoint_save(_Block):  # noqa: N801
    """The saving of a checkpoint.

    With the strategy `sync` it is saved when the block ends without an exception. With `async` the block is what the
    training waits for, and `on_save_checkpoint_success(global_step)` says when it is saved.

    Args:
        global_step: How many iterations the checkpoint holds: the number of the one that a restart begins with.
    """

    def __init__(self, global_step: int) -> None:
        self._global_step = global_step

    def _recreate_cm(self) -> Self:
        return type(self)(self._global_step)

    def _begin(self, here: Training) -> Span:
        return here.checkpoints.start(self._global_step, Timestamp.now())

    def _finish(self, here: Training, exception: BaseException | None) -> None:
        now = Timestamp.now()
        if exception is None and here.config.save_checkpoint_strategy is CheckPointStrategy.SYNC:
            here.checkpoints.success(self._global_step, now, self._span)
        here.checkpoints.end(self._span, now, exception)
