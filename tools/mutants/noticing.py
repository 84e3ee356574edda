"""A plugin of pytest with which a mutant is noticed soon: the first failure ends the process at once.

What a test that has failed would otherwise wait for, such as a thread that does not end, or hypothesis's search for a
smaller example, would tell nothing more. Neither would the rest of a test that hangs.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

LONGEST_TEST = 10.0
"""Seconds that a test may take before it counts as hanging."""

_STDOUT = os.dup(1)  # before pytest captures it

settings.register_profile(
    "mutants",
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """End the process if the test hangs."""
    faulthandler.dump_traceback_later(LONGEST_TEST, exit=True, file=_STDOUT)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """End the process if the test has failed."""
    if report.failed:
        os.write(_STDOUT, f"{report.nodeid} failed: {report.longreprtext}\n".encode())
        os._exit(1)
