"""Callbacks, for trainers that have hooks: call each where what it is named after starts or ends.

Each takes the time at which that happened, in milliseconds since 1970, if it isn't now. A call that makes no sense,
such as an end without a start, is a telemetry error, said once, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from one_logger.core import NOOP_SPAN, OneLoggerError, Span
from one_logger.training_telemetry.config import count
from one_logger.training_telemetry.names import SpanName
from one_logger.training_telemetry.training import Training, training


def _start(name: SpanName, start_time_msec: float | None) -> Span:
    here = training()
    if here is None:
        return NOOP_SPAN
    before = here.latest(name)
    if before is not None:
        here.mistake(f"{name} twice", f"{name} started a second time; end the first one before.")
    return here.begin(name, None, here.time(start_time_msec))


def _open(name: SpanName) -> tuple[Training, Span] | None:
    """The open span of a name; None if nothing is recorded, or there is none, which is a mistake."""
    here = training()
    if here is None:
        return None
    span = here.latest(name)
    if span is None:
        here.mistake(f"{name} not started", f"{name} ended, but had not started; say so when it starts.")
        return None
    return here, span


def _end(name: SpanName, finish_time_msec: float | None) -> None:
    if found := _open(name):
        here, span = found
        here.finish(span, here.time(finish_time_msec))


def _pair(name: SpanName, what: str) -> tuple[Callable[..., Span], Callable[..., None]]:
    """The callbacks for start and end of what needs nothing special."""

    def start(start_time_msec: float | None = None) -> Span:
        return _start(name, start_time_msec)

    def end(finish_time_msec: float | None = None) -> None:
        _end(name, finish_time_msec)

    start.__doc__ = f"{what} starts. Returns its span."
    end.__doc__ = f"{what} has ended."
    return start, end


def on_app_start(start_time_msec: float | None = None) -> Span:
    """The application starts. Returns its span."""
    here = training()
    if here is None:
        return NOOP_SPAN
    if here.latest(SpanName.APPLICATION) is not None:
        here.mistake("application twice", "The application started a second time; call on_app_start() once.")
    return here.begin_application(here.time(start_time_msec))


def on_app_end(finish_time_msec: float | None = None) -> None:
    """The application has ended. What of it is still open has failed. The recorder is closed by who configured it."""
    if found := _open(SpanName.APPLICATION):
        here, span = found
        here.end_application(span, here.time(finish_time_msec))


on_distributed_init_start, on_distributed_init_end = _pair(SpanName.DIST_INIT, "Setting up communication between ranks")
on_model_init_start, on_model_init_end = _pair(SpanName.MODEL_INIT, "Making the model")
on_dataloader_init_start, on_dataloader_init_end = _pair(SpanName.DATA_LOADER_INIT, "Making the data loaders")
on_optimizer_init_start, on_optimizer_init_end = _pair(SpanName.OPTIMIZER_INIT, "Making the optimizer")
on_load_checkpoint_start, on_load_checkpoint_end = _pair(SpanName.CHECKPOINT_LOAD, "Loading a checkpoint")


def on_train_start(
    train_iterations_start: int = 0,
    train_samples_start: int | None = None,
    train_iterations_target: int | Callable[[], int] | None = None,
    train_samples_target: int | Callable[[], int] | None = None,
    start_time_msec: float | None = None,
) -> Span:
    """The training loop starts. One that is open has failed. Returns its span.

    Args:
        train_iterations_start: How many iterations the checkpoint holds from which the training goes on; 0 without one.
        train_samples_start: How many samples were trained on before. None: as many as iterations times batch size.
        train_iterations_target: How many iterations there are to be. None: as configured.
        train_samples_target: How many samples there are to be. None: as configured.
        start_time_msec: When it started, in milliseconds since 1970. None: now.
    """
    here = training()
    if here is None:
        return NOOP_SPAN
    numbers: list[int | None] = []
    for name, given, least in (
        ("train_iterations_start", train_iterations_start, 0),
        ("train_samples_start", train_samples_start, 0),
        ("train_iterations_target", train_iterations_target, 1),
        ("train_samples_target", train_samples_target, 1),
    ):
        try:
            numbers.append(count(name, given, least))
        except OneLoggerError as error:
            here.mistake(name, str(error))
            numbers.append(None)
    first, samples, iterations_target, samples_target = numbers
    return here.begin_loop(first or 0, samples, iterations_target, samples_target, here.time(start_time_msec))


def on_train_end(finish_time_msec: float | None = None) -> None:
    """The training loop has ended."""
    if found := _open(SpanName.TRAINING_LOOP):
        here, span = found
        here.end_loop(span, here.time(finish_time_msec))


def on_training_single_iteration_start(start_time_msec: float | None = None) -> Span:
    """An iteration starts. One that has not ended does not count. Returns its span, if iterations have spans."""
    here = training()
    if here is None:
        return NOOP_SPAN
    if here.loop is None:
        here.mistake("no loop", "An iteration started outside a training loop; call on_train_start() before.")
        return NOOP_SPAN
    now = None if start_time_msec is None else here.time(start_time_msec).monotonic_ns
    return here.loop.begin(now) or NOOP_SPAN


def on_training_single_iteration_end(finish_time_msec: float | None = None) -> None:
    """The iteration has ended, and counts."""
    here = training()
    if here is None:
        return
    if here.loop is None or not here.loop.is_open:
        here.mistake("no iteration", "An iteration ended, but had not started; say so when it starts.")
        return
    here.loop.end(None if finish_time_msec is None else here.time(finish_time_msec).monotonic_ns)


on_validation_start, _ = _pair(SpanName.VALIDATION_LOOP, "A validation")
on_testing_start, _ = _pair(SpanName.TESTING_LOOP, "A test")


def on_validation_end(finish_time_msec: float | None = None) -> None:
    """A validation has ended."""
    if found := _open(SpanName.VALIDATION_LOOP):
        here, span = found
        here.evaluations.end(span, here.time(finish_time_msec))


def on_testing_end(finish_time_msec: float | None = None) -> None:
    """A test has ended."""
    if found := _open(SpanName.TESTING_LOOP):
        here, span = found
        here.evaluations.end(span, here.time(finish_time_msec))


def on_validation_single_iteration_start(start_time_msec: float | None = None) -> Span:
    """A batch of a validation starts. One that has not ended does not count. Returns its span, if it has one."""
    here = training()
    return NOOP_SPAN if here is None else here.evaluations.begin_iteration(here.time(start_time_msec)) or NOOP_SPAN


def on_validation_single_iteration_end(finish_time_msec: float | None = None) -> None:
    """A batch of a validation has ended."""
    here = training()
    if here is not None:
        here.evaluations.end_iteration(here.time(finish_time_msec))


def on_save_checkpoint_start(global_step: int, start_time_msec: float | None = None) -> Span:
    """The saving of a checkpoint starts. Several may be under way. Returns its span.

    Args:
        global_step: How many iterations the checkpoint holds: the number of the one that a restart begins with.
        start_time_msec: When it started, in milliseconds since 1970. None: now.
    """
    here = training()
    return NOOP_SPAN if here is None else here.checkpoints.start(global_step, here.time(start_time_msec))


def on_save_checkpoint_success(global_step: int, time_msec: float | None = None) -> None:
    """A checkpoint is saved, for good. If it was saved in the background, any thread may say so, at any later time.

    Args:
        global_step: As it was given to `on_save_checkpoint_start`.
        time_msec: When it was saved, in milliseconds since 1970. None: now.
    """
    here = training()
    if here is not None:
        here.checkpoints.success(global_step, here.time(time_msec))


def on_save_checkpoint_end(finish_time_msec: float | None = None, *, global_step: int | None = None) -> None:
    """The training goes on after the saving of a checkpoint.

    Args:
        finish_time_msec: When, in milliseconds since 1970. None: now.
        global_step: Which one, if several are under way. None: the one that started last.
    """
    here = training()
    if here is None:
        return
    span = here.checkpoints.open_span(global_step)
    if span is None:
        here.mistake("no save", "The saving of a checkpoint ended, but had not started; say so when it starts.")
    else:
        here.checkpoints.end(span, here.time(finish_time_msec))
