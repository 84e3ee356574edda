"""Measure what one-logger costs, and what its peers do: ``nox -s bench``.

Each measurement is a process of its own in the environment of the library that it measures, and the libraries take
turns. `README.md` beside this file says how it is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.bench.comparison import Comparison, compare
from tools.bench.machine import describe
from tools.bench.plots import plots
from tools.bench.report import page, report
from tools.bench.row import Measured, Measurement, Row
from tools.bench.rows import ROWS
from tools.bench.running import WorkloadError, measure, progress

HERE = Path(__file__).resolve().parent
QUICK = (1, 0.01)
"""Rounds and scale of a run that only shows that everything works."""


def main() -> int:
    """Run from the command line. Returns 1 if a workload failed or, with `--check`, if a target isn't met."""
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(f"{row.name:20} {row.title}" for row in ROWS))
        return 0
    rows = [row for row in ROWS if row.chosen(arguments.only)]
    for name in arguments.only:
        if not any(row.chosen([name]) for row in ROWS):
            parser.error(f"There is no row {name!r}; --list shows those there are.")
    if arguments.environments is None:
        parser.error("--environments is missing; `nox -s bench` makes the environments and gives it.")
    if arguments.write and arguments.only:
        parser.error("--write keeps the results of a whole run; leave --only out.")
    interpreters = json.loads(arguments.environments.read_text())
    needed = {entry.environment for row in rows for entry in row.measurement.entries}
    if missing := sorted(needed - set(interpreters)):
        parser.error(f"{arguments.environments} has no interpreter for {', '.join(missing)}.")

    machine = describe(interpreters)
    measured, failures = _measure(rows, interpreters, arguments)
    lines = [line for row in rows if row.measurement in measured for line in compare(row, measured[row.measurement])]
    text = report(lines, machine)
    print(json.dumps(_as_json(lines, machine, failures), indent=2) if arguments.json else text)
    if arguments.write and not failures:
        drawn = plots(lines, measured, arguments.write / "plots")
        (arguments.write / "RESULTS.md").write_text(page(text, _command(), drawn, arguments.write))
    for failure in failures:
        print(f"\nA workload has failed: {failure}", file=sys.stderr)
    missed = arguments.check and any(line.met is False for line in lines)
    return 1 if failures or missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("--environments", type=Path, help="JSON: the interpreter of each environment; nox gives it")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a row or a group; repeatable")
    parser.add_argument("--list", action="store_true", help="list the rows and measure nothing")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender runs at most (default: 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="factor of all counts (default: 1)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one round with tiny counts: shows that it works, and nothing else",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is not met")
    parser.add_argument(
        "--write",
        type=Path,
        nargs="?",
        const=HERE,
        metavar="FOLDER",
        help="keep the results: RESULTS.md and plots, in tools/bench if no folder is given",
    )
    return parser


def _measure(
    rows: list[Row], interpreters: dict[str, str], arguments: argparse.Namespace
) -> tuple[dict[Measurement, Measured], list[str]]:
    """What the rows' measurements gave, and what went wrong with the others."""
    rounds, scale = QUICK if arguments.quick else (arguments.rounds, arguments.scale)
    measured: dict[Measurement, Measured] = {}
    failures = []

    def measure_each(measurements: list[Measurement]) -> None:
        for measurement in measurements:
            try:
                measured[measurement] = measure(measurement, interpreters, rounds, scale)
            except WorkloadError as error:
                progress(f"{measurement.workload} has failed; the others go on.")
                failures.append(str(error))

    # Those of a workload may share what the first of them makes.
    workloads: dict[str, list[Measurement]] = {}
    for measurement in dict.fromkeys(row.measurement for row in rows):
        workloads.setdefault(measurement.workload, []).append(measurement)
    if arguments.quick:  # has no figures that others could spoil
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(measure_each, workloads.values()))
    else:
        for measurements in workloads.values():
            measure_each(measurements)
    return measured, failures


def _as_json(lines: list[Comparison], machine: dict[str, str], failures: list[str]) -> dict[str, object]:
    return {
        "command": _command(),
        "machine": machine,
        "rows": [line.as_json() for line in lines],
        "failures": failures,
    }


def _command() -> str:
    """How this run was started."""
    own = [argument for argument in sys.argv[1:] if not argument.startswith("--environments")]
    return shlex.join(["nox", "-s", "bench", *(["--", *own] if own else [])])


if __name__ == "__main__":
    sys.exit(main())
