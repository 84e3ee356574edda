"""Whatever a job has in its names, objects, exceptions and environment: every text that leaves can be encoded."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from one_logger.api import OneLoggerConfig, OneLoggerErrorHandlingStrategy, timed_span
from one_logger.api.testing import configured
from one_logger.core import Event, OneLoggerError, Resource, Span, SpanContext, diagnostics, verify
from one_logger.exporter.file import FileExporter
from one_logger.exporter.logger import LoggerExporter
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import (
    DefaultRecorder,
    Enricher,
    EventFilter,
    ExporterConfigError,
    Processor,
    RateSampler,
    RatioSampler,
    SpanFilter,
    Summarizer,
    TailSampler,
    build_exporters,
)

Make = Callable[[], object]


class Loud(str):
    """A text whose own methods are of no use."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no str")

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        raise RuntimeError("no format")


class ShownError(Exception):
    """Is shown by a text, or something that is none, or raises an exception instead."""

    def __init__(self, shown: object) -> None:
        super().__init__()
        self._shown = shown

    def __str__(self) -> str:
        if isinstance(self._shown, Exception):
            raise self._shown
        return self._shown  # type: ignore[return-value]  # whatever it is

    __repr__ = __str__


def shown_by(make: Make) -> ShownError:
    """An exception that is shown by what this makes."""
    return ShownError(make())


class Lines(logging.Handler):
    """Encodes what is logged, as a handler that writes to a file does, but lets what that raises go on."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[bytes] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record).encode())


def listed(make: Make) -> list[object]:
    """A list with one of these."""
    return [make()]


def mapped(key: Make, value: Make) -> dict[object, object]:
    """A mapping with these in it."""
    return {key(): value()}


def classed(name: str) -> object:
    """An object whose class says that this is its name, and that of its module."""
    kind: type = type("C", (), {"__qualname__": name, "__module__": name})
    return kind()


# What makes an object, not the object: Hypothesis shows what it has drawn.
texts = st.text(st.sampled_from("aé\ud800\udcff\ud83c\udf89\U0001f389\u2028\n\0\"'\\%{}"), max_size=8)
plain: st.SearchStrategy[Make] = texts.map(lambda text: partial(str, text))
loud: st.SearchStrategy[Make] = texts.map(lambda text: partial(Loud, text))
odd: st.SearchStrategy[Make] = st.sampled_from([partial(int, 5), partial(ValueError, "no")])
exceptions: st.SearchStrategy[Callable[[], ShownError]] = (plain | loud | odd).map(lambda make: partial(shown_by, make))
keys: st.SearchStrategy[Make] = st.one_of(
    plain,
    loud,
    exceptions,
    texts.map(lambda name: partial(classed, name)),
    st.just(partial(pow, 10, 5_000)),
)
objects: st.SearchStrategy[Make] = st.one_of(
    keys,
    keys.map(lambda make: partial(listed, make)),
    st.builds(lambda key, value: partial(mapped, key, value), keys, keys),
)
HALF = partial(ShownError, "\ud800")
often = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@contextmanager
def logged(name: str) -> Iterator[list[bytes]]:
    """What is logged in the block, encoded."""
    handler, logger = Lines(), logging.getLogger(name)
    diagnostics.write_reports()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


class Fails(InMemoryExporter):
    """Refuses everything with this exception."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def write(self, lines: list[str]) -> None:
        raise self._error


class Raises(Processor):
    """Raises this exception for each event, and gives back this object for each start."""

    def __init__(self, error: Exception, given: object) -> None:
        self._error, self._given = error, given

    def on_start(self, span: Span) -> Any:
        return self._given

    def on_event(self, event: Event, span: Span) -> Event:
        raise self._error


