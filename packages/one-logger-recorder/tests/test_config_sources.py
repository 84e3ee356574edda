"""Where exporters are configured, and which place counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from one_logger.exporter.file import FileExporter
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import build_exporters

MEMORY = [{"type": "memory"}]
ONE_FILE = "exporters: [{type: file, config: {file_path: a.jsonl}}]"
DEFAULTS = {"acme": "DEFAULTS = [{'type': 'memory', 'name': 'acme'}]"}

Write = Callable[..., Path]
Install = Callable[..., Path]
Problems = Callable[..., list[str]]


@pytest.fixture
def package(install: Install) -> None:
    """A package that provides a memory exporter called acme."""
    install("acme", DEFAULTS, exporter_configs={"defaults": "acme:DEFAULTS"})


def test_the_code_goes_before_the_file_and_the_file_before_packages(write: Write, package: None) -> None:
    """The strongest source that is there replaces the others as a whole."""
    assert list(build_exporters()) == ["acme"]
    write(ONE_FILE)
    assert list(build_exporters()) == ["file"]
    assert list(build_exporters(MEMORY)) == ["memory"]


def test_an_empty_list_means_no_exporters(write: Write, package: None) -> None:
    """`[]` is a source like any other: it switches the weaker ones off."""
    write("exporters: []")
    assert build_exporters() == {}
    write(ONE_FILE)
    assert build_exporters([]) == {}


def test_a_file_without_exporters_is_no_source_of_them(write: Write, package: None) -> None:
    """A file that only says something else, or nothing at all, leaves the exporters to the packages."""
    for text in ("one_logger: {application_name: orders}", "", "# exporters: []\n"):
        write(text)
        assert list(build_exporters()) == ["acme"]


def test_without_any_source_there_are_no_exporters(start_up: Path) -> None:
    """Nothing is configured, nothing is built."""
    assert build_exporters() == {}


def test_inherit_adds_to_the_next_weaker_source(write: Write, package: None) -> None:
    """`inherit` adds, one step for each source that says so."""
    write(f"inherit: true\n{ONE_FILE}")
    assert list(build_exporters()) == ["file", "acme"]
    assert list(build_exporters(MEMORY)) == ["memory"]
    assert list(build_exporters(MEMORY, inherit=True)) == ["memory", "file", "acme"]
    write(ONE_FILE)
    assert list(build_exporters(MEMORY, inherit=True)) == ["memory", "file"]


def test_inherit_in_the_code_may_also_speak_for_the_file(write: Write, package: None) -> None:
    """Without exporters in the code, `inherit` replaces what the file says of itself."""
    write(ONE_FILE)
    assert list(build_exporters(inherit=True)) == ["file", "acme"]
    write(f"inherit: true\n{ONE_FILE}")
    assert list(build_exporters(inherit=False)) == ["file"]


def test_an_inherited_entry_is_replaced_by_one_of_its_name(write: Write, package: None) -> None:
    """What has a name can be changed or switched off by a stronger source, and the rest is kept."""
    write("inherit: true\nexporters: [{name: acme, type: file, config: {file_path: a.jsonl}}]")
    assert [type(exporter) for exporter in build_exporters().values()] == [FileExporter]
    write("inherit: true\nexporters: [{name: acme, type: memory, enabled: false}]")
    assert build_exporters() == {}


def test_nothing_is_expected_of_an_entry_that_is_replaced(install: Install, write: Write) -> None:
    """Neither the variables nor the exporter of a package's default need be there if a file replaces it by name."""
    defaults = "DEFAULTS = [{'type': 'absent', 'name': 'acme', 'config': {'url': '${ACME_URL_IS_NOT_SET}'}}]"
    install("acme", {"acme": defaults}, exporter_configs={"defaults": "acme:DEFAULTS"})
    write("inherit: true\nexporters: [{name: '${NAME:-acme}', type: memory}]")
    assert list(build_exporters()) == ["acme"]


def test_packages_are_added_up(install: Install, start_up: Path) -> None:
    """Each installed package's defaults count; a function that returns a list will do as well."""
    install("acme", DEFAULTS, exporter_configs={"defaults": "acme:DEFAULTS"})
    install(
        "zeta",
        {"zeta": "def defaults():\n    return [{'type': 'memory', 'name': 'acme'}, {'type': 'memory'}]"},
        exporter_configs={"some": "zeta:defaults"},
    )
    assert list(build_exporters()) == ["acme", "acme-2", "memory"]


def test_a_package_that_is_replaced_is_not_imported(install: Install, write: Write) -> None:
    """What stands in a broken package is no problem where a file has replaced it."""
    install("broken", {"broken": "raise RuntimeError('no')"}, exporter_configs={"defaults": "broken:DEFAULTS"})
    write(ONE_FILE)
    assert list(build_exporters()) == ["file"]


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("raise RuntimeError('no')", "cannot be loaded: RuntimeError: no."),
        ("import sys; sys.exit(3)", "cannot be loaded: SystemExit: 3."),
        ("", "cannot be loaded: AttributeError: module 'acme' has no attribute 'DEFAULTS'."),
        ("def DEFAULTS():\n    return 1 / 0", "is a function that raised ZeroDivisionError."),
        ("DEFAULTS = {'type': 'memory'}", "is a mapping; expected a list of entries."),
        ("DEFAULTS = ['memory']", "[0] is a text; expected a mapping"),
    ],
)
def test_what_a_package_does_wrong_is_a_problem_with_its_name(
    install: Install, problems: Problems, code: str, sentence: str
) -> None:
    """A default configuration that cannot be used is reported with package and entry point; nothing is built."""
    install("acme", {"acme": code}, exporter_configs={"defaults": "acme:DEFAULTS"})
    (problem,) = problems()
    assert problem.startswith("acme 1.0 (entry point defaults): ")
    assert sentence in problem


