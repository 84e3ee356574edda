"""Change a module in many small ways, one at a time, and see whether its tests notice: ``nox -s mutants``.

Each changed copy of a module is a mutant. A mutant that its tests pass has survived: a test is missing, or the change
makes no difference. `modules.toml` beside this file says which modules are changed, which tests belong to each, and
which survivors make no difference, and why. Any other survivor makes this end with 1, and so does an entry there that
no survivor needs any more.

The changes are made by cosmic-ray, in copies of the tree: the tree itself is left alone.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tools.mutants.module import CONFIGURATION, Module
from tools.mutants.running import run
from tools.mutants.worker import Worker

ROOT = Path(__file__).resolve().parents[2]

TESTS = "-q -p no:cacheprovider -p tools.mutants.noticing --hypothesis-profile=mutants --hypothesis-seed=0"
"""How pytest is called."""

SLOWER = 4
"""How many times longer than without a change the tests of a mutant may take."""

AT_LEAST = 20.0
"""Seconds that they may take in any case."""


def main() -> int:
    """Run from the command line. Returns 1 if a mutant has survived that is not known to make no difference."""
    modules = Module.read_all()
    parser = argparse.ArgumentParser(prog="nox -s mutants --", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="MODULE", help=", ".join(module.name for module in modules))
    parser.add_argument("--workers", type=int, default=2, help="how many run side by side (default: 2)")
    parser.add_argument("--folder", type=Path, required=True, help="where to work; nox gives it")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in [module.name for module in modules]:
            parser.error(f"There is no module {name!r}; expected one of those in {CONFIGURATION.name}.")
    chosen = [module for module in modules if not arguments.names or module.name in arguments.names]
    folder = arguments.folder.resolve()
    with ExitStack() as stack:
        workers = [
            stack.enter_context(Worker(ROOT, folder / f"worker-{number}")) for number in range(arguments.workers)
        ]
        return max([_check(module, workers, folder) for module in chosen])


def _check(module: Module, workers: Sequence[Worker], folder: Path) -> int:
    """Run the tests of a module against its mutants, and say what has come of it."""
    command = shlex.join([sys.executable, "-m", "pytest", *TESTS.split(), *module.tests])
    begin = time.monotonic()
    workers[0].run_tests(command)
    limit = max(AT_LEAST, SLOWER * (time.monotonic() - begin))
    print(f"{module.name}: {module.path}, {limit:.0f} s for the tests of each mutant", flush=True)
    mutants = run(module.path, command, limit, workers, folder / module.name)
    survivors = [mutant for mutant in mutants if mutant.survived]
    unexpected = [mutant for mutant in survivors if not module.explains(mutant)]
    unneeded = module.unneeded(survivors)
    for mutant in unexpected:
        print(f"\nSurvived in line {mutant.line}, {mutant.operator}:\n- {mutant.before}\n+ {mutant.after}")
    for same in unneeded:
        print(f"\n{CONFIGURATION.name} explains a change that has not survived:\n- {same.before}\n+ {same.after}")
    timeouts = sum(mutant.timed_out for mutant in mutants)
    print(
        f"\n{module.name}: {len(mutants)} mutants, {len(mutants) - len(survivors)} noticed ({timeouts} by taking too "
        f"long), {len(survivors) - len(unexpected)} make no difference, {len(unexpected)} survived, "
        f"{time.monotonic() - begin:.0f} s",
        flush=True,
    )
    return 1 if unexpected or unneeded else 0


if __name__ == "__main__":
    sys.exit(main())