@often
@given(text=texts, make_thing=objects, make_error=exceptions, make_name=objects)
@example("\ud800", partial(listed, HALF), HALF, partial(listed, HALF))
def test_records_and_log_can_be_encoded(
    text: str, make_thing: Callable[[], Any], make_error: Callable[[], ShownError], make_name: Callable[[], Any]
) -> None:
    """Of names, attributes, messages and exceptions of every kind, each record and each line of the log is UTF-8."""
    thing, error, name = make_thing(), make_error(), make_name()
    memory = InMemoryExporter()
    with tempfile.TemporaryDirectory() as folder, logged("one_logger") as log, logged("tests.texts") as lines:
        file = Path(folder, "records.jsonl")
        exporters = {text or "f": FileExporter(file), f"m{text}": memory, "l": LoggerExporter("tests.texts")}
        recorder = DefaultRecorder(
            {**exporters, f"{text}fails": Fails(error)}, processors=[Raises(error, thing)], max_failures=1
        )
        config = OneLoggerConfig(f"a{text}", session_tag=text, rank=0, custom_metadata={f"k{text}": thing})
        # timed_span lets the job's own exceptions pass.
        with (
            configured(config, recorder),
            suppress(ShownError),
            timed_span(name, {text: thing}, {f"{text}{text}": thing}) as span,
        ):
            span.set_attribute(text, name)
            recorder.event(span, Event(name, {"a": text, "b": [text]}))
            recorder.event(None, thing)
            recorder.start(text, thing, name, start_time=thing, parent_span=thing)
            recorder.error(span, thing, error, {text: thing})
            recorder.telemetry_data_error(thing, {text: text})
            recorder.stop(thing, thing, thing)
            recorder.flush(thing)
            raise error
        content = file.read_bytes()
    records = [json.loads(line) for line in content.decode("utf-8", "strict").split("\n")[:-1]]
    assert verify(records)[0].closed
    assert len(records) == len(memory.records) == len(lines)
    json.dumps(memory.records, ensure_ascii=False).encode()
    assert any(b"Telemetry error" in line for line in log)
    assert any(b"fails has failed" in line or b"fails failed" in line for line in log)


