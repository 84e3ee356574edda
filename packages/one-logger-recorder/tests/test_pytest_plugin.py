"""The fixture `recorded_telemetry`, which pytest has wherever the recorder is installed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from one_logger.api import get_recorder, record_error, record_event, timed_span
from one_logger.recorder.testing import RecordedTelemetry
from one_logger.recorder.testing import recorded_telemetry as recorded

README = Path(__file__).parents[1] / "README.md"
Run = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs pytest in a process of its own over a file with this code."""

    def run(code: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_it.py").write_text(code)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rA", str(tmp_path)]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, cwd=tmp_path)

    return run


@timed_span
def train(epochs: int) -> None:
    """Some instrumented code."""
    for number in range(epochs):
        with timed_span("epoch", {"number": number}) as span:
            record_event("step", {"loss": 0.5})
            span.set_attribute("done", True)


def test_what_is_recorded_is_there(recorded_telemetry: RecordedTelemetry) -> None:
    """Spans with names, attributes, parents, children, events and durations are there without any flush."""
    with timed_span("outer"):
        train(2)
        outer = recorded_telemetry.find("outer")
        assert (outer.duration, outer.status, outer.parent) == (None, None, None)
    assert recorded_telemetry.tree() == ["outer", "  train", "    epoch", "    epoch"]
    spans = recorded_telemetry.spans
    assert [span.name for span in spans] == ["outer", "train", "epoch", "epoch"]
    assert [span.parent for span in spans] == [None, spans[0], spans[1], spans[1]]
    assert spans[1].children == spans[2:]
    assert [span.attributes for span in spans[2:]] == [{"number": 0, "done": True}, {"number": 1, "done": True}]
    assert all(span.duration is not None and 0 <= span.duration < 60 for span in spans)
    events = recorded_telemetry.events
    assert [(event.name, event.attributes, event.span) for event in events] == [
        ("step", {"loss": 0.5}, spans[2]),
        ("step", {"loss": 0.5}, spans[3]),
    ]
    assert spans[2].events == events[:1]
    assert recorded_telemetry.find("train") is spans[1]


def test_errors_of_the_application_are_no_failures(recorded_telemetry: RecordedTelemetry) -> None:
    """An error of the application is recorded, with its exception, and doesn't fail the test."""
    with pytest.raises(ValueError, match="no"), timed_span("work"):
        record_error("It went wrong.")
        raise ValueError("no")
    first, second = recorded_telemetry.errors
    assert (first.message, first.exception_type) == ("It went wrong.", None)
    assert (second.message, second.exception_type) == ("work raised ValueError", "ValueError")
    assert "raise ValueError" in (second.stack_trace or "")
    assert recorded_telemetry.find("work").errors == [first, second]
    assert recorded_telemetry.find("work").status == "ERROR"


def test_find_says_what_there_is(recorded_telemetry: RecordedTelemetry) -> None:
    """A name that no span has, or several have, is a failure that says what was recorded."""
    with pytest.raises(AssertionError, match="recorded were: no spans"):
        recorded_telemetry.find("train")
    train(2)
    with pytest.raises(AssertionError, match="did you mean 'epoch'"):
        recorded_telemetry.find("epochs")
    with pytest.raises(AssertionError, match="recorded were: 'train', 'epoch'"):
        recorded_telemetry.find("something else")
    with pytest.raises(AssertionError, match="2 spans are called 'epoch'"):
        recorded_telemetry.find("epoch")


def test_telemetry_errors_can_be_expected(recorded_telemetry: RecordedTelemetry) -> None:
    """A telemetry error that is expected fails nothing; one that doesn't come, or another one, does."""
    with recorded_telemetry.expect_telemetry_error("no span is open"):
        record_event("outside")
    with pytest.raises(AssertionError, match="there was none"), recorded_telemetry.expect_telemetry_error():
        pass
    with (
        pytest.raises(AssertionError, match="that matches 'twice' was expected, not: The data is wrong"),
        recorded_telemetry.expect_telemetry_error("twice"),
    ):
        get_recorder().telemetry_data_error("The data is wrong.")
    with recorded() as inner, inner.expect_telemetry_error("too late"):
        inner.fail_on_errors()
        get_recorder().telemetry_data_error("It comes too late.")
    assert len(recorded_telemetry.telemetry_errors) == 2
    with pytest.raises(AssertionError, match=r"^Telemetry errors: The data is wrong\.$"):
        recorded_telemetry.fail_on_errors()


TESTS = """
import pytest
from one_logger.api import get_recorder, record_event, timed_span

def test_good(recorded_telemetry):
    with timed_span("work"):
        record_event("step")
    assert recorded_telemetry.tree() == ["work"]

def test_mistake(recorded_telemetry):
    record_event("outside")

def test_fails_by_itself(recorded_telemetry):
    record_event("outside")
    assert 1 == 2

@pytest.fixture
def late(recorded_telemetry):
    yield
    record_event("outside")

def test_mistake_in_teardown(late):
    pass

def test_without_it():
    record_event("outside")
    assert not get_recorder().stats()
"""


def test_telemetry_errors_fail_the_test(run: Run) -> None:
    """A mistake in using the library fails the test in which it is made, or the teardown in which it is made."""
    result = run(TESTS)
    assert "PASSED test_it.py::test_good" in result.stdout
    assert "FAILED test_it.py::test_mistake - AssertionError: Telemetry errors: event()" in result.stdout
    assert "FAILED test_it.py::test_fails_by_itself - assert 1 == 2" in result.stdout
    assert "PASSED test_it.py::test_mistake_in_teardown" in result.stdout
    assert "ERROR test_it.py::test_mistake_in_teardown - AssertionError: Telemetry errors" in result.stdout
    assert "PASSED test_it.py::test_without_it" in result.stdout
    assert f"test_it.py:{TESTS.splitlines().index('def test_mistake(recorded_telemetry):') + 2}" in result.stdout


def test_the_example_of_the_readme_passes(run: Run) -> None:
    """What the README shows is a test that passes."""
    (code,) = re.findall(r"```python\n([^`]*recorded_telemetry.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert "PASSED test_it.py::test_each_epoch_is_a_span" in run(code).stdout


def test_nothing_is_imported_before_it_is_used(run: Run) -> None:
    """A test run that doesn't use the fixture imports the plugin and nothing else of ours."""
    result = run(
        "import sys\ndef test_it():\n    print(sorted(name for name in sys.modules if name.startswith('one_logger')))"
    )
    assert "\n['one_logger', 'one_logger.recorder', 'one_logger.recorder.pytest_plugin']\n" in result.stdout
