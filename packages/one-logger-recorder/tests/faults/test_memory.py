"""How much memory a process takes at most: measured in a child, by the operating system."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytestmark = pytest.mark.faults

MEGABYTE = 2**20


def test_a_span_with_a_million_events_costs_what_an_empty_one_does(run_job: Callable[..., str]) -> None:
    """Recording a million events in one open span takes less than 20 MB, and none after the first 100,000."""
    first, later, exported = map(
        int,
        run_job(
            """
recorder = DefaultRecorder([FileExporter(sys.argv[1])], queue_capacity=16_384, overflow="block", block_timeout=60)
span = recorder.start("work")
assert recorder.flush(60)
before = peak()
for step in range(1_000_000):
    recorder.event(span, Event("step", {"step": step}))
    if step == 100_000:
        first = peak()
assert recorder.close(60)
print(first - before, peak() - first, recorder.stats()["FileExporter"].exported)
"""
        ).split(),
    )
    assert first < 20 * MEGABYTE
    assert later < 2 * MEGABYTE
    assert exported == 1_000_002


def test_a_million_spans_with_a_dead_backend_are_bounded(run_job: Callable[..., str]) -> None:
    """Recording a million spans for a backend that is never there takes what the queue may hold, and no more."""
    first, later = map(
        int,
        run_job(
            """
recorder = DefaultRecorder([Dead()])
recorder.start("work")
before = peak()
for step in range(1_000_000):
    recorder.stop(recorder.start("inner", {"step": step}))
    if step == 100_000:
        first = peak()
stats = recorder.stats()["Dead"]
assert stats.recorded == stats.dropped + stats.pending == 2_000_001, stats
assert recorder.close(0.1) is False
print(first - before, peak() - first)
"""
        ).split(),
    )
    assert first < 64 * MEGABYTE
    assert later < 2 * MEGABYTE


@pytest.mark.parametrize(
    "record",
    [
        "recorder.event(None, Event('large', {'text': text}))",
        "recorder.event(None, Event(text))",
        "recorder.event(None, Event('large', {text: 1}))",
        "recorder.event(None, Event('large', {'texts': [text, text]}))",
        "recorder.event(None, Event('large', {'number': 1 << 2**23}))",
        "recorder.error(None, text)",
        "recorder.error(None, 'large', ValueError(text))",
        "recorder.telemetry_data_error(text)",
        "recorder.stop(recorder.start(text))",
        "recorder.stop(recorder.start('large', {'text': text}))",
        "recorder.stop(recorder.start('large', None, {'text': text}))",
        "recorder.stop(recorder.start('large'), {'text': text})",
        "with timed_span('large') as span: span.set_attribute('text', text)",
        "recorder.event(None, Event('large', {'text': text if number % 4 == 2 else ''}))",
    ],
)
def test_megabytes_with_a_dead_backend_are_bounded(record: str, run_job: Callable[..., str]) -> None:
    """Records of a megabyte, wherever that is in them, take what the queue may hold in bytes, roughly."""
    taken = int(
        run_job(
            f"""
recorder = DefaultRecorder([Dead()], queue_bytes=16 * 2**20)
configure_one_logger(OneLoggerConfig("app"), recorder)
recorder.start("work")
before = peak()
for number in range(1_000):
    text = str(number) + "x" * 2**20
    {record}
recorder.close(0.1)
print(peak() - before)
"""
        )
    )
    # The queue is looked at after 31 records; what an exception holds is there twice, as its own text and its trace's.
    assert taken < 128 * MEGABYTE
