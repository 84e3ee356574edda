"""A tiny training of two processes in plain PyTorch, in which rank 1 is killed once: `torchrun ... FOLDER`."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from one_logger.recorder import configure
from one_logger.training_telemetry import (
    TrainingTelemetryConfig,
    application,
    checkpoint_load,
    checkpoint_save,
    configure_training,
    data_loading,
    distributed_init,
    model_init,
    training_iteration,
    training_loop,
)

STEPS, EVERY, KILLED_AT = 20, 5, 12


def main(folder: Path) -> None:
    """Train, from the checkpoint if there is one."""
    torch: Any = import_module("torch")
    rank, checkpoint = int(os.environ["RANK"]), folder / "checkpoint.pt"
    with application():
        with distributed_init():
            torch.distributed.init_process_group("gloo", timeout=timedelta(seconds=60))
        with model_init():
            model = torch.nn.Linear(4, 1)
            optimizer = torch.optim.SGD(model.parameters(), 0.01)
        first = 0
        if checkpoint.exists():
            with checkpoint_load():
                state = torch.load(checkpoint)
                model.load_state_dict(state["model"])
                first = state["step"]
        with training_loop(train_iterations_start=first, train_iterations_target=STEPS):
            for step, batch in enumerate(data_loading([torch.ones(2, 4)] * (STEPS - first)), first + 1):
                with training_iteration():
                    loss = model(batch).mean()
                    loss.backward()
                    for parameter in model.parameters():
                        torch.distributed.all_reduce(parameter.grad)
                    optimizer.step()
                    optimizer.zero_grad()
                    time.sleep(0.05)
                if step == KILLED_AT and rank == 1 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
                    time.sleep(0.5)
                    os.kill(os.getpid(), signal.SIGKILL)
                if step % EVERY == 0:
                    with checkpoint_save(step):
                        if rank == 0:
                            torch.save({"model": model.state_dict(), "step": step}, folder / "new.pt")
                            (folder / "new.pt").rename(checkpoint)
                        torch.distributed.barrier()


if __name__ == "__main__":
    into = Path(sys.argv[1])
    file = {"type": "file", "config": {"file_path": str(into / "telemetry/{rank}-{pid}.jsonl")}}
    configure("tiny", session_tag="tiny", exporters=[file], recorder={"flush_on_signals": ["SIGTERM"]})
    configure_training(TrainingTelemetryConfig(global_batch_size=4, log_every_n_train_iterations=1))
    main(into)
