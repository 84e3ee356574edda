"""What a training's iterations and checkpoints cost it, and the room that iterations take."""

from __future__ import annotations

import argparse
from time import perf_counter

from tools.bench.contenders.contender import Trainings
from tools.bench.workloads.workload import Figures, Workload, scaled


def measure(contender: Trainings, arguments: argparse.Namespace) -> Figures:
    """Microseconds of an iteration and of a checkpoint for their caller, and bytes on disk for a million iterations."""
    iterations, checkpoints = scaled(arguments.iterations, arguments, 100), scaled(arguments.checkpoints, arguments)
    contender.configure()
    contender.iterations(range(100))
    contender.flush()
    before = contender.file.stat().st_size
    start = perf_counter()
    contender.iterations(range(iterations))
    iteration = (perf_counter() - start) / iterations
    contender.flush()
    size = contender.file.stat().st_size - before
    start = perf_counter()
    contender.checkpoints(range(checkpoints))
    checkpoint = (perf_counter() - start) / checkpoints
    contender.close(60)
    return {
        "iteration": iteration * 1e6,
        "checkpoint": checkpoint * 1e6,
        "megabytes_per_million": size / iterations,
    }


def main() -> None:
    """Run from the command line."""
    workload = Workload(__doc__)
    workload.add_argument("--iterations", type=int, default=20_000, help="how many iterations (default: 20000)")
    workload.add_argument("--checkpoints", type=int, default=200, help="how many checkpoints (default: 200)")
    workload.run(Trainings, measure)


if __name__ == "__main__":
    main()
