"""The callback for PyTorch Lightning, in real trainings of a tiny model on the CPU."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_records import Recorded

from one_logger.training_telemetry import callbacks, data_loading

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings("ignore")]

SCRIPT = Path(__file__).parent / "lightning_script.py"


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Any]:
    """Fits a tiny model to a loader of so many batches, and gives the trainer."""
    from lightning_script import make_model, make_trainer

    def fit(
        batches: int = 6, *, model: Any = None, resume: Path | None = None, wait: float = 0, **trainer_arguments: Any
    ) -> Any:
        trainer = make_trainer(tmp_path, **trainer_arguments)
        model = make_model(wait=wait, batches=batches) if model is None else model
        trainer.fit(model, ckpt_path=resume, weights_only=False)
        return trainer

    return fit


@pytest.mark.training(log_every_n_train_iterations=2)
def test_fit(recorded: Recorded, train: Callable[..., Any], tmp_path: Path) -> None:
    """Preparing, loop, iterations, validations and saves are recorded; the sanity check is part of preparing."""
    trainer = train(6, max_epochs=2, every_n_train_steps=3)
    assert trainer.global_step == 12
    [loop] = recorded.spans("training_loop")
    assert loop["attributes"]["train_iterations_start"] == 0
    assert recorded.span("model_initialization")["status"] == "UNSET"
    events = recorded.events("training_metrics_update")
    assert events[-1]["num_iterations"] == 12
    assert sum(event["interval"] for event in events) == 12
    assert len(recorded.spans("validation_loop")) == 2
    assert recorded.parent(recorded.spans("validation_loop")[0]) == "training_loop"
    saved = [event["current_iteration"] for event in recorded.events("save_checkpoint_success")]
    assert saved == [3, 6, 9, 12]
    assert recorded.mistakes() == []
    assert "save_checkpoint" not in vars(trainer.strategy)


@pytest.mark.training(log_every_n_train_iterations=100)
def test_waiting_for_data(recorded: Recorded, train: Callable[..., Any]) -> None:
    """Between batches the loop waits for the loader; validations and saves in the same gap are not counted as that."""
    train(5, wait=0.05, max_epochs=1, every_n_train_steps=2)
    waited = sum(event["interval_data_loading_ns"] for event in recorded.events("training_metrics_update"))
    [loop] = recorded.spans("training_loop")
    others = sum(
        span["duration_ns"] for name in ("checkpoint_save_sync", "validation_loop") for span in recorded.spans(name)
    )
    assert 5 * 50_000_000 <= waited <= loop["duration_ns"] - others


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt], ids=lambda error: error.__name__)
def test_exception(recorded: Recorded, train: Callable[..., Any], error: type[BaseException]) -> None:
    """What ends a training is recorded, and everything is closed, though no hook follows."""
    from lightning_script import make_model

    with pytest.raises((RuntimeError, SystemExit, KeyboardInterrupt)):
        train(model=make_model(fails=error, batches=6), max_epochs=1)
    [loop] = recorded.spans("training_loop")
    assert loop["status"] == "ERROR"
    assert recorded.errors("training_loop") == [error.__name__]
    assert recorded.events("training_metrics_update")[-1]["num_iterations"] == 2
    assert recorded.span("model_initialization")


def test_save_that_fails(recorded: Recorded, train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no success; its error is recorded; the error is Lightning's to handle."""
    from lightning.fabric.plugins import TorchCheckpointIO

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TorchCheckpointIO, "save_checkpoint", full)
    with pytest.raises(OSError, match="No space left"):
        train(6, max_epochs=1, every_n_train_steps=2)
    assert recorded.span("checkpoint_save_sync")["status"] == "ERROR"
    assert recorded.events("save_checkpoint_success") == []
    assert recorded.span("training_loop")["status"] == "ERROR"


def test_asynchronous_saves(recorded: Recorded, train: Callable[..., Any]) -> None:
    """The training waits for the beginning only; each success is seen in Lightning's thread, after the end, too."""
    from lightning.pytorch.plugins.io import AsyncCheckpointIO
    from lightning_script import SlowCheckpointIO

    train(6, max_epochs=1, every_n_train_steps=2, plugins=[AsyncCheckpointIO(SlowCheckpointIO())])
    spans = recorded.spans("checkpoint_save_async")
    assert [span["attributes"]["current_iteration"] for span in spans] == [2, 4, 6]
    assert all(span["duration_ns"] < 200_000_000 for span in spans)
    saved = recorded.events("save_checkpoint_success")
    assert [event["current_iteration"] for event in saved] == [2, 4, 6]
    assert [event["productive_train_iterations"] for event in saved] == [2, 4, 6]
    assert all(event["save_checkpoint_time_sec"] >= 0.3 for event in saved)


