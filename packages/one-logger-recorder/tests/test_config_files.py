"""Configuration files: what is read, and what is said of one that cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from one_logger.recorder import ExporterConfigError, build_exporters

Write = Callable[..., Path]
Problems = Callable[..., list[str]]

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(f'*{before}' for _ in range(10))}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGE_BOMB = "a0: &a0 {k: v}\n" + "".join(
    f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("exporters: [", "expected the node content"),
        ("exporters:\n\t- type: file", "line 2: The file cannot be read as YAML: a tab stands here"),
        ("exporters: []\nexporters: []", "line 2: The file cannot be read as YAML: the key 'exporters' stands in"),
        ("exporters: []\n---\nexporters: []", "a second document starts"),
        ("- type: file", "The file holds a list; expected a mapping with the key 'exporters'."),
        ("file", "The file holds a single value; expected a mapping"),
        ("7: 8", "a key stands here that is no text; put it in quotes"),
        ("yes: 8", "a key stands here that is no text; put it in quotes"),
        ("? [a]\n: 8", "a key stands here that is no text; put it in quotes"),
        ("exporter: []", "line 1: exporter is no key of such a file; did you mean 'exporters'?"),
        ("exporters: []\nunheard: 7", "line 2: unheard is no key of such a file; expected one of exporters, "),
        ("exporters: *S3cret", "line 1: The file cannot be read as YAML: an alias (*name) stands here"),
        ("exporters: !S3cret x", "line 1: The file cannot be read as YAML: a tag (!name) stands here"),
        ("exporters: !S3!cret x", "a tag (!name!) stands here that is not declared"),
        ("exporters: !!python/object/apply:os.system [ls]", "a tag (!name) stands here"),
        ("exporters: !!int x", "a value stands here that is not of the type that its tag says"),
        (f"inherit: {'9' * 5_000}", "or too long"),
        ("exporters: &a [*a]", "is nested too deeply"),
        ("exporters: {<<: 7}", "a merge key (<<) stands here without a mapping"),
        ("a: &a {<<: *a}", "line 1: The file cannot be read as YAML: a mapping stands here that is merged (<<) into"),
        ("a: &a\n  <<: &b {<<: *a}", "a mapping stands here that is merged (<<) into itself"),
        ("a: &a\n  b: {<<: *a}", "a mapping stands here that is merged (<<) into itself"),
        ("exporters: \0", "a control character stands here"),
        ('exporters: "\\U00110000"', "an escape or a number in it is out of range"),
        ("[" * 20_000, "nested too deeply"),
        (BOMB, "it has more than 10000 values"),
        (MERGE_BOMB, "it has more than 10000 values"),
        ("exporters: 7", "line 1: exporters is 7; expected a list of entries."),
        (f"exporters: 0x{'f' * 5_000}", "line 1: exporters is a very long number; expected a list of entries."),
        (f"recorder: {{}}\nexporters: [{{type: 0x{'f' * 5_000}}}]", "is a number of more than 4096 bits."),
        ("exporters:", "line 1: exporters is null; expected a list of entries. An empty list means no exporters."),
        ("exporters: {type: file}", "line 1: exporters is a mapping; expected a list of entries."),
        ("exporters: []\ninherit: perhaps", "line 2: inherit is 'perhaps'; expected true or false."),
    ],
    ids=lambda text: str(text)[:24],
)
def test_a_broken_yaml_file_is_a_sentence(write: Write, problems: Problems, text: str, sentence: str) -> None:
    """What is wrong is said with file and line, in our words; nothing of the file is quoted but its keys."""
    path = write(text)
    (problem,) = problems()
    assert problem.startswith(str(path))
    assert sentence in problem
    assert "S3" not in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"exporters": [}', "line 1: The file cannot be read as JSON: expecting value (column 16)"),
        ('{"exporters": [],\n "exporters": []}', "the key 'exporters' stands in one object twice"),
        ("[]", "The file holds a list; expected a mapping"),
        ("", "line 1: The file cannot be read as JSON: expecting value"),
        ("[" * 100_000, "it is nested too deeply"),
        (f'{{"inherit": {"9" * 5_000}}}', "a number in it is too long"),
        ('{"exporters": [\n  {"type": "absent"}]}', ", line 2: exporters[0].type is 'absent'"),
        ('{"exporters": [\n\t{"type": "absent"}]}', ", line 2: exporters[0].type is 'absent'"),
        ('{"one_logger":\n{"\\\\\\"": [{}, [],\n"}"]},\n"exporters": 7}', ", line 4: exporters is 7; expected a list"),
    ],
    ids=lambda text: str(text)[:24],
)
def test_a_broken_json_file_is_a_sentence(write: Write, problems: Problems, text: str, sentence: str) -> None:
    """The same for JSON."""
    path = write(text, "broken.json")
    (problem,) = problems(config_file=path)
    assert problem.startswith(str(path))
    assert sentence in problem


@pytest.mark.parametrize("key", ["exporters", "inherit", "processors", "recorder"])
def test_a_section_that_cannot_be_had_is_one_problem(
    write: Write, problems: Problems, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """A variable that is missing in the place of a section is said once, and not again as what it is not."""
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    write(f"{key}: ${{NOT_SET_ANYWHERE}}")
    assert len(problems()) == 1


def test_a_file_of_100_megabytes_is_not_read(start_up: Path, problems: Problems) -> None:
    """Its size is enough to refuse it; so is that of a file that has no size before it is read."""
    path = start_up / "large.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)
    (problem,) = problems(config_file=path)
    assert problem == f"{path}: The file has 104857600 bytes; expected at most 262144."


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: path.mkdir(), "The path leads to a folder; expected a file."),
        (os.mkfifo, "The path leads to a pipe; expected a file."),
        (lambda path: path.symlink_to("/dev/zero"), "The path leads to a device or a socket; expected a file."),
        (lambda path: path.symlink_to("nowhere"), "The file does not exist; "),
        (lambda path: path.symlink_to(path), "The file cannot be read: Too many levels of symbolic links."),
        (lambda path: path.write_bytes(b"a: b\nc: \xff"), ", line 2: The file is not in UTF-8."),
        (lambda path: path.write_text("a: b", encoding="utf-16"), ", line 1: The file is not in UTF-8."),
    ],
)
def test_what_is_no_file_of_ours_is_a_sentence(
    start_up: Path, problems: Problems, make: Callable[[Path], object], sentence: str
) -> None:
    """A folder, a pipe, a device, a broken link or another encoding is named; nothing waits for a pipe."""
    path = start_up / "one_logger_exporters_config.yaml"
    make(path)
    (problem,) = problems()
    assert sentence in problem


def test_a_path_that_no_file_can_have_is_a_sentence(problems: Problems) -> None:
    """A null character in the path is no reason for a stack trace, either, nor is something else than a path."""
    (problem,) = problems(config_file="a\0b")
    assert "The file cannot be read: " in problem
    assert problems(config_file=7) == ["the code: config_file is int; expected a path."]


def test_a_path_may_be_given_in_bytes(write: Write) -> None:
    """As anywhere else in Python."""
    path = write("exporters: [{type: memory}]", "named.yaml")
    assert list(build_exporters(config_file=os.fsencode(path))) == ["memory"]  # type: ignore[arg-type]


def test_a_file_that_may_not_be_read_is_a_sentence(start_up: Path) -> None:
    """Missing permission is said as such, to users who are not root."""
    path = start_up / "private.yaml"
    path.write_text("exporters: []")
    path.chmod(0)
    code = """
