"""What several test modules share: the log when it is written; for test_config_*, a process at start-up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic, sleep

import pytest

from one_logger.api import OneLoggerConfig
from one_logger.api.testing import configured
from one_logger.core import OneLoggerError
from one_logger.recorder import DefaultRecorder, ExporterConfigError, build_exporters

Install = Callable[..., Path]
Problems = Callable[..., list[str]]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[int], list[str]]:
    """Gives the log's messages when there are as many as expected, or else after some seconds.

    Whichever worker of the process comes by writes them: it may be that of a recorder which another test has left.
    """

    def logged(count: int) -> list[str]:
        deadline = monotonic() + 10
        while len(caplog.records) < count and monotonic() < deadline:
            sleep(0.001)
        return [record.getMessage() for record in caplog.records]

    return logged


@pytest.fixture
def start_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in; nothing is configured, neither in the process nor in its environment."""
    for variable in ("ONE_LOGGER_DISABLED", "ONE_LOGGER_EXPORTER_CONFIG_PATH", "TRACEPARENT", "RANK", "WORLD_SIZE"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    before = DefaultRecorder([])
    with configured(OneLoggerConfig("before", enable_for_current_rank=False), before) as provider:
        before.close()  # so that the test may configure the process again
        yield folder
        provider.recorder.close()


@pytest.fixture
def write(start_up: Path) -> Callable[[str], Path]:
    """Writes the configuration file that is found without being named."""

    def write(text: str, name: str = "one_logger_exporters_config.yaml") -> Path:
        path = start_up / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Lays out a distribution on the path, as an installer does: modules, metadata, entry points."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    imported = set(sys.modules)

    def install(name: str, modules: Mapping[str, str] = {}, **groups: Mapping[str, str]) -> Path:
        for module, code in modules.items():
            (site / f"{module}.py").write_text(code, encoding="utf-8")
        about = site / f"{name.replace('-', '_')}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        sections = "".join(
            f"[one_logger.{group}]\n" + "".join(f"{point} = {value}\n" for point, value in points.items())
            for group, points in groups.items()
        )
        (about / "entry_points.txt").write_text(sections)
        return site

    yield install
    for module in set(sys.modules) - imported:
        if str(site) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]


@pytest.fixture
def problems(start_up: Path) -> Problems:
    """Builds exporters that must be refused, and gives the problems, each as a text."""

    def problems(*args: object, **kwargs: object) -> list[str]:
        with pytest.raises(ExporterConfigError) as raised:
            build_exporters(*args, **kwargs)  # type: ignore[arg-type]  # mistakes are what is tested
        assert isinstance(raised.value, OneLoggerError)
        return [str(problem) for problem in raised.value.problems]

    return problems
