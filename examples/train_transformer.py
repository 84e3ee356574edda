"""Train a small transformer on the Zen of Python, instrumented with one-logger-training-telemetry.

    python examples/train_transformer.py --folder=/tmp/zen --crash-at=130
    python examples/train_transformer.py --folder=/tmp/zen

The first run dies at step 130. The second one goes on from the last checkpoint, at step 100, and at its end looks at
what both have recorded: what happened (`one-logger show`), and how much of the time was of use (`one-logger goodput`).
Needs PyTorch, and the distributions core, api, recorder, training-telemetry and analysis.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from one_logger.recorder import configure
from one_logger.training_telemetry import (
    TrainingTelemetryConfig,
    application,
    checkpoint_load,
    checkpoint_save,
    configure_training,
    data_loading,
    dense_peak_tflops,
    model_init,
    optimizer_init,
    training_iteration,
    training_loop,
    transformer_flops_per_sample,
    validation_iteration,
    validation_loop,
)

with contextlib.redirect_stdout(None):  # importing it prints it
    import this

TEXT = codecs.decode(this.s, "rot13")
CHARACTERS = sorted(set(TEXT))
LAYERS, WIDTH, HEADS, LENGTH, BATCH = 2, 64, 4, 32, 16
SAVE_EVERY, VALIDATE_EVERY = 50, 100


class Model(nn.Module):
    """A transformer that says which character comes next."""

    def __init__(self) -> None:
        super().__init__()
        self.characters = nn.Embedding(len(CHARACTERS), WIDTH)
        self.places = nn.Embedding(LENGTH, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, LAYERS)
        self.out = nn.Linear(WIDTH, len(CHARACTERS))

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        """The scores of each character after each character."""
        mask = nn.Transformer.generate_square_subsequent_mask(text.shape[1])
        embedded = self.characters(text) + self.places(torch.arange(text.shape[1]))
        scores: torch.Tensor = self.out(self.layers(embedded, mask=mask, is_causal=True))
        return scores


def batches(count: int) -> Iterator[torch.Tensor]:
    """So many batches of pieces of the text, each with one character more than the model sees."""
    numbers = torch.tensor([CHARACTERS.index(character) for character in TEXT])
    for _ in range(count):
        starts = [random.randrange(len(TEXT) - LENGTH) for _ in range(BATCH)]  # noqa: S311 - it is no secret
        yield torch.stack([numbers[start : start + LENGTH + 1] for start in starts])


def loss_of(model: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """How wrong the model is."""
    scores = model(batch[:, :-1])
    return nn.functional.cross_entropy(scores.flatten(0, 1), batch[:, 1:].flatten())


@application()
def train(folder: Path, steps: int, crash_at: int | None) -> None:
    """Train, from the checkpoint if there is one."""
    with model_init():
        model = Model()
    with optimizer_init():
        optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    checkpoint = folder / "checkpoint.pt"
    first = 0
    if checkpoint.exists():
        with checkpoint_load():
            state = torch.load(checkpoint)
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            first = state["step"]
        print(f"Going on from step {first}.")

    parameters = sum(each.numel() for each in model.parameters()) - model.characters.weight.numel()
    configure_training(
        TrainingTelemetryConfig(
            perf_tag="zen",
            global_batch_size=BATCH,
            seq_length=LENGTH,
            flops_per_sample=transformer_flops_per_sample(parameters, LAYERS, WIDTH, LENGTH),
            peak_tflops_per_gpu=dense_peak_tflops(torch.cuda.get_device_name()) if torch.cuda.is_available() else None,
            log_every_n_train_iterations=10,
        )
    )

    with training_loop(train_iterations_start=first, train_iterations_target=steps):
        for step, batch in enumerate(data_loading(batches(steps - first)), first + 1):
            with training_iteration():
                loss = loss_of(model, batch)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
            if step == crash_at:
                print(f"Dying at step {step}.")
                sys.stdout.flush()
                os.abort()
            if step % SAVE_EVERY == 0:
                with checkpoint_save(global_step=step):
                    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
                    torch.save(state, folder / "new.pt")
                    (folder / "new.pt").replace(checkpoint)
            if step % VALIDATE_EVERY == 0:
                with validation_loop() as span, torch.no_grad():
                    losses = []
                    for held_out in batches(4):
                        with validation_iteration():
                            losses.append(float(loss_of(model, held_out)))
                    span.set_attribute("loss", sum(losses) / len(losses))
                print(f"step {step:4}: loss {sum(losses) / len(losses):.3f}")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for the checkpoint and the telemetry")
    parser.add_argument("--steps", type=int, default=300, help="how many steps there are to be (default: 300)")
    parser.add_argument("--crash-at", type=int, help="die at this step, as jobs do")
    arguments = parser.parse_args()
    telemetry = arguments.folder.resolve() / "telemetry"
    file = {"type": "file", "config": {"file_path": str(telemetry / "{rank}-{pid}.jsonl")}}
    # What ties the restarts of a job together: here its folder, on a cluster the job's id.
    recorder = configure("train_transformer", session_tag=str(arguments.folder), world_size=1, rank=0, exporters=[file])
    train(arguments.folder, arguments.steps, arguments.crash_at)
    recorder.close()

    for command in ("show", "goodput"):
        print(f"\none-logger {command} {telemetry}\n")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "one_logger.analysis", command, str(telemetry)], check=False)  # noqa: S603


if __name__ == "__main__":
    main()
