"""The time and the CPU time that spans or events take, made without a pause, until a server has acknowledged them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable

from tools.bench.contenders.contender import Contender, Events, Spans, WideSpans
from tools.bench.workloads.workload import Figures, Workload, scaled

WARM_UP = 100
"""How many are made before, so that files are open and connections are made."""


def deliver(contender: Contender, record: Callable[[Iterable[int]], None], count: int) -> Figures:
    """Record so many, close, and take the time.

    Args:
        contender: It is configured and has recorded something.
        record: Its method that records.
        count: How many to record.

    Returns:
        How many a second, microseconds of CPU time for each (of all threads), microseconds that the caller took for
        each.
    """
    contender.flush()
    begin, cpu_begin = time.perf_counter(), time.process_time()
    record(range(count))
    caller = time.perf_counter() - begin
    contender.flush()  # one library says only here whether something is missing, others only in close()
    delivered = contender.close(120)
    taken, cpu = time.perf_counter() - begin, time.process_time() - cpu_begin
    if not delivered:
        raise SystemExit("Not everything was delivered.")
    return {"per_second": count / taken, "cpu": cpu / count * 1e6, "caller": caller / count * 1e6}


def measure(contender: Contender, arguments: argparse.Namespace) -> Figures:
    """What `deliver` measures."""
    contender.configure()
    if arguments.of == "spans" and isinstance(contender, Spans):
        record = contender.spans
    elif arguments.of == "wide-spans" and isinstance(contender, WideSpans):
        record = contender.spans_with_10_attributes
    elif arguments.of == "events" and isinstance(contender, Events):
        record = contender.events
    else:
        raise SystemExit(f"{type(contender).__name__} makes no {arguments.of}.")
    record(range(WARM_UP))
    return deliver(contender, record, scaled(arguments.count, arguments))


def main() -> None:
    """Run from the command line."""
    workload = Workload(__doc__)
    workload.add_argument("--of", choices=["spans", "wide-spans", "events"], required=True, help="what to record")
    workload.add_argument("--count", type=int, default=20_000, help="how many of it (default: 20000)")
    workload.run(Contender, measure)


if __name__ == "__main__":
    main()
