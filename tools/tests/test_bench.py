"""What tools/bench makes of figures. That it measures is shown by running it: ``nox -s bench_works``."""

from __future__ import annotations

import pytest

from tools.bench.comparison import Comparison, Spread, compare
from tools.bench.row import Entry, Measured, Measurement, Row, Target
from tools.bench.rows import ROWS
from tools.bench.table import limit, number, table
from tools.bench.workloads.workload import percentile

MEASUREMENT = Measurement("paced", (Entry("ours", "a", "x.Y"), Entry("peer", "b", "x.Y"), Entry("other", "c", "x.Y")))
MEASURED: Measured = {
    "ours": [{"p": 2.0}, {"p": 4.0}, {"p": 3.0}],
    "peer": [{"p": 20.0}] * 3,
    "other": [{"p": 1.0}] * 3,
}


def row(*targets: Target) -> Row:
    """A row with these targets."""
    return Row("group.name", "What it is", MEASUREMENT, "p", "µs", targets)


def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds() -> None:
    """Ours is divided by theirs round by round, and the middle one counts."""
    against_peer, against_other = compare(row(), MEASURED)
    assert against_peer.ours == Spread(3, 2, 4)
    assert against_peer.ratio == pytest.approx(Spread(0.15, 0.1, 0.2))
    assert against_other.ratio == Spread(3, 2, 4)
    assert against_peer.met is against_other.met is None


@pytest.mark.parametrize(
    ("target", "met", "margin"),
    [
        (Target(1 / 5, "peer"), True, 4 / 3),
        (Target(1 / 8, "peer"), False, 5 / 6),
        (Target(3, "other", at_least=True), True, 1),
        (Target(6, "other", at_least=True), False, 0.5),
        (Target(6), True, 2),
        (Target(2.5), False, 2.5 / 3),
        (Target(0), False, 0),
    ],
)
def test_a_target_is_met_up_to_its_limit(target: Target, met: bool, margin: float) -> None:
    """A target is about the ratio to one of the others, or about our own value, and has a limit above or below."""
    (line,) = (line for line in compare(row(target), MEASURED) if line.target)
    assert line.met is met
    assert target.margin(line.judged) == pytest.approx(margin)


def test_the_table_has_a_line_for_each_of_the_others() -> None:
    """What a row is about is said once; each line says what it is compared with, and whether a target is met."""
    lines = compare(row(Target(1 / 8, "peer"), Target(6)), MEASURED)
    text = table(lines).splitlines()
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in text[2:]] == [
        ["What it is (`group.name`)", "3 µs (2 to 4)", "", "", "", "≤ 6 µs", "yes"],
        ["", "", "peer", "20 µs", "0.15", "≤ 1/8", "**no**"],
        ["", "", "other", "1 µs", "3", "", ""],
    ]
    assert len({len(line) for line in text}) == 1


def test_a_peer_that_takes_nothing_has_no_ratio() -> None:
    """Nothing is divided by zero."""
    lines: list[Comparison] = compare(row(), {**MEASURED, "peer": [{"p": 0.0}] * 3})
    assert lines[0].ratio is None


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.0213, "0.021"), (0.5, "0.5"), (3.14159, "3.14"), (312.6, "313"), (98765, "98,765")]
)
def test_a_number_has_about_three_digits(value: float, text: str) -> None:
    """Numbers are as exact as a benchmark is."""
    assert number(value) == text


@pytest.mark.parametrize(
    ("target", "text"),
    [(Target(1 / 8, "peer"), "≤ 1/8"), (Target(6, "peer", at_least=True), "≥ 6"), (Target(2.5), "≤ 2.5 s")],
)
def test_a_limit_is_written_as_it_is_spoken_of(target: Target, text: str) -> None:
    """Small limits are fractions; one of our own value has its unit."""
    assert limit(target, "s") == text


def test_a_percentile_is_one_of_the_values() -> None:
    """It is the smallest value that so many percent of the values don't exceed."""
    values = [float(value) for value in range(1, 1_001)]
    assert [percentile(values, percent) for percent in (0.05, 50, 99, 99.9, 99.95, 100)] == [
        1,
        500,
        990,
        999,
        1000,
        1000,
    ]
    assert percentile([7.0], 50) == 7


def test_every_row_can_be_asked_for_alone() -> None:
    """Names are unique, and a target is against somebody who takes part."""
    assert len({row.name for row in ROWS}) == len(ROWS)
    for one in ROWS:
        assert [other for other in ROWS if other.chosen([one.name])] == [one]
        labels = {entry.label for entry in one.measurement.entries}
        assert {target.against for target in one.targets} <= {*labels, ""}
