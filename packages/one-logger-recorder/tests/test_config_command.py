"""`python -m one_logger.recorder`: what it shows of a configuration, and the schema for editors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from one_logger.recorder import ExporterConfigError, build_exporters

Install = Callable[..., Path]

FILE = """\
inherit: true
one_logger:
  application_name: ${APPLICATION:-orders}
recorder:
  flush_interval: 100ms
exporters:
  - type: file
    name: lines
    config:
      file_path: ${FOLDER}/telemetry.jsonl
  - type: acme
    enabled: ${ACME:-false}
    config: {database: a, password: hidden}
"""
ACME = """
from __future__ import annotations
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import Enum
from typing import Any, Literal
from one_logger.exporter.memory import InMemoryExporter
class Size(Enum):
    SMALL = 1
class Exporter(InMemoryExporter):
    '''An exporter.

    Args:
        database: Where to write,
            in two lines.
    '''
    def __init__(self, database: str, retries: int = 3, size: Size = Size.SMALL, hosts: Sequence[str] = (),
                 wait: timedelta | None = None, mode: Literal["a", "b"] = "a", ratio: float = 0.5, active: bool = True,
                 table: Mapping[str, int] | None = None, sized: tuple[int, str] = (1, ""), other: Any = None,
                 password: str = "", raw: bytes = b"", path: os.PathLike[str] | None = None) -> None:
        super().__init__()
DEFAULTS = [{"type": "memory", "name": "default"}]
"""


@pytest.fixture
def acme(install: Install, start_up: Path) -> Path:
    """A distribution with an exporter and a default configuration."""
    groups = {"exporters": {"acme": "acme:Exporter"}, "exporter_configs": {"default": "acme:DEFAULTS"}}
    return install("acme", {"acme": ACME}, **groups)


def command(*arguments: str, site: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the working directory."""
    environment = {**os.environ, "PYTHONPATH": str(site or ""), **variables}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "one_logger.recorder", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def report(*arguments: str, site: Path | None = None, status: int = 0, **variables: str) -> dict[str, Any]:
    """What the command says for machines."""
    done = command("config", "--json", *arguments, site=site, **variables)
    assert (done.returncode, done.stderr) == (status, "")
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["ok"] is (status == 0)
    return found


def test_it_shows_each_value_and_where_it_came_from(acme: Path, start_up: Path) -> None:
    """Exporters with their sources, values with lines and variables, what is replaced, what is installed."""
    file = start_up / "one_logger_exporters_config.yaml"
    file.write_text(FILE)
    found = report(site=acme, FOLDER="/data")
    assert found["file"] == str(file)
    assert [(each["name"], each["enabled"], each["source"], each["line"]) for each in found["exporters"]] == [
        ("lines", True, str(file), 7),
        ("acme", False, str(file), 11),
        ("default", True, "acme 1.0 (entry point default)", None),
    ]
    assert found["exporters"][0]["values"] == [
        {
            "path": "exporters[0].config.file_path",
            "value": "/data/telemetry.jsonl",
            "secret": False,
            "source": str(file),
            "line": 10,
            "variables": ["FOLDER"],
        }
    ]
    assert [each["value"] for each in found["exporters"][1]["values"]] == ["a", "***"]
    assert [(each["path"], each["value"], each["line"]) for each in found["values"]] == [
        ("one_logger.application_name", "orders", 3),
        ("recorder.flush_interval", "100ms", 5),
        ("inherit", True, 1),
    ]
    assert {"name": "acme", "value": "acme:Exporter", "distribution": "acme 1.0"} in found["installed"][
        "one_logger.exporters"
    ]
    assert found["problems"] == []


def test_it_says_what_was_replaced_by_what(acme: Path, start_up: Path) -> None:
    """A source as a whole, or an entry by one of its name."""
    file = start_up / "named.json"
    file.write_text('{"exporters": []}')
    found = report("--file", "named.json", site=acme)
    assert found["replaced"] == [{"what": "acme 1.0 (entry point default)", "by": str(file)}]
    file.write_text('{"inherit": true, "exporters": [{"type": "memory", "name": "default"}]}')
    found = report("--file", str(file), site=acme)
    assert found["replaced"] == [{"what": "'default' of acme 1.0 (entry point default)", "by": str(file)}]


def test_the_text_says_the_same(acme: Path, start_up: Path) -> None:
    """For people: the same facts, line by line."""
    (start_up / "one_logger_exporters_config.yaml").write_text(FILE)
    done = command("config", site=acme, FOLDER="/data", ONE_LOGGER_DISABLED="true")
    assert (done.returncode, done.stderr) == (0, "")
    for line in (
        "ONE_LOGGER_DISABLED is set: a job in this environment records nothing.",
        "  lines (one_logger.exporter.file.file_exporter.FileExporter)",
        '    exporters[0].config.file_path = "/data/telemetry.jsonl", line 10, with ${FOLDER}',
        "  acme (acme), not enabled",
        '    exporters[1].config.password = "***", line 13',
        '  one_logger.application_name = "orders", line 3, with ${APPLICATION}',
        "  one_logger.exporters: acme (acme:Exporter), of acme 1.0",
    ):
        assert line in done.stdout.splitlines()
    assert "hidden" not in done.stdout
    (start_up / "one_logger_exporters_config.yaml").write_text("exporters: []")
    replaced = f"  acme 1.0 (entry point default), by {start_up}/one_logger_exporters_config.yaml"
    assert replaced in command("config", site=acme).stdout.splitlines()


def test_without_a_configuration_there_is_little_to_show(start_up: Path) -> None:
    """Nothing configured is nothing wrong."""
    found = report()
    assert (found["file"], found["exporters"], found["replaced"], found["problems"]) == (None, [], [], [])
    assert "Exporters:\n  none\n" in command("config").stdout


