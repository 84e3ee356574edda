"""docs/processors.md: each snippet in it does what the text around it says."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from one_logger.recorder import build_exporters, build_processors
from one_logger.recorder.configuration.kind import PROCESSOR

Install = Callable[..., Path]

GUIDE = Path(__file__).parents[1] / "docs/processors.md"
TEXT = GUIDE.read_text(encoding="utf-8")
SNIPPET = re.compile(r"(?ms)^```(?P<kind>\w+)\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?")
SNIPPETS = {TEXT.count("\n", 0, match.start()) + 1: match for match in SNIPPET.finditer(TEXT)}
PYTHON = [line for line, snippet in SNIPPETS.items() if snippet["kind"] == "python"]
YAML = [line for line, snippet in SNIPPETS.items() if snippet["kind"] == "yaml"]


def run(folder: Path, *command: str) -> str:
    """What a Python program prints. It has to have nothing to say on stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *command], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_all_snippets_are_run() -> None:
    """There is a test here for every kind of snippet that the guide has."""
    assert {snippet["kind"] for snippet in SNIPPETS.values()} == {"python", "yaml", "toml"}
    assert len(SNIPPETS) == TEXT.count("```") // 2 - TEXT.count("```text")


@pytest.mark.parametrize("line", PYTHON)
def test_programs_print_what_stands_below_them(start_up: Path, line: int) -> None:
    """Each runs without a word on stderr."""
    assert run(start_up, "-c", SNIPPETS[line]["code"]) == SNIPPETS[line]["output"]


@pytest.mark.parametrize("line", YAML)
def test_files_can_be_used(start_up: Path, schema: dict[str, Any], line: int) -> None:
    """Each is accepted by `configure` and by the schema, and has the processors that stand in it."""
    code = SNIPPETS[line]["code"]
    code = code if "exporters:" in code else f"{code}exporters: [type: memory]\n"
    (start_up / "one_logger_exporters_config.yaml").write_text(code)
    logging = "import logging, sys; logging.basicConfig(level='INFO', stream=sys.stdout)"
    run(start_up, "-c", f"{logging}; from one_logger.recorder import configure; configure('app')")
    values = yaml.safe_load(code)
    jsonschema.Draft202012Validator(schema).validate(values)
    assert len(build_processors()) == len(values.get("processors", []))
    assert len(build_exporters()) == len(values["exporters"])


def test_the_file_does_what_the_first_program_does(start_up: Path) -> None:
    """With the processors of the first file in the place of those in the code, it prints the same."""
    (start_up / "one_logger_exporters_config.yaml").write_text(SNIPPETS[YAML[0]]["code"])
    program = SNIPPETS[PYTHON[0]]
    without, count = re.subn(r"(?s)    processors=\[.*?\n    \],\n", "", program["code"])
    assert count == 1
    assert run(start_up, "-c", without) == program["output"]


def test_the_table_has_every_type() -> None:
    """What the distribution registers is what the guide says there is."""
    rows = re.findall(r"(?m)^\| `(\w+)` \| `(\w+)` \|", TEXT)
    project = tomllib.loads((GUIDE.parents[1] / "pyproject.toml").read_text())["project"]
    registered = {name: value.partition(":")[2] for name, value in project["entry-points"][PROCESSOR.group].items()}
    assert dict(rows) == registered


def test_the_entry_point_is_the_one_that_is_looked_for(install: Install, start_up: Path) -> None:
    """A distribution with the guide's entry point is found."""
    (snippet,) = (snippet for snippet in SNIPPETS.values() if snippet["kind"] == "toml")
    ((group, points),) = tomllib.loads(snippet["code"])["project"]["entry-points"].items()
    code = "from one_logger.recorder import Processor\nclass Watch(Processor): pass"
    install("acme-telemetry", {"acme_telemetry": code}, **{group.removeprefix("one_logger."): points})
    (processor,) = build_processors([{"type": "watch"}])
    assert type(processor).__name__ == "Watch"
