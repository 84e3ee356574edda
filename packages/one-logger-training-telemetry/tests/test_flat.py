"""A training of millions of iterations stays flat, in memory and on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.faults

JOB = """
import sys
from one_logger.api import OneLoggerConfig, OneLoggerProvider, get_recorder
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder
from one_logger.training_telemetry import TrainingTelemetryConfig, configure_training, training_iteration, training_loop

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

OneLoggerProvider.instance().configure(OneLoggerConfig("job"), DefaultRecorder([FileExporter(sys.argv[1])]))
configure_training(TrainingTelemetryConfig(global_batch_size=8, log_every_n_train_iterations=1_000))
with training_loop():
    for number in range(1_000_000):
        if number == 100_000:
            before = resident()
        with training_iteration():
            pass
    grown = resident() - before
get_recorder().close()
print(grown)
"""


def test_a_million_iterations(tmp_path: Path) -> None:
    """Memory grows by less than a pointer for each of 900,000 iterations; a thousand events take less than 3 MB."""
    path = tmp_path / "telemetry.jsonl"
    done = subprocess.run([sys.executable, "-c", JOB, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 8 * 900_000
    written = path.read_text("utf-8")
    assert written.count('"name":"training_metrics_update"') == 1_000
    assert len(written) < 3_000_000
