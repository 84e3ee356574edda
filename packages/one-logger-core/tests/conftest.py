"""What several tests need."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from one_logger.core import diagnostics


@pytest.fixture
def run_script() -> Callable[..., str]:
    """A function that runs a script in a fresh interpreter, with arguments, and gives what it prints."""

    def run(script: str, *arguments: object) -> str:
        command = [sys.executable, "-W", "error", "-c", script, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def reports(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """A function that gives the messages that the library has logged since the test began, without their places."""
    diagnostics.write_reports()
    caplog.clear()

    def written() -> list[str]:
        diagnostics.write_reports()
        messages = [record.getMessage() for record in caplog.records if record.name == "one_logger"]
        return [re.sub(r"\.? Called at .*", "", message) for message in messages]

    yield written
    diagnostics.write_reports()
