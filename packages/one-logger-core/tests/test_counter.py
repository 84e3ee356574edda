import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from one_logger.core.counter import AtomicCounter


@pytest.fixture
def frequent_switches() -> Iterator[None]:
    """Threads take turns as often as the interpreter can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_counter_starts_at_zero_and_counts_by_one() -> None:
    """A counter tells how often `add` was called."""
    counter = AtomicCounter()
    assert counter.value == 0
    for count in range(1, 1_001):
        counter.add()
        assert counter.value == count


def test_counters_are_independent() -> None:
    """Adding to one counter does not change another."""
    one, other = AtomicCounter(), AtomicCounter()
    one.add()
    assert (one.value, other.value) == (1, 0)


@pytest.mark.usefixtures("frequent_switches")
def test_no_count_of_any_thread_is_lost() -> None:
    """Eight threads that add at once lose no count."""
    counter = AtomicCounter()

    def add(times: int) -> None:
        for _ in range(times):
            counter.add()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, [20_000] * 8))
    assert counter.value == 160_000
