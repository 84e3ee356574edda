"""The part of a core that `one-logger watch` takes while a job writes 1,000 records a second."""

from __future__ import annotations

import argparse
import os
import resource
import signal
import subprocess
import time
from itertools import islice
from pathlib import Path

from tools.bench.contenders.contender import Watcher
from tools.bench.workloads.workload import Figures, Workload, scaled

PER_SECOND = 1_000
BURSTS = 20
"""Into how many writes the records of a second are divided."""


def measure(watcher: Watcher, arguments: argparse.Namespace) -> Figures:
    """CPU time of the command, after it has started, divided by the time that has passed: in percent."""
    seconds = scaled(arguments.seconds, arguments, 3)
    lines = watcher.lines((seconds + 1) * PER_SECOND)
    said = watcher.file.with_suffix(".said")
    with watcher.file.open("w", encoding="utf-8") as file, said.open("wb") as output:
        file.writelines(islice(lines, PER_SECOND))
        file.flush()
        process = subprocess.Popen(watcher.command(), stdout=output)
        try:
            while not said.stat().st_size and process.poll() is None:  # it starts
                time.sleep(0.05)
            before, begin = _cpu(process.pid), time.perf_counter()
            due = begin
            for _ in range(seconds * BURSTS):
                file.writelines(islice(lines, PER_SECOND // BURSTS))
                file.flush()
                due += 1 / BURSTS
                time.sleep(max(0.0, due - time.perf_counter()))
            cpu, passed = _cpu(process.pid) - before, time.perf_counter() - begin
        finally:
            process.terminate()  # not by Ctrl-C, which whoever runs this may ignore: that is inherited
            process.wait()
    if process.returncode not in (128 + signal.SIGTERM, -signal.SIGTERM):
        raise SystemExit(f"{watcher.command()} ended with {process.returncode}.")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"percent": cpu / passed * 100, "megabytes": usage.ru_maxrss * 1024 / 1e6}


def _cpu(pid: int) -> float:
    """The CPU time of a process in seconds (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run from the command line."""
    workload = Workload(__doc__)
    workload.add_argument("--seconds", type=int, default=20, help="how long the job runs (default: 20)")
    workload.run(Watcher, measure)


if __name__ == "__main__":
    main()
