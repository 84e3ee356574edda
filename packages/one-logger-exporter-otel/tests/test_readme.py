"""The README: what it shows runs, and prints what it says it does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from one_logger.recorder import build_exporters

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code in the README."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("program", "output"), [*zip(blocks("python"), blocks("text"), strict=True)], ids=["use", "bridge"]
)
def test_program_runs(program: str, output: str) -> None:
    """Each program runs without a word on stderr, and prints what stands below it."""
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", output)


def test_configuration_can_be_used(tmp_path: Path, monkeypatch: object) -> None:
    """The configuration builds an exporter, and each key in the table is one of its arguments."""
    (configuration,) = blocks("yaml")
    path = tmp_path / "exporters.yaml"
    path.write_text(configuration.replace("${TOKEN}", "abc"))
    assert list(build_exporters(config_file=path)) == ["otel"]
    table = README.partition("| key |")[2].partition("\n\n")[0]
    keys = [key for row in table.splitlines()[2:] for key in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert len(keys) > 8
    from inspect import signature

    from one_logger.exporter.otel import OTelExporter

    assert set(keys) == set(signature(OTelExporter).parameters) - {"span_exporter", "log_exporter"}
