"""The time that a span takes where nothing is recorded."""

from __future__ import annotations

import argparse
import time

from tools.bench.contenders.contender import Spans
from tools.bench.workloads.workload import Figures, Workload, scaled

REPETITIONS = 7


def measure(contender: Spans, arguments: argparse.Namespace) -> Figures:
    """Microseconds per span: of several repetitions the best one, as nothing but disturbance makes one slower."""
    contender.configure()
    count = scaled(arguments.spans, arguments, 1_000)
    best = float("inf")
    for _ in range(REPETITIONS):
        begin = time.perf_counter()
        contender.spans(range(count))
        best = min(best, time.perf_counter() - begin)
    contender.close(1)
    return {"span": best / count * 1e6}


def main() -> None:
    """Run from the command line."""
    workload = Workload(__doc__)
    workload.add_argument("--spans", type=int, default=50_000, help="spans in a repetition (default: 50000)")
    workload.run(Spans, measure)


if __name__ == "__main__":
    main()
