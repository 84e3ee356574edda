"""Values: environment variables in them, and what becomes of them on the way to an exporter's constructor."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from one_logger.core import Resource
from one_logger.recorder import ExporterConfigError, build_exporters
from one_logger.recorder.configuration.schema import configuration_schema

Install = Callable[..., Path]
Problems = Callable[..., list[str]]

PROBE = """
from __future__ import annotations
import datetime, enum, logging, os, pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, Optional
from one_logger.exporter.memory import InMemoryExporter
if TYPE_CHECKING:
    from somewhere import Unknown

class Level(enum.Enum):
    LOW = "low-level"
    HIGH = 2

Port = NewType("Port", int)

class Probe(InMemoryExporter):
    def __init__(self, text: str = "", number: int = 0, ratio: float = 0.0, flag: bool = False,
                 path: pathlib.Path | None = None, either: str | os.PathLike[str] = "",
                 pure: pathlib.PurePosixPath | None = None,
                 flush_interval: float = 0.0, linger_ms: int = 0, timeout: int | None = None,
                 age: datetime.timedelta | None = None,
                 names: Sequence[str] = (), ports: set[int] | None = None, pair: tuple[int, str] = (0, ""),
                 level: Level = Level.LOW, mode: Literal["fast", 7] = "fast",
                 table: Mapping[str, int] | None = None, options: dict[str, Any] | None = None,
                 port: Annotated[Port, "a port"] = Port(1), old: Optional[int] = None,
                 unknown: Unknown = None, untyped=None,
                 logger: logging.Logger | None = None, on_error: Callable[[], None] | None = None) -> None:
        super().__init__()
        given = dict(locals())
        self.given = {name: value for name, value in given.items() if name not in ("self", "__class__")}
