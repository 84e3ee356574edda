"""The distribution, installed from its wheel beside those of one-logger: found, configured, overridden, used."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any

from one_logger.core import read_records, verify

DEMO = Path(__file__).parents[2] / "train_digits.py"


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program in a folder, without the variables that configure telemetry."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONE_LOGGER_")}
    return subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=folder,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def configuration(folder: Path, **variables: str) -> dict[str, Any]:
    """What `python -m one_logger.recorder config --json` says in a folder."""
    done = run(folder, "-m", "one_logger.recorder", "config", "--json", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def rows(database: Path) -> list[dict[str, Any]]:
    """The records in a database."""
    with closing(sqlite3.connect(database)) as connection:
        lines = [line for (line,) in connection.execute("SELECT record FROM records ORDER BY stream, seq")]
    return list(read_records(lines))


def test_it_is_installed_from_a_wheel() -> None:
    """What is tested here is the built distribution, which asks for the core of one-logger and nothing else."""
    distribution = metadata.distribution("acme-telemetry")
    assert not json.loads(distribution.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable")
    assert [text.partition("~")[0] for text in distribution.requires or []] == ["one-logger-core"]
    assert "site-packages" in str(distribution.locate_file("acme_telemetry"))


def test_it_is_discovered_and_configured_by_default(tmp_path: Path) -> None:
    """Without a word of configuration its exporter is used, where the environment says."""
    report = configuration(tmp_path, ACME_TELEMETRY_DATABASE="elsewhere.sqlite")
    (exporter,) = report["exporters"]
    assert (exporter["name"], exporter["reference"]) == ("acme", "acme-sqlite")
    assert exporter["class"] == "acme_telemetry.sqlite_exporter.SQLiteExporter"
    assert exporter["source"] == "acme-telemetry 1.0 (entry point acme)"
    (value,) = exporter["values"]
    assert (value["value"], value["variables"]) == ("elsewhere.sqlite", ["ACME_TELEMETRY_DATABASE"])
    points = {point["name"]: point for group in report["installed"].values() for point in group}
    assert points["acme-sqlite"]["distribution"] == "acme-telemetry 1.0"
    assert {"file", "logger", "memory", "acme"} < set(points)


def test_a_file_overrides_its_default(tmp_path: Path) -> None:
    """A file replaces what the package provides, with or without its exporter; what was replaced is said."""
    file = tmp_path / "one_logger_exporters_config.yaml"
    file.write_text("exporters: [{type: acme-sqlite, config: {database: mine.sqlite, lock_timeout: 200ms}}]")
    report = configuration(tmp_path)
    assert [value["value"] for value in report["exporters"][0]["values"]] == ["mine.sqlite", "200ms"]
    assert report["replaced"] == [{"what": "acme-telemetry 1.0 (entry point acme)", "by": str(file)}]

    file.write_text("inherit: true\nexporters: [{type: file, config: {file_path: a.jsonl}}]")
    assert [exporter["name"] for exporter in configuration(tmp_path)["exporters"]] == ["file", "acme"]

    file.write_text("inherit: true\nexporters: [{name: acme, type: acme-sqlite, enabled: false}]")
    assert [exporter["enabled"] for exporter in configuration(tmp_path)["exporters"]] == [False]


def test_the_demo_job_uses_it(tmp_path: Path) -> None:
    """The training run exports to it as soon as it is installed, whole, beside the file of its own."""
    done = run(tmp_path, str(DEMO), "--epochs", "2", "--output", "telemetry.jsonl")
    assert done.returncode == 0, done.stderr
    records = rows(tmp_path / "telemetry.sqlite")
    (stream,) = verify(records)
    assert stream.whole
    assert records[0]["attributes"]["service.name"] == "train-digits"
    lines = (tmp_path / "telemetry.jsonl").read_text(encoding="utf-8").splitlines()
    in_file = list(read_records(lines))
    assert sorted(r["name"] for r in records if r["type"] == "event") == sorted(
        r["name"] for r in in_file if r["type"] == "event"
    )


def test_the_demo_job_does_without_it_where_a_file_says_so(tmp_path: Path) -> None:
    """An empty list in a file switches the package's default off, without a change to the job."""
    (tmp_path / "one_logger_exporters_config.yaml").write_text("exporters: []")
    done = run(tmp_path, str(DEMO), "--epochs", "1", "--output", "telemetry.jsonl")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "telemetry.jsonl").is_file()
    assert not (tmp_path / "telemetry.sqlite").exists()
