"""The machine and the software that a run was made with."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tools.bench.running import ROOT

PACKAGES = re.compile(
    r"one-logger-.*|nv-one-logger-core|opentelemetry-(api|sdk|proto|exporter-otlp-(proto-http|proto-grpc|json-file))"
    r"|kafka-python|confluent-kafka|crc32c|orjson|duckdb|polars|pandas|viztracer|grpcio|(?i:pyyaml)"
)
"""The packages whose versions are of interest."""

_VERSIONS = """
import importlib.metadata, json, platform
found = {found.name: found.version for found in importlib.metadata.distributions()}
print(json.dumps([platform.python_version(), found]))
"""


def describe(interpreters: Mapping[str, str]) -> dict[str, str]:
    """What there is to know of a run, by what it is.

    Args:
        interpreters: The path of the interpreter of each environment.
    """
    cores = len(os.sched_getaffinity(0))
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return {
        "processor": f"{_processor()}, {cores} cores",
        "system": f"{platform.system()} {platform.release()}",
        "load average before": load,
        "one-logger at": _commit(),
        **{f"environment {name}": _versions(interpreter) for name, interpreter in interpreters.items()},
    }


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _commit() -> str:
    """The commit that is checked out, and whether it was changed since."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "an unknown commit"


def _versions(interpreter: str) -> str:
    done = subprocess.run([interpreter, "-c", _VERSIONS], capture_output=True, text=True, check=True)
    python, found = json.loads(done.stdout)
    packages = [f"{name} {version}" for name, version in sorted(found.items()) if PACKAGES.fullmatch(name)]
    return ", ".join([f"Python {python}", *packages])
