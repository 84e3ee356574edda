"""nv-one-logger's training telemetry, set up as its documentation says."""

from __future__ import annotations

from collections.abc import Iterable

from nv_one_logger.api.config import OneLoggerConfig
from nv_one_logger.api.timed_span import get_recorder
from nv_one_logger.exporter.file_exporter import FileExporter
from nv_one_logger.training_telemetry.api.callbacks import on_app_start
from nv_one_logger.training_telemetry.api.config import TrainingTelemetryConfig
from nv_one_logger.training_telemetry.api.context import checkpoint_save, training_iteration, training_loop
from nv_one_logger.training_telemetry.api.training_telemetry_provider import TrainingTelemetryProvider

from tools.bench.contenders.contender import Trainings


class ToFile(Trainings):
    """Its file exporter. By default it sums iterations up 50 at a time, and exports no spans of them."""

    def configure(self) -> None:
        """Configure, with a file, and say what is trained."""
        config = OneLoggerConfig(application_name="benchmark", session_tag_or_fn="benchmark", world_size_or_fn=1)
        provider = TrainingTelemetryProvider.instance()
        provider.with_base_config(config).with_exporter(FileExporter(self.file)).configure_provider()
        on_app_start()
        training = TrainingTelemetryConfig(
            perf_tag_or_fn="benchmark",
            global_batch_size_or_fn=32,
            flops_per_sample_or_fn=1e9,
            seq_length_or_fn=128,
            is_log_throughput_enabled_or_fn=True,
            train_iterations_target_or_fn=10_000_000,
            train_samples_target_or_fn=320_000_000,
        )
        provider.set_training_telemetry_config(training)

    def close(self, timeout: float) -> bool:
        """Close the recorder. It doesn't say whether everything was delivered."""
        get_recorder().close()
        return True

    def iterations(self, steps: Iterable[int]) -> None:
        """Train for each step."""
        with training_loop(train_iterations_start=0):
            for _ in steps:
                with training_iteration():
                    pass

    def checkpoints(self, steps: Iterable[int]) -> None:
        """Save a checkpoint for each step."""
        with training_loop(train_iterations_start=0):
            for step in steps:
                with checkpoint_save(global_step=step):
                    pass
