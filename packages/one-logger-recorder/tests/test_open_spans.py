"""Spans that nobody stops: they are current no longer than what is around them, and `close` keeps its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from one_logger.api import OneLoggerConfig, current_span, get_recorder, timed_span
from one_logger.api.testing import configured
from one_logger.core import Span, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder


@pytest.fixture
def recorder() -> Iterator[DefaultRecorder]:
    """A recorder that the process is configured with."""
    recorder = DefaultRecorder([InMemoryExporter()])
    with configured(OneLoggerConfig("app"), recorder):
        yield recorder
        recorder.close(timeout=30)


def _left_open() -> None:
    get_recorder().start("callback")


def _left_open_twice() -> None:
    _left_open()
    _left_open()


def _left_open_around_another() -> None:
    _left_open()
    with timed_span("inner"):
        pass


def _generator() -> Iterator[Span]:
    with timed_span("generator") as span:
        yield span


suspended: list[Iterator[Span]] = []


def _suspended() -> None:
    generator = _generator()
    next(generator)
    suspended.append(generator)


@pytest.mark.parametrize("work", [_left_open, _left_open_twice, _left_open_around_another, _suspended])
def test_a_span_left_open_is_current_no_longer_than_the_one_around_it(
    work: Callable[[], None], recorder: DefaultRecorder
) -> None:
    """When the span around it stops, what is around that one is current again."""
    with timed_span("outer") as outer:
        with timed_span("request"):
            work()
        assert current_span() is outer
        with timed_span("next") as following:
            assert following.parent_span_id == outer.span_id
    assert not current_span().is_recording()
    with timed_span("root") as root:
        assert root.parent_span_id is None
        suspended.clear()  # which stops the generator's span
        assert current_span() is root


def test_a_span_in_another_branch_stays_current(recorder: DefaultRecorder) -> None:
    """To stop a span that is not around the current one changes nothing."""
    beside = recorder.start("beside")
    recorder.stop(beside)
    with timed_span("outer") as outer:
        other = recorder.start("other", parent_span=beside)
        recorder.stop(outer)
        assert current_span() is other
        recorder.stop(other)


@pytest.mark.parametrize(("count", "timeout"), [(1_000, 1.0), (1_000, 0.0), (200_000, 1.0)])
def test_close_keeps_its_time_with_many_open_spans(
    count: int, timeout: float, until: Callable[[Callable[[], object]], None]
) -> None:
    """What it has no time to stop is counted as missing, for each exporter, and its stream says so."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter], queue_capacity=count * 2)
    for _ in range(count):
        recorder.start("left open")
    begun = monotonic()
    delivered = recorder.close(timeout=timeout)
    assert monotonic() - begun < 2.5
    until(lambda: all(each.pending == 0 for each in recorder.stats().values()))  # the worker may still be at it
    (stats,) = recorder.stats().values()
    stops = sum(record["type"] in ("stop", "complete") for record in exporter.records)
    assert stats.recorded == 2 * count
    if (count, timeout) == (1_000, 1.0):
        assert delivered
        assert stops == count
        assert verify(exporter.records)[0].whole
    else:
        assert not delivered
        assert stats.dropped >= count - stops
