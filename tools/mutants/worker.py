"""A copy of the tree in which mutants are made and tested, one at a time."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

START_UP = 30.0
"""Seconds that a worker may take to start."""


class Worker:
    """A process of cosmic-ray that makes mutants in a copy of the tree, and tests them there.

    Args:
        root: The tree: what git tracks in it, and what it does not but does not ignore either.
        folder: Where to copy it to. What is there is removed.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            if (root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, folder / name)
        # It stands before what is installed, in the tests and in the processes that they start.
        sources = os.pathsep.join(str(path) for path in sorted(folder.glob("packages/*/src")))
        self._environment = {**os.environ, "PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1"}
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        with (folder / "worker.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cosmic_ray.cli", "http-worker", "--port", str(port)],
                cwd=folder,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_UP
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"The worker does not start: {(folder / 'worker.log').read_text()}") from None
                time.sleep(0.05)
            else:
                return

    def run_tests(self, command: str) -> None:
        """Run tests of the code as it is.

        Raises:
            subprocess.CalledProcessError: They fail, and would notice anything.
        """
        subprocess.run(shlex.split(command), cwd=self.folder, env=self._environment, check=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process. While tests are under way it doesn't hear that it should."""
        self._process.terminate()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
