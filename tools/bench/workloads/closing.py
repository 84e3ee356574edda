"""The time from `close` to its return with a full queue."""

from __future__ import annotations

import argparse
import time

from tools.bench.contenders.one_logger import GatedFileExporter, ToGatedFile
from tools.bench.workloads.workload import Figures, Workload


def measure(contender: ToGatedFile, _: argparse.Namespace) -> Figures:
    """Milliseconds, and how many records were in the queue."""
    contender.configure()
    step = 0
    while not contender.dropped():
        contender.spans(range(step, step := step + 1_000))
    pending = contender.pending()
    GatedFileExporter.gate.set()
    begin = time.perf_counter()
    contender.close(60)
    taken = time.perf_counter() - begin
    if contender.pending():
        raise SystemExit(f"close() has left {contender.pending()} records.")
    return {"close": taken * 1e3, "pending": float(pending)}


if __name__ == "__main__":
    Workload(__doc__).run(ToGatedFile, measure)
