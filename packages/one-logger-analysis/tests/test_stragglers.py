"""Who is called slow: the rule at its edges."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from one_logger.analysis.findings.facts import Facts, PathFacts, StreamFacts, Timing
from one_logger.analysis.findings.stragglers import find_stragglers

MS = 1_000_000


def slow(
    medians: Sequence[int | tuple[int, int]], steps: int = 100, ranks_per_host: int = 1, world: Sequence[int] = ()
) -> list[object]:
    """The ranks or hosts that are called slow.

    Args:
        medians: The median step of each rank in ms, or those of the two halves of the run.
        steps: How many steps were measured.
        ranks_per_host: How many ranks share a host.
        world: The incarnation of each rank. Empty: 1.
    """
    halves = [median if isinstance(median, tuple) else (median, median) for median in medians]
    streams = [
        StreamFacts(
            f"s{n}", "job", world[n] if world else 1, n, f"h{n // ranks_per_host}", None, 1, 0, 0, True, None, 0, 1
        )
        for n in range(len(halves))
    ]
    timings = [
        Timing(f"s{n}", "step", steps, sum(pair) * steps * MS // 2, max(pair) * MS, 0, 0, steps, *_nanoseconds(pair))
        for n, pair in enumerate(halves)
    ]
    facts = Facts(streams, [PathFacts("step", "step", 0, None, steps, steps, None)], timings)
    return [finding.evidence.get("rank", finding.evidence["host"]) for finding in find_stragglers(facts)]


def _nanoseconds(pair: tuple[int, int]) -> tuple[int, int, int]:
    return sum(pair) * MS // 2, pair[0] * MS, pair[1] * MS


ALIKE = [1000, 1001, 999, 1000, 1002, 998, 1000]


@pytest.mark.parametrize(
    ("medians", "expected"),
    [
        (ALIKE, []),
        ([*ALIKE, 1090], []),  # less than 10 %
        ([*ALIKE, 1120], [7]),
        ([*ALIKE, 1120, 1150], [8, 7]),  # the slowest first
        ([*ALIKE, (1300, 1000)], []),  # in one half only
        ([*ALIKE, (1000, 1300)], []),
        ([1000, 900, 1100, 950, 1050, 1080, 920, 1160], []),  # ranks that differ by themselves: less than 5 MAD
        ([*ALIKE, 700], []),  # a fast one makes no slow ones
        ([1000, 1120], [1]),  # of two
        ([1000, 1080], []),
        ([1000], []),
    ],
)
def test_a_slow_rank_is_10_percent_and_5_deviations_above_the_median_rank(
    medians: list[int | tuple[int, int]], expected: list[int]
) -> None:
    """Both limits hold, in all of the run and in both halves."""
    assert slow(medians) == expected


def test_few_steps_say_nothing() -> None:
    """With fewer than 20 steps no rank is called slow."""
    assert slow([*ALIKE, 1500], steps=19) == []
    assert slow([*ALIKE, 1500], steps=20) == [7]


def test_ranks_of_different_incarnations_are_not_compared() -> None:
    """A restart may run on other machines, or with another world size: it is compared with itself."""
    assert slow([1000, 1000, 1000, 1500, 1500, 1500], world=[1, 1, 1, 2, 2, 2]) == []


@pytest.mark.parametrize(
    ("medians", "expected"),
    [
        ([1000, 1001, 1200, 1202], ["h1"]),  # one of two nodes
        ([1000, 1001, 1000, 1300], [3]),  # one rank of a node is not the node
        ([1000, 1001, 1080, 1081], []),
        ([1000, 1100, 1210, 1130], []),  # ranks that differ by themselves
        ([1000, 1000, 1000, 1000, 1200, 1200, 1300, 1300], ["h2", "h3"]),
    ],
)
def test_a_slow_node_is_slow_on_its_ranks(medians: list[int | tuple[int, int]], expected: list[object]) -> None:
    """A node is named if nearly all of its ranks are slower than the other nodes'."""
    assert sorted(map(str, slow(medians, ranks_per_host=2))) == sorted(map(str, expected))
