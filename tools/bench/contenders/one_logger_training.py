"""one-logger's training telemetry, with a file."""

from __future__ import annotations

from collections.abc import Iterable

from one_logger.api import timed_span
from one_logger.training_telemetry import (
    TrainingTelemetryConfig,
    checkpoint_save,
    configure_training,
    training_iteration,
    training_loop,
)
from tools.bench.contenders.contender import Trainings
from tools.bench.contenders.one_logger import ToFile as Recording


class ToFile(Recording, Trainings):
    """The exporter `file`; iterations are summed up 50 at a time."""

    def configure(self) -> None:
        """Configure, with a file, and say what is trained."""
        super().configure()
        training = TrainingTelemetryConfig("benchmark", global_batch_size=32, flops_per_sample=1e9, seq_length=128)
        configure_training(training)

    def iterations(self, steps: Iterable[int]) -> None:
        """Train for each step."""
        with training_loop():
            for _ in steps:
                with training_iteration():
                    pass

    def checkpoints(self, steps: Iterable[int]) -> None:
        """Save a checkpoint for each step."""
        with training_loop():
            for step in steps:
                with checkpoint_save(step):
                    pass


class TwoSpans(Recording, Trainings):
    """What an iteration is not to cost more than: two spans without attributes."""

    def iterations(self, steps: Iterable[int]) -> None:
        """Two spans for each step."""
        with timed_span("training_loop"):
            for _ in steps:
                with timed_span("iteration"):
                    pass
                with timed_span("iteration"):
                    pass

    def checkpoints(self, steps: Iterable[int]) -> None:
        """A span for each step."""
        with timed_span("training_loop"):
            for _ in steps:
                with timed_span("checkpoint"):
                    pass
