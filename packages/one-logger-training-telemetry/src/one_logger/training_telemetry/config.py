"""What is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from one_logger.core import OneLoggerError
from one_logger.core.spi import check_names, check_number, check_type, error_text, near_miss, shown
from one_logger.training_telemetry.names import AttributeName

T = TypeVar("T")


class CheckPointStrategy(StrEnum):
    """Whether the training waits until a checkpoint is saved."""

    SYNC = "sync"
    ASYNC = "async"


class TrainingTelemetryConfig:
    """What is trained. Each argument is an attribute, too; do not change them.

    All may be left out: metrics that need what is not known are left out, too. A number may also be given as a function
    without arguments that returns it, which is called once, here.

    Args:
        perf_tag: A text, or several. Trainings with the same tags should be equally fast.
        global_batch_size: Samples in an iteration, over all ranks.
        micro_batch_size: Samples in one forward pass of one rank.
        seq_length: Tokens in a sample, padding included.
        flops_per_sample: Floating-point operations that the model needs for a sample, forward and backward; see
            `one_logger.training_telemetry.flops`.
        peak_tflops_per_gpu: What a GPU can do at most, in 10^12 operations per second, dense, in the precision of the
            training. For the model FLOPs utilization (MFU).
        train_iterations_target: How many iterations there are to be, over all restarts.
        train_samples_target: How many samples there are to be.
        log_every_n_train_iterations: How many iterations are summed up in one event.
        save_checkpoint_strategy: `CheckPointStrategy.SYNC` or `"sync"`: a checkpoint is saved when
            `checkpoint_save` is left without an exception. `ASYNC` or `"async"`: when `on_save_checkpoint_success` is
            called.
        iteration_spans: Whether each iteration is recorded as a span, rather than only outliers. A span for each one
            takes much room.
        gpu_time: Whether to measure the GPU's time for iterations with CUDA events. They are read when they are ready:
            nothing waits for the GPU.
        custom_metadata: More about the training.

    Raises:
        OneLoggerError: An argument is wrong: the error says which, what was given and what was expected.
    """

    def __init__(
        self,
        perf_tag: str | Sequence[str] | None = None,
        global_batch_size: int | Callable[[], int] | None = None,
        micro_batch_size: int | Callable[[], int] | None = None,
        seq_length: int | Callable[[], int] | None = None,
        flops_per_sample: float | Callable[[], float] | None = None,
        peak_tflops_per_gpu: float | Callable[[], float] | None = None,
        train_iterations_target: int | Callable[[], int] | None = None,
        train_samples_target: int | Callable[[], int] | None = None,
        log_every_n_train_iterations: int = 50,
        save_checkpoint_strategy: CheckPointStrategy | str = CheckPointStrategy.SYNC,
        iteration_spans: bool = False,
        gpu_time: bool = False,
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        tags = [perf_tag] if isinstance(perf_tag, str) else perf_tag
        if tags is not None and not (isinstance(tags, Sequence) and all(isinstance(tag, str) for tag in tags)):
            raise OneLoggerError(f"perf_tag is {shown(perf_tag)}; expected a text, or a sequence of texts.")
        self.perf_tag = None if tags is None else tuple(tags)
        self.global_batch_size = count("global_batch_size", global_batch_size)
        self.micro_batch_size = count("micro_batch_size", micro_batch_size)
        self.seq_length = count("seq_length", seq_length)
        self.flops_per_sample = _positive("flops_per_sample", flops_per_sample)
        self.peak_tflops_per_gpu = _positive("peak_tflops_per_gpu", peak_tflops_per_gpu)
        self.train_iterations_target = count("train_iterations_target", train_iterations_target)
        self.train_samples_target = count("train_samples_target", train_samples_target)
        check_number("log_every_n_train_iterations", log_every_n_train_iterations, 1, "a whole number", whole=True)
        self.log_every_n_train_iterations = log_every_n_train_iterations
        try:
            self.save_checkpoint_strategy = CheckPointStrategy(save_checkpoint_strategy)
        except ValueError as error:
            raise OneLoggerError(
                f"save_checkpoint_strategy is {shown(save_checkpoint_strategy)}; expected 'sync' or 'async'."
            ) from error
        check_type("iteration_spans", iteration_spans, bool, "True or False")
        self.iteration_spans = iteration_spans
        check_type("gpu_time", gpu_time, bool, "True or False")
        self.gpu_time = gpu_time
        check_type("custom_metadata", custom_metadata, Mapping, "a mapping of names to values", optional=True)
        check_names("custom_metadata", custom_metadata or {})
        self.custom_metadata: Mapping[str, object] = dict(custom_metadata or {})

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> TrainingTelemetryConfig:
        """The configuration that a mapping describes, such as a section of a file.

        Args:
            values: The arguments of `TrainingTelemetryConfig` by name.

        Raises:
            OneLoggerError: As for `TrainingTelemetryConfig`; also if a key is unknown.
        """
        check_type("The configuration of the training", values, Mapping, "a mapping of names to values")
        names = vars(cls())
        for key in values:
            if key not in names:
                hint = near_miss(key, names) if isinstance(key, str) else ""
                hint = hint or f"expected one of {', '.join(names)}."
                raise OneLoggerError(f"{shown(key)} is no key of the configuration of the training; {hint}")
        return cls(**values)  # type: ignore[arg-type]  # checked by the constructor

    def attributes(self) -> dict[str, object]:
        """What of it is recorded, by the names of attributes. What is not known is None."""
        metadata = [f"{name}:{value}" for name, value in self.custom_metadata.items()]
        names = AttributeName
        return {
            names.PERF_TAG: None if self.perf_tag is None else list(self.perf_tag),
            names.GLOBAL_BATCH_SIZE: self.global_batch_size,
            names.MICRO_BATCH_SIZE: self.micro_batch_size,
            names.SEQ_LENGTH: self.seq_length,
            names.FLOPS_PER_SAMPLE: self.flops_per_sample,
            names.PEAK_TFLOPS_PER_GPU: self.peak_tflops_per_gpu,
            names.TRAIN_ITERATIONS_TARGET: self.train_iterations_target,
            names.TRAIN_SAMPLES_TARGET: self.train_samples_target,
            names.LOG_EVERY_N_TRAIN_ITERATIONS: self.log_every_n_train_iterations,
            names.CHECKPOINT_STRATEGY: self.save_checkpoint_strategy.value,
            names.CUSTOM_METADATA: metadata or None,
        }


def count(name: str, given: int | Callable[[], int] | None, least: int = 1) -> int | None:
    """A whole number from `least`, or None, that was given as it is or as a function.

    Raises:
        OneLoggerError: It is something else, or the function raised.
    """
    number = _called(name, given)
    check_number(name, number, least, "a whole number", whole=True, optional=True)
    return number


def _positive(name: str, given: float | Callable[[], float] | None) -> float | None:
    number = _called(name, given)
    check_number(name, number, 0, "a number", optional=True)
    return number or None  # 0 as in configurations that have to say something


def _called(name: str, given: T | Callable[[], T]) -> T:
    if not callable(given):
        return given
    try:
        return given()
    except Exception as error:
        raise OneLoggerError(
            f"The function given as {name} raised {type(error).__name__}: {error_text(error)}"
        ) from error
