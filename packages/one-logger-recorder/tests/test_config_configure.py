"""`configure`: the one line that an application needs, and what it does when something is wrong."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from one_logger.api import (
    OneLoggerConfig,
    OneLoggerErrorHandlingStrategy,
    OneLoggerProvider,
    get_recorder,
    timed_span,
)
from one_logger.core import OneLoggerError, read_records, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder, ExporterConfigError, configure

Install = Callable[..., Path]
Write = Callable[..., Path]

PROPAGATE = OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS
BROKEN: list[dict[str, object]] = [{"type": "absent"}]


def provider() -> OneLoggerProvider:
    """The provider of this process."""
    return OneLoggerProvider.instance()


def resource_of(exporter: InMemoryExporter) -> dict[str, Any]:
    """The attributes of the resource that an exporter was given."""
    assert get_recorder().flush()
    attributes: dict[str, Any] = exporter.records[0]["attributes"]
    return attributes


def test_one_line_is_enough(start_up: Path) -> None:
    """The file says everything; what the job records is then in the telemetry, in one whole stream."""
    (start_up / "one_logger_exporters_config.yaml").write_text(
        "one_logger: {application_name: orders, session_tag: nightly, rank: 3, world_size: 8,"
        " custom_metadata: {team: shop}}\n"
        "recorder: {flush_interval: 10ms}\n"
        "exporters: [{type: file, name: lines, config: {file_path: out/telemetry.jsonl}}]\n"
    )
    recorder = configure()
    assert recorder is get_recorder()
    with timed_span("work"):
        pass
    assert recorder.close()
    records = list(read_records((start_up / "out/telemetry.jsonl").read_text(encoding="utf-8").splitlines()))
    attributes = records[0]["attributes"]
    assert attributes["service.name"] == "orders"
    assert attributes["one_logger.session_tag"] == "nightly"
    assert (attributes["one_logger.rank"], attributes["one_logger.world_size"], attributes["team"]) == (3, 8, "shop")
    assert "work" in [record.get("name") for record in records]
    assert [stream.whole for stream in verify(records)] == [True]


def test_exporters_go_by_their_names(start_up: Path) -> None:
    """What an entry is called is what `stats` calls it."""
    recorder = configure("app", exporters=[{"type": "memory", "name": "a"}, {"type": "memory"}, InMemoryExporter()])
    assert list(recorder.stats()) == ["a", "memory", "InMemoryExporter"]


@pytest.mark.parametrize(
    ("variable", "arguments"),
    [
        ("true", {"exporters": [{"type": "memory"}]}),
        ("", {"exporters": [{"type": "memory"}], "enable_for_current_rank": False}),
        ("", {"exporters": BROKEN}),
    ],
    ids=["disabled by the environment", "a rank that is not enabled", "a mistake in the configuration"],
)
def test_where_nothing_is_recorded_there_are_no_counters(
    start_up: Path, monkeypatch: pytest.MonkeyPatch, variable: str, arguments: dict[str, Any]
) -> None:
    """What `configure` gives has `stats` wherever the process runs: it is empty where nothing is recorded."""
    monkeypatch.setenv("ONE_LOGGER_DISABLED", variable)
    recorder = configure("app", **arguments)
    with timed_span("work"):
        pass
    assert recorder.stats() == {}


def test_arguments_go_before_the_mapping_and_that_before_the_file(write: Write) -> None:
    """Each argument comes from the strongest place that has it; the others are kept."""
    write("one_logger: {application_name: file, session_tag: file, rank: 1, world_size: 4}")
    exporter = InMemoryExporter()
    configure("code", config={"session_tag": "mapping", "application_name": "mapping"}, exporters=[exporter])
    attributes = resource_of(exporter)
    assert attributes["service.name"] == "code"
    assert attributes["one_logger.session_tag"] == "mapping"
    assert (attributes["one_logger.rank"], attributes["one_logger.world_size"]) == (1, 4)


def test_a_config_object_says_it_all(write: Write) -> None:
    """A `OneLoggerConfig` is used as it is, whatever a file says."""
    write("one_logger: {application_name: file, session_tag: file}")
    exporter = InMemoryExporter()
    config = OneLoggerConfig("object")
    configure(config=config, exporters=[exporter])
    assert provider().config is config
    assert "one_logger.session_tag" not in resource_of(exporter)


def test_functions_are_called_once(start_up: Path) -> None:
    """A session tag or a filter that is a function gives one answer for the process."""
    calls: list[object] = []

    def tag() -> str:
        calls.append("tag")
        return "a tag"

    def wanted(rank: int) -> bool:
        calls.append(rank)
        return True

    configure("app", session_tag=tag, enable_for_current_rank=wanted, rank=2, world_size=4, exporters=[])
    assert sorted(calls, key=str) == [2, "tag"]
    assert provider().config is not None
    assert provider().config.session_tag == "a tag"  # type: ignore[union-attr]


def test_options_of_the_recorder_come_from_code_and_file(write: Write) -> None:
    """An option in the code goes before the same one in the file."""
    write("recorder: {delivery: inline, queue_capacity: '${CAPACITY:-1}'}")
    exporter = InMemoryExporter()
    configure("app", exporters=[exporter], recorder={"queue_capacity": 100})
    names = {thread.name for thread in threading.enumerate()}
    with timed_span("work"):
        pass
    assert "work" in [record.get("name") for record in exporter.records]  # inline: nobody had to be waited for
    assert not any("InMemoryExporter" in name for name in names)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("one_logger: []", "one_logger is a list; expected a mapping"),
        ("one_logger: {aplication_name: a}", "aplication_name is no argument of OneLoggerConfig; did you mean"),
        ("one_logger: {application_name: 7}", "line 1: one_logger.application_name is 7; expected a text"),
        ("one_logger: {application_name: ' '}", "one_logger cannot be used: application_name is ' '; expected the"),
        ("one_logger: {application_name: a, rank: x}", "one_logger.rank is 'x'; expected a whole number."),
        ("one_logger: {application_name: a, rank: 4, world_size: 2}", "expected a rank below the world size."),
        ("one_logger: {session_tag: a}", "application_name is missing; give it to configure(), or in the section one"),
        ("recorder: 7\none_logger: {application_name: a}", "line 1: recorder is 7; expected a mapping"),
        ("recorder: {flush: 7}\none_logger: {application_name: a}", "recorder.flush is no argument of the recorder"),
        ("recorder: {overflow: x}\none_logger: {application_name: a}", "is 'x'; expected one of 'drop', 'block'."),
        ("recorder: {exporters: []}\none_logger: {application_name: a}", "exporters is no argument of the recorder"),
        ("recorder: {queue_capacity: 0}\none_logger: {application_name: a}", "recorder cannot be used: queue_cap"),
        ("exporters: [", "The file cannot be read as YAML"),
        ("exporters: [{type: absent}]\none_logger: {application_name: a}", "exporters[0].type is 'absent'"),
    ],
)
def test_what_is_wrong_is_raised_or_logged_as_the_strategy_says(
    write: Write, caplog: pytest.LogCaptureFixture, text: str, sentence: str
) -> None:
    """The same sentence is raised under PROPAGATE_EXCEPTIONS, and else logged, once; telemetry is off then."""
    write(text)
    with pytest.raises(ExporterConfigError) as raised:
        configure(error_handling_strategy=PROPAGATE)
    assert sentence in str(raised.value)
    assert not provider().one_logger_enabled
    assert caplog.records == []
    for strategy in (None, "DISABLE_QUIETLY_AND_REPORT_METRIC_ERROR"):
        caplog.clear()
        assert configure(error_handling_strategy=strategy) is get_recorder()
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("one_logger", logging.ERROR)
        assert sentence in record.getMessage()
        assert not provider().one_logger_enabled
        with timed_span("the job runs on") as span:
            span.set_attribute("a", 1)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("delivery", "later"), ("queue_capacity", 0), ("queue_bytes", 0), ("overflow", "wait")),
        *(("block_timeout", -1), ("flush_interval", 0), ("max_failures", 0), ("cool_down", -1), ("exit_timeout", -1)),
        ("flush_on_signals", [9]),
    ],
)
def test_options_are_held_to_what_the_recorder_wants(start_up: Path, option: str, value: object) -> None:
    """What `DefaultRecorder` would refuse is refused in the same words, together with everything else that is wrong."""
    with pytest.raises(OneLoggerError) as raised:
        DefaultRecorder([], **{option: value})  # type: ignore[arg-type]
    with pytest.raises(ExporterConfigError) as together:
        configure("app", exporters=BROKEN, recorder={option: value}, error_handling_strategy=PROPAGATE)
    said = [problem.message for problem in together.value.problems if problem.path.startswith("recorder")]
    if option not in ("delivery", "overflow"):  # of these the annotation says it already
        assert said == [f"cannot be used: {raised.value}"]
    assert len(together.value.problems) == 2


def test_problems_of_all_sections_come_together(write: Write) -> None:
    """Configuration, recorder and exporters: one error."""
    write("one_logger: {rank: x}\nrecorder: {overflow: x}\nexporters: [{type: x}]")
    with pytest.raises(ExporterConfigError) as raised:
        configure(error_handling_strategy=PROPAGATE)
    assert [problem.line for problem in raised.value.problems] == [1, 2, 3]


def test_the_strategy_may_stand_in_the_file(write: Write) -> None:
    """A file may ask for mistakes in it to be raised; the code has the last word."""
    write("one_logger: {error_handling_strategy: propagate_exceptions, application_name: a}\nexporters: [{type: x}]")
    with pytest.raises(ExporterConfigError):
        configure()
    configure(error_handling_strategy="report_metric_error_and_continue")


@pytest.mark.parametrize("strategy", ["propogate", 7, [], {}])
def test_a_strategy_that_nobody_knows_is_logged(
    start_up: Path, caplog: pytest.LogCaptureFixture, strategy: object
) -> None:
    """Who misspells the strategy has not asked for exceptions: the job comes first."""
    configure("app", error_handling_strategy=strategy, exporters=[])  # type: ignore[arg-type]
    (record,) = caplog.records
    assert "error_handling_strategy" in record.getMessage()
    assert not provider().one_logger_enabled


@pytest.mark.parametrize(
    "arguments",
    [
        {"application_name": 7},
        {"application_name": "app", "rank": -1},
        {"application_name": "app", "session_tag": lambda: 1 / 0},
        {"application_name": "app", "enable_for_current_rank": lambda: True},
        {"application_name": "app", "config": 7},
        {"application_name": "app", "config": {"rank": "x"}},
        {"application_name": "app", "config": OneLoggerConfig("other")},
        {"application_name": "app", "config_file": 7},
        {"application_name": "app", "exporters": 7},
        {"application_name": "app", "exporters": [], "inherit": "yes"},
        {"application_name": "app", "exporters": [7]},
        {"application_name": "app", "recorder": 7},
        {"application_name": "app", "recorder": {"queue_bytes": "many"}},
        {},
    ],
)
def test_mistakes_in_the_call_never_reach_the_job_unasked(
    start_up: Path, caplog: pytest.LogCaptureFixture, arguments: dict[str, Any]
) -> None:
    """Whatever is passed, the default strategy logs one sentence; PROPAGATE_EXCEPTIONS raises a `OneLoggerError`."""
    configure(**arguments)
    (record,) = caplog.records
    assert "configure() has switched telemetry off. " in record.getMessage()
    with pytest.raises(OneLoggerError):
        configure(**arguments, error_handling_strategy=PROPAGATE)


def test_after_a_mistake_the_process_can_be_configured(start_up: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing half-built stands in the way of a second attempt."""
    configure("app", exporters=BROKEN)
    exporter = InMemoryExporter()
    configure("app", exporters=[exporter])
    assert resource_of(exporter)["service.name"] == "app"


