"""What the interpreter lock costs a busy main thread while a library's worker thread exports.

The main thread does pieces of work, each of which takes a tenth of a millisecond alone, and makes spans in between.
Only the work is timed. What the worker exports meanwhile makes some pieces longer.
"""

from __future__ import annotations

import argparse
import time

from tools.bench.contenders.contender import Spans
from tools.bench.workloads.workload import Figures, Workload, percentile, scaled

PIECE = 1e-4
"""Seconds that a piece of work takes alone."""


def measure(contender: Spans, arguments: argparse.Namespace) -> Figures:
    """Microseconds by which pieces of work took longer than their median."""
    size = _size()
    contender.configure()
    clock = time.perf_counter_ns
    taken = []
    for step in range(scaled(arguments.pieces, arguments, 100)):
        begin = clock()
        _work(size)
        taken.append(clock() - begin)
        if step % arguments.every == 0:
            contender.spans((step,))
    contender.close(60)
    ordered = sorted(taken)
    alone = percentile(ordered, 50)
    return {
        "p99": (percentile(ordered, 99) - alone) / 1e3,
        "p99.9": (percentile(ordered, 99.9) - alone) / 1e3,
        "longest": (ordered[-1] - alone) / 1e3,
        "mean": (sum(ordered) / len(ordered) - alone) / 1e3,
    }


def _work(size: int) -> int:
    total = 0
    for number in range(size):
        total += number
    return total


def _size() -> int:
    """The size of a piece of work that takes about `PIECE` seconds."""
    trial = 20_000
    best = float("inf")
    for _ in range(20):
        begin = time.perf_counter()
        _work(trial)
        best = min(best, time.perf_counter() - begin)
    return max(1, round(trial * PIECE / best))


def main() -> None:
    """Run from the command line."""
    workload = Workload(__doc__)
    workload.add_argument("--pieces", type=int, default=10_000, help="how many pieces of work (default: 10000)")
    workload.add_argument("--every", type=int, default=1, help="a span after each so many pieces (default: 1)")
    workload.run(Spans, measure)


if __name__ == "__main__":
    main()
