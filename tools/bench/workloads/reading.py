"""The time and memory that reading a file of records takes."""

from __future__ import annotations

import argparse
import time
import tracemalloc

from one_logger.core import Event, RecordEncoder, Resource, Span
from tools.bench.contenders.contender import KIND, Reader
from tools.bench.workloads.workload import Figures, Workload, scaled

REPETITIONS = 5
COPIES = 3
"""How many times as large the file is whose reading is looked at for memory."""


def lines(count: int) -> list[str]:
    """The lines of a stream of so many spans with two attributes, and an event in each tenth."""
    encoder = RecordEncoder(Resource.create("benchmark"))
    written = [encoder.resource()]
    for step in range(count):
        span = Span("work", {"step": step, "kind": KIND})
        span.stop()
        written.append(encoder.start(span))
        encoder.stop(span)
        if step % 10 == 0:
            written.append(encoder.event(Event("step", {"loss": step / 7}), span))
    return [*written, encoder.end()]


def measure(reader: Reader, arguments: argparse.Namespace) -> Figures:
    """Microseconds a record, the best of several repetitions; and megabytes while a larger file is read."""
    written = lines(scaled(arguments.records, arguments, 1_000))
    reader.file.write_text("".join(written), encoding="utf-8")
    reader.configure()
    best = float("inf")
    for _ in range(REPETITIONS):
        begin = time.perf_counter()
        read = reader.read()
        best = min(best, time.perf_counter() - begin)
        if read != len(written):
            raise SystemExit(f"{read} of {len(written)} records were read.")
    with reader.file.open("a", encoding="utf-8") as file:
        for _ in range(COPIES - 1):
            file.writelines(written)
    tracemalloc.start()
    reader.read()
    _, peak = tracemalloc.get_traced_memory()
    reader.close(1)
    return {"record": best / len(written) * 1e6, "megabytes": peak / 1e6}


def main() -> None:
    """Run from the command line."""
    workload = Workload(__doc__)
    workload.add_argument("--records", type=int, default=100_000, help="how many spans the file has (default: 100000)")
    workload.run(Reader, measure)


if __name__ == "__main__":
    main()
