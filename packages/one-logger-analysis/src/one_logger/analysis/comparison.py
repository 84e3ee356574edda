"""Two runs side by side: which spans take longer in the second one, and which differences are noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from one_logger.analysis.run import Run

Judgement = Literal["slower", "faster", "noise", "too few", "only in A", "only in B"]

LEAST_CHANGE = 0.10
SIGNIFICANCE = 0.05
# Steps next to each other are alike, so they count as one observation: a block. The first block warms up.
_BLOCKS = 21
_LEAST_BLOCKS = 4

_MEDIANS = f"""
SELECT name, block, count(*), quantile_disc(duration_ns, 0.5), sum(duration_ns)::BIGINT FROM (
    SELECT name, duration_ns, ntile({_BLOCKS}) OVER (PARTITION BY stream, name ORDER BY start_time_unix_nano) AS block
    FROM spans WHERE duration_ns IS NOT NULL
) AS placed GROUP BY name, block ORDER BY name, block
"""


class Side(NamedTuple):
    """All spans of one name in one run: how many, their time, and the median of each block, in nanoseconds."""

    spans: int
    total_ns: int
    blocks: tuple[int, ...]

    @property
    def median_ns(self) -> int:
        """The median of the blocks' medians."""
        return int(median(self.blocks)) if self.blocks else 0


@dataclass(frozen=True)
class NameComparison:
    """The spans of one name in both runs.

    Attributes:
        name: Their name.
        a: Those of the first run, if there are any.
        b: Those of the second run, if there are any.
        p: How probable a difference like this is by chance, by the test of Mann and Whitney; None if it wasn't tested.
        judgement: `slower` or `faster`: B differs from A by as much as was asked, and not by chance; `noise`: it does
            not; `too few`: there are too few spans to tell.
    """

    name: str
    a: Side | None
    b: Side | None
    p: float | None
    judgement: Judgement

    @property
    def change(self) -> float | None:
        """How much longer the median is in B: 0.25 is 25 %, -0.1 is 10 % shorter."""
        if self.a is None or self.b is None or not self.a.median_ns:
            return None
        return self.b.median_ns / self.a.median_ns - 1


@dataclass(frozen=True)
class Comparison:
    """What `compare` shows.

    Attributes:
        names: The comparison of each name, those that took most of A's time first.
        least_change: The change from which on a difference counts.
    """

    names: Sequence[NameComparison]
    least_change: float

    @property
    def slower(self) -> list[NameComparison]:
        """The names that are slower in B."""
        return [name for name in self.names if name.judgement == "slower"]

    def as_json(self) -> dict[str, object]:
        """The comparison as `compare --json` prints it."""
        return {
            "least_change": self.least_change,
            "names": [
                {
                    "name": name.name,
                    "judgement": name.judgement,
                    "change": None if name.change is None else round(name.change, 4),
                    "p": None if name.p is None else float(f"{name.p:.3g}"),
                    "a": _side_as_json(name.a),
                    "b": _side_as_json(name.b),
                }
                for name in self.names
            ],
            "slower": [name.name for name in self.slower],
        }


def _side_as_json(side: Side | None) -> dict[str, object] | None:
    return side and {"count": side.spans, "total_ns": side.total_ns, "median_ns": side.median_ns}


def compare(a: Run, b: Run, least_change: float = LEAST_CHANGE) -> Comparison:
    """Compare two runs name by name.

    Args:
        a: The first run, with which is compared.
        b: The second run.
        least_change: The change of the median from which on a difference counts: 0.1 is 10 %.

    Raises:
        ReadError: The records cannot be read.
    """
    sides_a, sides_b = _sides(a), _sides(b)
    both = len(sides_a.keys() & sides_b.keys())
    names = [
        _compare(name, sides_a.get(name), sides_b.get(name), least_change, SIGNIFICANCE / max(1, both))
        for name in sides_a.keys() | sides_b.keys()
    ]
    names.sort(key=lambda name: (-max(side.total_ns for side in (name.a, name.b) if side), name.name))
    return Comparison(names, least_change)


def _sides(run: Run) -> dict[str, Side]:
    found: dict[str, list[tuple[int, int, int, int]]] = {}
    with run.questions("spans") as ask:
        for name, *block in ask.rows(_MEDIANS):
            found.setdefault(name, []).append((block[0], block[1], block[2], block[3]))
    return {
        name: Side(
            sum(count for _, count, _, _ in blocks),
            sum(total for _, _, _, total in blocks),
            # With fewer spans than blocks each is a block by itself, the first one too.
            tuple(middle for number, _, middle, _ in blocks if number > 1 or len(blocks) == 1),
        )
        for name, blocks in found.items()
    }


def _compare(name: str, a: Side | None, b: Side | None, least_change: float, significance: float) -> NameComparison:
    if a is None or b is None:
        return NameComparison(name, a, b, None, "only in B" if a is None else "only in A")
    if min(len(a.blocks), len(b.blocks)) < _LEAST_BLOCKS:
        return NameComparison(name, a, b, None, "too few")
    p = mann_whitney(a.blocks, b.blocks)
    compared = NameComparison(name, a, b, p, "noise")
    change = compared.change
    if change is None or p >= significance or abs(change) < least_change:
        return compared
    return NameComparison(name, a, b, p, "slower" if change > 0 else "faster")


def mann_whitney(a: Sequence[float], b: Sequence[float]) -> float:
    """The two-sided p-value of Mann and Whitney's U test, by the normal approximation with corrections.

    Source: H. B. Mann, D. R. Whitney (1947), "On a Test of Whether one of Two Random Variables is Stochastically Larger
    than the Other", Annals of Mathematical Statistics 18; the corrections for ties and continuity as in
    `scipy.stats.mannwhitneyu(..., method="asymptotic")`, with which it agrees.
    """
    joined = sorted([(value, 0) for value in a] + [(value, 1) for value in b])
    ranks_of_a = ties = 0.0
    position = 0
    while position < len(joined):
        end = position
        while end < len(joined) and joined[end][0] == joined[position][0]:
            end += 1
        rank = (position + 1 + end) / 2
        ranks_of_a += rank * sum(side == 0 for _, side in joined[position:end])
        ties += (end - position) ** 3 - (end - position)
        position = end
    n, m, both = len(a), len(b), len(joined)
    u = ranks_of_a - n * (n + 1) / 2
    spread = sqrt(n * m / 12 * ((both + 1) - ties / (both * (both - 1))))
    if not spread:
        return 1.0
    z = (max(u, n * m - u) - n * m / 2 - 0.5) / spread
    return min(1.0, erfc(z / sqrt(2)))
