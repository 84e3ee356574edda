"""Servers and pools that start and end their processes in their own ways: uwsgi, billiard and Celery, multiprocess."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from one_logger.core import read_records, verify

SETUP = """
import os, sys, time
from one_logger.api import OneLoggerConfig, OneLoggerProvider, timed_span
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder
recorder = DefaultRecorder([FileExporter(os.environ["RECORDS"])])
if __name__ in ("__main__", "served", "tasks"):
    OneLoggerProvider.instance().configure(OneLoggerConfig("app"), recorder)
"""


def _environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "RECORDS": str(tmp_path / "records.jsonl")}


def _records(tmp_path: Path) -> list[dict[str, Any]]:
    file = tmp_path / "records.jsonl"
    return list(read_records(file)) if file.exists() else []


def _begun(records: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [record for record in records if record.get("name") == name and record["type"] in ("start", "complete")]


UWSGI = """
with timed_span("load"): pass
def application(environ, start_response):
    with timed_span("request"):
        time.sleep(0.02)
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
"""


UWSGI_OPTIONS: list[tuple[str, ...]] = [(), ("--enable-threads",)]
if sys.version_info < (3, 13):  # on which uwsgi itself hangs with this option
    UWSGI_OPTIONS.append(("--enable-threads", "--py-call-osafterfork"))


@pytest.mark.parametrize("options", UWSGI_OPTIONS)
def test_uwsgi_s_workers_have_streams_of_their_own(options: tuple[str, ...], tmp_path: Path) -> None:
    """Python does not see uwsgi's forks by default: the workers answer, with ids of their own, and all is delivered."""
    (tmp_path / "served.py").write_text(SETUP + UWSGI)
    port = 20_000 + os.getpid() % 20_000
    server = subprocess.Popen(
        [
            *(sys.executable, "-c", "import pyuwsgi; pyuwsgi.run()", f"--http-socket=127.0.0.1:{port}", "--master"),
            *("--processes=2", "--need-app", "--die-on-term", "--wsgi=served", *options),
        ],
        cwd=tmp_path,
        env=_environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        workers: set[bytes] = set()
        end = monotonic() + 60
        while len(workers) < 2 and monotonic() < end:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
                    workers.add(answer.read())
            except urllib.error.URLError:
                sleep(0.05)
        while monotonic() < end and len({each["stream"] for each in _begun(_records(tmp_path), "request")}) < 2:
            sleep(0.05)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            _, errors = server.communicate(timeout=20)
        finally:
            server.kill()
    assert len(workers) == 2, errors
    requests = _begun(_records(tmp_path), "request")
    assert len({record["stream"] for record in requests}) == 2, errors
    assert len({record["span_id"] for record in requests}) == len(requests)
    assert len({record["trace_id"] for record in requests}) == len(requests)


def _run(tmp_path: Path, script: str) -> list[dict[str, Any]]:
    (tmp_path / "job.py").write_text(SETUP + script)
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "job.py"],
        cwd=tmp_path,
        env=_environment(tmp_path),
        check=False,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert process.returncode == 0, process.stderr
    return _records(tmp_path)


@pytest.mark.parametrize("library", ["multiprocessing", "billiard", "multiprocess"])
def test_children_of_every_library_deliver_when_they_end(library: str, tmp_path: Path) -> None:
    """They end by `os._exit`, after finalizers of that library, and their streams are whole."""
    records = _run(
        tmp_path,
        f"""
import {library} as library
def work(number):
    with timed_span("work"): pass
if __name__ == "__main__":
    children = [library.Process(target=work, args=(number,)) for number in range(3)]
    for child in children: child.start()
    for child in children: child.join()
""",
    )
    assert len(_begun(records, "work")) == 3
    assert [report.whole for report in verify(records)] == [True] * 4


@pytest.mark.parametrize("library", ["billiard", "multiprocess"])
def test_recycled_children_of_a_pool_deliver(library: str, tmp_path: Path) -> None:
    """A pool whose children do one piece of work each loses none of them."""
    records = _run(
        tmp_path,
        f"""
import {library} as library
def work(number):
    with timed_span("work"): pass
if __name__ == "__main__":
    pool = library.Pool(2, maxtasksperchild=1)
    pool.map(work, range(4), chunksize=1)
    pool.close()
    pool.join()
""",
    )
    assert len(_begun(records, "work")) == 4
    whole = {report.stream for report in verify(records) if report.whole}
    assert {each["stream"] for each in _begun(records, "work")} <= whole


CELERY = """
import gc
from celery import Celery
from billiard.exceptions import SoftTimeLimitExceeded
app = Celery("tasks", broker="filesystem://", backend="cache+memory://")
app.conf.broker_transport_options = {
    "data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control", "processed_folder": "processed",
}
app.conf.worker_max_tasks_per_child = 1

@app.task
def work():
    with timed_span("work"): pass

def dense():  # by itself: in Python 3.13, a `try` around this loop does not catch what is raised where it jumps back
    while True:
        with timed_span("dense"): pass

@app.task(soft_time_limit=1)
def long():
    gc.collect()  # what Celery has left: Python ignores what is raised while it collects that
    try:
        dense()
    except SoftTimeLimitExceeded:
        reached = True
    recorder.flush(60)  # so that there is room in the queue
    if reached:
        with timed_span("limit reached"): pass
"""


def test_celery_s_tasks_deliver_and_get_their_time_limits(tmp_path: Path) -> None:
    """Workers that Celery recycles lose nothing, and a soft time limit reaches a task that records densely."""
    (tmp_path / "tasks.py").write_text(SETUP + CELERY)
    for folder in ("queue", "control", "processed"):
        (tmp_path / folder).mkdir()
    # The long one first: Celery forks later workers from a thread, and in Python 3.13.0 these get no signals.
    send = "import tasks; tasks.long.delay(); [tasks.work.delay() for _ in range(3)]; tasks.recorder.close()"
    environment = _environment(tmp_path)
    subprocess.run(
        [sys.executable, "-c", send], cwd=tmp_path, env={**environment, "RECORDS": os.devnull}, check=True, timeout=60
    )
    printed = tmp_path / "printed"
    with printed.open("wb") as output:
        worker = subprocess.Popen(
            [
                *(sys.executable, "-W", "ignore", "-m", "celery", "-A", "tasks", "worker", "--pool=prefork"),
                *("--concurrency=2", "--without-gossip", "--without-mingle", "--without-heartbeat"),
            ],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def done() -> bool:
        records = _records(tmp_path)
        streams = {each["stream"] for each in [*_begun(records, "work"), *_begun(records, "limit reached")]}
        return len(streams) == 4 and streams <= {report.stream for report in verify(records) if report.closed}

    end = monotonic() + 60
    try:
        while not done() and monotonic() < end:
            sleep(0.2)
    finally:
        # Asked to end by itself, Celery now and then waits for ever for a worker that it has just started.
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    assert done(), printed.read_text()
    (limit,) = _begun(_records(tmp_path), "limit reached")
    assert "parent_span_id" not in limit
