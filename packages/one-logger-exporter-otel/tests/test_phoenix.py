"""A run in Phoenix, configured as docs/backends.md says: what it knows, and what people see of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests

pytestmark = pytest.mark.browser

PROGRAM = os.environ.get("ONE_LOGGER_PHOENIX", "")
"""Phoenix' program, from arize-phoenix, which needs an environment of its own."""

SCREENSHOTS = os.environ.get("ONE_LOGGER_OTEL_SCREENSHOTS")

PAGE = Path(__file__).parents[1] / "docs/backends.md"

JOB = """
import sys, time
from one_logger.api import record_error, timed_span
from one_logger.recorder import configure

configure("train-digits", config_file=sys.argv[1], rank=0)
with timed_span("train", {"model": "mlp"}):
    for epoch in range(3):
        with timed_span("epoch", {"epoch": epoch}):
            with timed_span("load data"):
                time.sleep(0.01)
            with timed_span("step", {"loss": float("nan") if epoch == 2 else 0.5 / (epoch + 1)}):
                time.sleep(0.03)
                if epoch == 1:
                    record_error("A batch is empty.", ValueError("no rows"))
"""


def ask(address: str) -> Any:
    """What Phoenix answers to a question of its REST API."""
    answer = requests.get(address, timeout=30)
    answer.raise_for_status()
    return answer.json()


@pytest.fixture(scope="module")
def phoenix(
    tmp_path_factory: pytest.TempPathFactory,
    serving: Callable[..., AbstractContextManager[None]],
    free_port: Callable[[], int],
) -> Iterator[str]:
    """The address of a Phoenix of our own."""
    assert PROGRAM, "ONE_LOGGER_PHOENIX has to name Phoenix' program; the session `browser` does."
    folder, port = tmp_path_factory.mktemp("phoenix"), free_port()
    settings = {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    with serving(port, [PROGRAM, "serve"], folder / "log", {**os.environ, **settings}, 120.0):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def spans(phoenix: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What Phoenix has of a job that was configured as the page says, by the names of its spans."""
    configuration = tmp_path_factory.mktemp("job") / "one-logger.yaml"
    section = PAGE.read_text("utf-8").partition("## Phoenix")[2]
    found = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert found is not None
    configuration.write_text(found[1].replace("http://phoenix:6006", phoenix))
    project = re.search(r"OTEL_RESOURCE_ATTRIBUTES=\S+name=\w+", section)
    assert project is not None
    name, _, value = project[0].partition("=")
    subprocess.run([sys.executable, "-c", JOB, str(configuration)], check=True, env={**os.environ, name: value})
    deadline = time.monotonic() + 60
    taken: list[dict[str, Any]] = []
    while len(taken) < 10:  # it writes what it has taken some time later
        assert time.monotonic() < deadline, taken
        try:
            taken = ask(f"{phoenix}/v1/projects/train/spans?limit=100")["data"]
        except requests.HTTPError:  # it does not know the project yet
            time.sleep(0.2)
    by_name: dict[str, list[dict[str, Any]]] = {}
    for span in sorted(taken, key=lambda span: str(span["start_time"])):
        by_name.setdefault(span["name"], []).append(span)
    return by_name


def test_all_is_there(spans: dict[str, list[dict[str, Any]]]) -> None:
    """Each span is in the project that was named, below its parent, with its attributes; NaN does no harm."""
    assert {name: len(each) for name, each in spans.items()} == {"train": 1, "epoch": 3, "load data": 3, "step": 3}
    [train] = spans["train"]
    ids = [span["context"]["span_id"] for span in spans["epoch"]]
    assert {span["parent_id"] for span in spans["epoch"]} == {train["context"]["span_id"]}
    assert [span["parent_id"] for span in spans["step"]] == ids
    assert train["parent_id"] is None
    assert train["attributes"]["model"] == "mlp"
    assert [span["attributes"]["epoch"] for span in spans["epoch"]] == [0, 1, 2]


def test_errors_are_seen(spans: dict[str, list[dict[str, Any]]]) -> None:
    """The span in which something went wrong says so, with the exception."""
    statuses = [(span["status_code"], span["status_message"]) for span in spans["step"]]
    assert statuses[0][0] != "ERROR"
    assert statuses[1] == ("ERROR", "ValueError: no rows")
    [error] = spans["step"][1]["events"]
    assert error["name"] == "exception"


def test_people_see_the_run(phoenix: str, spans: dict[str, list[dict[str, Any]]], tmp_path: Path) -> None:
    """The page of the trace shows the spans as a tree. What it looks like is kept for the documentation."""
    from chromium import chromium, wait_until

    [train] = spans["train"]
    [project] = [each["id"] for each in ask(f"{phoenix}/v1/projects")["data"] if each["name"] == "train"]
    with chromium(tmp_path / "profile", width=1400, height=800) as browser:
        browser.get(f"{phoenix}/projects/{project}/traces/{train['context']['trace_id']}")

        def text() -> str:
            return str(browser.execute_script("return document.body.innerText"))

        wait_until(lambda: text().count("load data") >= 3)
        assert text().count("epoch") == 3
        folder = Path(SCREENSHOTS) if SCREENSHOTS else tmp_path
        picture = folder / "phoenix.png"
        browser.save_screenshot(str(picture))
        assert picture.stat().st_size > 10_000
