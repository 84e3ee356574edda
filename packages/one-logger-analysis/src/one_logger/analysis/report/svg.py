"""What the pictures have in common: axes, words, and many boxes of one colour as one path."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor, log10

from one_logger.analysis.report.colours import INK, LINE, MUTED
from one_logger.analysis.report.markup import Markup, element

FONT = "'Segoe UI', Roboto, 'Noto Sans', Ubuntu, 'Liberation Sans', 'Helvetica Neue', Arial, sans-serif"

_UNITS = (
    (1, "ns"),
    (10**3, "µs"),
    (10**6, "ms"),
    (10**9, "s"),
    (60 * 10**9, "min"),
    (3600 * 10**9, "h"),
    (86_400 * 10**9, "d"),
)
_STEPS = {"min": (1, 2, 5, 10, 15, 30), "h": (1, 2, 3, 6, 12)}


def picture(width: int, height: float, title: str, *content: object, **attributes: object) -> Markup:
    """An SVG picture, as wide as the page at most. Its title is what those hear who cannot see it."""
    return element(
        "svg",
        element("title", title),
        *content,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {number(height)}",
        width="100%",
        role="img",
        font_family=FONT,
        font_size=12,
        **attributes,
    )


def label(
    x: float, y: float, words: object, *, anchor: str | None = None, muted: bool = False, **more: object
) -> Markup:
    """Words in a picture."""
    attributes: dict[str, object] = {
        "x": number(x),
        "y": number(y),
        "text_anchor": anchor,
        "fill": MUTED if muted else INK,
        "class_": "muted" if muted else "ink",
    }
    return element("text", words, **attributes | more)


def line(x1: float, y1: float, x2: float, y2: float, **more: object) -> Markup:
    """A thin line."""
    attributes: dict[str, object] = {"stroke": LINE, "class_": "line"}
    return element("line", x1=number(x1), y1=number(y1), x2=number(x2), y2=number(y2), **attributes | more)


def boxes(found: Iterable[tuple[float, float, float, float]]) -> str:
    """The data of a path that draws boxes, each given as x, y, width and height."""
    return "".join(
        f"M{number(x)} {number(y)}h{number(width)}v{number(height)}h-{number(width)}z" for x, y, width, height in found
    )


def strokes(spans: Iterable[tuple[float, float]], y: float) -> str:
    """The data of a path along a line, which its stroke makes boxes: the shortest way to write many of them.

    Args:
        spans: Where each one starts and how long it is, in ascending order.
        y: The middle of the line.
    """
    parts: list[str] = []
    at = 0.0
    for x, width in spans:
        parts.append(f"m{number(x - at)} 0" if parts else f"M{number(x)} {number(y)}")
        parts.append(f"h{number(width)}")
        at = x + width
    return "".join(parts)


def number(value: float) -> str:
    """A number with no more digits than a picture shows."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value != int(value) else str(int(value))


def time_ticks(length: int, most: int = 10) -> list[tuple[int, str]]:
    """Points in time for an axis, in nanoseconds, each with what is written beside it.

    Args:
        length: How long the axis is, in nanoseconds.
        most: How many points there are at most.
    """
    step, size, unit = _step(length / most)
    ticks = range(0, length + 1, step)
    # Of a step of half a second there is a decimal to write.
    decimals = max(0, ceil(-log10(step / size) - 1e-9))
    return [(tick, f"{tick / size:.{decimals}f} {unit}") for tick in ticks]


def _step(least: float) -> tuple[int, int, str]:
    for (size, unit), (next_size, _) in zip(_UNITS, [*_UNITS[1:], (10**30, "")], strict=True):
        steps = _STEPS.get(unit) or [
            digit * 10**power for power in range(12 if unit == "d" else 3) for digit in (1, 2, 5)
        ]
        for step in steps:
            if step * size >= least and step * size < next_size:
                return step * size, size, unit
    size = _UNITS[-1][0]
    return 10 ** ceil(log10(least / size)) * size, size, "d"


def value_ticks(highest: float, most: int = 4) -> list[float]:
    """Round values from 0 up to the highest."""
    if highest <= 0:
        return [0.0]
    power = 10 ** floor(log10(highest / most))
    step = next(digit * power for digit in (1, 2, 5, 10) if digit * power * most >= highest)
    return [step * index for index in range(floor(highest / step + 1e-9) + 1)]
