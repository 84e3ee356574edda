"""What other distributions on the path may do to a configuration: nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest

from one_logger.api import timed_span
from one_logger.core import read_records
from one_logger.exporter.file import FileExporter
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import Summarizer, build_exporters, build_processors, configure
from one_logger.recorder.configuration.kind import EXPORTER, PROCESSOR

Install = Callable[..., Path]
Write = Callable[..., Path]

ACME = {"acme": "from one_logger.exporter.memory import InMemoryExporter as Exporter\nDEFAULTS = [{'type': 'acme'}]"}


def _no_value(site: Path) -> None:
    (site / "broken-1.0.dist-info/entry_points.txt").write_text("[one_logger.exporter_configs]\nno value\n")


def _no_utf8(site: Path) -> None:
    (site / "broken-1.0.dist-info/entry_points.txt").write_bytes(b"[one_logger.exporters]\nx = \xff:X\n")


def _no_metadata(site: Path) -> None:
    (site / "broken-1.0.dist-info/METADATA").write_bytes(b"Name: \xff\n")


def _left_behind(site: Path) -> None:
    for name in ("one_logger_core", "one_logger_recorder", "acme", "broken"):
        (site / f"{name}-0.0.9.dist-info").mkdir()


def _same_names(site: Path) -> None:
    (site / "broken-1.0.dist-info/entry_points.txt").write_text(
        "[one_logger.exporters]\nfile = broken:X\nmemory = broken:X\n[one_logger.processors]\nsummarizer = broken:X\n"
    )


def _script(site: Path) -> None:
    (site / "broken-1.0.dist-info/entry_points.txt").write_text("[console_scripts]\nno value\n")


@pytest.fixture(
    params=[_no_value, _no_utf8, _no_metadata, _left_behind, _same_names, _script], ids=lambda f: f.__name__
)
def site(request: pytest.FixtureRequest, install: Install, start_up: Path) -> Path:
    """A path with a distribution that works, and one that a stranger has got wrong."""
    install("acme", ACME, exporters={"acme": "acme:Exporter"}, exporter_configs={"defaults": "acme:DEFAULTS"})
    site = install("broken", exporter_configs={"other": "broken:DEFAULTS"} if request.param is _no_metadata else {})
    if request.param is _no_metadata:
        (site / "broken.py").write_text("DEFAULTS = []")
    request.param(site)
    return site


def test_a_broken_distribution_switches_nothing_off(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is wrong with one, the others' exporters and defaults work, and all is recorded; it is said once."""
    assert [type(e).__name__ for e in build_exporters().values()] == ["InMemoryExporter"]
    assert list(build_exporters([{"type": "acme"}, {"type": "memory"}])) == ["acme", "memory"]
    recorder = configure("orders", exporters=[{"type": "file", "config": {"file_path": "a.jsonl"}}, {"type": "acme"}])
    with timed_span("work"):
        pass
    assert recorder.close()
    assert [record["type"] for record in read_records("a.jsonl")] == ["resource", "complete", "end"]
    said = [record.getMessage() for record in caplog.records]
    assert all(message.startswith("The entry points of broken 1.0 can't be read: ") for message in said)
    assert len(said) <= 1


def test_what_cannot_be_read_is_said_in_one_line(start_up: Path, install: Install) -> None:
    """The command shows the configuration, and in one line of its log which distribution can't be read, and why."""
    install("acme", ACME, exporters={"acme": "acme:Exporter"}, exporter_configs={"defaults": "acme:DEFAULTS"})
    site = install("broken")
    _no_value(site)
    command = [sys.executable, "-m", "one_logger.recorder", "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(site)})
    assert done.returncode == 0
    assert "\n  acme (" in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("The entry points of broken 1.0 can't be read: ")


def test_a_name_of_ours_belongs_to_us(install: Install, start_up: Path) -> None:
    """A package that registers `file` or `summarizer`, too, takes nothing away, and is not imported."""
    groups = {"exporters": {"file": "thief:X"}, "processors": {"summarizer": "thief:X"}}
    install("thief", {"thief": "raise RuntimeError('imported')"}, **groups)
    (exporter,) = build_exporters([{"type": "file", "config": {"file_path": "a.jsonl"}}]).values()
    assert type(exporter) is FileExporter
    (processor,) = build_processors([{"type": "summarizer", "config": {"event": "a", "attribute": "b", "every": 1}}])
    assert type(processor) is Summarizer
    assert "thief" not in sys.modules


def test_our_names_are_those_that_we_register() -> None:
    """Other tools find by entry points what the configuration knows without looking."""
    for name, kind in (("one-logger-core", EXPORTER), ("one-logger-recorder", PROCESSOR)):
        registered = distribution(name).entry_points.select(group=kind.group)
        assert {point.name: point.value for point in registered} == kind.own


_OPENED = """
import os, sys
opened = []
def look(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and arguments and isinstance(arguments[0], (str, os.PathLike)):
        opened.append(os.fspath(arguments[0]))
sys.addaudithook(look)
from one_logger.recorder import configure
opened.clear()
configure("app", exporters=[{"type": "file", "config": {"file_path": "a.jsonl"}}], processors=[{"type": "enricher",
          "config": {"attributes": {"a": 1}}}])
print([path for path in opened if ".dist-info" in path or path == sys.argv[1]], "importlib.metadata" in sys.modules)
"""


def test_a_file_exporter_needs_no_metadata(install: Install, start_up: Path) -> None:
    """`configure()` with exporters and processors of ours opens no metadata, and lists no folder of installed ones."""
    site = install("acme", ACME, exporters={"acme": "acme:Exporter"})
    command = [sys.executable, "-c", _OPENED, str(site)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(site)})
    assert (done.stdout, done.stderr) == ("[] False\n", "")


def test_one_distribution_is_enough_for_its_exporter(install: Install, start_up: Path) -> None:
    """Of an exporter whose distribution is known, that distribution's metadata alone is read."""
    code = {"kafka_like": ACME["acme"]}
    site = install("one-logger-exporter-kafka", code, exporters={"kafka": "kafka_like:Exporter"})
    install("acme", ACME, exporters={"kafka": "acme:Exporter"})
    program = _OPENED.replace('"type": "file", "config": {"file_path": "a.jsonl"}', '"type": "kafka"')
    command = [sys.executable, "-c", program, ""]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(site)})
    opened = [path for path in done.stdout.split("'") if "dist-info" in path]
    assert opened
    assert all("one_logger_exporter_kafka" in path for path in opened)
    assert done.stderr == ""
    assert type(build_exporters([{"type": "kafka"}])["kafka"]) is InMemoryExporter