import os, sys
from one_logger.recorder import ExporterConfigError, build_exporters
build_exporters([], config_file=sys.argv[1])  # imports everything while it is still allowed
if os.geteuid() == 0:
    os.setuid(65534)
try:
    build_exporters(config_file=sys.argv[2])
except ExporterConfigError as error:
    print(error)
"""
    readable = start_up / "readable.yaml"
    readable.write_text("exporters: []")
    done = subprocess.run(
        [sys.executable, "-c", code, str(readable), str(path)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert "private.yaml: The file cannot be read: Permission denied." in done.stdout


def test_yaml_has_anchors_merge_keys_and_a_byte_order_mark(start_up: Path) -> None:
    """What people use YAML for works: shared values, overridden where they are merged."""
    (start_up / "one_logger_exporters_config.yml").write_text(
        "exporters:\n"
        "  - &first\n    type: file\n    name: a\n    config: &config {file_path: a.jsonl}\n"
        "  - {<<: *first, name: b}\n"
        "  - type: file\n    name: c\n    config: *config\n",
        encoding="utf-8-sig",
    )
    assert list(build_exporters()) == ["a", "b", "c"]


def test_dates_and_such_stay_texts(write: Write) -> None:
    """What YAML would make a date of is the text that stands there."""
    write("exporters: [{type: file, name: 2026-11-22, config: {file_path: 2026-11-22}}]")
    assert list(build_exporters()) == ["2026-11-22"]


def test_lines_are_those_of_the_entries(write: Write, problems: Problems) -> None:
    """A problem is found where it stands, also with comments and blank lines around it."""
    write(
        "# The exporters of the job\n\nexporters:\n\n  - type: memory\n  # kafka\n"
        "  - type: file\n    config:\n      file_path:\n        - 7\n      colour: red\n"
    )
    assert [problem.split(": ")[0].rpartition(", ")[2] for problem in problems()] == ["line 9", "line 11"]


def built_or_refused(path: str) -> bool:
    """Whether a file either gives exporters or is refused with a list of problems."""
    try:
        build_exporters(config_file=path)
    except ExporterConfigError as error:
        return len(error.problems) > 0
    return True


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)
entry_like = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["file", "memory", "logger", "absent", "${HOME}"]) | anything,
        "class_name": st.sampled_from(["subprocess.Popen", "a.b", "os:path", "one_logger.core.Exporter"]) | anything,
        "name": anything,
        "enabled": anything,
        "config": st.dictionaries(st.sampled_from(["file_path", "logger", "level"]) | st.text(), anything) | anything,
    },
)
document = st.fixed_dictionaries(
    {},
    optional={
        "exporters": st.lists(entry_like | anything, max_size=3) | anything,
        "inherit": anything,
        "recorder": st.dictionaries(st.sampled_from(["flush_interval", "overflow"]), anything) | anything,
        "one_logger": anything,
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(anything | document)
@example({"exporters": [{"type": "logger", "config": {"logger": "a", "level": -(10**30)}}]})
def test_any_document_is_accepted_or_refused_in_a_sentence(start_up: Path, values: object) -> None:
    """Whatever JSON or YAML a file holds, there are exporters or there is one `ExporterConfigError`."""
    for name in ("any.json", "any.yaml"):
        (start_up / name).write_text(json.dumps(values), encoding="utf-8")
        assert built_or_refused(name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary() | st.text(st.sampled_from("exporters: type[]{}&*!|>%@`#'\"\\-\n\t 09,?<~")).map(str.encode))
def test_any_bytes_are_accepted_or_refused_in_a_sentence(start_up: Path, data: bytes) -> None:
    """The same for files that are neither."""
    for name in ("any.json", "any.yaml"):
        (start_up / name).write_bytes(data)
        assert built_or_refused(name)
