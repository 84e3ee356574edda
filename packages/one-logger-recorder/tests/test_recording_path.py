"""What an instrumented call never does: wait, read, write, log, import, encode."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def _lines(script: str, *arguments: object) -> list[str]:
    """What a script prints in a fresh interpreter."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout.splitlines()


def test_an_instrumented_call_makes_no_system_call_that_python_audits(tmp_path: Path) -> None:
    """No call opens a file or socket or imports a module: not the very first one, and not one that is a mistake."""
    assert _lines(AUDITED, tmp_path / "records.jsonl") == ["", "True"]


BLOCKED = """
import logging, threading
from one_logger.core import Event
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder

gate = threading.Event()
threads = set()

class Handler(logging.Handler):
    def emit(self, record):
        threads.add(threading.current_thread() is threading.main_thread())
        gate.wait()

logging.getLogger("one_logger").addHandler(Handler())
recorder = DefaultRecorder([InMemoryExporter()], flush_interval=0.01)
span = recorder.start("work")
for number in range(1_000):
    recorder.event(None, Event("late", {f"odd {number}": object()}))
    recorder.stop(recorder.start("other"))
    recorder.stop(span)
recorder.flush(timeout=0.2)
print(threads, gate.is_set())
gate.set()
print(recorder.close(timeout=30))
"""


def test_a_log_that_blocks_does_not_block_the_job() -> None:
    """What the library logs, of mistakes too, is logged by a worker: the job goes on while the log hangs."""
    assert _lines(BLOCKED) == ["{False} False", "True"]
