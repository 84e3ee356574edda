"""Processors in a configuration: found, checked, built and shown like exporters."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from one_logger.api import get_recorder, record_event, timed_span
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import (
    ExporterConfigError,
    ProcessedExporter,
    SpanFilter,
    Summarizer,
    TailSampler,
    build_exporters,
    build_processors,
    configure,
)

Install = Callable[..., Path]
Write = Callable[..., Path]

FILE = """\
exporters:
  - type: memory
    name: all
  - type: memory
    name: part
    processors:
      - type: span_filter
        config: {exclude: "${NOISE:-step}"}
processors:
  - type: summarizer
    name: saves
    config: {event: saved, attribute: duration, every: 2}
  - type: tail_sampler
    enabled: ${SAMPLE:-false}
    config: {names: step, min_duration: 500ms}
"""

SHOP = """
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import Processor
made = []
class Closing(InMemoryExporter):
    def close(self):
        made.append("closed")
class Shouting(Processor):
    def __init__(self, token: str = "", loud: bool = True) -> None:
        made.append(token)
        if token == "odd":
            raise ValueError(f"{token} is no token")
    def on_start(self, span):
        return {"shouted": span.name.upper()}
class Impostor(Processor):
    def __new__(cls):
        return "something else"
"""


@pytest.fixture
def shop(install: Install, start_up: Path) -> None:
    """A distribution with a processor of its own."""
    install("shop", {"shop": SHOP}, processors={"shouting": "shop:Shouting"})


def names(exporter: object, *kinds: str) -> list[str]:
    """The names in what an exporter has got."""
    inner = exporter.exporter if isinstance(exporter, ProcessedExporter) else exporter
    assert isinstance(inner, InMemoryExporter)
    return [record["name"] for record in inner.records if record["type"] in kinds]


def test_a_file_configures_processors(write: Write, start_up: Path) -> None:
    """Of the recorder and of single exporters, in their order, but for those that are not enabled."""
    write(FILE)
    exporters = build_exporters()
    assert type(exporters["all"]) is InMemoryExporter
    assert type(exporters["part"]) is ProcessedExporter
    (processor,) = build_processors()
    assert type(processor) is Summarizer


def test_configure_uses_them(write: Write, start_up: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded goes through those of the recorder, then through those of each exporter."""
    write(FILE.replace("exporters:", "recorder: {delivery: inline}\nexporters:", 1))
    all_of_it, part = build_exporters().values()
    recorder = configure("app", exporters=[all_of_it, part])
    with timed_span("epoch"), timed_span("step"):
        for number in range(2):
            record_event("saved", {"duration": number})
    assert recorder.close()
    assert names(all_of_it, "stop") == ["step", "epoch"]
    assert names(all_of_it, "event") == ["saved", "saved stats update", "saved"]
    assert names(part, "stop") == ["epoch"]


def test_the_code_goes_before_the_file(write: Write, start_up: Path) -> None:
    """Processors in code replace those of the file as a whole; an empty list is one."""
    write(FILE)
    assert build_processors([]) == []
    mine = SpanFilter()
    assert build_processors([mine, {"type": "tail_sampler"}])[0] is mine
    exporter = InMemoryExporter()
    recorder = configure("app", exporters=[exporter], processors=[{"type": "span_filter", "config": {"exclude": "a"}}])
    for name in "ab":
        with timed_span(name):
            pass
    assert recorder.close()
    assert names(exporter, "complete") == ["b"]


def test_durations_numbers_and_variables_are_converted(start_up: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in exporters' arguments: by the annotation and name of the parameter."""
    monkeypatch.setenv("EVERY", "7")
    (sampler, summarizer) = build_processors(
        [
            {"type": "tail_sampler", "config": {"min_duration": "2s", "one_in": "10"}},
            {"type": "summarizer", "config": {"span": "step", "every": "${EVERY}", "interval": "1min"}},
        ]
    )
    assert isinstance(sampler, TailSampler)
    assert isinstance(summarizer, Summarizer)
    assert sampler._least_ns == 2 * 10**9
    assert (summarizer._every, summarizer._interval) == (7, 60.0)


def test_processors_of_others(shop: None) -> None:
    """A distribution may register one by an entry point; a class without one is named."""
    for entry in ({"type": "shouting"}, {"class_name": "shop.Shouting"}, {"class_name": "shop:Shouting"}):
        exporter = InMemoryExporter()
        configure("app", exporters=[exporter], processors=[entry])
        with timed_span("work"):
            pass
        get_recorder().close()
        (span,) = (record for record in exporter.records if record["type"] == "complete")
        assert span["attributes"] == {"shouted": "WORK"}


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (
            {"type": "span_fitler"},
            "processors[0].type is 'span_fitler', which names no processor that is installed; did",
        ),
        (
            {"type": "memory"},
            "type is 'memory', which names no processor that is installed. Installed: enricher, event_",
        ),
        (
            {"class_name": "subprocess.Popen"},
            "this is no processor; expected a subclass of one_logger.recorder.Process",
        ),
        ({"class_name": "one_logger.exporter.memory.InMemoryExporter"}, "this is no processor"),
        ({"class_name": "shop.Impostor"}, "which makes a str, which is no processor."),
        (
            {"type": "span_filter", "config": {"exlude": "a"}},
            "config.exlude is no argument of SpanFilter; did you mean",
        ),
        ({"type": "span_filter", "config": {"exclude": 7}}, "config.exclude is 7; expected a text or a list."),
        ({"type": "ratio_sampler"}, "config.ratio is missing; RatioSampler needs it. Expected a number."),
        (
            {"type": "ratio_sampler", "config": {"ratio": 2}},
            "config is refused by RatioSampler, which raised OneLogger",
        ),
        ({"type": "event_filter", "config": {"where": {"a": {"under": 1}}}}, "has 'under', which is no condition"),
        ({"type": "event_filter", "config": {"where": "a > 1"}}, "config.where is 'a > 1'; expected a mapping."),
        ({"type": "span_filter", "processors": []}, "processors is no key of an entry; expected one of type, "),
        (
            {"type": "shouting", "config": {"token": "odd"}},
            "refused by Shouting, which raised ValueError: *** is no to",
        ),
        ("span_filter", "processors[0] is a text; expected a mapping with a type"),
        ({}, "has no type; give the name of an installed processor."),
    ],
    ids=str,
)
def test_what_is_wrong_with_an_entry(shop: None, entry: object, sentence: str) -> None:
    """It is said as of an exporter, and wherever the entry stands."""
    for build in (
        lambda: build_processors([entry]),  # type: ignore[list-item]  # mistakes are what is tested
        lambda: build_exporters([{"type": "memory", "processors": [entry]}]),
    ):
        with pytest.raises(ExporterConfigError) as raised:
            build()
        (problem,) = raised.value.problems
        assert sentence in str(problem).replace("exporters[0].processors[0]", "processors[0]")


