"""Running workloads, each in a process of its own, the contenders in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tools.bench.row import Entry, Figures, Measured, Measurement
from tools.bench.servers import SERVERS

ROOT = Path(__file__).resolve().parent.parent.parent

LONGEST = 900
"""Seconds that a workload may take."""

SETTINGS = ("KAFKA_", "ONE_LOGGER_", "OTEL_", "PYTHON", "TRACEPARENT")
"""How the names of variables begin that change what is measured."""


class WorkloadError(Exception):
    """A workload has failed. Its text is what it wrote to the standard error stream."""


def measure(measurement: Measurement, interpreters: Mapping[str, str], rounds: int, scale: float) -> Measured:
    """Run a measurement: in each round every contender once, one after the other.

    Args:
        measurement: What to run.
        interpreters: The path of the interpreter of each environment.
        rounds: How many rounds.
        scale: Factor of all counts.

    Raises:
        WorkloadError: A workload has failed.
    """
    measured: Measured = {entry.label: [] for entry in measurement.entries}
    rounds = min(rounds, measurement.most_rounds)
    with ExitStack() as stack:
        wanted = dict.fromkeys(entry.server for entry in measurement.entries if entry.server)
        endpoints: dict[str, str] = {server: stack.enter_context(SERVERS[server]()) for server in wanted}
        for number in range(rounds):
            for entry in measurement.entries:
                progress(f"{measurement.workload}, round {number + 1} of {rounds}: {entry.label} ({entry.contender})")
                measured[entry.label].append(
                    _run(measurement, entry, interpreters[entry.environment], endpoints.get(entry.server, ""), scale)
                )
    return measured


def progress(text: str) -> None:
    """Say on the standard error stream what is being done."""
    print(text, file=sys.stderr, flush=True)


def _run(measurement: Measurement, entry: Entry, interpreter: str, endpoint: str, scale: float) -> Figures:
    command = [
        *(interpreter, "-m", f"tools.bench.workloads.{measurement.workload}", entry.contender),
        *(*measurement.options, *entry.options, "--endpoint", endpoint, "--scale", str(scale)),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    # Some libraries write logs where they are started.
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment | {"PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                timeout=LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise WorkloadError(f"{' '.join(command)} took more than {LONGEST} seconds.") from error
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise WorkloadError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    figures: Figures = json.loads(lines[-1])
    return figures
