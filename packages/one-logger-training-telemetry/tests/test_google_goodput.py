"""Google's ml-goodput-measurement on the same jobs: where it says the same, and where and why it differs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from simulated_job import SimulatedJob

from one_logger.analysis.main import main

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings("ignore")]


class MemoryLog:
    """Stands for Google's cloud, in which the library keeps its log: it keeps entries, and gives them back."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def write_cloud_logging_entry(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)

    def read_cloud_logging_entries(self, *_: Any, **__: Any) -> tuple[list[dict[str, Any]], tuple[None, None]]:
        return self.entries, (None, None)

    def flush(self) -> None:
        pass


class Job:
    """A job that both libraries see: steps of 10 s, and pauses."""

    def __init__(self) -> None:
        self.google = import_module("ml_goodput_measurement.src.goodput")
        self.log = MemoryLog()
        self.recorder = self.google.GoodputRecorder("job", "log", logging_enabled=True, cloud_logger=self.log)
        self.simulated = SimulatedJob(log_every_n_train_iterations=1)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.simulated.now / 1_000, UTC)

    def run(self, first: int, count: int, *, killed: bool = False) -> None:
        """One start of the job."""
        with self.simulated.incarnation(killed=killed):
            self.recorder.record_job_start_time(self._now())
            self.simulated.begin(first)
            for step in range(first, first + count):
                self.recorder.record_step_start_time(step, self._now())
                self.simulated.train(1, 10)
            if not killed:
                self.simulated.end()
                self.recorder.record_job_end_time(self._now())

    def both(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[float, float, dict[str, Any]]:
        """Our goodput, theirs, and all that ours says."""
        assert main(["goodput", "--json", "--no-cache", str(self.simulated.write(folder / "records"))]) == 0
        ours = json.loads(capsys.readouterr().out)
        calculator = self.google.GoodputCalculator("job", "log", cloud_logger=self.log, cache_dir=str(folder))
        theirs = calculator.get_job_goodput()[0] / 100
        return ours["goodput"], theirs, ours


def test_a_job_without_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both say 100 %."""
    job = Job()
    job.run(0, 20)
    ours, theirs, _ = job.both(tmp_path, capsys)
    assert (ours, theirs) == pytest.approx((1, 1))


def test_steps_that_are_done_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten steps, a gap of 100 s, again from the fifth: the truth is 15 steps of 300 s.

    Theirs counts the last step of the process that died among the gap, as its log has no end of it; of the same job it
    says that fewer seconds were lost, and more between restarts. Goodput is the same.
    """
    job = Job()
    job.run(0, 10, killed=True)
    job.simulated.spend("between_restarts", 100)
    job.run(5, 10)
    ours, theirs, said = job.both(tmp_path, capsys)
    assert ours == pytest.approx(150 / 300)
    assert said["lost_steps"] == 5
    assert theirs == pytest.approx(150 / 300, abs=0.05)


def test_restart_at_exactly_the_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Five steps, a gap of 100 s, the next five: the truth is 50 %.

    Theirs says 100 %: it sees a restart only where the number of a step comes again, and takes the gap for a long step.
    """
    job = Job()
    job.run(0, 5, killed=True)
    job.simulated.spend("between_restarts", 100)
    job.run(5, 5)
    ours, theirs, said = job.both(tmp_path, capsys)
    assert ours == pytest.approx(0.5)
    assert said["restarts"] == 1
    assert theirs > 0.9


def test_dies_before_the_first_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Five steps, killed, again from 0: the first five are lost. Neither counts them as of use."""
    job = Job()
    job.run(0, 5, killed=True)
    job.simulated.spend("between_restarts", 50)
    job.run(0, 10)
    ours, theirs, said = job.both(tmp_path, capsys)
    assert ours == pytest.approx(100 / 200)
    assert said["shares"]["lost_work"] == pytest.approx(50 / 200)
    assert theirs == pytest.approx(ours, abs=0.06)
