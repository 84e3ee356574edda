"""Processes that end in every disorderly way."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from one_logger.core import read_records, verify

pytestmark = pytest.mark.faults

Records = Callable[[], list[dict[str, Any]]]

RECORDS_FOR_EVER = """
recorder = DefaultRecorder([FileExporter(sys.argv[1])], flush_interval=0.002)
configure_one_logger(OneLoggerConfig("app"), recorder)
step = 0
with timed_span("work"):
    while True:
        for _ in range(200):
            record_event("step", {"step": step, "text": "x" * 200})
            step += 1
        if step % 1_000 == 0 and recorder.flush(30):
            print(step, flush=True)
"""


@pytest.mark.parametrize("seed", range(36))
def test_sigkill_leaves_all_that_was_flushed(
    seed: int, start_job: Callable[[str], subprocess.Popen[str]], lines: Callable[[], list[bytes]]
) -> None:
    """Killed at any moment, a job leaves every record up to its last flush, a torn last line at most, and no `end`."""
    with start_job(RECORDS_FOR_EVER) as process:
        assert process.stdout is not None
        flushed = int(process.stdout.readline())
        time.sleep(random.Random(seed).uniform(0, 0.15))
        process.kill()
        flushed = max([flushed, *map(int, process.stdout.read().split())])
    found = lines()
    records = list(read_records(found))
    assert len(records) >= len(found) - 1, "a line that is not the last one is torn"
    steps = [record["attributes"]["step"] for record in records if record["type"] == "event"]
    assert steps == list(range(len(steps))), "no gap, nothing twice, in order"
    assert len(steps) >= flushed
    (report,) = verify(records)
    assert (report.closed, report.whole, report.gaps, report.dropped) == (False, False, [], 0)


@pytest.mark.parametrize(
    ("code", "status", "whole"),
    [
        ("os._exit(3)", 3, False),
        ("threading.Thread(target=sys.exit, args=(3,)).start()", 0, True),
        ("threading.Thread(target=os._exit, args=(3,)).start(); time.sleep(60)", 3, False),
        ("raise RuntimeError('nobody handles this')", 1, True),
        ("threading.excepthook = lambda args: None; threading.Thread(target=lambda: 1 / 0).start()", 0, True),
        ("os.abort()", -6, False),
        ("os.execv(sys.executable, [sys.executable, '-c', ''])", 0, False),
        ("threading.Thread(target=recorder.close).start(); sys.exit(3)", 3, True),
        ("threading.Thread(target=recorder.close, daemon=True).start(); sys.exit(3)", 3, True),
        ("threading.Thread(target=recorder.close).start(); raise RuntimeError('nobody handles this')", 1, True),
        ("stuck = True; threading.Thread(target=recorder.close).start(); os._exit(3)", 3, False),
    ],
)
def test_every_way_to_end(
    code: str, status: int, whole: bool, run_job: Callable[..., str], lines: Callable[[], list[bytes]]
) -> None:
    """An orderly end leaves a whole stream, another one what was flushed, also while `close` is under way."""
    run_job(
        f"""
class Slow(FileExporter):
    def write(self, lines):
        if len(lines) > 1_000:
            time.sleep(60 if stuck else 0.1)
        super().write(lines)

stuck = False
recorder = DefaultRecorder([Slow(sys.argv[1])], flush_interval=3600, exit_timeout=60)
span = recorder.start("work")
recorder.event(span, Event("flushed"))
assert recorder.flush(30)
for step in range(1_500):
    recorder.event(span, Event("later"))
{code}
""",
        status,
    )
    records = list(read_records(lines()))
    (report,) = verify(records)
    assert (report.closed, report.whole) == (whole, whole)
    assert [record["type"] for record in records[:3]] == ["resource", "start", "event"]
    if whole:
        assert report.records == 1_505
