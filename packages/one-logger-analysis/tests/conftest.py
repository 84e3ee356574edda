"""What the tests share."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from one_logger.analysis.main import main

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Whoever runs the tests may ignore Ctrl-C, which processes inherit: the commands started here have to get it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Done(NamedTuple):
    """How a command ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it wrote to stdout, as JSON."""
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test keeps for later isn't in the user's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def one_logger(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs the command `one-logger` in this process."""

    def run(*arguments: object) -> Done:
        code = main([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return run
