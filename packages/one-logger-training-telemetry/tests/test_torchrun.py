"""Plain PyTorch under torchrun: two processes, one of them killed, both started again from the checkpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from torchrun_script import EVERY, KILLED_AT, STEPS

from one_logger.analysis import Run
from one_logger.analysis.goodput import goodput

pytestmark = [pytest.mark.frameworks]


def test_goodput_of_a_run_that_was_killed(tmp_path: Path) -> None:
    """Goodput follows from the files of both incarnations: what came after the checkpoint is lost, the rest is not."""
    script = Path(__file__).parent / "torchrun_script.py"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=1"]
    # Without this, gloo hangs after a restart.
    environment = {**os.environ, "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    files = list(tmp_path.glob("telemetry/*.jsonl"))
    assert len(files) == 4
    resumed = KILLED_AT // EVERY * EVERY
    with Run.open(*files) as run:
        found = goodput(run)
    assert found.restarts == 1
    # Rank 0 did step KILLED_AT and waited for rank 1 in the next one.
    assert found.lost_steps == KILLED_AT - resumed
    assert sum(found.shares.values()) == pytest.approx(1)
    seconds = {cause: share * found.wall_s for cause, share in found.shares.items()}
    assert STEPS * 0.05 <= seconds["productive"] <= STEPS * 0.05 * 20
    assert 0 < seconds["lost_work"] < seconds["productive"]
    for cause in ("initialization", "checkpoint_save", "checkpoint_load", "between_restarts"):
        assert seconds[cause] > 0, cause
    assert found.at_risk_steps == 0
    assert found.session == "tiny"
    # Rank 0 alone, by hand: each step is recorded once for each time it was done.
    records = [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]
    ranks = {each["stream"]: each["attributes"]["one_logger.rank"] for each in records if each["type"] == "resource"}
    updates = [each for each in records if each.get("name") == "training_metrics_update" and ranks[each["stream"]] == 0]
    steps = Counter(update["attributes"]["current_iteration"] for update in updates)
    assert steps == {step: 2 if resumed <= step < KILLED_AT else 1 for step in range(STEPS)}