def test_resume(recorded: Recorded, train: Callable[..., Any], tmp_path: Path) -> None:
    """A resumed training goes on counting, also from the midst of an epoch, and loading is a span."""
    train(6, max_steps=4, every_n_train_steps=4)
    [checkpoint] = tmp_path.glob("**/*step=4.ckpt")
    train(6, max_steps=8, resume=checkpoint)
    first, second = recorded.spans("training_loop")
    assert (first["attributes"]["train_iterations_start"], second["attributes"]["train_iterations_start"]) == (0, 4)
    assert recorded.span("checkpoint_load")["duration_ns"] > 0
    assert recorded.events("training_metrics_update")[-1]["current_iteration"] == 7


def test_several_optimizers(recorded: Recorded, train: Callable[..., Any]) -> None:
    """An iteration is a batch, however many optimizers step in it."""
    from lightning_script import make_model

    trainer = train(model=make_model(optimizers=2, batches=5), max_epochs=1)
    assert trainer.global_step == 10
    assert recorded.events("training_metrics_update")[-1]["num_iterations"] == 5


def test_no_batches(recorded: Recorded, train: Callable[..., Any]) -> None:
    """A fit without a batch has no loop, and what prepared it is closed."""
    train(3, max_epochs=1, limit_train_batches=0)
    assert recorded.span("model_initialization")["status"] == "UNSET"
    assert recorded.spans("training_loop") == []


def test_second_fit(recorded: Recorded, tmp_path: Path) -> None:
    """A trainer that is fitted twice has two loops; the second one goes on where the first one ended."""
    from lightning_script import make_model, make_trainer

    trainer, model = make_trainer(tmp_path, max_epochs=1), make_model(batches=4)
    trainer.fit(model)
    trainer.fit_loop.max_epochs = 2
    trainer.fit(model)
    first, second = recorded.spans("training_loop")
    assert [span["attributes"]["train_iterations_start"] for span in (first, second)] == [0, 4]
    assert recorded.mistakes() == []


def test_learning_rate_finder(recorded: Recorded, tmp_path: Path) -> None:
    """What a search for a learning rate saves for itself is no checkpoint, and the training after it is recorded."""
    from lightning.pytorch.tuner import Tuner
    from lightning_script import make_model, make_trainer

    trainer, model = make_trainer(tmp_path, max_epochs=1), make_model(batches=6)
    model.lr = 0.01
    Tuner(trainer).lr_find(model, num_training=4, min_lr=1e-4, early_stop_threshold=None)
    assert recorded.events("save_checkpoint_success") == []
    assert recorded.spans("checkpoint_save_sync") == []
    trainer.fit(model)
    assert recorded.events("training_metrics_update")[-1]["num_iterations"] == 6
    assert recorded.spans("training_loop")[-1]["attributes"]["train_iterations_start"] == 0
    assert recorded.mistakes() == []


def test_validate_alone(recorded: Recorded, tmp_path: Path) -> None:
    """A validation without a training is one, and no training loop."""
    from lightning_script import make_model, make_trainer

    trainer = make_trainer(tmp_path)
    trainer.validate(make_model(batches=3), verbose=False)
    assert recorded.span("validation_loop")["status"] == "UNSET"
    assert recorded.events("validation_metrics_update")[0]["total_iteration_time_sec"] > 0
    assert recorded.spans("training_loop") == []
    assert recorded.mistakes() == []


def test_faults_of_ours_do_not_stop_the_training(
    recorded: Recorded, train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in a hook of ours, the training goes on to its end."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug in one-logger")

    for name in ("on_training_single_iteration_start", "on_validation_start", "on_train_end"):
        monkeypatch.setattr(callbacks, name, broken)
    assert train(4, max_epochs=1).global_step == 4


def test_without_a_recorder(train: Callable[..., Any]) -> None:
    """Where one-logger is not configured the callback does nothing."""
    assert train(3, max_epochs=1, every_n_train_steps=2).global_step == 3
    assert list(data_loading([1])) == [1]


def test_callback_can_be_sent_to_other_processes(recorded: Recorded, train: Callable[..., Any]) -> None:
    """As Lightning does where it spawns processes: before a training and after one."""
    from one_logger.training_telemetry.lightning import TrainingCallback

    trainer = train(2, max_epochs=1)
    [callback] = [each for each in trainer.callbacks if isinstance(each, TrainingCallback)]
    for each in (callback, TrainingCallback()):
        assert type(pickle.loads(pickle.dumps(each))) is TrainingCallback  # noqa: S301 - it was made here


@pytest.mark.parametrize(
    ("package", "strategy"),
    [("pytorch_lightning", "ddp_spawn"), ("lightning.pytorch", "ddp")],
    ids=["spawned", "second script"],
)
def test_two_processes(tmp_path: Path, package: str, strategy: str) -> None:
    """With two ranks, spawned or by a second run of the script, under either name, the training runs to its end."""
    command = [sys.executable, str(SCRIPT), package, strategy, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert "trained 6" in done.stdout
    paths = sorted(tmp_path.glob("telemetry/*.jsonl"))
    assert [path.name.partition("-")[0] for path in paths] == ["0", "1"]
    for path in paths:
        written = path.read_text("utf-8")
        assert written.count('"name":"save_checkpoint_success"') == 2
        assert '"current_iteration":5,"num_iterations":6' in written
        assert '"type":"end"' in written
