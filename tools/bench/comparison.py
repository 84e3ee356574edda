"""From the figures of all rounds to what the table says: medians, spreads, ratios, and whether targets are met."""

from __future__ import annotations

import statistics
from math import nan
from typing import Any, NamedTuple

from tools.bench.row import Measured, Row, Target


class Spread(NamedTuple):
    """A figure over the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """The spread of these values."""
        return cls(statistics.median(values), min(values), max(values))


class Comparison(NamedTuple):
    """A line of the table: ours, beside one of the others or alone."""

    row: Row
    ours: Spread
    against: str
    """The label of the other one, or nothing."""
    theirs: Spread | None
    ratio: Spread | None
    """Ours divided by theirs, round by round: what disturbs the machine for a while disturbs both. None: by zero."""
    target: Target | None

    @property
    def met(self) -> bool | None:
        """Whether the target is met, if there is one."""
        return None if self.target is None else self.target.met(self.judged)

    @property
    def judged(self) -> float:
        """What a target is about: the ratio, or our own value."""
        if not self.against:
            return self.ours.median
        return nan if self.ratio is None else self.ratio.median

    def as_json(self) -> dict[str, Any]:
        """The line for machines."""
        return {
            "name": self.row.name,
            "title": self.row.title,
            "unit": self.row.unit,
            "ours": self.ours._asdict(),
            "against": self.against,
            "theirs": self.theirs and self.theirs._asdict(),
            "ratio": self.ratio and self.ratio._asdict(),
            "target": self.target and {"limit": self.target.limit, "at_least": self.target.at_least},
            "met": self.met,
        }


def compare(row: Row, measured: Measured) -> list[Comparison]:
    """The lines of a row: one for each entry beside ours, and one for ours alone if a target or nothing else asks.

    Args:
        row: The row.
        measured: What its measurement gave.
    """
    values = {label: [_number(figures[row.figure]) for figures in rounds] for label, rounds in measured.items()}
    labels = [entry.label for entry in row.measurement.entries]
    ours = values[labels[0]]
    targets = {target.against: target for target in row.targets}
    lines = []
    if "" in targets or len(labels) == 1:
        lines.append(Comparison(row, Spread.of(ours), "", None, None, targets.get("")))
    for label in labels[1:]:
        theirs = values[label]
        ratio = Spread.of([one / other for one, other in zip(ours, theirs, strict=True)]) if all(theirs) else None
        lines.append(Comparison(row, Spread.of(ours), label, Spread.of(theirs), ratio, targets.get(label)))
    return lines


def _number(figure: float | list[float]) -> float:
    if isinstance(figure, list):
        raise TypeError("This figure is a list of samples; a row shows a number.")
    return figure