def test_no_exporter_at_all_is_said_once(start_up: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Who configures nothing is told that nothing is exported, unless an empty list says so."""
    configure("app")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "Give exporters=[] if that is what you want." in record.getMessage()
    get_recorder().close()
    caplog.clear()
    configure("app", exporters=[])
    assert caplog.records == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"enable_for_current_rank": False},
        {"enable_for_current_rank": lambda rank: rank == 0, "rank": 3},
        {"config": {"enable_for_current_rank": False}},
        {"config": {"enable_for_current_rank": "${ENABLED_HERE:-no}", "rank": "7"}},
        {"config": OneLoggerConfig("app", enable_for_current_rank=False), "application_name": None},
        {"environment": "true"},
        {"environment": "1", "application_name": None},
    ],
)
def test_a_process_that_is_off_reads_nothing(
    install: Install, start_up: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any]
) -> None:
    """Neither the file that is named nor an entry point is touched where nothing will be recorded."""
    install("acme", {"acme_default": "raise RuntimeError"}, exporter_configs={"a": "acme_default:A"})
    arguments = {"application_name": "app", **arguments}
    if environment := arguments.pop("environment", None):
        monkeypatch.setenv("ONE_LOGGER_DISABLED", environment)
    recorder = configure(config_file="not-there.yaml", error_handling_strategy=None, **arguments)
    assert recorder.start("work").is_recording() is False
    assert provider().one_logger_ready
    assert not provider().one_logger_enabled
    assert "acme_default" not in sys.modules


def test_a_rank_that_the_file_switches_off_loads_no_exporter(install: Install, write: Write) -> None:
    """What is said in the file takes reading the file, and no more."""
    install("acme", {"acme_off": "raise RuntimeError"}, exporters={"acme": "acme_off:A"})
    write("one_logger: {application_name: a, enable_for_current_rank: '${ON:-no}'}\nexporters: [{type: acme}]")
    configure(error_handling_strategy=PROPAGATE)
    assert not provider().one_logger_enabled
    assert "acme_off" not in sys.modules


def test_configuring_again_is_a_telemetry_error(start_up: Path) -> None:
    """The first configuration stands, as with `OneLoggerProvider.configure`."""
    first = configure("first", exporters=[])
    assert configure("second", exporters=[]) is first


def test_nothing_is_written_or_connected_to_by_configure(start_up: Path) -> None:
    """The thread that configures makes no file or folder and tries no connection; and without a file, no YAML."""
    code = """
import os, sys, threading
from one_logger.recorder import configure
seen = []
def audit(event, arguments):
    if threading.current_thread() is threading.main_thread():
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR) and "__pycache__" not in str(arguments[0])
        if writes or event in ("os.mkdir", "socket.connect", "socket.getaddrinfo", "subprocess.Popen"):
            seen.append((event, str(arguments[0])))
sys.addaudithook(audit)
configure("app", exporters=[{"type": "file", "config": {"file_path": "a/b.jsonl"}}])
print(seen, "yaml" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=start_up)
    assert (done.stdout, done.stderr) == ("[] False\n", "")
    assert (start_up / "a/b.jsonl").is_file()
