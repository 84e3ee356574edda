"""The picture of what happened when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from one_logger.analysis.report.colours import BAD, FILLS, GROUND, HOLDER, INK, OTHER, span_colours
from one_logger.analysis.report.markup import Markup, element, short, together
from one_logger.analysis.report.svg import boxes, label, line, number, picture, strokes, time_ticks
from one_logger.analysis.report.timeline_data import COLUMNS, Row, Timeline

GUTTER = 112
WIDTH = GUTTER + COLUMNS + 10
TOP = 30
_LEGEND_STEP = 22
_HOLDS_BELOW = 0.3
_NAMES = 500


class Geometry:
    """Where rows and lanes stand."""

    def __init__(self, rows: Sequence[Row]) -> None:
        deepest = max(row.lanes for row in rows)
        self.lane_height = 18 if deepest == 1 and len(rows) <= 16 else 12
        gap = 3 if deepest == 1 and len(rows) > 16 else 7
        self.tops: list[int] = []
        self.bottom = TOP
        for row in rows:
            self.tops.append(self.bottom)
            self.bottom += row.lanes * self.lane_height + gap


def timeline_picture(timeline: Timeline, colours: Mapping[str, int]) -> Markup:
    """The timeline as SVG.

    Args:
        timeline: What it shows.
        colours: The number of the colour of each name.
    """
    geometry = Geometry(timeline.rows)
    scale = COLUMNS / timeline.length
    legend, height = _legend(timeline, colours, geometry.bottom + 26)
    return picture(
        WIDTH,
        height,
        "Timeline: what happened when",
        element("g", *_axis(timeline.length, scale, geometry.bottom), class_="axis"),
        *_rows(timeline, geometry, scale),
        element("g", *_spans(timeline, colours, geometry), class_="spans"),
        element("g", *_marks(timeline, geometry, scale), class_="marks"),
        legend,
        id="timeline",
        data_top=TOP,
        data_bottom=geometry.bottom,
        data_lane=geometry.lane_height,
        data_gutter=GUTTER,
        data_columns=COLUMNS,
    )


def timeline_data(timeline: Timeline, colours: Mapping[str, int]) -> dict[str, object]:
    """What the script draws the timeline from when it is zoomed.

    Times are microseconds since its start; those of segments are counted in `unit` microseconds.
    """
    names = _short_names(timeline)
    unit = 1.0 if timeline.exact is not None else timeline.length / COLUMNS / 1000
    segments: dict[tuple[int, int], list[float]] = defaultdict(list)
    if timeline.exact is not None:
        for segment in timeline.exact:
            took = -1 if segment.open else _micro(segment.end - segment.start)
            segments[segment.row, segment.lane] += [_micro(segment.start), took, names[timeline.names[segment.name]]]
    else:
        for segment in timeline.columns:
            start, end = (COLUMNS * at // timeline.length for at in (segment.start, segment.end))
            segments[segment.row, segment.lane] += [start, max(end - start, 1), names[timeline.names[segment.name]]]
    tops = Geometry(timeline.rows).tops
    shown: dict[int, tuple[str, int]] = {}
    for name, number_ in names.items():
        shown.setdefault(number_, (short(name, 100) if number_ < _NAMES else "another span", colours.get(name, OTHER)))
    return {
        "start": timeline.start_unix_nano // 10**6,
        "length": _micro(timeline.length),
        "exact": timeline.exact is not None,
        "unit": unit,
        "rows": [[short(row.label), top, row.lanes] for row, top in zip(timeline.rows, tops, strict=True)],
        "ends": [_micro(max(end for _, end in row.lives)) for row in timeline.rows],
        "names": [shown[number_][0] for number_ in sorted(shown)],
        "colours": [shown[number_][1] for number_ in sorted(shown)],
        "segments": [[row, lane, flat] for (row, lane), flat in segments.items()],
        "marks": [
            [mark.row, mark.kind, _micro(mark.start), _micro(mark.end), short(mark.text, 120)]
            for mark in timeline.marks
        ],
    }


def _short_names(timeline: Timeline) -> dict[str, int]:
    """A number for each name; those after the first `_NAMES`, by the time they took, share one."""
    took: dict[str, int] = dict.fromkeys(timeline.names, 0)
    for segment in timeline.columns:
        took[timeline.names[segment.name]] += segment.end - segment.start
    return {name: min(number_, _NAMES) for number_, name in enumerate(sorted(took, key=lambda name: -took[name]))}


def _micro(nanoseconds: int) -> float:
    micro = nanoseconds / 1000
    return int(micro) if micro == int(micro) or micro > 10**6 else round(micro, 3)


def _axis(length: int, scale: float, bottom: int) -> Iterable[Markup]:
    for tick, words in time_ticks(length):
        x = GUTTER + tick * scale
        yield line(x, TOP - 6, x, bottom)
        yield label(x, TOP - 12, words, anchor="middle", muted=True)


def _rows(timeline: Timeline, geometry: Geometry, scale: float) -> Iterable[Markup]:
    lives = []
    labels = []
    for row, top in zip(timeline.rows, geometry.tops, strict=True):
        height = row.lanes * geometry.lane_height - 1
        lives += [(GUTTER + first * scale, top, max((last - first) * scale, 1), height) for first, last in row.lives]
        words = short(row.label, 17)
        labels.append(label(GUTTER - 8, top + height / 2 + 4, words, anchor="end"))
    yield element("g", element("path", d=boxes(lives), fill=GROUND, class_="ground"), class_="lives")
    yield element("g", *labels, class_="labels")


def _spans(timeline: Timeline, colours: Mapping[str, int], geometry: Geometry) -> Iterable[Markup]:
    lanes: dict[tuple[int, int, int], list[tuple[float, float]]] = defaultdict(list)
    words: dict[int, set[str]] = defaultdict(set)
    for segment in timeline.columns:
        name = timeline.names[segment.name]
        colour = colours.get(name, OTHER)
        words[colour].add(name)
        start, end = (COLUMNS * at // timeline.length for at in (segment.start, segment.end))
        lanes[segment.row, segment.lane, colour].append((GUTTER + start, max(end - start, 1)))
    height = geometry.lane_height - 1
    for (row, lane, colour), found in lanes.items():
        y = geometry.tops[row] + lane * geometry.lane_height + height / 2
        yield element(
            "path",
            element("title", *words[colour]) if len(words[colour]) == 1 else None,
            d=strokes(found, y),
            stroke=FILLS[colour],
            stroke_width=height,
            class_=f"t{colour}",
        )


def _marks(timeline: Timeline, geometry: Geometry, scale: float) -> Iterable[Markup]:
    for mark in timeline.marks:
        top = geometry.tops[mark.row]
        height = timeline.rows[mark.row].lanes * geometry.lane_height - 1
        x, end = GUTTER + mark.start * scale, GUTTER + mark.end * scale
        yield element("g", element("title", short(mark.text, 120)), *shape(mark.kind, x, end, top, height))


def shape(kind: str, x: float, end: float, top: float, height: float) -> Sequence[Markup]:
    """A mark: each kind has a form of its own, as colour alone tells nothing to many."""
    middle = top + height / 2
    size = min(height / 2, 5)
    bad: dict[str, object] = {"fill": BAD, "class_": "bad"}
    points: Sequence[tuple[float, float]]
    if kind == "gap":
        width = max(end - x, 2)
        box = element(
            "rect",
            x=number(x),
            y=top,
            width=number(width),
            height=number(height),
            fill="none",
            stroke=BAD,
            stroke_dasharray="3 2",
            class_="badline",
        )
        return [box]
    if kind == "open":
        points = ((end, middle - size), (end + 7, middle), (end, middle + size))
        return [element("polygon", points=_points(points), fill=INK, class_="open")]
    if kind == "cut short":
        box = element("rect", x=number(x - 1), y=top - 1, width=3, height=number(height + 2), **bad)
        return [box]
    if kind == "dropped":
        points = ((x - size, top), (x + size, top), (x, top + 2 * size))
        return [element("polygon", points=_points(points), fill="#ffffff", stroke=BAD, class_="dropped")]
    points = ((x, middle - size), (x + size, middle), (x, middle + size), (x - size, middle))
    return [element("polygon", points=_points(points), stroke="#ffffff", stroke_width=0.7, **bad)]


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in points)


_KINDS = {
    "error": "error",
    "gap": "records are missing",
    "dropped": "records were dropped",
    "cut short": "cut short: no end was written",
    "open": "still open",
}


def _legend(timeline: Timeline, colours: Mapping[str, int], top: float) -> tuple[Markup, float]:
    parts: list[Markup] = []
    x, y = float(GUTTER), top
    shown = {segment.name for segment in timeline.columns}
    names = sorted((timeline.names[name] for name in shown), key=lambda name: (colours.get(name, OTHER), name))
    entries = [(name, "") for name in names if colours.get(name, OTHER) < OTHER]
    if any(colours.get(name, OTHER) == OTHER for name in names):
        entries.append(("other spans", ""))
    if any(colours.get(name, OTHER) == HOLDER for name in names):
        entries.append(("spans that hold others", ""))
    entries += [(words, kind) for kind, words in _KINDS.items() if any(mark.kind == kind for mark in timeline.marks)]
    for words, kind in entries:
        shortened = short(words, 40)
        width = 26 + 6.6 * len(shortened)
        if x + width > WIDTH and x > GUTTER:
            x, y = float(GUTTER), y + _LEGEND_STEP
        if kind:
            parts += shape(kind, x + 5, x + (3 if kind == "open" else 10), y - 9, 10)
        else:
            colour = HOLDER if words == "spans that hold others" else colours.get(words, OTHER)
            parts.append(
                element(
                    "rect",
                    x=number(x),
                    y=number(y - 9),
                    width=11,
                    height=11,
                    rx=2,
                    fill=FILLS[colour],
                    class_=f"s{colour}",
                )
            )
        parts.append(label(x + 17, y, shortened))
        x += width
    return element("g", together(parts), class_="legend"), y + 6


def timeline_colours(timeline: Timeline | None, paths: Sequence[Mapping[str, object]]) -> dict[str, int]:
    """The colours of all names, those first whose spans took the most time themselves.

    Args:
        timeline: The timeline; names that are in none have no colour of their own.
        paths: What `show` says of each path: `name`, `self_ns`.
    """
    own: dict[str, int] = defaultdict(int)
    total: dict[str, int] = defaultdict(int)
    for path in paths:
        own[str(path["name"])] += int(str(path["self_ns"]))
        total[str(path["name"])] += int(str(path["total_ns"]))
    drawn = set() if timeline is None else {timeline.names[segment.name] for segment in timeline.columns}
    names = sorted(own, key=lambda name: (name not in drawn, -own[name]))
    return span_colours(names, [name for name in names if own[name] < _HOLDS_BELOW * total[name]])
