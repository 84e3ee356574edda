"""The table, as text that is Markdown, too."""

from __future__ import annotations

from collections.abc import Sequence

from tools.bench.comparison import Comparison, Spread
from tools.bench.row import Target

HEAD = ("", "one-logger", "against", "", "ratio", "target", "met")


def table(lines: Sequence[Comparison]) -> str:
    """A table of these lines, its columns aligned.

    Args:
        lines: What to show. Lines of the same row follow each other.
    """
    cells = [HEAD, *(_cells(line, lines[number - 1] if number else None) for number, line in enumerate(lines))]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    rule = tuple("-" * width for width in widths)
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in (cells[0], rule, *cells[1:])
    )


def _cells(line: Comparison, before: Comparison | None) -> tuple[str, ...]:
    first = before is None or before.row is not line.row
    unit = line.row.unit
    return (
        f"{line.row.title} (`{line.row.name}`)" if first else "",
        spread(line.ours, unit) if first else "",
        line.against,
        spread(line.theirs, unit) if line.theirs else "",
        number(line.ratio.median) if line.ratio else "",
        limit(line.target, unit) if line.target else "",
        {True: "yes", False: "**no**", None: ""}[line.met],
    )


def number(value: float) -> str:
    """A number with about three digits."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 0.1 else f"{value:.3g}"


def spread(value: Spread, unit: str) -> str:
    """A median with its unit and, if they differ from it, the lowest and the highest value."""
    text = f"{number(value.median)} {unit}".strip()
    return text if value.low == value.high else f"{text} ({number(value.low)} to {number(value.high)})"


def limit(target: Target, unit: str) -> str:
    """A target as it is spoken of: a small one as a fraction."""
    inverse = 1 / target.limit if target.limit else 0.0
    text = f"1/{inverse:.0f}" if inverse > 1 and inverse == round(inverse) else number(target.limit)
    return f"{'≥' if target.at_least else '≤'} {text}{'' if target.against else f' {unit}'}".strip()
