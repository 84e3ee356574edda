"""What an instrumented call never does: wait, read, write, log, import, encode."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from one_logger.core import Event
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder

AUDITED = """
import sys, threading
from one_logger.api import *
from one_logger.core import *
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder

class Path:
    def __fspath__(self):
        return "a path"

def raise_deep(depth):
    if depth:
        raise_deep(depth - 1)
    raise ValueError("deep")

def record():
    with timed_span("work", {"a": 1, "path": Path(), "odd": object(), "nan": float("nan")}) as span:
        span.set_attribute("b", [1, 2.5])
        record_event("event", {"c": "d"})
        try:
            raise_deep(10)
        except ValueError as error:
            record_error("failed", error)
    try:
        with timed_span("raises"):
            raise_deep(10)
    except ValueError:
        pass
    get_recorder().event(span, Event("late"))
    get_recorder().stop(span)
    timed_span(7).__enter__()

seen = []
watching = False
main = threading.get_ident()

def audit(event, arguments):
    if watching and threading.get_ident() == main:
        seen.append((event, arguments))

recorder = DefaultRecorder([FileExporter(sys.argv[1])])
configure_one_logger(OneLoggerConfig("app"), recorder)
sys.addaudithook(audit)
watching = True
record()
watching = False
# A mistake is looked for on the stack, which is no system call.
print(*[event for event, _ in seen if event not in ("builtins.id", "object.__getattr__", "sys._getframe")])
print(recorder.close())
"""


def test_an_instrumented_call_makes_no_system_call_that_python_audits(tmp_path: object) -> None:
    """No call opens a file or socket or imports a module: not the very first one, and not one that is a mistake."""
    done = subprocess.run(
        [sys.executable, "-c", AUDITED, f"{tmp_path}/records.jsonl"], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["", "True"]


@pytest.fixture
def blocked_log() -> Iterator[threading.Event]:
    """The library's log blocks until this is set, as one does that writes to a pipe which nobody reads."""
    gate = threading.Event()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            assert threading.current_thread() is not threading.main_thread()
            gate.wait()

    handler = Handler()
    logger = logging.getLogger("one_logger")
    logger.addHandler(handler)
    try:
        yield gate
    finally:
        gate.set()
        logger.removeHandler(handler)


def test_a_log_that_blocks_does_not_block_the_job(blocked_log: threading.Event) -> None:
    """What the library logs, of mistakes too, is logged by a worker: the job goes on while the log hangs."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], flush_interval=0.01)
    span = recorder.start("work")
    for number in range(1_000):
        recorder.event(None, Event("late", {f"odd {number}": object()}))
        recorder.stop(recorder.start("other"))
        recorder.stop(span)
    recorder.flush(timeout=0.2)
    blocked_log.set()
    assert recorder.close(timeout=30) is True
