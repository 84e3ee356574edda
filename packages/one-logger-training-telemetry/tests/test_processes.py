"""Real processes that are ended, and stopped: what they were doing is known none the less."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from one_logger.analysis import Run
from one_logger.analysis.goodput import Goodput, goodput
from one_logger.core import read_records

JOB = """
import sys, time
from one_logger.recorder import configure
from one_logger.training_telemetry import TrainingTelemetryConfig, configure_training, training_iteration, training_loop

configure(
    "job",
    exporters=[{"type": "file", "config": {"file_path": sys.argv[1]}}],
    recorder={"flush_on_signals": ["SIGTERM"], "alive_interval": 0.2},
)
configure_training(TrainingTelemetryConfig(log_every_n_train_iterations=1_000_000))
with training_loop():
    while True:
        with training_iteration():
            time.sleep(0.01)
        if time.monotonic() > float(sys.argv[2]):  # whoever started it has gone
            break
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[float], subprocess.Popen[bytes]]]:
    """Starts the job, which trains for so many seconds, and waits until it has begun."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(seconds: float) -> subprocess.Popen[bytes]:
        path = tmp_path / "telemetry.jsonl"
        process = subprocess.Popen([sys.executable, "-c", JOB, str(path), str(time.monotonic() + seconds)])
        processes.append(process)
        while process.poll() is None and (not path.exists() or "training_loop" not in path.read_text("utf-8")):
            time.sleep(0.05)
        return process

    yield run
    for process in processes:
        process.kill()
        process.wait()


def _goodput(folder: Path) -> Goodput:
    with Run.open(folder, cache=False) as run:
        return goodput(run)


def _signs_of_life(path: Path) -> list[int]:
    return [record["time_unix_nano"] for record in read_records(path) if record["type"] == "alive"]


def test_ended_by_a_signal(tmp_path: Path, start: Callable[[float], subprocess.Popen[bytes]]) -> None:
    """A process that a launcher ends leaves its last iterations in its loop's span: they are not unknown."""
    process = start(600)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM
    found = _goodput(tmp_path)
    assert found.shares["productive"] > 0.5
    written = (tmp_path / "telemetry.jsonl").read_text("utf-8")
    assert "training_metrics_update" not in written
    assert '"open_iterations":' in written


def test_stopped_and_continued(tmp_path: Path, start: Callable[[float], subprocess.Popen[bytes]]) -> None:
    """While a process is stopped it stands still: that time is no iteration, though one was under way."""
    process = start(600)
    path = tmp_path / "telemetry.jsonl"
    # How far apart its signs of life are is seen from two of them. On a busy machine they may come late.
    while process.poll() is None and not any(since > until - 0.8e9 for since, until in pairwise(_signs_of_life(path))):
        time.sleep(0.05)
    process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    process.send_signal(signal.SIGCONT)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM
    found = _goodput(tmp_path)
    assert found.shares["stalled"] * found.wall_s > 2
    assert sum(found.shares.values()) == pytest.approx(1)
