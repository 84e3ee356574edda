"""What all tests of this repository are held to."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is.
settings.register_profile("one-logger", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("one-logger")

PATIENCE = 30.0
"""Seconds that a thread may take to end after its test."""


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Fail a test that leaves a recorder's thread behind: it would write to the log of another test."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + PATIENCE
    while left := [thread.name for thread in _ours() if thread not in before]:
        if time.monotonic() > deadline:
            pytest.fail(f"These threads are left: {', '.join(left)}. Close the recorder, or let its exporter go on.")
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _no_span_is_current() -> None:
    """Let a test begin without a current span, whatever one of another file has left open in this process."""
    if context := sys.modules.get("one_logger.api.context"):
        context.CURRENT_SPAN.set(None)


def _ours() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("one-logger ")]
