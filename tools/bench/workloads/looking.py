"""The time, the CPU time and the memory that looking at a run of many ranks takes."""

from __future__ import annotations

import argparse
import resource
import time

from tools.bench.contenders.contender import Looker
from tools.bench.workloads.workload import Figures, Workload, scaled

RECORDS = 10_000
"""How many records each rank has, about."""


def measure(looker: Looker, arguments: argparse.Namespace) -> Figures:
    """Seconds, also of the CPU, for a million records; the process' peak of memory in megabytes; the run's size."""
    streams = scaled(arguments.streams, arguments, 2)
    looker.run /= str(streams)
    if not looker.run.exists():
        # Who comes first writes it, before it is measured.
        from tools.bench.large_run import write_run

        unfinished = looker.run.with_suffix(".unfinished")
        write_run(unfinished, streams, RECORDS)
        unfinished.rename(looker.run)
    looker.configure()
    before = _cpu()
    begin = time.perf_counter()
    looker.look()
    seconds = time.perf_counter() - begin
    return {
        "seconds": seconds,
        "cpu": _cpu() - before,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "records": float(streams * RECORDS),
    }


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run from the command line."""
    workload = Workload(__doc__)
    workload.add_argument("--streams", type=int, default=100, help="how many ranks the run has (default: 100)")
    workload.run(Looker, measure)


if __name__ == "__main__":
    main()
