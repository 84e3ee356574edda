"""The pictures of the steps: how long they took, and which rank was slower than the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from one_logger.analysis.findings.finding import duration
from one_logger.analysis.report.colours import BAD, FAST, FILLS, GROUND, HEAT, HEAT_FROM, heat
from one_logger.analysis.report.markup import Markup, element
from one_logger.analysis.report.steps_data import Steps
from one_logger.analysis.report.svg import boxes, label, line, number, picture, strokes, value_ticks

GUTTER = 112
WIDTH = 1162
_PLOT = WIDTH - GUTTER - 10
_CHART = 150


def steps_picture(steps: Steps) -> Markup:
    """How long the steps took: the median over the ranks, and the longest."""
    known = [value for value in steps.median_ns if value is not None]
    longest = [value for value in steps.longest_ns if value is not None]
    # One step of minutes would make a line on the ground of all the others.
    highest = min(max(longest), 4 * max(sorted(known)[int(0.95 * (len(known) - 1))], 1))
    width = _PLOT / len(steps.median_ns)
    bottom = 20 + _CHART

    def y(value: float) -> float:
        return bottom - _CHART * min(value / highest, 1)

    grid = [
        part
        for tick in value_ticks(highest)
        for part in (
            line(GUTTER, y(tick), WIDTH - 10, y(tick)),
            label(GUTTER - 8, y(tick) + 4, duration(tick) if tick else "0", anchor="end", muted=True),
        )
    ]
    bars = [
        (GUTTER + index * width, y(value), max(width - 0.4, 0.4), bottom - y(value))
        for index, value in enumerate(steps.longest_ns)
        if value is not None
    ]
    cut = [
        (GUTTER + index * width, y(value), max(width, 2), 4)
        for index, value in enumerate(steps.longest_ns)
        if value is not None and value > highest
    ]
    median = "".join(
        f"M{number(GUTTER + index * width)} {number(y(value))}h{number(width)}"
        for index, value in enumerate(steps.median_ns)
        if value is not None
    )
    return picture(
        WIDTH,
        bottom + 44,
        "How long the steps took",
        *grid,
        element("path", element("title", "the longest"), d=boxes(bars), fill="#cfdcee", class_="longest"),
        element("path", d=boxes(cut), fill=BAD, class_="bad"),
        element(
            "path",
            element("title", "the median"),
            d=median,
            fill="none",
            stroke=FILLS[3],
            stroke_width=2,
            class_="median",
        ),
        *_step_axis(steps, bottom),
        *_chart_legend(bottom + 38, highest if cut else None, "median over the ranks" if steps.labels else "median"),
        id="steps",
        data_gutter=GUTTER,
        data_plot=_PLOT,
        data_top=20,
        data_bottom=bottom,
    )


def _chart_legend(y: float, highest: float | None, median: str) -> Iterable[Markup]:
    yield element("rect", x=GUTTER, y=y - 6, width=12, height=3, fill=FILLS[3], class_="s3")
    yield label(GUTTER + 18, y, median)
    yield element("rect", x=GUTTER + 170, y=y - 9, width=11, height=11, fill="#cfdcee", class_="longest")
    yield label(GUTTER + 188, y, "longest")
    if highest is not None:
        yield element("rect", x=GUTTER + 260, y=y - 7, width=11, height=4, fill=BAD, class_="bad")
        yield label(GUTTER + 278, y, f"longer than the picture is high, {duration(highest)}")


def heat_map_picture(steps: Steps) -> Markup:
    """Which rank was slower than the others, step by step."""
    rows = len(steps.labels)
    height = 14 if rows <= 24 else 8 if rows <= 64 else 6
    width = _PLOT / len(steps.median_ns)
    cells: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    for row, ratios in enumerate(steps.ratios):
        for first, count, level in _runs(ratios):
            cells[level, row].append((GUTTER + first * width, count * width))
    every = -(-12 // height)
    bottom = 20 + rows * height
    return picture(
        WIDTH,
        bottom + 44,
        "Which rank was slower than the others, step by step",
        *(
            element(
                "path",
                element("title", _words(level)),
                d=strokes(found, 20 + row * height + (height - 1) / 2),
                stroke=_fill(level),
                stroke_width=height - 1,
                class_=f"g{_level(level)}",
            )
            for (level, row), found in sorted(cells.items())
        ),
        *(
            label(GUTTER - 8, 20 + row * height + height / 2 + 4, words, anchor="end")
            for row, words in enumerate(steps.labels)
            if row % every == 0
        ),
        *_step_axis(steps, bottom),
        *_heat_legend(bottom + 38),
        id="heat",
        data_gutter=GUTTER,
        data_plot=_PLOT,
        data_top=20,
        data_row=height,
    )


def steps_data(steps: Steps) -> dict[str, object]:
    """What the script says of the column or cell under the pointer. Times are nanoseconds, ratios hundredths."""
    return {
        "together": steps.steps_in_column,
        "count": steps.count,
        "median": [-1 if value is None else value for value in steps.median_ns],
        "longest": [-1 if value is None else value for value in steps.longest_ns],
        "rows": list(steps.labels),
        "ratios": [[-1 if ratio is None else round(100 * ratio) for ratio in row] for row in steps.ratios],
    }


def _step_axis(steps: Steps, bottom: float) -> Iterable[Markup]:
    columns = len(steps.median_ns)
    for tick in value_ticks(steps.count, 10):
        x = GUTTER + tick / steps.steps_in_column / columns * _PLOT
        if tick == int(tick) and x <= WIDTH - 10:
            yield label(x, bottom + 15, f"{'step ' if tick == 0 else ''}{int(tick):,}", anchor="middle", muted=True)


def _runs(ratios: Sequence[float | None]) -> Iterable[tuple[int, int, int]]:
    """Neighbouring cells of one colour: where they start, how many there are, and the number of the colour."""
    first, last = 0, None
    for index, ratio in enumerate([*ratios, None]):
        level = None if ratio is None else heat(ratio)
        if index == len(ratios) or level != last:
            if last is not None:
                yield first, index - first, last
            first, last = index, level


def _fill(level: int) -> str:
    return FAST if level < 0 else GROUND if level == 0 else HEAT[level]


def _level(level: int) -> str:
    return "f" if level < 0 else str(level)


def _words(level: int) -> str:
    if level < 0:
        return "faster by a tenth or more"
    if level == 0:
        return "as fast as the others"
    end = f" to {HEAT_FROM[level + 1]:g}" if level + 1 < len(HEAT_FROM) else " and more"
    return f"{HEAT_FROM[level]:g}{end} times as long"


def _heat_legend(y: float) -> Iterable[Markup]:
    x: float = GUTTER
    for level in range(-1, len(HEAT)):
        words = "≤ 0.9 x" if level < 0 else "as fast" if level == 0 else f"≥ {HEAT_FROM[level]:g} x"
        yield element("rect", x=x, y=y - 9, width=11, height=11, rx=2, fill=_fill(level), class_=f"h{_level(level)}")
        yield label(x + 17, y, words)
        x += 86
    yield label(x + 10, y, "the time of the median rank", muted=True)