def test_problems_are_shown_and_make_the_status_1(acme: Path, start_up: Path) -> None:
    """All that `configure` would refuse is listed, also what only a constructor knows; the rest is still shown."""
    file = start_up / "one_logger_exporters_config.yaml"
    file.write_text(FILE + "  - type: absent\n")
    found = report(site=acme, status=1, ACME="true", FOLDER="${no}")
    (problem,) = found["problems"]
    assert (problem["source"], problem["line"], problem["path"]) == (str(file), 14, "exporters[2].type")
    assert len(found["exporters"]) == 4
    done = command("config", site=acme)
    assert done.returncode == 1
    assert "refers to the environment variable FOLDER, which is not set" in done.stdout

    file.write_text("one_logger: {rank: -1}\nrecorder: {queue_capacity: 0}\nexporters: []")
    assert [problem["line"] for problem in report(status=1)["problems"]] == [1, 2]
    file.write_text("exporters: [{type: logger, config: {logger: ''}}, {type: file, config: {file_path: '{odd}'}}]")
    (problem,) = report(status=1)["problems"]
    assert problem["path"] == "exporters[1].config"
    file.write_text("exporters: [")
    (problem,) = report(status=1)["problems"]
    assert "cannot be read as YAML" in problem["text"]
    (problem,) = report("--file", "absent.yaml", status=1)["problems"]
    assert "does not exist" in problem["text"]


def test_only_what_is_used_is_imported_to_show_it(install: Install, start_up: Path) -> None:
    """Listing what is installed runs none of it."""
    groups = {"exporters": {"bad": "bad:Exporter"}, "exporter_configs": {"bad": "bad:DEFAULTS"}}
    site = install("bad", {"bad": "raise SystemExit('imported')"}, **groups)
    (start_up / "one_logger_exporters_config.yaml").write_text("exporters: [{type: memory}]")
    assert "bad" in [point["name"] for point in report(site=site)["installed"]["one_logger.exporters"]]


VALID = [
    "exporters: []",
    FILE,
    "{$schema: a, exporters: [{class_name: a.B, config: {anything: 1}}]}",
    "exporters: [{type: acme, config: {database: a, retries: '${N}', size: SMALL, hosts: [a], wait: 5s, mode: b}}]",
    "exporters: [{type: acme, config: {database: a, ratio: 1, active: no, table: {a: 1}, sized: [1, a], other: []}}]",
    "exporters: [{type: acme, config: {database: a, other: 7}}]",
    "exporters: [{type: acme, enabled: false}]",
    "recorder: {queue_capacity: 100, overflow: block}",
]
INVALID = [
    "exporters: {}",
    "exporters: [file]",
    "exporters: [{name: a}]",
    "exporters: [{type: memory, class_name: a.B}]",
    "exporters: [{type: memory, nam: a}]",
    "exporters: [{type: acme}]",
    "exporters: [{type: acme, config: {database: 7}}]",
    "exporters: [{type: acme, config: {database: a, retries: [1]}}]",
    "exporters: [{type: acme, config: {database: a, hosts: a}}]",
    "exporters: [{type: acme, config: {database: a, mode: c}}]",
    "exporters: [{type: acme, config: {database: a, raw: a}}]",
    "exporters: [{type: acme, config: {database: a, unheard: 1}}]",
    "exporters: [{type: memory, config: {unheard: 1}}]",
    "recorder: {flush: 1}",
    "recorder: {exporters: []}",
    "one_logger: {application_name: 7}",
    "one_logger: {aplication_name: a}",
    "exporter: []",
    "[]",
]


@pytest.fixture
def schema(acme: Path) -> dict[str, Any]:
    """The schema that the command prints."""
    done = command("schema", site=acme)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_schema_agrees_with_the_code(
    acme: Path, schema: dict[str, Any], start_up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts what is accepted, and refuses what is refused for its form, for built-in and vendors' exporters."""
    import yaml

    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    monkeypatch.setenv("FOLDER", "/data")
    monkeypatch.setenv("N", "7")
    file = start_up / "one_logger_exporters_config.yaml"
    for text in VALID:
        assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == [], text
        file.write_text(text)
        if "class_name" not in text:
            build_exporters()
    for text in INVALID:
        assert not validator.is_valid(yaml.safe_load(text)), text
        file.write_text(text)
        if "one_logger" not in text:
            with pytest.raises(ExporterConfigError):
                build_exporters()


def test_the_schema_helps_to_write_a_file(schema: dict[str, Any]) -> None:
    """Arguments come with defaults and what their docstrings say; exporters by name."""
    assert schema["properties"]["recorder"]["properties"]["flush_interval"]["default"] == 0.5
    assert {"acme", "file", "logger", "memory"} <= set(schema["$defs"]["entry"]["properties"]["type"]["examples"])
    conditions = {each["if"]["properties"]["type"]["const"]: each["then"] for each in schema["$defs"]["entry"]["allOf"]}
    arguments = conditions["acme"]["properties"]["config"]
    assert arguments["properties"]["database"]["description"] == "Where to write, in two lines."
    assert arguments["required"] == ["database"]


def test_the_schema_has_an_exporter_that_cannot_be_imported_by_its_name(install: Install, start_up: Path) -> None:
    """It is no reason to go without the others."""
    site = install("bad", {"bad": "raise SystemExit"}, exporters={"bad": "bad:Exporter"})
    schema = json.loads(command("schema", site=site).stdout)
    assert "bad" in schema["$defs"]["entry"]["properties"]["type"]["examples"]


def test_it_explains_itself(start_up: Path) -> None:
    """Without a command it says which there are."""
    done = command()
    assert done.returncode == 2
    assert "{config,schema}" in done.stderr
