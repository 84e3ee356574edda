"""The time that one span takes its caller, in a job that makes 1,000 spans a second and sleeps between them."""

from __future__ import annotations

import argparse
import time

from tools.bench.contenders.contender import Spans
from tools.bench.workloads.workload import Figures, Workload, percentile, scaled

PERIOD = 1_000_000
"""Nanoseconds from the start of one span to that of the next one."""

WARM_UP = 200
"""Spans that are made before: a job that runs for days isn't about the first ones."""


def measure(contender: Spans, arguments: argparse.Namespace) -> Figures:
    """Percentiles of the time in microseconds, and how long it took to close."""
    contender.configure()
    contender.spans(range(WARM_UP))
    clock, spans = time.perf_counter_ns, contender.spans
    taken = []
    due = clock()
    for step in range(scaled(arguments.spans, arguments, 100)):
        due += PERIOD
        pause = due - clock()
        if pause > 0:
            time.sleep(pause / 1e9)
        one = (step,)
        begin = clock()
        spans(one)
        taken.append(clock() - begin)
    begin = clock()
    delivered = contender.close(arguments.close_timeout)
    closing = clock() - begin
    ordered = [nanoseconds / 1e3 for nanoseconds in sorted(taken)]
    return {
        **{f"p{percent:g}": percentile(ordered, percent) for percent in (50, 99, 99.9)},
        "longest": ordered[-1],
        "samples": ordered,
        "close_seconds": closing / 1e9,
        "close_says": float(delivered),
    }


def main() -> None:
    """Run from the command line."""
    workload = Workload(__doc__)
    workload.add_argument("--spans", type=int, default=3_000, help="how many spans to make (default: 3000)")
    workload.add_argument("--close-timeout", type=float, default=60.0, help="the timeout of close() (default: 60)")
    workload.run(Spans, measure)


if __name__ == "__main__":
    main()
