"""Having cosmic-ray make the mutants of a module and test them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome

from tools.mutants.module import Mutant
from tools.mutants.worker import Worker

# Of the many ways to replace an operator, those that tell most: a test that notices them notices the others, too
# (G. Kaminski, P. Ammann, J. Offutt: Better predicate testing, AST 2011, for the comparisons). The type annotations
# have `|`, and do nothing.
COMPARISONS = (
    "Lt_LtE Lt_NotEq Lt_GtE Gt_GtE Gt_NotEq Gt_LtE LtE_Lt LtE_Eq LtE_Gt GtE_Gt GtE_Eq GtE_Lt "
    "Eq_LtE Eq_GtE Eq_NotEq NotEq_Lt NotEq_Gt NotEq_Eq Is_IsNot IsNot_Is"
)
ARITHMETIC = "Add_Sub Add_Mul Sub_Add Sub_Mul Mul_Sub Mul_Add Div_Mul FloorDiv_Mul FloorDiv_Div Mod_Mul Pow_Mul"
LEFT_OUT = [
    f"core/ReplaceComparisonOperator_(?!({COMPARISONS.replace(' ', '|')})$)",
    f"core/ReplaceBinaryOperator_(?!({ARITHMETIC.replace(' ', '|')})$)",
    "core/ReplaceUnaryOperator_USub_",  # the minus is taken away by another
]
HANGS = "Timeout ("
"""What `noticing` has `faulthandler` print if a test hangs."""


class MutantError(Exception):
    """The tests of a mutant could not be run."""


def run(path: str, command: str, limit: float, workers: Sequence[Worker], name: Path) -> list[Mutant]:
    """Make the mutants of a module, and have the workers test them.

    Args:
        path: The module.
        command: How its tests are run.
        limit: How long they may take, in seconds.
        workers: Who tests, side by side.
        name: Where the configuration and the results go, without a suffix.

    Raises:
        MutantError: The tests of a mutant could not be run.
    """
    configuration, results = name.with_suffix(".toml"), name.with_suffix(".sqlite")
    urls = [worker.url for worker in workers]
    # A text and a list of texts in JSON are the same in TOML.
    configuration.write_text(
        f"[cosmic-ray]\nmodule-path = {json.dumps(path)}\ntimeout = {limit}\nexcluded-modules = []\n"
        f'test-command = {json.dumps(command)}\n[cosmic-ray.distributor]\nname = "http"\n'
        f"[cosmic-ray.distributor.http]\nworker-urls = {json.dumps(urls)}\n"
        f"[cosmic-ray.filters.operators-filter]\nexclude-operators = {json.dumps(LEFT_OUT)}\n"
    )
    results.unlink(missing_ok=True)
    for step in (
        ["cosmic_ray.cli", "init", str(configuration), str(results)],
        ["cosmic_ray.tools.filters.operators_filter", str(results), str(configuration)],
        ["cosmic_ray.cli", "exec", str(configuration), str(results)],
    ):
        subprocess.run([sys.executable, "-m", *step], cwd=workers[0].folder, check=True)
    with use_db(str(results), WorkDB.Mode.open) as database:
        return [
            _mutant(item.mutations[0], result)
            for item, result in database.completed_work_items
            if result.worker_outcome is not WorkerOutcome.SKIPPED
        ]


def _mutant(mutation: Any, result: Any) -> Mutant:
    if result.worker_outcome is not WorkerOutcome.NORMAL or result.test_outcome is TestOutcome.INCOMPETENT:
        raise MutantError(f"The tests of {mutation} could not be run: {result.output}")
    lines = result.diff.splitlines()
    changed = {sign: [line[1:].strip() for line in lines if line[:1] == sign and line[:3] != 3 * sign] for sign in "-+"}
    return Mutant(
        mutation.start_pos[0],
        mutation.definition_name,
        mutation.operator_name.removeprefix("core/"),
        " ".join(changed["-"]),
        " ".join(changed["+"]),
        result.test_outcome is TestOutcome.SURVIVED,
        result.output == "timeout" or HANGS in result.output,
    )
