"""A job whose threads are greenlets: gevent and eventlet replace Python's threads, locks and pauses by their own."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from one_logger.core import read_records, verify

LIBRARIES = {
    "gevent": ("from gevent import monkey, spawn, sleep; patch, wait = monkey.patch_all, lambda g: g.get()"),
    "eventlet": ("from eventlet import monkey_patch as patch, spawn, sleep; wait = lambda g: g.wait()"),
}
SETUP = """
import json, sys, threading, time
{library}
if sys.argv[2] == "before the import": patch()
from one_logger.api import *
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder
{exporter}
recorder = DefaultRecorder([Exporter(sys.argv[1])], flush_interval=0.05)
if sys.argv[2] == "before configure": patch()
OneLoggerProvider.instance().configure(OneLoggerConfig("app"), recorder)
if sys.argv[2] == "after configure": patch()
"""
MOMENTS = ["before the import", "before configure", "after configure"]


def _run(
    tmp_path: Path, library: str, moment: str, code: str, exporter: str = "Exporter = FileExporter"
) -> tuple[list[dict[str, Any]], Any]:
    """The records that a script leaves, and what it prints, as JSON."""
    file = tmp_path / "records.jsonl"
    script = SETUP.format(library=LIBRARIES[library], exporter=exporter) + code
    command = [sys.executable, "-W", "ignore", "-c", script, str(file), moment]
    process = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stderr) == (0, "")
    return list(read_records(file)), json.loads(process.stdout)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_each_greenlet_has_its_own_current_span(library: str, moment: str, tmp_path: Path) -> None:
    """Whenever the library was patched, all is delivered, by a thread, and spans are children of their greenlet's."""
    records, delivered = _run(
        tmp_path,
        library,
        moment,
        """
def request(number):
    with timed_span(f"request {number}") as span:
        sleep(0.01)
        assert current_span() is span
        with timed_span(f"inner {number}"):
            sleep(0.01)
greenlets = [spawn(request, number) for number in range(20)]
for greenlet in greenlets: wait(greenlet)
print(json.dumps(recorder.close(10)))
""",
    )
    assert delivered is True
    (report,) = verify(records)
    assert report.whole
    begun = {record["name"]: record for record in records if record["type"] in ("start", "complete")}
    assert len(begun) == 40
    for number in range(20):
        assert "parent_span_id" not in begun[f"request {number}"]
        assert begun[f"inner {number}"]["parent_span_id"] == begun[f"request {number}"]["span_id"]
    assert not [record for record in records if record["type"] == "thread"]  # all of them run on the main thread


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_greenlets_go_on_while_an_exporter_hangs(library: str, moment: str, tmp_path: Path) -> None:
    """An exporter that blocks in the operating system blocks its own thread, and not the loop of the greenlets."""
    _, seconds = _run(
        tmp_path,
        library,
        moment,
        """
def request(number):
    with timed_span("request"):
        sleep(0.001)
begin = time.monotonic()
while not blocked: wait(spawn(request, 0))
for number in range(100): wait(spawn(request, number))
print(json.dumps(time.monotonic() - begin))
sys.stdout.flush()
os._exit(0)
""",
        """
import os, signal
blocked = []
class Exporter(FileExporter):
    def write(self, lines):
        blocked.append(True)
        signal.sigtimedwait([], 60)  # neither library replaces this
""",
    )
    assert seconds < 20


GUNICORN = """
import os, time
from one_logger.api import OneLoggerConfig, OneLoggerProvider, timed_span
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder
recorder = DefaultRecorder([FileExporter(os.environ["RECORDS"])])
OneLoggerProvider.instance().configure(OneLoggerConfig("app"), recorder)

def app(environ, start_response):
    with timed_span("request"):
        time.sleep(0.01)
    start_response("200 OK", [])
    return [b"answer"]
"""


@pytest.mark.parametrize("worker", ["gevent", "sync", "gthread"])
def test_a_preloaded_server_answers_and_records(worker: str, tmp_path: Path) -> None:
    """`gunicorn --preload`, which sets up the recorder before its workers fork and patch, answers every request."""
    (tmp_path / "served.py").write_text(GUNICORN)
    file = tmp_path / "records.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bind = [f"--bind=127.0.0.1:{port}", "--preload", f"--worker-class={worker}", "--workers=2", "served:app"]
    bind.append("--graceful-timeout=3")  # a worker that has just begun doesn't hear gunicorn's SIGTERM yet
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "gunicorn", *bind],
        cwd=tmp_path,
        env={**os.environ, "RECORDS": str(file)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        answers = [_get(port) for _ in range(10)]
    finally:
        server.terminate()
        _, errors = server.communicate(timeout=30)
    assert answers == [b"answer"] * 10, errors
    records = list(read_records(file))
    assert sum(record.get("name") == "request" for record in records if record["type"] in ("start", "complete")) == 10
    assert all(report.whole for report in verify(records)), errors


def _get(port: int) -> bytes:
    """What the server answers, as soon as it does."""
    end = time.monotonic() + 30
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read()
        except ConnectionRefusedError:
            assert time.monotonic() < end, "the server does not come up"
            time.sleep(0.05)
        finally:
            connection.close()
