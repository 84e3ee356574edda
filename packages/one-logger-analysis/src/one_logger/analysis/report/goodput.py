"""What the time of a training went into: the wall time as a bar, by cause."""

from __future__ import annotations

from collections.abc import Iterable

from one_logger.analysis.findings.finding import duration, percent
from one_logger.analysis.goodput import CAUSES, Goodput
from one_logger.analysis.goodput.text import WORDS, sentence
from one_logger.analysis.report.colours import CHECKPOINT, DATA, FILLS, HOLDER, OTHER, WAIT
from one_logger.analysis.report.markup import Markup, element, together
from one_logger.analysis.report.svg import label, number, picture

_WIDTH, _HEIGHT = 1162, 34
_KEYS_IN_ROW = 4
_COLOURS = {
    "productive": 4,
    "lost_work": 7,
    "data_loading": DATA,
    "checkpoint_save": CHECKPOINT,
    "checkpoint_load": 3,
    "evaluation": 5,
    "initialization": 6,
    "start_up": 8,
    "stalled": OTHER,
    "between_restarts": WAIT,
    "unknown": HOLDER,
}


def goodput_section(found: Goodput) -> Markup:
    """What a report says of the goodput."""
    return together(
        [
            element("p", sentence(found)),
            element("div", _picture(found), class_="figure"),
            *(element("p", note, class_="note") for note in found.notes),
        ]
    )


def _picture(found: Goodput) -> Markup:
    shown = [cause for cause in CAUSES if found.shares[cause] > 0]
    rows = -(-len(shown) // _KEYS_IN_ROW)
    return picture(
        _WIDTH,
        _HEIGHT + 14 + rows * 22,
        "What the time went into",
        *_bar(found, shown),
        *_keys(found, shown),
        id="goodput-bar",
    )


def _bar(found: Goodput, shown: list[str]) -> Iterable[Markup]:
    x = 0.0
    for cause in shown:
        width = found.shares[cause] * _WIDTH
        yield _box(cause, element("title", _words(found, cause)), x, 0, max(width, 0.5), _HEIGHT)
        x += width


def _keys(found: Goodput, shown: list[str]) -> Iterable[Markup]:
    for place, cause in enumerate(shown):
        x = place % _KEYS_IN_ROW * _WIDTH / _KEYS_IN_ROW
        y = _HEIGHT + 14 + place // _KEYS_IN_ROW * 22
        yield _box(cause, None, x, y, 12, 12)
        yield label(x + 18, y + 10.5, _words(found, cause))


def _box(cause: str, title: Markup | None, x: float, y: float, width: float, height: float) -> Markup:
    colour = _COLOURS[cause]
    size = {"width": number(width), "height": height}
    return element("rect", title, x=number(x), y=number(y), **size, fill=FILLS[colour], class_=f"s{colour}")


def _words(found: Goodput, cause: str) -> str:
    share = found.shares[cause]
    return f"{WORDS[cause]}: {percent(share)}, {duration(share * found.wall_s * 1e9)}"
