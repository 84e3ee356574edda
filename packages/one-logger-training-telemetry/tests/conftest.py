"""The fixture of most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from training_records import Recorded, configured


@pytest.fixture
def recorded(request: pytest.FixtureRequest) -> Iterator[Recorded]:
    """Configures the process for a test, with what its mark `training` says, and gives what is recorded."""
    mark = request.node.get_closest_marker("training")
    with configured(**(mark.kwargs if mark else {})) as found:
        yield found
