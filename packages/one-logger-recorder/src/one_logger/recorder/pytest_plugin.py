"""The pytest plugin of one-logger: the fixture `recorded_telemetry`. Nothing is imported before a test asks for it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from one_logger.recorder.testing import RecordedTelemetry

__all__ = ["pytest_runtest_call", "recorded_telemetry"]

_KEPT = pytest.StashKey["RecordedTelemetry"]()


@pytest.fixture
def recorded_telemetry(request: pytest.FixtureRequest) -> Iterator[RecordedTelemetry]:
    """What the test records with one-logger, there to be looked at at once. A telemetry error fails the test."""
    from one_logger.recorder.testing import recorded_telemetry as recorded

    with recorded() as telemetry:
        request.node.stash[_KEPT] = telemetry
        yield telemetry
    telemetry.fail_on_errors()  # those of the fixtures that end before this one


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test itself where an error of telemetry is not expected, and not its teardown."""
    result = yield
    if _KEPT in item.stash:
        item.stash[_KEPT].fail_on_errors()
    return result
