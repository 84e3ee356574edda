"""What several test modules share: the log when it is written, faulty exporters, a process at start-up."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from one_logger.api import OneLoggerConfig
from one_logger.api.context import CURRENT_SPAN
from one_logger.api.testing import configured
from one_logger.core import (
    ErrorEvent,
    Event,
    Exporter,
    OneLoggerError,
    Resource,
    Span,
    TelemetryDataError,
    diagnostics,
    verify,
)
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ExporterConfigError, Processor, build_exporters
from one_logger.recorder.process import live_recorders

Install = Callable[..., Path]
Problems = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    """No test finds an open span, unwritten reports or working threads of another one."""
    CURRENT_SPAN.set(None)
    diagnostics.write_reports()
    yield
    for recorder in list(live_recorders):
        if isinstance(recorder, DefaultRecorder):
            recorder.close(0)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[int], list[str]]:
    """Gives the log's messages when there are as many as expected, or else after some seconds.

    Whichever worker of the process comes by writes them: it may be that of a recorder which another test has left.
    """
    caplog.clear()

    def logged(count: int) -> list[str]:
        deadline = monotonic() + 10
        while len(caplog.records) < count and monotonic() < deadline:
            sleep(0.001)
        return [record.getMessage() for record in caplog.records]

    return logged


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Waits until something is so, however slow the machine is."""

    def until(condition: Callable[[], object]) -> None:
        end = monotonic() + 60
        while not condition():
            assert monotonic() < end, "it never came to be"
            sleep(0.001)

    return until


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


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """What the command `schema` prints."""
    command = [sys.executable, "-W", "error", "-m", "one_logger.recorder", "schema"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


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


class FaultyExporter(Exporter):
    """An `InMemoryExporter` behind something that may go wrong: `fault` is called with each method's name first."""

    def __init__(self, fault: Callable[[str], None]) -> None:
        self.behind = InMemoryExporter()
        self.calls: list[str] = []
        self.threads: set[int] = set()
        self._fault = fault

    @classmethod
    def raising(cls, error: BaseException, *methods: str) -> FaultyExporter:
        """One that raises `error` in these methods."""

        def fault(method: str) -> None:
            if method in methods:
                raise error

        return cls(fault)

    def _call(self, name: str, *arguments: object) -> None:
        self.calls.append(name)
        self.threads.add(threading.get_ident())
        self._fault(name)
        getattr(self.behind, name)(*arguments)

    def initialize(self, resource: Resource) -> None:
        self._call("initialize", resource)

    def export_start(self, span: Span) -> None:
        self._call("export_start", span)

    def export_stop(self, span: Span) -> None:
        self._call("export_stop", span)

    def export_event(self, event: Event, span: Span) -> None:
        self._call("export_event", event, span)

    def export_error(self, event: ErrorEvent, span: Span) -> None:
        self._call("export_error", event, span)

    def export_telemetry_data_error(self, error: TelemetryDataError) -> None:
        self._call("export_telemetry_data_error", error)

    def flush(self) -> None:
        self._call("flush")

    def after_fork(self) -> None:
        self._call("after_fork")

    def close(self) -> None:
        self._call("close")

    @property
    def records(self) -> list[dict[str, Any]]:
        """What got through."""
        return self.behind.records


@pytest.fixture
def recording() -> Callable[..., AbstractContextManager[list[dict[str, Any]]]]:
    """Configures the process with processors for the length of a block; gives the records, which are whole after it."""

    @contextmanager
    def recording(*processors: Processor, **config: Any) -> Iterator[list[dict[str, Any]]]:
        exporter = InMemoryExporter()
        recorder = DefaultRecorder([exporter], processors=processors)
        with configured(OneLoggerConfig("app", **config), recorder):
            yield exporter.records
            assert recorder.close(timeout=30)
        (report,) = verify(exporter.records)
        assert report.whole, report

    return recording


@pytest.fixture
def faulty() -> type[FaultyExporter]:
    """The class of exporters that may go wrong."""
    return FaultyExporter


class Gate:
    """A fault that blocks in `method` until the gate is opened."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._open = threading.Event()
        self.reached = threading.Event()

    def __call__(self, method: str) -> None:
        """Block, if it is the method."""
        if method == self._method:
            self.reached.set()
            self._open.wait()

    def open(self) -> None:
        """Let everybody through from now on."""
        self._open.set()


@pytest.fixture
def gate_at() -> Iterator[Callable[[str], Gate]]:
    """Makes faults that block in a method of an exporter. They are opened at the end."""
    gates: list[Gate] = []

    def gate_at(method: str) -> Gate:
        gates.append(Gate(method))
        return gates[-1]

    yield gate_at
    for gate in gates:
        gate.open()


def _use_everything(recorder: DefaultRecorder, times: int = 1) -> int:
    """Call every method of the recorder. How many records that makes."""
    for _ in range(times):
        span = recorder.start("work", {"a": 1})
        recorder.event(span, Event("event"))
        recorder.error(span, "error", ValueError("no"))
        recorder.telemetry_data_error("data")
        recorder.stop(span)
    return 5 * times


@pytest.fixture
def use_everything() -> Callable[..., int]:
    """Calls every method of a recorder, a number of times, and says how many records that makes."""
    return _use_everything