def test_the_file_is_found_by_path_then_variable_then_name(
    start_up: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that is given goes before the environment, and that before the working directory's yaml, yml, json."""

    def name_of_exporter(**arguments: object) -> list[str]:
        return list(build_exporters(**arguments))  # type: ignore[arg-type]

    for name in ("json", "yml", "yaml"):
        entries = {"exporters": [{"type": "memory", "name": name}]}
        write(json.dumps(entries), f"one_logger_exporters_config.{name}")
        assert name_of_exporter() == [name]
    write("exporters: [{type: memory, name: named}]", "named.conf")
    monkeypatch.setenv("ONE_LOGGER_EXPORTER_CONFIG_PATH", "named.conf")
    assert name_of_exporter() == ["named"]
    write("exporters: [{type: memory, name: given}]", "given.yaml")
    assert name_of_exporter(config_file="given.yaml") == ["given"]
    assert name_of_exporter(config_file=start_up / "given.yaml") == ["given"]
    monkeypatch.setenv("HOME", str(start_up))
    assert name_of_exporter(config_file="~/given.yaml") == ["given"]
    monkeypatch.setenv("ONE_LOGGER_EXPORTER_CONFIG_PATH", "")
    assert name_of_exporter() == ["yaml"]


def test_a_file_that_was_named_and_is_not_there_is_an_error(
    write: Write, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else is looked for in its place, not even by exporters in the code."""
    write(ONE_FILE)
    for arguments in ({"config_file": "missing.yaml"}, {"config_file": "missing.yaml", "exporters": MEMORY}):
        (problem,) = problems(**arguments)
        assert "missing.yaml: The file does not exist" in problem
    monkeypatch.setenv("ONE_LOGGER_EXPORTER_CONFIG_PATH", "missing.yaml")
    (problem,) = problems()
    assert "ONE_LOGGER_EXPORTER_CONFIG_PATH" in problem


def test_a_list_may_have_several_exporters_of_one_type(start_up: Path) -> None:
    """None of them is lost: without names of their own they get numbers."""
    built = build_exporters([*MEMORY, {"type": "memory", "name": "memory-2"}, *MEMORY])
    assert list(built) == ["memory", "memory-2", "memory-3"]
    assert len(set(map(id, built.values()))) == 3


def test_one_name_for_two_exporters_is_a_mistake(problems: Problems) -> None:
    """Names that are given are not changed behind the user's back."""
    (problem,) = problems([{"type": "memory", "name": "a"}, {"type": "memory", "name": "a"}])
    assert problem == "the code: exporters[1].name is 'a', as in entry 0; give each entry a name of its own."


def test_an_entry_that_is_not_enabled_is_left_alone(start_up: Path) -> None:
    """Neither its exporter nor its variables need be there, but its keys are checked."""
    absent = {"type": "absent", "enabled": False, "config": {"path": "${NOT_SET_ANYWHERE}"}}
    assert list(build_exporters([absent, *MEMORY])) == ["memory"]


def test_enabled_may_come_from_the_environment(start_up: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A switch in a file is worked by a variable."""
    entry = {"type": "memory", "enabled": "${MEMORY_WANTED:-no}"}
    assert build_exporters([entry]) == {}
    monkeypatch.setenv("MEMORY_WANTED", "true")
    assert list(build_exporters([entry])) == ["memory"]


def test_exporters_that_exist_may_stand_among_entries(start_up: Path) -> None:
    """An application adds an exporter that it has made, and it is used as it is."""
    mine = InMemoryExporter()
    built = build_exporters([mine, {"type": "memory"}])
    assert list(built) == ["InMemoryExporter", "memory"]
    assert built["InMemoryExporter"] is mine


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("memory", " is a text; expected a mapping"),
        ({}, " has no type; give the name of an installed exporter."),
        ({"type": "memory", "class_name": "a.B"}, " has both type and class_name; give one of them."),
        ({"type": 7}, ".type is 7; expected a name."),
        ({"type": ""}, ".type is ''; expected a name."),
        ({"type": "memory", "name": "a\nb"}, ".name is 'a\\nb'; expected a name."),
        ({"type": "memory", "enabled": "perhaps"}, ".enabled is 'perhaps'; expected true or false."),
        ({"type": "memory", "enabled": None}, ".enabled is null; expected true or false."),
        ({"type": "memory", "config": []}, ".config is a list; expected a mapping"),
        ({"type": "memory", "config": None}, ".config is null; expected a mapping"),
        ({"type": "memory", "confg": {}}, ".confg is no key of an entry; did you mean 'config'?"),
        ({"type": "memory", 7: {}}, ".7 is no key of an entry; expected one of type, class_name"),
        ({"type": "memory", "config": {7: 8}}, ".config has the key 7; expected texts as keys."),
    ],
    ids=str,
)
def test_mistakes_in_an_entry_are_sentences(problems: Problems, entry: object, sentence: str) -> None:
    """Each says where it stands, what was given, and what was expected."""
    (problem,) = problems([entry])
    assert problem.startswith(f"the code: exporters[0]{sentence}")


@pytest.mark.parametrize("exporters", ["memory", {"type": "memory"}, 7, True])
def test_exporters_are_a_list(problems: Problems, exporters: object) -> None:
    """Anything else is refused as a whole."""
    (problem,) = problems(exporters)
    assert "expected a list of entries. An empty list means no exporters." in problem
