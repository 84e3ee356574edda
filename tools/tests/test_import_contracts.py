"""Each contract in pyproject.toml can fail: import-linter, run on a copy of the tree with one rule broken."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ANALYSIS = "one-logger-analysis/src/one_logger/analysis"
CORE = "one-logger-core/src/one_logger/core"
EXPORTERS = "one-logger-core/src/one_logger/exporter"
API = "one-logger-api/src/one_logger/api"
RECORDER = "one-logger-recorder/src/one_logger/recorder"
TRAINING = "one-logger-training-telemetry/src/one_logger/training_telemetry"

LAYERS = "analysis, exporter, recorder and training telemetry stand on api, api on core"
CORE_ALONE = "analysis and exporters know core alone"
INDEPENDENCE = "exporters don't know each other"
YAML = "yaml only in one_logger.recorder"
OPENTELEMETRY = "opentelemetry only in one_logger.exporter.otel"
KAFKA = "kafka only in one_logger.exporter.kafka"
DUCKDB = "duckdb and sqlglot only in one_logger.analysis"


def broken_contracts(tree: Path) -> set[str]:
    """The names of the contracts that import-linter reports as broken in the tree."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, tree.glob("packages/*/src"))), "COLUMNS": "200"}
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    broken = set(re.findall(r"^(.+) BROKEN$", done.stdout, re.MULTILINE))
    assert "Contracts: " in done.stdout, f"import-linter came to no verdict: {done.stdout}{done.stderr}"
    assert done.returncode == bool(broken)
    return broken


def test_the_tree_as_it_is_keeps_all_contracts(tree: Path) -> None:
    """No contract is broken in an unchanged copy."""
    assert broken_contracts(tree) == set()


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        pytest.param(f"{CORE}/added.py", "import one_logger.api", {LAYERS}, id="core imports api"),
        pytest.param(f"{CORE}/added.py", "import one_logger.recorder", {LAYERS}, id="core imports recorder"),
        pytest.param(f"{CORE}/added.py", "from one_logger.exporter import file", {LAYERS}, id="core imports exporter"),
        pytest.param(f"{API}/added.py", "from one_logger import recorder", {LAYERS}, id="api imports recorder"),
        pytest.param(f"{API}/added.py", "import one_logger.exporter.file", {LAYERS}, id="api imports exporter"),
        pytest.param(
            f"{RECORDER}/added.py", "import one_logger.exporter.file", {LAYERS}, id="recorder imports exporter"
        ),
        pytest.param(f"{TRAINING}/added.py", "import one_logger.recorder", {LAYERS}, id="training imports recorder"),
        pytest.param(f"{TRAINING}/added.py", "import one_logger.exporter.file", {LAYERS}, id="training imports file"),
        pytest.param(f"{EXPORTERS}/file/added.py", "import one_logger.api", {CORE_ALONE}, id="exporter imports api"),
        pytest.param(
            f"{EXPORTERS}/file/added.py",
            "import one_logger.recorder",
            {LAYERS, CORE_ALONE},
            id="exporter imports recorder",
        ),
        pytest.param(
            f"{EXPORTERS}/file/added.py",
            "import one_logger.exporter.memory",
            {INDEPENDENCE},
            id="exporter imports another",
        ),
        pytest.param(f"{ANALYSIS}/added.py", "import one_logger.api", {CORE_ALONE}, id="analysis imports api"),
        pytest.param(
            f"{ANALYSIS}/added.py",
            "import one_logger.recorder",
            {LAYERS, CORE_ALONE},
            id="analysis imports recorder",
        ),
        pytest.param(f"{CORE}/added.py", "import one_logger.analysis", {LAYERS}, id="core imports analysis"),
        pytest.param(f"{CORE}/added.py", "import yaml", {YAML}, id="core imports yaml"),
        pytest.param(f"{EXPORTERS}/file/added.py", "from yaml import load", {YAML}, id="exporter imports yaml"),
        pytest.param(f"{CORE}/added.py", "import opentelemetry.sdk", {OPENTELEMETRY}, id="core imports opentelemetry"),
        pytest.param(f"{RECORDER}/added.py", "import kafka", {KAFKA}, id="recorder imports kafka"),
        pytest.param(f"{CORE}/added.py", "import duckdb", {DUCKDB}, id="core imports duckdb"),
        pytest.param("one-logger-api/src/one_logger/stray/__init__.py", "", {LAYERS}, id="a portion in no layer"),
        pytest.param("one-logger-api/src/one_logger/stray.py", "", {LAYERS}, id="a module in no layer"),
    ],
)
def test_a_broken_rule_is_reported_by_name(tree: Path, file: str, line: str, broken: set[str]) -> None:
    """The contracts that forbid the added file are broken, and no others."""
    path = tree / "packages" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    assert broken_contracts(tree) == broken


@pytest.mark.parametrize(
    ("file", "line"),
    [
        pytest.param(f"{RECORDER}/added.py", "import yaml", id="recorder imports yaml"),
        pytest.param(
            "one-logger-exporter-otel/src/one_logger/exporter/otel/__init__.py", "import opentelemetry", id="otel"
        ),
        pytest.param("one-logger-exporter-kafka/src/one_logger/exporter/kafka/__init__.py", "import kafka", id="kafka"),
        pytest.param(f"{ANALYSIS}/added.py", "import duckdb", id="analysis imports duckdb"),
    ],
)
def test_what_is_protected_is_open_to_its_own_portion(tree: Path, file: str, line: str) -> None:
    """The portion that a third-party package is for may import it, in a new distribution as well."""
    path = tree / "packages" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    assert broken_contracts(tree) == set()
