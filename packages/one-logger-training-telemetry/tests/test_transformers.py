"""The callback for Hugging Face's Trainer, in real trainings of a tiny model on the CPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_records import Recorded

from one_logger.training_telemetry import callbacks

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Any]:
    """Makes a trainer of a tiny model, with the callback, which is its attribute `telemetry`."""
    import torch
    from transformers import Trainer, TrainingArguments

    from one_logger.training_telemetry.transformers import TrainingCallback

    class Model(torch.nn.Module):
        def __init__(self, fails: Callable[[int], BaseException | None]) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)
            self.calls = 0
            self.fails = fails

        def forward(self, x: Any, labels: Any = None) -> dict[str, Any]:
            if self.training:
                error = self.fails(self.calls)
                self.calls += 1
                if error:
                    raise error
            out = self.layer(x)
            return {"loss": (out.squeeze(-1) - labels).pow(2).mean(), "logits": out}

    class Data(torch.utils.data.Dataset[Any]):
        def __init__(self, wait: float) -> None:
            self.wait = wait

        def __len__(self) -> int:
            return 24

        def __getitem__(self, index: int) -> dict[str, Any]:
            time.sleep(self.wait)
            return {"x": torch.ones(4) * index, "labels": torch.tensor(1.0)}

    def trainer(
        fails: Callable[[int], BaseException | None] = lambda _: None, wait: float = 0, **arguments: Any
    ) -> Any:
        telemetry = TrainingCallback()
        given = {"per_device_train_batch_size": 4, "num_train_epochs": 1, "report_to": [], "use_cpu": True}
        quiet = {"disable_tqdm": True, "logging_steps": 1_000, "save_strategy": "no", "dataloader_pin_memory": False}
        made = Trainer(
            model=Model(fails),
            args=TrainingArguments(output_dir=str(tmp_path / "out"), **{**given, **quiet, **arguments}),
            train_dataset=Data(wait),
            eval_dataset=Data(0),
            callbacks=[telemetry],
        )
        made.telemetry = telemetry
        return made

    return trainer


EVERY_TWO = {"eval_strategy": "steps", "eval_steps": 2, "save_strategy": "steps", "save_steps": 2}


def train(trainer: Any, **arguments: Any) -> Any:
    """Train within the block."""
    with trainer.telemetry.around_train():
        return trainer.train(**arguments)


def test_train(recorded: Recorded, make: Callable[..., Any]) -> None:
    """Preparing, loop, steps, evaluations and saves are recorded, one after the other."""
    trainer = make(**EVERY_TWO)
    train(trainer)
    assert trainer.state.global_step == 6
    loop = recorded.span("training_loop")
    assert loop["attributes"]["train_iterations_target"] == 6
    assert sum(event["interval"] for event in recorded.events("training_metrics_update")) == 6
    assert [event["current_iteration"] for event in recorded.events("save_checkpoint_success")] == [2, 4, 6]
    assert len(recorded.spans("validation_loop")) == 3
    saves = recorded.spans("checkpoint_save_sync")
    assert len(saves) == 3
    assert all(span["duration_ns"] > 0 and recorded.parent(span) == "training_loop" for span in saves)
    assert recorded.span("model_initialization")["end_time_unix_nano"] <= loop["start_time_unix_nano"]
    assert recorded.mistakes() == []


def test_steps_are_optimizer_steps(recorded: Recorded, make: Callable[..., Any]) -> None:
    """With gradient accumulation several batches make an iteration; saving by epochs is seen, too."""
    trainer = make(gradient_accumulation_steps=2, save_strategy="epoch", eval_strategy="epoch", num_train_epochs=2)
    train(trainer)
    events = recorded.events("training_metrics_update")
    assert sum(event["interval"] for event in events) == trainer.state.global_step == 6
    assert [event["current_iteration"] for event in recorded.events("save_checkpoint_success")] == [3, 6]
    assert len(recorded.spans("validation_loop")) == 2


def test_waiting_for_data(recorded: Recorded, make: Callable[..., Any]) -> None:
    """The time from a step's end to the next one's begin is waiting for data; evaluations and saves are not."""
    train(make(wait=0.02, **EVERY_TWO))
    waited = sum(event["interval_data_loading_ns"] for event in recorded.events("training_metrics_update"))
    others = sum(
        span["duration_ns"] for name in ("checkpoint_save_sync", "validation_loop") for span in recorded.spans(name)
    )
    assert 20 * 20_000_000 <= waited <= recorded.span("training_loop")["duration_ns"] - others


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
def test_exception(recorded: Recorded, make: Callable[..., Any], error: BaseException) -> None:
    """What leaves `train()` is recorded on the loop, which is closed, though the Trainer says nothing of it."""
    with pytest.raises(type(error)):
        train(make(fails=lambda call: error if call == 3 else None))
    assert recorded.span("training_loop")["status"] == "ERROR"
    assert recorded.errors("training_loop") == [type(error).__name__]
    assert recorded.events("training_metrics_update")[-1]["num_iterations"] == 3


def test_exception_while_preparing(recorded: Recorded, make: Callable[..., Any]) -> None:
    """Before the first step there is no loop: what fails is preparing."""
    with pytest.raises((ValueError, OSError)):
        train(make(), resume_from_checkpoint="/nowhere")
    assert recorded.span("model_initialization")["status"] == "ERROR"
    assert recorded.spans("training_loop") == []


def test_save_that_fails(recorded: Recorded, make: Callable[..., Any], tmp_path: Path) -> None:
    """It has no success, and its span is closed with the loop's error."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "checkpoint-2").write_text("in the way")
    with pytest.raises(OSError, match="checkpoint-2"):
        train(make(**EVERY_TWO))
    assert recorded.span("checkpoint_save_sync")["status"] == "ERROR"
    assert recorded.events("save_checkpoint_success") == []
    assert recorded.span("training_loop")["status"] == "ERROR"


