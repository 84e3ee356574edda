"""A wall clock that is stepped while spans are open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from one_logger.core import verify

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("step", [3_600, -3_600, 10**9, -(10**9)])
def test_durations_do_not_follow_the_wall_clock(
    step: int, run_job: Callable[..., str], records: Callable[[], list[dict[str, Any]]]
) -> None:
    """Whether the clock is set forward or back during a span, its duration is the time that passed."""
    printed = run_job(
        f"""
# The system's clock is not ours to set: this is what a process sees that starts one_logger anew.
for name in [name for name in sys.modules if name.startswith("one_logger")]:
    del sys.modules[name]
shift, real = 0, time.time_ns
time.time_ns = lambda: real() + shift
from one_logger.core import Event
from one_logger.exporter.file import FileExporter
from one_logger.recorder import DefaultRecorder

recorder = DefaultRecorder([FileExporter(sys.argv[1], max_bytes=10**9)], flush_interval=0.01)
begun = time.monotonic_ns()
span = recorder.start("work")
shift = {step} * 10**9
recorder.event(span, Event("stepped"))
time.sleep(0.05)
recorder.stop(span)
passed = time.monotonic_ns() - begun
assert recorder.flush(10)
assert recorder.close(10)
print(passed)
"""
    )
    found = records()
    assert verify(found)[0].whole
    span = {key: value for record in found if record.get("name") == "work" for key, value in record.items()}
    assert 50_000_000 <= span["duration_ns"] <= int(printed)
    by_wall_clock = span["end_time_unix_nano"] - span["start_time_unix_nano"]
    assert abs(by_wall_clock - step * 10**9 - span["duration_ns"]) < 10**9, "the wall clock is told as it was"