"""


@pytest.fixture
def probe(install: Install, start_up: Path) -> None:
    """An exporter with a parameter of every kind."""
    install("probe", {"probe": PROBE}, exporters={"probe": "probe:Probe"})


def taken(**config: object) -> dict[str, Any]:
    """What the exporter gets for a configuration."""
    exporter: Any = build_exporters([{"type": "probe", "config": config}])["probe"]
    given: dict[str, Any] = exporter.given
    return {name: given[name] for name in config}


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("text", "a", "a"),
        ("number", 7, 7),
        ("number", "7", 7),
        ("number", " -7 ", -7),
        ("number", "010", 10),
        ("number", "0o17", 15),
        ("number", "0x1F", 31),
        ("number", "10_000", 10_000),
        ("ratio", 1, 1),
        ("ratio", "0.5", 0.5),
        ("ratio", "1e-3", 0.001),
        ("ratio", "010", 10.0),
        ("ratio", "1_000.5", 1_000.5),
        ("ratio", "-.inf", float("-inf")),
        ("ratio", "inf", float("inf")),
        ("flag", True, True),
        ("flag", "off", False),
        ("flag", "True", True),
        ("path", "/data/a", Path("/data/a")),
        ("either", "/data/a", "/data/a"),
        ("either", Path("/data/a"), Path("/data/a")),
        ("flush_interval", "500ms", 0.5),
        ("flush_interval", "2.5 s", 2.5),
        ("flush_interval", 3, 3),
        ("linger_ms", "1s", 1_000),
        ("linger_ms", "5", 5),
        ("timeout", "2min", 120),
        ("timeout", "1h", 3_600),
        ("timeout", None, None),
        ("names", ["a", "b"], ["a", "b"]),
        ("ports", ["1", 2], {1, 2}),
        ("pair", ["1", "a"], (1, "a")),
        ("mode", "fast", "fast"),
        ("mode", 7, 7),
        ("mode", "7", 7),
        ("table", {"a": "1"}, {"a": 1}),
        ("options", {"a": "1", "b": [{"c": 2}]}, {"a": "1", "b": [{"c": 2}]}),
        ("port", "80", 80),
        ("old", "80", 80),
        ("unknown", "as it is", "as it is"),
        ("untyped", {"a": 1}, {"a": 1}),
        ("logger", logging.getLogger("probe"), logging.getLogger("probe")),
        ("on_error", print, print),
    ],
    ids=repr,
)
def test_values_become_what_the_parameter_wants(probe: None, name: str, value: object, result: object) -> None:
    """A text becomes the number, path, duration, choice or switch that the annotation asks for, and nothing else."""
    (got,) = taken(**{name: value}).values()
    assert got == result
    assert type(got) is type(result)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python has no `type` statement before 3.12")
def test_a_type_may_be_about_itself(install: Install, start_up: Path, problems: Problems) -> None:
    """What is nested is converted at every depth, and the schema ends."""
    code = (
        "from one_logger.exporter.memory import InMemoryExporter\ntype Tree = list[Tree] | int\n"
        "class Forest(InMemoryExporter):\n    def __init__(self, tree: Tree) -> None:\n"
        "        super().__init__()\n        self.tree = tree\n"
    )
    install("forest", {"forest": code}, exporters={"forest": "forest:Forest"})
    exporter: Any = build_exporters([{"type": "forest", "config": {"tree": ["1", [["2"], 3]]}}])["forest"]
    assert exporter.tree == [1, [[2], 3]]
    assert problems([{"type": "forest", "config": {"tree": [[[["x"]]]]}}])[0].endswith(
        "expected a list or a whole number."
    )
    configuration_schema()


def test_values_become_what_other_libraries_make_of_them(probe: None) -> None:
    """Enums are given by name or value, time spans as durations or seconds, and `~` is the home folder."""
    assert taken(age="90s")["age"] == timedelta(seconds=90)
    assert [taken(level=level)["level"].name for level in ("HIGH", "low", "low-level", 2)] == [
        "HIGH",
        "LOW",
        "LOW",
        "HIGH",
    ]
    assert taken(age=1.5)["age"].total_seconds() == 1.5
    assert taken(path="~/a", either="~/a") == {"path": Path.home() / "a", "either": str(Path.home() / "a")}
    assert taken(pure="a/b")["pure"] == Path("a/b")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("text", 7, "is 7; expected a text; put it in quotes."),
        ("text", True, "is true; expected a text; put it in quotes."),
        ("text", None, "is null; expected a text."),
        ("text", ["a"], "is a list; expected a text."),
        ("number", "seven", "is 'seven'; expected a whole number."),
        ("number", 7.5, "is 7.5; expected a whole number."),
        ("number", True, "is true; expected a whole number."),
        ("number", "9" * 5_000, "expected a whole number."),
        ("number", "5s", "is '5s'; expected a whole number."),
        ("number", "1:30", "is '1:30'; expected a whole number."),
        ("number", "1__0", "is '1__0'; expected a whole number."),
        ("ratio", "half", "is 'half'; expected a number."),
        ("ratio", False, "is false; expected a number."),
        ("flag", 1, "is 1; expected true or false."),
        ("flag", "maybe", "is 'maybe'; expected true or false."),
        ("path", 7, "is 7; expected a path."),
        ("either", 7, "is 7; expected a text or a path."),
        ("flush_interval", "soon", "is 'soon'; expected a number, or a duration such as 500ms."),
        ("linger_ms", "500us", "is '500us'; expected a whole number, or a duration such as 500ms."),
        ("age", "soon", "is 'soon'; expected a duration such as 500ms, 30s or 1h."),
        ("age", 1e300, "is 1e+300; expected a duration such as 500ms, 30s or 1h."),
        ("names", "a,b", "is 'a,b'; expected a list."),
        ("names", {"a": "b"}, "is a mapping; expected a list."),
        ("pair", [1], "is a list; expected a list of 2 values."),
        ("level", "MIDDLE", "is 'MIDDLE'; expected one of LOW, HIGH."),
        ("mode", "slow", "is 'slow'; expected one of 'fast', 7."),
        ("table", [], "is a list; expected a mapping."),
        ("logger", "name", "is 'name'; expected a logging.Logger, which only code can give."),
        ("on_error", "print", "which only code can give."),
    ],
    ids=lambda value: str(value)[:20],
)
def test_values_that_do_not_fit_are_sentences(
    probe: None, problems: Problems, name: str, value: object, sentence: str
) -> None:
    """Each says what was given and what the parameter wants."""
    (problem,) = problems([{"type": "probe", "config": {name: value}}])
    assert problem.startswith(f"the code: exporters[0].config.{name} is ")
    assert problem.endswith(sentence)


def test_a_mismatch_inside_a_value_is_named_with_its_place(probe: None, problems: Problems) -> None:
    """What is wrong in a list or a mapping is found there."""
    entry = {"type": "probe", "config": {"names": ["a", 7], "table": {"a": "b"}, "ports": [1, "x"]}}
    assert [problem.removeprefix("the code: exporters[0].config.") for problem in problems([entry])] == [
        "names[1] is 7; expected a text; put it in quotes.",
        "table.a is 'b'; expected a whole number.",
        "ports[1] is 'x'; expected a whole number.",
    ]


def test_variables_are_replaced(probe: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """`${VAR}` and `${VAR:-default}` stand for what the environment says, anywhere in a value."""
    monkeypatch.setenv("PROBE_HOST", "db")
    monkeypatch.setenv("PROBE_PORT", "9092")
    monkeypatch.setenv("PROBE_EMPTY", "")
    monkeypatch.delenv("PROBE_MISSING", raising=False)
    assert taken(
        text="${PROBE_HOST}:${PROBE_PORT}/${PROBE_MISSING:-x y}",
        number="${PROBE_PORT}",
        names=["${PROBE_HOST}", "${PROBE_EMPTY}", "${PROBE_EMPTY:-default}", "${PROBE_MISSING:-}"],
        options={"servers": [{"host": "${PROBE_HOST}"}]},
    ) == {
        "text": "db:9092/x y",
        "number": 9092,
        "names": ["db", "", "default", ""],
        "options": {"servers": [{"host": "db"}]},
    }


def test_a_default_may_have_braces(start_up: Path, probe: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A default that has placeholders ends at its own brace; of a file's path they are filled in."""
    monkeypatch.delenv("PROBE_OUT", raising=False)
    assert taken(text="<${PROBE_OUT:-t-{rank:03}{{x}}.jsonl}>") == {"text": "<t-{rank:03}{{x}}.jsonl>"}
    (exporter,) = build_exporters(
        [{"type": "file", "config": {"file_path": "${PROBE_OUT:-t-{rank:03}.jsonl}"}}]
    ).values()
    exporter.initialize(Resource.create("app", rank=7))
    exporter.close()
    assert [path.name for path in start_up.iterdir()] == ["t-007.jsonl"]


