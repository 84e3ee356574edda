"""Instants, and times that are none."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from one_logger.core import ErrorEvent, Event, Span, TelemetryDataError, TelemetryDataErrorType, Timestamp

NOW = 1_764_000_000
"""Seconds since 1970 in 2025."""


def test_now_reads_both_clocks() -> None:
    """The present instant is between two readings of either clock."""
    unix, monotonic = time.time_ns(), time.monotonic_ns()
    now = Timestamp.now()
    assert unix <= now.unix_ns <= time.time_ns()
    assert monotonic <= now.monotonic_ns <= time.monotonic_ns()


def test_instant_of_the_wall_clock_is_placed_on_the_monotonic_clock() -> None:
    """An instant an hour ago on the wall clock is an hour ago on the monotonic clock, to within a second."""
    hour = 3_600_000_000_000
    ago = Timestamp.from_unix_ns(time.time_ns() - hour)
    assert abs(time.monotonic_ns() - hour - ago.monotonic_ns) < 1_000_000_000


def test_instant_keeps_all_its_nanoseconds() -> None:
    """Nanoseconds are kept as integers, so none is lost to rounding."""
    assert Timestamp.from_unix_ns(1_700_000_000_123_456_789).unix_ns == 1_700_000_000_123_456_789


def test_equal_readings_are_equal_timestamps() -> None:
    """Timestamps are equal, and hash alike, if both clocks read the same."""
    assert Timestamp(1, 2) == Timestamp(1, 2)
    assert len({Timestamp(1, 2), Timestamp(1, 2), Timestamp(1, 3), Timestamp(0, 2)}) == 3
    assert Timestamp(1, 2) != (1, 2)


def test_repr_makes_the_timestamp_again() -> None:
    """The repr of a timestamp shows both clocks."""
    assert repr(Timestamp(1, 2)) == "Timestamp(unix_ns=1, monotonic_ns=2)"


@pytest.mark.parametrize(
    "wrong",
    [1_764_000_000.5, float("nan"), "now", None, True, 2**63, 10**5_000, -(10**5_000), object(), np.float64(5)],
    ids=["float", "nan", "text", "none", "bool", "65 bits", "huge", "negative", "object", "numpy"],
)
def test_time_that_is_no_whole_number_is_now(wrong: Any) -> None:
    """What is no whole number, or needs more than 64 bits, does not raise: it is now, and `problem` says why."""
    before = Timestamp.now()
    made = [Timestamp(wrong, wrong), Timestamp(time.time_ns(), wrong), Timestamp.from_unix_ns(wrong)]
    after = Timestamp.now()
    for timestamp in made:
        assert timestamp.problem is not None
        assert "expected a whole number of nanoseconds" in timestamp.problem
        assert (type(timestamp.unix_ns), type(timestamp.monotonic_ns)) == (int, int)
        assert before.unix_ns <= timestamp.unix_ns <= after.unix_ns
        assert before.monotonic_ns - 10**8 <= timestamp.monotonic_ns <= after.monotonic_ns + 10**8


def test_half_of_a_timestamp_is_kept() -> None:
    """If only the monotonic clock is wrong, the instant is that of the wall clock."""
    an_hour_ago = time.time_ns() - 3_600 * 10**9
    timestamp = Timestamp(an_hour_ago, 5.0)  # type: ignore[arg-type]  # that is the mistake
    assert timestamp.unix_ns == an_hour_ago
    assert abs(time.monotonic_ns() - timestamp.monotonic_ns - 3_600 * 10**9) < 10**9


@pytest.mark.parametrize(
    ("unix_ns", "said"),
    [
        (NOW, "looks like seconds"),
        (NOW * 10**3, "looks like milliseconds"),
        (NOW * 10**6, "looks like microseconds"),
        (7_500_000_000 * 10**9, "after the year 2200"),
    ],
)
def test_other_units_are_recognised(unix_ns: int, said: str) -> None:
    """A time that is a date of today in another unit is kept as it is, and `problem` says what it looks like."""
    for timestamp in (Timestamp(unix_ns, 5), Timestamp.from_unix_ns(unix_ns)):
        assert timestamp.unix_ns == unix_ns
        assert timestamp.problem is not None
        assert said in timestamp.problem
        assert str(unix_ns) in timestamp.problem


@pytest.mark.parametrize("unix_ns", [0, 5, -5, NOW * 10**9, 946_684_800 * 10**9, 7_000_000_000 * 10**9])
def test_times_that_may_be_right_are_taken(unix_ns: int) -> None:
    """Past and future dates, and the first moments of a clock that was never set, are no mistakes."""
    assert Timestamp(unix_ns, 5).problem is None
    assert Timestamp.from_unix_ns(unix_ns).problem is None


def test_integers_of_numpy_are_integers() -> None:
    """A whole number of numpy is taken as the plain integer that it is."""
    timestamp = Timestamp(np.int64(NOW * 10**9), np.int64(5))  # type: ignore[arg-type]  # types know no better
    assert (timestamp.problem, timestamp.unix_ns, timestamp.monotonic_ns) == (None, NOW * 10**9, 5)
    assert type(timestamp.unix_ns) is type(timestamp.monotonic_ns) is int


@pytest.mark.parametrize(
    "time", [1_764_000_000.5, 1_764_000_000, "now", object()], ids=["float", "int", "text", "object"]
)
def test_what_is_no_timestamp_is_now(time: Any) -> None:
    """An event, error or span that is given something else as its time does not raise: it is now, and says so."""
    before = Timestamp.now().unix_ns
    kind = TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA
    events = [Event("e", {}, time), ErrorEvent("e", None, {}, time), TelemetryDataError(kind, "e", {}, time)]
    span = Span("work", start_time=time)
    assert span.problem is not None
    assert "start_time was given as" in span.problem
    assert span.stop(stop_time=time)
    assert "stop_time was given as" in span.problem
    after = Timestamp.now().unix_ns
    for event in events:
        assert event.problem is not None
        assert "timestamp was given as" in event.problem
        assert before <= event.timestamp.unix_ns <= after
    assert before <= span.start_unix_ns <= (span.end_unix_ns or 0) <= after
    assert (span.duration_ns or -1) >= 0


def test_problem_of_a_timestamp_is_one_of_what_happened_then() -> None:
    """Events and spans with a time in another unit say so."""
    seconds = Timestamp(NOW, 5)
    span = Span("work", start_time=seconds)
    assert Event("e", {}, seconds).problem == span.problem == seconds.problem
    span = Span("work")
    span.stop(stop_time=seconds)
    assert span.problem == seconds.problem


def test_number_of_missing_records_is_one() -> None:
    """A telemetry data error that is given something else does not raise: it counts none, and says so."""
    for wrong in (-1, "3", 2.0, None, True):
        error = TelemetryDataError(TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA, "e", dropped=wrong)  # type: ignore[arg-type]  # that is the mistake
        assert error.dropped == 0
        assert error.problem is not None
        assert "expected a number of records" in error.problem
