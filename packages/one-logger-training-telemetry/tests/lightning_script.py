"""A tiny training with PyTorch Lightning: `python lightning_script.py PACKAGE STRATEGY FOLDER` runs it on two ranks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

PACKAGE = sys.argv[1] if __name__ in ("__main__", "__mp_main__") else "lightning.pytorch"

torch = import_module("torch")
pl = import_module(PACKAGE)
TorchCheckpointIO = import_module(
    "lightning.fabric.plugins" if PACKAGE == "lightning.pytorch" else "lightning_fabric.plugins"
).TorchCheckpointIO

from one_logger.recorder import configure  # noqa: E402 - the framework comes first, as in its users' scripts
from one_logger.training_telemetry import TrainingTelemetryConfig, configure_training  # noqa: E402
from one_logger.training_telemetry.lightning import TrainingCallback  # noqa: E402


class Batches:
    """So many batches, each of which takes some seconds to come."""

    def __init__(self, count: int, wait: float = 0) -> None:
        self.count, self.wait = count, wait

    def __iter__(self) -> Iterator[Any]:
        for _ in range(self.count):
            time.sleep(self.wait)
            yield torch.ones(2, 4)

    def __len__(self) -> int:
        return self.count


class SlowCheckpointIO(TorchCheckpointIO):  # type: ignore[misc, valid-type]  # it is imported by name
    """Saves slowly."""

    def save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """Save, after a while."""
        time.sleep(0.3)
        super().save_checkpoint(*args, **kwargs)


class Model(pl.LightningModule):  # type: ignore[name-defined]  # it is imported by name
    """A model with its loaders. See `make_model`."""

    def __init__(self, batches: int, wait: float, optimizers: int, fails: type[BaseException] | None) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
        self.automatic_optimization = optimizers == 1
        self.given = batches, wait, optimizers, fails

    def setup(self, stage: str) -> None:
        """Where ranks are spawned, nothing else of the script runs in them: configure here."""
        if __name__ == "__mp_main__":
            record(self.trainer)

    def on_train_end(self) -> None:
        """Say how far it came."""
        if self.trainer.global_rank == 0:
            sys.stdout.write(f"trained {self.trainer.global_step}\n")
            sys.stdout.flush()

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        """A step."""
        _, _, optimizers, fails = self.given
        if fails and batch_idx == 2:
            raise fails("no")
        if optimizers > 1:
            for optimizer in self.optimizers():
                optimizer.zero_grad()
                self.manual_backward(self.layer(batch).mean())
                optimizer.step()
        return self.layer(batch).mean()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """A batch of a validation."""
        self.layer(batch)

    def configure_optimizers(self) -> Any:
        """As many optimizers as were asked for."""
        return [torch.optim.SGD(self.parameters(), 0.01) for _ in range(self.given[2])]

    def train_dataloader(self) -> Any:
        """As many batches as were asked for."""
        return Batches(*self.given[:2])

    def val_dataloader(self) -> Any:
        """Two batches."""
        return Batches(2)


def make_model(
    *, batches: int = 6, wait: float = 0, optimizers: int = 1, fails: type[BaseException] | None = None
) -> Any:
    """A model with its loaders.

    Args:
        batches: How many batches an epoch has.
        wait: How long each takes to come, in seconds.
        optimizers: How many optimizers step in each batch.
        fails: What its third step raises.
    """
    return Model(batches, wait, optimizers, fails)


def make_trainer(folder: Path, *, every_n_train_steps: int = 0, **arguments: Any) -> Any:
    """A trainer on the CPU, with the callback, and a checkpoint every so many steps."""
    from one_logger.training_telemetry.lightning import TrainingCallback

    saves = []
    if every_n_train_steps:
        saves.append(
            pl.callbacks.ModelCheckpoint(dirpath=folder, every_n_train_steps=every_n_train_steps, save_top_k=-1)
        )
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    return pl.Trainer(
        default_root_dir=folder,
        callbacks=[TrainingCallback(), *saves],
        enable_checkpointing=bool(saves),
        **{"devices": 1, **quiet, **arguments},
    )


def record(trainer: Any) -> None:
    """Configure one-logger, now that the rank is known."""
    path = str(Path(sys.argv[3]) / "telemetry/{rank}-{pid}.jsonl")
    file = {"type": "file", "config": {"file_path": path}}
    configure("tiny", rank=trainer.global_rank, world_size=2, session_tag="tiny", exporters=[file])
    configure_training(TrainingTelemetryConfig(global_batch_size=4))


def main() -> None:
    """Train on two ranks."""
    strategy, folder = sys.argv[2], Path(sys.argv[3])
    trainer = make_trainer(folder, every_n_train_steps=3, max_steps=6, strategy=strategy, devices=2)
    if strategy == "ddp":
        record(trainer)
    assert isinstance(trainer.callbacks[0], TrainingCallback)
    trainer.fit(make_model())


if __name__ == "__main__":
    main()
