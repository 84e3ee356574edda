"""What the files of the distributions, the sessions and the CI workflow say of each other."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECTS: dict[str, dict[str, Any]] = {
    path.parent.name: tomllib.loads(path.read_text()) for path in sorted(ROOT.glob("packages/*/pyproject.toml"))
}
VERSION = (ROOT / "VERSION").read_text().strip()


def test_the_distributions_accept_each_other_in_this_version() -> None:
    """Each range that one distribution gives for another admits the version which all of them have."""
    for name, content in PROJECTS.items():
        for text in content["project"]["dependencies"]:
            requirement = Requirement(text)
            if requirement.name in PROJECTS:
                assert requirement.specifier.contains(VERSION), f"{name} asks for {text}, but VERSION is {VERSION}."


def test_the_recorder_goes_with_one_version_of_what_it_stands_on() -> None:
    """It asks for exactly its own version of core and api; all others ask for a compatible core."""
    for name, content in PROJECTS.items():
        ours = {text for text in content["project"]["dependencies"] if Requirement(text).name in PROJECTS}
        if name == "one-logger-recorder":
            assert ours == {f"one-logger-core=={VERSION}", f"one-logger-api=={VERSION}"}
        else:
            assert all(text.partition("~=")[2] for text in ours), f"{name} asks for {ours}."


@pytest.mark.parametrize("name", PROJECTS)
def test_the_distributions_differ_only_in_name_purpose_and_dependencies(name: str) -> None:
    """Everything else in their pyproject.toml is the same, in the same order."""
    own = {"name", "description", "dependencies", "optional-dependencies", "entry-points", "scripts"}

    def shared(package: str) -> tuple[object, list[tuple[str, object]]]:
        content = PROJECTS[package]
        rest = {key: value for key, value in content.items() if key != "project"}
        return rest, [(key, value) for key, value in content["project"].items() if key not in own]

    assert PROJECTS[name]["project"]["name"] == name
    assert shared(name) == shared("one-logger-core")


def test_ci_runs_every_session_on_every_supported_version() -> None:
    """The workflow names all sessions that `nox` runs by itself, and the versions that the classifiers name."""
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    found = re.findall(r"^@nox\.session(.*)(?:\n@.*)?\ndef (\w+)", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
    sessions = [name for arguments, name in found if "default=False" not in arguments]
    assert len(sessions) >= 7
    missing = [session for session in sessions if not re.search(rf"(nox .*|session: \[.*)\b{session}\b", workflow)]
    assert missing == []

    prefix = "Programming Language :: Python :: 3."
    classifiers = PROJECTS["one-logger-core"]["project"]["classifiers"]
    supported = [f'"3.{text.removeprefix(prefix)}"' for text in classifiers if text.startswith(prefix)]
    assert f"python: [{', '.join(supported)}]" in workflow