def test_all_problems_are_one_error(write: Write, start_up: Path) -> None:
    """With the line of each, whether they are about exporters or processors."""
    write(
        """\
exporters:
  - type: memroy
  - type: memory
    processors: {type: span_filter}
processors:
  - type: span_filter
    config:
      exclude: ${UNSET}
  - type: summariser
"""
    )
    with pytest.raises(ExporterConfigError) as raised:
        configure("app", error_handling_strategy="PROPAGATE_EXCEPTIONS")
    found = [(problem.line, problem.path) for problem in raised.value.problems]
    assert found == [
        (2, "exporters[0].type"),
        (4, "exporters[1].processors"),
        (8, "processors[0].config.exclude"),
        (9, "processors[1].type"),
    ]


def test_constructors_that_raise_are_one_error_too(shop: None) -> None:
    """An exporter that was made is closed if a processor cannot be made."""
    with pytest.raises(ExporterConfigError) as raised:
        configure(
            "app",
            exporters=[
                {"class_name": "shop.Closing"},
                {"type": "memory", "processors": [{"type": "summarizer"}]},
            ],
            processors=[{"type": "rate_sampler", "config": {"traces_per_second": 0}}],
            error_handling_strategy="PROPAGATE_EXCEPTIONS",
        )
    assert [problem.path for problem in raised.value.problems] == [
        "processors[0].config",
        "exporters[1].processors[0].config",
    ]
    assert sys.modules["shop"].made == ["closed"]


def test_an_exporter_that_is_not_enabled_takes_its_processors_with_it(start_up: Path) -> None:
    """They need not be there, nor their variables."""
    entry = {"type": "nowhere", "enabled": False, "processors": [{"type": "nowhere", "config": {"a": "${UNSET}"}}]}
    assert build_exporters([entry]) == {}


def test_the_recorder_s_section_is_not_the_place(start_up: Path) -> None:
    """`recorder.processors` is refused: they stand beside `exporters`."""
    with pytest.raises(ExporterConfigError, match=r"recorder\.processors is no argument of the recorder"):
        configure("app", recorder={"processors": []}, error_handling_strategy="PROPAGATE_EXCEPTIONS")


def command(*arguments: str) -> str:
    """What the command prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "one_logger.recorder", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_command_shows_them(write: Write, start_up: Path) -> None:
    """With their exporters or by themselves: class, source, line, values, variables, and what is installed."""
    file = write(FILE)
    found = json.loads(command("config", "--json"))
    assert [(each["name"], each["enabled"], each["line"]) for each in found["processors"]] == [
        ("saves", True, 10),
        ("tail_sampler", False, 13),
    ]
    ((own,),) = (each["processors"] for each in found["exporters"] if each["processors"])
    assert own["values"] == [
        {
            "path": "exporters[1].processors[0].config.exclude",
            "value": "step",
            "secret": False,
            "source": str(file),
            "line": 8,
            "variables": ["NOISE"],
        }
    ]
    installed = [each["name"] for each in found["installed"]["one_logger.processors"]]
    assert {"enricher", "event_filter", "span_filter", "summarizer"} <= set(installed)
    text = command("config")
    for line in (
        "    with",
        "      span_filter (one_logger.recorder.processors.filters.SpanFilter)",
        '        exporters[1].processors[0].config.exclude = "step", line 8, with ${NOISE}',
        "Processors:",
        "  saves (one_logger.recorder.processors.summarizer.Summarizer)",
        "  tail_sampler (tail_sampler), not enabled",
        '    processors[0].config.event = "saved", line 12',
    ):
        assert line in text.splitlines(), line


def test_the_schema_has_them(start_up: Path) -> None:
    """An editor knows their types and arguments, wherever they stand."""
    validator = jsonschema.Draft202012Validator(json.loads(command("schema")))

    def valid(processor: dict[str, Any]) -> bool:
        documents = (
            {"processors": [processor]},
            {"exporters": [{"type": "memory", "processors": [processor]}]},
        )
        (verdict,) = {validator.is_valid(document) for document in documents}
        return verdict

    assert valid({"type": "span_filter", "config": {"exclude": ["a", "b*"]}})
    assert valid({"type": "tail_sampler", "config": {"min_duration": "2s"}, "enabled": False})
    assert valid({"type": "event_filter", "config": {"where": {"loss": {"above": 1}}}})
    assert not valid({"type": "span_filter", "config": {"exlude": "a"}})
    assert not valid({"type": "ratio_sampler"})
    assert not valid({"type": "span_filter", "processors": []})
    assert not valid({"config": {}})
