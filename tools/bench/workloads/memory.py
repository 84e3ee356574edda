"""The memory that events in one open span take, recorded without a pause. Needs Linux, which says it."""

from __future__ import annotations

import argparse
import gc
import re
import time
from collections.abc import Iterator
from pathlib import Path

from tools.bench.contenders.contender import Events
from tools.bench.workloads.workload import Figures, Workload, scaled

SAMPLES = 200
"""How often the memory is looked at."""

SETTLED = 0.1
"""The part of a million events after which a bounded memory doesn't grow any more."""

MILLION = 1_000_000


def measure(contender: Events, arguments: argparse.Namespace) -> Figures:
    """Megabytes above what the process had before the first event.

    `megabytes` is the peak; after fewer than a million events, it is extrapolated to a million. `growth` is by how much
    the largest sample after the first tenth of a million is above the largest one until then.
    """
    count = scaled(arguments.events, arguments, SAMPLES)
    contender.configure()
    contender.events(range(10))
    contender.flush()
    gc.collect()
    before = _status("VmRSS")
    numbers: list[float] = []
    sizes: list[float] = []

    def steps() -> Iterator[int]:
        for step in range(count):
            if step % (count // SAMPLES) == 0:
                numbers.append(step)
                sizes.append(_status("VmRSS") - before)
            yield step

    begin = time.perf_counter()
    contender.events(steps())
    taken = time.perf_counter() - begin
    contender.flush()
    peak = max(_status("VmHWM") - before, *sizes)
    dropped = contender.dropped()
    contender.close(120)
    settled = [size for number, size in zip(numbers, sizes, strict=True) if number >= MILLION * SETTLED]
    until = [size for number, size in zip(numbers, sizes, strict=True) if number < MILLION * SETTLED]
    return {
        "megabytes": peak * MILLION / count,
        "growth": max(settled, default=0.0) - max(until),
        "dropped": float(dropped),
        "events_per_second": count / taken,
        "numbers": numbers,
        "sizes": sizes,
    }


def _status(field: str) -> float:
    """A figure of this process in megabytes."""
    found = re.search(rf"^{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit(f"This system doesn't say {field} of a process.")
    return int(found[1]) / 1024


def main() -> None:
    """Run from the command line."""
    workload = Workload(__doc__)
    workload.add_argument("--events", type=int, default=MILLION, help="how many events (default: a million)")
    workload.run(Events, measure)


if __name__ == "__main__":
    main()
