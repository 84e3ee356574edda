"""The time that an import takes, above that of starting the interpreter."""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time

from tools.bench.workloads.workload import Figures


def measure(module: str, repetitions: int) -> Figures:
    """Milliseconds, by the wall clock and as the interpreter itself says.

    Starts of a bare interpreter and of one that imports take turns; the difference of the fastest of each counts, as
    nothing but disturbance makes one slower.
    """
    # Nothing of the benchmark is to be found by the interpreters, and nothing of a user is to be imported.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def start(*arguments: str) -> tuple[float, str]:
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, check=True, stderr=subprocess.PIPE, text=True
        )
        return (time.perf_counter() - begin) * 1e3, done.stderr

    start("-c", f"import {module}")  # so that it is compiled
    bare, importing, said = [], [], []
    for _ in range(repetitions):
        bare.append(start("-c", "pass")[0])
        importing.append(start("-c", f"import {module}")[0])
        said.append(_said(module, start("-X", "importtime", "-c", f"import {module}")[1]))
    return {
        "import": min(importing) - min(bare),
        "import_median": statistics.median(importing) - statistics.median(bare),
        "importtime": min(said),
        "bare": min(bare),
    }


def _said(module: str, report: str) -> float:
    """The cumulative time of the module and of the packages that it is in, in milliseconds."""
    top = module.partition(".")[0]
    found = re.findall(rf"^import time: +\d+ \| +(\d+) \| ({top}(?:\.[\w.]+)?)$", report, re.MULTILINE)
    return sum(int(microseconds) for microseconds, name in found if module.startswith(name)) / 1e3


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", help="what to import")
    parser.add_argument("--endpoint", help="not used")
    parser.add_argument("--scale", type=float, default=1.0, help="factor of the repetitions (default: 1)")
    parser.add_argument("--repetitions", type=int, default=15, help="how often (default: 15)")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.module, max(2, round(arguments.repetitions * arguments.scale)))))


if __name__ == "__main__":
    main()