CALLS: dict[str, Callable[[Any], object]] = {
    "application_name": OneLoggerConfig,
    "session_tag": lambda given: OneLoggerConfig("a", session_tag=given),
    "rank": lambda given: OneLoggerConfig("a", rank=given),
    "world_size": lambda given: OneLoggerConfig("a", world_size=given),
    "enable_for_current_rank": lambda given: OneLoggerConfig("a", enable_for_current_rank=given),
    "error_handling_strategy": lambda given: OneLoggerConfig("a", error_handling_strategy=given),
    "custom_metadata": lambda given: OneLoggerConfig("a", custom_metadata=given),
    "from_mapping": OneLoggerConfig.from_mapping,
    "from_mapping, a key": lambda given: OneLoggerConfig.from_mapping({given: 1}),
    "from_mapping, the strategy": lambda given: OneLoggerConfig.from_mapping(
        {"application_name": "a", "error_handling_strategy": given}
    ),
    "Resource": Resource,
    "trace_id": lambda given: SpanContext(given, 1),
    "span_id": lambda given: SpanContext(1, given),
    "trace_flags": lambda given: SpanContext(1, 1, given),
    "traceparent": SpanContext.from_traceparent,
    "file_path": FileExporter,
    "max_bytes": lambda given: FileExporter("f", max_bytes=given),
    "logger": LoggerExporter,
    "level": lambda given: LoggerExporter("l", given),
    "exporters": DefaultRecorder,
    "exporters, one": lambda given: DefaultRecorder({"a": given}),
    "processors": lambda given: DefaultRecorder([], processors=given),
    "delivery": lambda given: DefaultRecorder([], delivery=given),
    "queue_capacity": lambda given: DefaultRecorder([], queue_capacity=given),
    "flush_on_signals": lambda given: DefaultRecorder([], flush_on_signals=given),
    "include": SpanFilter,
    "where": lambda given: EventFilter(where=given),
    "where, a key": lambda given: EventFilter(where={given: {"below": given}}),
    "where, a key of a condition": lambda given: EventFilter(where={"a": {given: given}}),
    "max_verbosity": lambda given: EventFilter(max_verbosity=given),
    "added attributes": Enricher,
    "ratio": RatioSampler,
    "traces_per_second": RateSampler,
    "one_in": lambda given: TailSampler(one_in=given),
    "min_duration": lambda given: TailSampler(min_duration=given),
    "summarised event": lambda given: Summarizer(given, attribute=given),
    "every": lambda given: Summarizer("e", attribute="a", every=given),
    "type": lambda given: build_exporters([{"type": given}]),
    "key of an entry": lambda given: build_exporters([{"type": "memory", given: 1}]),
    "argument": lambda given: build_exporters([{"type": "file", "config": {"file_path": "f", "max_bytes": given}}]),
    "entries": build_exporters,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(make=objects)
@example(make=HALF)
@example(make=partial(ShownError, ValueError("no")))
@example(make=partial(Loud, "\udcff"))
@example(make=partial(str, "\ud800"))
def test_exceptions_can_be_encoded(
    call: Callable[[Any], object],
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """A wrong argument of any kind is taken, or refused by a `OneLoggerError` whose text can be encoded."""
    monkeypatch.chdir(tmp_path)
    thing = make()
    assume("key" not in request.node.callspec.id or not isinstance(thing, (list, dict)))
    try:
        call(thing)
    except OneLoggerError as error:
        str(error).encode()
        if isinstance(error, ExporterConfigError):
            str(error.problems[0]).encode()


@pytest.mark.parametrize("strategy", OneLoggerErrorHandlingStrategy)
@often
@given(make_thing=objects, make_name=objects)
def test_no_mistake_becomes_another_exception(
    strategy: OneLoggerErrorHandlingStrategy, make_thing: Callable[[], Any], make_name: Callable[[], Any]
) -> None:
    """Whatever is given to a recorder, what reaches the job is nothing, or a `OneLoggerError` where that is asked."""
    thing, name = make_thing(), make_name()
    recorder = DefaultRecorder([InMemoryExporter()])
    propagates = strategy is OneLoggerErrorHandlingStrategy.PROPAGATE_EXCEPTIONS
    with logged("one_logger"), configured(OneLoggerConfig("a", error_handling_strategy=strategy), recorder):
        calls: list[Callable[[], object]] = [
            lambda: recorder.start(name, thing, thing, thing, thing),
            lambda: recorder.event(thing, thing),
            lambda: recorder.event(None, Event(name, thing, thing)),
            lambda: recorder.error(thing, name, thing, thing),
            lambda: recorder.stop(thing, thing, thing),
            lambda: recorder.telemetry_data_error(name, thing),
            lambda: recorder.flush(thing),
        ]
        for call in calls:
            try:
                call()
            except OneLoggerError as error:
                assert propagates
                str(error).encode()


FILE = """
exporters:
  - type: file
    name: lines
    config: {file_path: "${FOLDER}/a.jsonl"}
  - type: ${TYPE}
    config: {a: b}
  - type: memory
    config: {"${KEY}": "${VALUE}"}
"""


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("arguments", [["config"], ["config", "--json"]])
def test_report_of_the_configuration_can_be_printed(encoding: str, arguments: list[str], tmp_path: Path) -> None:
    """Names of files and variables that are no UTF-8 are shown, whatever the terminal can show."""
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)  # noqa: PTH102 - a path of bytes
    path = os.path.join(folder, b"exporters \xfe.yaml")  # noqa: PTH118
    Path(os.fsdecode(path)).write_text(FILE)
    odd = {b"FOLDER": folder, b"TYPE": b"\xff\xfe", b"VALUE": b"\xfd"}
    done = subprocess.run(
        [sys.executable, "-m", "one_logger.recorder", *arguments, "--file", path],
        env={**os.environb, **odd, b"PYTHONIOENCODING": encoding.encode(), b"PYTHONUTF8": b"1"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")
    printed = done.stdout.decode(encoding)
    assert "a.jsonl" in printed
    assert "is no" in printed
