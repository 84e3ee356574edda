"""The picture of where the time went: each span's path below the one it is in, as wide as the time it took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from one_logger.analysis.findings.finding import duration, percent
from one_logger.analysis.report.colours import FILLS, GROUND, INK
from one_logger.analysis.report.markup import Markup, element, short
from one_logger.analysis.report.svg import number, picture

WIDTH = 1162
_HEIGHT = 26
_LEAST = 1.5
_DEEPEST = 12
_WHITE_WORDS = {2, 3, 4, 8}
_BLACK_WORDS = {1, 5, 6, 7}  # in dark, too


def breakdown_picture(paths: Sequence[Mapping[str, object]], colours: Mapping[str, int]) -> Markup | None:
    """Where the time went, as SVG; None if there is nothing to show.

    Args:
        paths: What `show` says of each path, a path before those below it: `path`, `name`, `depth`, `total_ns`,
            `self_ns`.
        colours: The number of the colour of each name.
    """
    placed = list(_placed(paths))
    if not placed:
        return None
    deepest = max(depth for _, depth, _, _ in placed)
    return picture(
        WIDTH,
        (deepest + 1) * _HEIGHT + 2,
        "Where the time went",
        *(part for item in placed for part in _box(*item, colours)),
        id="breakdown",
    )


def _placed(paths: Sequence[Mapping[str, object]]) -> Iterable[tuple[Mapping[str, object], int, float, float]]:
    """Each path that is wide enough to be seen, with its depth, where it starts, and its width."""
    below: dict[str | None, list[Mapping[str, object]]] = defaultdict(list)
    known = {str(path["path"]) for path in paths}
    for path in paths:
        below[_above(str(path["path"]), known)].append(path)
    # The children of spans that overlap, in threads, may take longer than their parent: then they share its width.
    waiting = [(path, 0, x, width) for path, x, width in _shared(below[None], 0, WIDTH, 0)]
    while waiting:
        path, depth, x, width = waiting.pop(0)
        yield path, depth, x, width
        if depth < _DEEPEST:
            total = int(str(path["total_ns"]))
            waiting += [
                (child, depth + 1, at, wide) for child, at, wide in _shared(below[str(path["path"])], x, width, total)
            ]


def _shared(
    paths: Sequence[Mapping[str, object]], x: float, width: float, total: int
) -> Iterable[tuple[Mapping[str, object], float, float]]:
    of_all = sum(int(str(path["total_ns"])) for path in paths)
    scale = width / max(of_all, total, 1)
    for path in paths:
        wide = int(str(path["total_ns"])) * scale
        if wide >= _LEAST:
            yield path, x, wide
        x += wide


def _above(path: str, known: set[str]) -> str | None:
    end = len(path)
    while (end := path.rfind("/", 0, end)) > 0:
        if path[:end] in known:
            return path[:end]
    return None


def _box(
    path: Mapping[str, object], depth: int, x: float, width: float, colours: Mapping[str, int]
) -> Iterable[Markup]:
    total, own, count = (int(str(path[key])) for key in ("total_ns", "self_ns", "count"))
    name = str(path["name"])
    colour = colours.get(name, 9)
    inner = own < 0.5 * total  # what is mostly its children is drawn pale, so that they stand out
    title = (
        f"{short(path['path'], 200)}: {duration(total)} in {count:,} spans, {duration(total / max(count, 1))} each; "
        f"{percent(own / max(total, 1))} of it itself"
    )
    y = depth * _HEIGHT
    yield element(
        "rect",
        element("title", title),
        x=number(x + 0.5),
        y=y + 1,
        width=number(max(width - 1, 0.5)),
        height=_HEIGHT - 2,
        rx=2,
        fill=GROUND if inner else FILLS[colour],
        class_="inner" if inner else f"s{colour}",
    )
    room = int((width - 10) / 6.7)
    if room >= 3:
        ink = "ink" if inner else "white" if colour in _WHITE_WORDS else "dark" if colour in _BLACK_WORDS else "ink"
        yield element(
            "text",
            short(name, room),
            x=number(x + 7),
            y=y + _HEIGHT / 2 + 4.5,
            fill="#ffffff" if ink == "white" else INK,
            class_=f"onbox {ink}",
        )
