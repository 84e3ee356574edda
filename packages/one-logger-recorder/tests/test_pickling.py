"""Objects of the job that hold a recorder or a span are copied and pickled, also by what pickles functions by value."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator

import cloudpickle
import dill
import pytest

from one_logger.api import OneLoggerConfig, OneLoggerProvider, Recorder, get_recorder, timed_span
from one_logger.api.testing import configured
from one_logger.core import NOOP_SPAN, Span
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder


class Model:
    """What holds all of it."""

    def __init__(self) -> None:
        self.recorder: Recorder = get_recorder()
        self.provider = OneLoggerProvider.instance()
        self.span: Span = self.recorder.start("held")
        self.timed = timed_span("timed")
        self.nothing = NOOP_SPAN


@pytest.fixture
def model() -> Iterator[Model]:
    """A model of a process that is configured."""
    recorder = DefaultRecorder([InMemoryExporter()])
    with configured(OneLoggerConfig("app"), recorder):
        yield Model()
        recorder.close(timeout=30)


def test_a_copy_has_the_same_recorder_and_spans(model: Model) -> None:
    """There is one recorder in a process, and a span is one piece of work."""
    copied = copy.deepcopy(model)
    assert copied.recorder is model.recorder
    assert copied.provider is model.provider
    assert copied.span is model.span


@pytest.mark.parametrize("by", [pickle, cloudpickle, dill], ids=["pickle", "cloudpickle", "dill"])
def test_what_is_loaded_records_with_the_recorder_of_its_process(by: object, model: Model) -> None:
    """The recorder is that of the process that loads it; a span has its ids, to be a parent, and records nothing."""
    loaded = by.loads(by.dumps(model))  # type: ignore[attr-defined]  # the modules have them
    assert loaded.recorder is get_recorder()
    assert loaded.provider is OneLoggerProvider.instance()
    assert loaded.span.context == model.span.context
    assert not loaded.span.is_recording()
    loaded.span.set_attribute("a", 1)
    child = get_recorder().start("child", parent_span=loaded.span)
    assert child.parent_span_id == model.span.span_id


@pytest.mark.parametrize("by", ["cloudpickle", "dill"])
def test_decorated_functions_are_pickled_once_telemetry_is_configured(by: str) -> None:
    """Functions of a script go to another process by value, with what they refer to, and record there."""
    script = f"""
import subprocess, sys, {by}
from one_logger.api import *
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder
configure_one_logger(OneLoggerConfig("app"), DefaultRecorder([InMemoryExporter()]))

@timed_span("work")
def work(number): return number + 1

work(1)
loading = "import sys, {by}; print({by}.loads(sys.stdin.buffer.read())(41))"
print(subprocess.run([sys.executable, "-c", loading], input={by}.dumps(work), stdout=subprocess.PIPE).stdout.decode())
"""
    process = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60)
    assert (process.stdout.strip(), process.stderr) == ("42", "")
