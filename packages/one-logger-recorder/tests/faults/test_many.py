"""Many processes, threads and tasks at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from one_logger.core import verify

pytestmark = pytest.mark.faults

Records = Callable[[], list[dict[str, Any]]]


def _begun_and_ended(records: list[dict[str, Any]]) -> tuple[Counter[str], Counter[str]]:
    begun = Counter(record["span_id"] for record in records if record["type"] in ("start", "complete"))
    ended = Counter(record["span_id"] for record in records if record["type"] in ("stop", "complete"))
    return begun, ended


def test_sixteen_processes_share_a_file(run_job: Callable[..., str], records: Records) -> None:
    """Sixteen processes that append 100,000 records to one file leave each line and each stream whole."""
    run_job(
        """
children = []
for number in range(16):
    child = os.fork()
    if child == 0:
        recorder = DefaultRecorder([FileExporter(sys.argv[1])], flush_interval=0.01, overflow="block", block_timeout=60)
        span = recorder.start("work")
        for step in range(6_250):
            recorder.event(span, Event("step", {"step": step}))
        os._exit(0 if recorder.close(60) else 1)
    children.append(child)
assert not any(os.waitpid(child, 0)[1] for child in children)
"""
    )
    found = records()
    assert [report.whole for report in verify(found)] == [True] * 16
    events = Counter(record["stream"] for record in found if record["type"] == "event")
    assert list(events.values()) == [6_250] * 16


def test_sixty_four_threads_record_at_once(run_job: Callable[..., str], records: Records) -> None:
    """Of sixty-four threads each span has one start and one stop, and its own thread's span as parent."""
    run_job(
        """
recorder = DefaultRecorder([FileExporter(sys.argv[1])], flush_interval=0.01, overflow="block", block_timeout=60)
configure_one_logger(OneLoggerConfig("app"), recorder)
together = threading.Barrier(64)

def job(number):
    together.wait()
    with timed_span(f"thread {number}"):
        for step in range(100):
            with timed_span("inner", {"thread": number}):
                record_event("step")

threads = [threading.Thread(target=job, args=(number,)) for number in range(64)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert recorder.close(60)
"""
    )
    found = records()
    assert verify(found)[0].whole
    begun, ended = _begun_and_ended(found)
    assert begun == ended
    assert len(begun) == 64 * 101
    assert set(begun.values()) == {1}
    spans = {record["span_id"]: record for record in found if record["type"] in ("start", "complete")}
    inner = [span for span in spans.values() if span["name"] == "inner"]
    assert all(spans[span["parent_span_id"]]["name"] == f"thread {span['attributes']['thread']}" for span in inner)
    assert Counter(record["span_id"] for record in found if record["type"] == "event") == {
        s["span_id"]: 1 for s in inner
    }


def test_a_thousand_tasks_record_at_once(run_job: Callable[..., str], records: Records) -> None:
    """Of a thousand asyncio tasks each span has one start and one stop, and its own task's span as parent."""
    run_job(
        """
import asyncio
recorder = DefaultRecorder([FileExporter(sys.argv[1])], flush_interval=0.01, overflow="block", block_timeout=60)
configure_one_logger(OneLoggerConfig("app"), recorder)

async def task(number):
    async with timed_span(f"task {number}"):
        for step in range(5):
            await asyncio.sleep(0)
            async with timed_span("inner", {"task": number}):
                await asyncio.sleep(0.001)
                record_event("step")

async def main():
    await asyncio.gather(*(task(number) for number in range(1_000)))

asyncio.run(main())
assert recorder.close(60)
"""
    )
    found = records()
    assert verify(found)[0].whole
    begun, ended = _begun_and_ended(found)
    assert begun == ended
    assert len(begun) == 6_000
    assert set(begun.values()) == {1}
    spans = {record["span_id"]: record for record in found if record["type"] in ("start", "complete")}
    inner = [span for span in spans.values() if span["name"] == "inner"]
    assert all(spans[span["parent_span_id"]]["name"] == f"task {span['attributes']['task']}" for span in inner)
