"""The time, the CPU time and the disk space that spans take, made without a pause, until all of them are on disk."""

from __future__ import annotations

import argparse

from tools.bench.contenders.contender import ToFile
from tools.bench.workloads.delivery import WARM_UP, deliver
from tools.bench.workloads.workload import Figures, Workload, scaled


def measure(contender: ToFile, arguments: argparse.Namespace) -> Figures:
    """What `deliver` measures, and bytes per span."""
    count = scaled(arguments.spans, arguments)
    contender.configure()
    contender.spans(range(WARM_UP))
    figures = deliver(contender, contender.spans, count)
    on_disk = contender.spans_on_disk()
    if on_disk != WARM_UP + count:
        raise SystemExit(f"{WARM_UP + count} spans were made, but {on_disk} are on disk.")
    return {**figures, "bytes": contender.file.stat().st_size / on_disk}


def main() -> None:
    """Run from the command line."""
    workload = Workload(__doc__)
    workload.add_argument("--spans", type=int, default=20_000, help="how many spans to make (default: 20000)")
    workload.run(ToFile, measure)


if __name__ == "__main__":
    main()