@pytest.mark.parametrize("folder", ["{rank}", "a{", "}{{b}}", "{x}"])
def test_braces_in_a_variable_are_no_placeholders(start_up: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """Whoever has braces in the name of a folder gets that folder, beside placeholders that the file has."""
    monkeypatch.setenv("PROBE_FOLDER", f"{start_up}/{folder}\n")
    entry = {"type": "file", "config": {"file_path": "${PROBE_FOLDER}/${PROBE_NONE:-{rank}}-{rank}.jsonl"}}
    (exporter,) = build_exporters([entry]).values()
    exporter.initialize(Resource.create("app", rank=7))
    exporter.close()
    assert [path.relative_to(start_up).as_posix() for path in start_up.rglob("*.jsonl")] == [f"{folder}/7-7.jsonl"]


def test_a_variable_of_a_shell_is_refused_with_how_to_write_it(problems: Problems) -> None:
    """`$SCRATCH` is nothing that a configuration replaces."""
    (problem,) = problems([{"type": "file", "config": {"file_path": "$SCRATCH/t.jsonl"}}])
    assert "has $SCRATCH, which is not replaced here. In a configuration file write ${SCRATCH};" in problem


NUMBERS = {
    "010": 10,
    "-007": -7,
    "0o17": 15,
    "0x1F": 31,
    "10_000": 10_000,
    "+12": 12,
    "1e3": 1_000.0,
    ".5": 0.5,
    "1.": 1.0,
    "-.inf": float("-inf"),
    **dict.fromkeys(["1:30", "190:20:30.15", "0b11", "1_", "1__0", "2026-11-22", "1.2.3", "-0x1F", "0x", "0o8", "."]),
}


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_in_yaml_are_those_of_yaml_1_2(probe: None, start_up: Path, text: str) -> None:
    """A number is what YAML 1.2 says, the same from a variable; what only YAML 1.1 takes for one is a text."""
    path = start_up / "probe.yaml"
    path.write_text(f"exporters: [{{type: probe, config: {{untyped: {text}}}}}]")
    exporter: Any = build_exporters(config_file=path)["probe"]
    expected = text if NUMBERS[text] is None else NUMBERS[text]
    assert (exporter.given["untyped"], type(exporter.given["untyped"])) == (expected, type(expected))
    if not isinstance(expected, str):
        assert taken(ratio=text)["ratio"] == expected


def test_what_is_no_reference_stays(probe: None) -> None:
    """A dollar sign alone means nothing, and `$${` is a literal `${`."""
    assert taken(text="$HOME costs $5 {x} $${NOT_A_VARIABLE} $") == {"text": "$HOME costs $5 {x} ${NOT_A_VARIABLE} $"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("${PROBE_MISSING}", "refers to the environment variable PROBE_MISSING, which is not set and has no default"),
        ("a ${} b", "has a ${ that is no reference"),
        ("${1ST}", "has a ${ that is no reference"),
        ("${PROBE", "has a ${ that is no reference"),
        ("${PROBE:?needed}", "has a ${ that is no reference"),
        ("${A:-${B}}", "has a ${ that is no reference"),
    ],
)
def test_references_that_cannot_be_replaced_are_problems(
    probe: None, problems: Problems, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    """A variable that is missing is named, with its place; so is a reference that is malformed. Once each."""
    monkeypatch.delenv("PROBE_MISSING", raising=False)
    (problem,) = problems([{"type": "probe", "config": {"number": text}}])
    assert problem.startswith(f"the code: exporters[0].config.number {sentence}")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_variable_never_adds_structure(install: Install, start_up: Path, value: str) -> None:
    """Whatever a variable holds is one text, in YAML as in JSON: no key, no list, no further reference.

    Line ends at its end are left out, as by a shell that puts the content of a file into it.
    """
    path = start_up / "probe.json"
    if not path.exists():
        install("probe", {"probe": PROBE}, exporters={"probe": "probe:Probe"})
    entry = {"type": "probe", "config": {"options": {"a": "${PROBE_ANY}", "b": "<${PROBE_ANY}>"}}}
    path.write_text(json.dumps({"exporters": [entry]}))
    (start_up / "probe.yaml").write_text(
        "exporters:\n- type: probe\n  config:\n    options:\n      a: ${PROBE_ANY}\n      b: <${PROBE_ANY}>\n"
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PROBE_ANY", value)
        for name in ("probe.json", "probe.yaml"):
            exporter: Any = build_exporters(config_file=name)["probe"]
            kept = value.rstrip("\r\n")
            assert exporter.given["options"] == {"a": kept, "b": f"<{kept}>"}


def test_values_nested_without_end_are_a_problem(problems: Problems) -> None:
    """A list that holds itself is refused, not followed."""
    endless: list[object] = []
    endless.append(endless)
    assert "is nested too deeply" in problems([{"type": "file", "config": {"file_path": endless}}])[0]


def test_all_problems_of_all_entries_come_together(problems: Problems) -> None:
    """One error lists everything that is wrong, so that it can be mended in one go."""
    found = problems(
        [
            {"type": "file", "config": {"file_path": 7, "file_pat": "a"}},
            {"type": "absent", "config": {}},
            {"type": "file", "enabled": "?"},
        ]
    )
    assert len(found) == 5
    with pytest.raises(ExporterConfigError) as raised:
        build_exporters([{"type": "absent"}, {"type": "file"}])
    assert str(raised.value).startswith("The configuration of one-logger has 2 problems:\n- ")