def test_smaller_batches_after_running_out_of_memory(recorded: Recorded, make: Callable[..., Any]) -> None:
    """With `auto_find_batch_size` the loop begins again without an end of the first one, which has failed."""
    error = RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
    trainer = make(fails=lambda call: error if call == 1 else None, auto_find_batch_size=True)
    train(trainer)
    first, second = recorded.spans("training_loop")
    assert (first["status"], second["status"]) == ("ERROR", "UNSET")
    assert second["attributes"]["train_iterations_start"] == 0
    assert recorded.mistakes() == []


def test_resume(recorded: Recorded, make: Callable[..., Any], tmp_path: Path) -> None:
    """A resumed training begins where its checkpoint ends."""
    train(make(**EVERY_TWO, max_steps=2))
    train(make(max_steps=5), resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-2"))
    first, second = recorded.spans("training_loop")
    assert (first["attributes"]["train_iterations_start"], second["attributes"]["train_iterations_start"]) == (0, 2)
    assert recorded.events("training_metrics_update")[-1]["current_iteration"] == 4


def test_evaluate_alone(recorded: Recorded, make: Callable[..., Any]) -> None:
    """An evaluation without a training is one."""
    make().evaluate()
    assert recorded.span("validation_loop")["status"] == "UNSET"
    assert recorded.spans("training_loop") == []


def test_faults_of_ours_do_not_stop_the_training(
    recorded: Recorded, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in a hook of ours, the training goes on to its end."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug in one-logger")

    for name in ("on_training_single_iteration_start", "on_train_start", "on_validation_start"):
        monkeypatch.setattr(callbacks, name, broken)
    trainer = make(**EVERY_TWO)
    train(trainer)
    assert trainer.state.global_step == 6


def test_without_a_recorder(make: Callable[..., Any]) -> None:
    """Where one-logger is not configured, callback and block do nothing."""
    trainer = make(**EVERY_TWO)
    train(trainer)
    assert trainer.state.global_step == 6
