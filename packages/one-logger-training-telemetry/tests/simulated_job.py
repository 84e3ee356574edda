"""A job of days in a second: the real library is told what happened when, and the same is added up here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from one_logger import training_telemetry as telemetry
from one_logger.api import OneLoggerConfig
from one_logger.recorder.testing import recorded_telemetry
from one_logger.training_telemetry import TrainingTelemetryConfig, configure_training

EPOCH = 1_764_000_000_000
"""When the job starts, in milliseconds since 1970."""


class SimulatedJob:
    """A job whose clock is moved by hand, in milliseconds.

    Attributes:
        now: Its clock.
        spent: What its time went into, in milliseconds, by cause; iterations are in `steps`.
        steps: Each iteration that was completed: (incarnation, number, milliseconds, whether something recorded it).
        starts: With which iteration each incarnation's loop started.
        records: The records of each incarnation.
        last_sign: When something was last recorded.
    """

    def __init__(self, **training: Any) -> None:
        self.now = EPOCH
        self.spent: Counter[str] = Counter()
        self.steps: list[tuple[int, int, int, bool]] = []
        self.starts: list[int] = []
        self.records: list[list[dict[str, Any]]] = []
        self.every = training.setdefault("log_every_n_train_iterations", 50)
        self._training = training
        self._next = 0
        self.last_sign = EPOCH

    @contextmanager
    def incarnation(
        self, *, killed: bool = False, world_size: int = 4, rank: int = 0, tag: str | None = "job"
    ) -> Iterator[None]:
        """One start of the job. If it is killed, nothing of the end of the block is recorded."""
        began = self.now
        configure_training(TrainingTelemetryConfig(**self._training))
        config = OneLoggerConfig("simulated", session_tag=tag, world_size=world_size, rank=rank)
        with recorded_telemetry(config) as recorded:
            yield
            if killed:
                # Of iterations that nothing had recorded when the process died, only later signs of life are known.
                while self.steps and not self.steps[-1][3]:
                    took = self.steps.pop()[2]
                    self.spent["unknown"] += took
                silence = self.now - self.last_sign
                self.spent["unknown"] -= silence
                self.spent["between_restarts"] += silence
                kept = list(recorded.records)
            else:
                self.recorded()
        kept = kept if killed else list(recorded.records)
        configure_training(TrainingTelemetryConfig())
        for record in kept:
            if record["type"] == "resource":
                record["time_unix_nano"] = began * 1_000_000
            elif record["type"] == "end":
                record["time_unix_nano"] = self.now * 1_000_000
        self.records.append(kept)

    def recorded(self) -> None:
        """What was done until now is recorded."""
        self.last_sign = self.now
        for at in range(len(self.steps) - 1, -1, -1):
            number, step, took, was_recorded = self.steps[at]
            if was_recorded:
                break
            self.steps[at] = number, step, took, True

    def spend(self, cause: str, seconds: float) -> None:
        """Let time go by."""
        self.now += round(seconds * 1_000)
        self.spent[cause] += round(seconds * 1_000)

    def initialize(self, seconds: float) -> None:
        telemetry.on_model_init_start(self.now)
        self.spend("initialization", seconds)
        telemetry.on_model_init_end(self.now)

    def load(self, seconds: float) -> None:
        telemetry.on_load_checkpoint_start(self.now)
        self.spend("checkpoint_load", seconds)
        telemetry.on_load_checkpoint_end(self.now)

    def begin(self, first: int) -> None:
        """The training loop starts."""
        self.starts.append(first)
        self._next = first
        telemetry.on_train_start(first, start_time_msec=self.now)

    def end(self) -> None:
        """The training loop ends."""
        telemetry.on_train_end(self.now)

    def train(self, count: int, seconds: float = 1.0) -> None:
        """So many iterations."""
        for _ in range(count):
            telemetry.on_training_single_iteration_start(self.now)
            took = round(seconds * 1_000)
            self.now += took
            telemetry.on_training_single_iteration_end(self.now)
            self.steps.append((len(self.starts), self._next, took, False))
            self._next += 1
            if self._next % self.every == 0:
                self.recorded()

    def save(self, seconds: float, *, fails: bool = False) -> None:
        """Save a checkpoint."""
        telemetry.on_save_checkpoint_start(self._next, self.now)
        self.recorded()
        self.spend("checkpoint_save", seconds)
        if not fails:
            telemetry.on_save_checkpoint_success(self._next, self.now)
        self.last_sign = self.now
        telemetry.on_save_checkpoint_end(self.now)

    def validate(self, seconds: float) -> None:
        telemetry.on_validation_start(self.now)
        self.spend("evaluation", seconds)
        telemetry.on_validation_end(self.now)
        self.last_sign = self.now

    def write(self, folder: Path) -> Path:
        """Write a file for each incarnation."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, records in enumerate(self.records):
            lines = (json.dumps(record) + "\n" for record in records)
            (folder / f"{number}.jsonl").write_text("".join(lines), "utf-8")
        return folder

    def truth(self) -> tuple[dict[str, float], int, float]:
        """What each cause took, in seconds, how many steps were lost, and the wall time, in seconds."""
        spent = Counter(self.spent)
        lost = 0
        for incarnation, number, took, _ in self.steps:
            again = any(first <= number for first in self.starts[incarnation:])
            lost += again
            spent["lost_work" if again else "productive"] += took
        return {cause: time / 1_000 for cause, time in spent.items() if time}, lost, (self.now - EPOCH) / 1_000
