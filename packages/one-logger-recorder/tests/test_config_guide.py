"""docs/exporter-configuration.md: each snippet in it does what the text around it says."""

from __future__ import annotations

import json
import os
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

from one_logger.recorder import build_exporters

Install = Callable[..., Path]

GUIDE = Path(__file__).parents[1] / "docs/exporter-configuration.md"
TEXT = GUIDE.read_text(encoding="utf-8")
SNIPPET = re.compile(r"(?ms)^```(?P<kind>\w+)\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?")
SNIPPETS = {TEXT.count("\n", 0, match.start()) + 1: match for match in SNIPPET.finditer(TEXT)}


def lines_of(*kinds: str) -> list[int]:
    """Where the snippets of these kinds stand."""
    return [line for line, snippet in SNIPPETS.items() if snippet["kind"] in kinds]


def comparable(text: str) -> str:
    """What a program prints, without what depends on the environment: versions, and what else is installed."""
    text = re.sub(r"(one-logger-(?:core|recorder)) .*", r"\1", re.sub(r"Installed: .*", "Installed:", text))
    return re.sub(r"(?m)^  one_logger\.exporter\w+: .*, of (?!one-logger-core).*\n", "", text)


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program in a folder."""
    return subprocess.run(
        [sys.executable, "-W", "error", *command], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def test_all_snippets_are_run() -> None:
    """There is a test here for every kind of snippet that the guide has."""
    assert {snippet["kind"] for snippet in SNIPPETS.values()} == {"python", "yaml", "json", "toml", "console"}
    assert len(SNIPPETS) == TEXT.count("```") // 2 - TEXT.count("```text")


@pytest.mark.parametrize("line", lines_of("python"))
def test_programs_print_what_stands_below_them(start_up: Path, line: int) -> None:
    """Each runs beside the guide's first file, without a word on stderr."""
    (start_up / "one_logger_exporters_config.yaml").write_text(SNIPPETS[lines_of("yaml")[0]]["code"])
    done = run(start_up, "-c", SNIPPETS[line]["code"])
    assert (done.returncode, done.stderr) == (0, "")
    assert comparable(done.stdout) == comparable(SNIPPETS[line]["output"] or "")


def test_one_line_and_one_file_make_telemetry(start_up: Path) -> None:
    """The first program and the first file do together what the guide begins with."""
    test_programs_print_what_stands_below_them(start_up, lines_of("python")[0])
    (written,) = (start_up / "telemetry").iterdir()
    assert '"import"' in written.read_text()


@pytest.mark.parametrize("line", lines_of("yaml", "json"))
def test_files_can_be_used(install: Install, start_up: Path, schema: dict[str, Any], line: int) -> None:
    """Each is accepted, by `configure` and by the schema."""
    defaults = "DEFAULTS = [{'type': 'memory', 'name': 'acme'}]"
    install("acme", {"acme": defaults}, exporter_configs={"acme": "acme:DEFAULTS"})
    snippet = SNIPPETS[line]
    name = f"one_logger_exporters_config.{snippet['kind']}"
    (start_up / name).write_text(snippet["code"])
    logging = "import logging, sys; logging.basicConfig(level='INFO', stream=sys.stdout)"
    done = run(start_up, "-c", f"{logging}; import one_logger.recorder; one_logger.recorder.configure('given in code')")
    assert (done.returncode, done.stderr) == (0, "")
    values = json.loads(snippet["code"]) if snippet["kind"] == "json" else yaml.safe_load(snippet["code"])
    jsonschema.Draft202012Validator(schema).validate(values)
    assert "acme" not in build_exporters()  # replaced, or switched off by its name


def test_the_command_prints_what_the_guide_shows(start_up: Path) -> None:
    """The first snippet of a shell is what the command says of the first file."""
    (start_up / "one_logger_exporters_config.yaml").write_text(SNIPPETS[lines_of("yaml")[0]]["code"])
    first, second = (SNIPPETS[line]["code"] for line in lines_of("console"))
    command, _, output = first.partition("\n")
    assert command == "$ python -m one_logger.recorder config"
    done = run(start_up, "-m", "one_logger.recorder", "config")
    printed = done.stdout.replace(f"{os.fspath(start_up)}/", "/home/me/orders/")
    assert comparable(printed) == comparable(output)
    assert second.startswith("$ python -m one_logger.recorder schema > ")


def test_the_entry_points_are_those_that_are_looked_for(install: Install, start_up: Path) -> None:
    """A distribution with the guide's entry points is found."""
    (line,) = lines_of("toml")
    points = tomllib.loads(SNIPPETS[line]["code"])["project"]["entry-points"]
    code = (
        "from one_logger.exporter.memory import InMemoryExporter\nclass AcmeExporter(InMemoryExporter): pass\n"
        "def default_config(): return [{'type': 'acme'}]"
    )
    groups = {group.removeprefix("one_logger."): values for group, values in points.items()}
    install("acme-telemetry", {"acme_telemetry": code}, **groups)
    ((name, exporter),) = build_exporters().items()
    assert (name, type(exporter).__name__) == ("acme", "AcmeExporter")
