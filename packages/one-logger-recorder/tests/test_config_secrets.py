"""Secrets: what is one, and that it gets nowhere but to the exporter."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from one_logger.recorder import ExporterConfigError, build_exporters, configure

Install = Callable[..., Path]
Write = Callable[..., Path]

SECRET = 'hunter2\'s "best\\ password"'  # noqa: S105 - it is not ours

CLIENT = """
from one_logger.exporter.memory import InMemoryExporter

class Client(InMemoryExporter):
    def __init__(self, password: str = "", url: str = "", headers: dict[str, str] | None = None,
                 port: int = 0, sasl_plain: bool = False, user: str = "", fail: bool = False, fails_in: str = ""):
        super().__init__()
        self.password, self.url, self.headers = password, url, headers
        self._text = f"cannot log in with {password} or {password!r} at {url}, headers {headers}, user {user}"
        self._fails_in = fails_in
        if fail:
            raise ValueError(self._text)

    def initialize(self, resource):
        self._fail("initialize")
        super().initialize(resource)

    def flush(self):
        self._fail("flush")

    def close(self):
        self._fail("close")

    def _fail(self, method):
        if method == self._fails_in:
            raise ValueError(self._text)
"""

# Each is a configuration of the client in which the secret is known as such in another way.
HIDDEN = [
    {"password": SECRET},
    {"password": "${CLIENT_PASSWORD}"},
    {"password": "<${CLIENT_PASSWORD}>"},
    {"user": "${CLIENT_PASSWORD}"},
    {"headers": {"x-auth": SECRET}},
    {"headers": {"x-auth": "Bearer ${CLIENT_PASSWORD}"}},
    {"url": "https://me:hunter2@example.com/path"},
    {"url": "${CLIENT_PASSWORD:-hunter2}"},
    {"url": "https://me:${CLIENT_PASSWORD}@example.com/path"},
]
# What is wrong beside it: in all ways that are seen before the client is made, or the one that it sees itself.
WRONG: dict[str, list[dict[str, object]]] = {
    "arguments": [
        {"port": "many"},
        {"unknown_token": SECRET},
        {"sasl_plain": "${CLIENT_PASSWORD}"},
        {"headers": {"authorization": SECRET, "x": 7}},
    ],
    "constructor": [{"fail": True}],
    "nothing": [{}],
    "not enabled": [{}],
}


@pytest.fixture
def client(install: Install, start_up: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An exporter that has to log in, and a password in the environment."""
    monkeypatch.setenv("CLIENT_PASSWORD", SECRET)
    return install("client", {"client": CLIENT}, exporters={"client": "client:Client"})


@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("wrong", WRONG)
def test_no_secret_gets_into_errors_logs_or_the_command(
    client: Path, write: Write, caplog: pytest.LogCaptureFixture, hidden: dict[str, object], wrong: str
) -> None:
    """Whatever is wrong with a configuration, neither the error, its repr, the log nor the command says a secret."""
    entries = [{"type": "client", "config": {**hidden, **each}} for each in WRONG[wrong]]
    path = write(json.dumps({"exporters": entries}), "client.json")
    if wrong == "not enabled":
        path.write_text(path.read_text().replace('"config"', '"enabled": false, "config"'))
    texts: list[str] = []
    try:
        build_exporters(config_file=path)
    except ExporterConfigError as error:
        texts += [str(error), repr(error), repr(error.problems)]
    assert bool(texts) == (wrong in ("arguments", "constructor"))
    caplog.set_level(0)
    configure("app", config_file=path)
    texts += [caplog.text, repr(caplog.records)]
    command = [sys.executable, "-m", "one_logger.recorder", "config", "--file", str(path)]
    environment = {"PYTHONPATH": str(client), "CLIENT_PASSWORD": SECRET}
    as_json = ["--json"] if wrong == "arguments" else []
    done = subprocess.run([*command, *as_json], capture_output=True, text=True, check=False, env=environment)
    assert "client.json" in done.stdout
    for text in (*texts, done.stdout, done.stderr):
        assert "hunter2" not in text
        assert "best" not in text


@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("method", ["initialize", "flush", "close"])
def test_no_secret_gets_into_the_log_of_the_worker(
    client: Path, caplog: pytest.LogCaptureFixture, hidden: dict[str, object], method: str
) -> None:
    """Where the exporter itself, or a library that it uses, shows a secret in an exception, the log masks it."""
    entry = {"type": "client", "config": {**hidden, "fails_in": method}}
    recorder = configure("app", exporters=[entry], recorder={"flush_interval": 0.001, "max_failures": 1})
    recorder.stop(recorder.start("work"))
    recorder.flush(0.2)
    recorder.close(5)
    assert "ValueError: cannot log in with" in caplog.text
    assert "hunter2" not in caplog.text
    assert "best" not in caplog.text


def test_the_exporter_gets_the_secret(client: Path) -> None:
    """Masks are for people."""
    config = {"password": "${CLIENT_PASSWORD}", "headers": {"x-auth": "Bearer ${CLIENT_PASSWORD}"}}
    exporter: Any = build_exporters([{"type": "client", "config": config}])["client"]
    assert exporter.password == SECRET
    assert exporter.headers == {"x-auth": f"Bearer {SECRET}"}


@pytest.mark.parametrize(
    "name",
    [
        *("password", "db_passwd", "TOKEN", "client_secret", "api_key", "apiKey", "api-key", "authorization"),
        *("headers", "credentials", "sasl_plain_username", "private_key", "AWS_SECRET_ACCESS_KEY", "cookie", "dsn"),
    ],
)
def test_what_is_a_secret_goes_by_its_name(client: Path, problems: Callable[..., list[str]], name: str) -> None:
    """Under such a key a value is not quoted, whatever it is."""
    (problem,) = problems([{"class_name": "client.Client", "config": {"headers": {name: 7_777_777}}}])
    assert problem.endswith(f".headers.{name} is a secret value; expected a text; put it in quotes.")


def test_what_is_no_secret_is_quoted(client: Path, problems: Callable[..., list[str]]) -> None:
    """Everything else helps to find the mistake."""
    (problem,) = problems([{"type": "client", "config": {"port": "many"}}])
    assert problem.endswith("is 'many'; expected a whole number.")
