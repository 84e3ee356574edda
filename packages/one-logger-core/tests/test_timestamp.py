import time

from one_logger.core import Timestamp


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
