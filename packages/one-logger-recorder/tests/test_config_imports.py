"""What a process imports before it is configured, and what it takes to configure it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import one_logger.recorder

PROGRAM = """
import sys
from one_logger.exporter.memory import InMemoryExporter
{code}
print(*sorted(name for name in sys.modules if name.startswith(("one_logger.recorder.configuration", "yaml")) or name
              in ("importlib.metadata", "email", "pathlib", "difflib")))
"""
FILE = "from one_logger.recorder import configure; configure('app', config_file='file.{}')"


def imported(folder: Path, code: str) -> set[str]:
    """Which modules that only a configuration needs are there after this code."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(code=code)], capture_output=True, text=True, check=False, cwd=folder
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {name.removeprefix("one_logger.recorder.") for name in done.stdout.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import one_logger.recorder",
        "import one_logger.recorder; dir(one_logger.recorder)",
        "from one_logger.recorder import DefaultRecorder; DefaultRecorder([InMemoryExporter()])",
    ],
)
def test_a_recorder_that_is_made_in_code_needs_no_configuration(start_up: Path, code: str) -> None:
    """Neither importing the package nor making a recorder imports anything of the configuration."""
    assert imported(start_up, code) == set()


def test_exporters_that_exist_need_no_metadata(start_up: Path) -> None:
    """If no entry asks for one by name, and packages are replaced, nobody looks for what is installed."""
    found = imported(
        start_up, "from one_logger.recorder import configure; configure('app', exporters=[InMemoryExporter()])"
    )
    assert "configuration.application" in found
    assert not found & {"importlib.metadata", "yaml", "configuration.report", "configuration.schema", "difflib"}


def test_a_parser_is_imported_for_a_file_of_its_kind(start_up: Path) -> None:
    """JSON is read without PyYAML, and YAML with it."""
    (start_up / "file.json").write_text('{"exporters": [{"type": "memory"}]}')
    (start_up / "file.yaml").write_text("exporters: [{type: memory}]")
    assert not imported(start_up, FILE.format("json")) & {"yaml", "configuration.yaml_text", "configuration.report"}
    assert {"yaml", "configuration.yaml_text"} < imported(start_up, FILE.format("yaml"))


def test_every_name_of_the_package_is_there() -> None:
    """Those of the configuration, which are imported when they are asked for, like the others; and no other ones."""
    for name in one_logger.recorder.__all__:
        assert getattr(one_logger.recorder, name).__name__ == name
    with pytest.raises(AttributeError, match=r"module 'one_logger\.recorder' has no attribute 'build_exporter'"):
        one_logger.recorder.build_exporter  # type: ignore[attr-defined]  # noqa: B018
