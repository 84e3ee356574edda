"""The colours of the report: the same span has the same one in every picture.

Each is a class of the style sheet, which has it for light and for dark, and an attribute, which holds where a viewer
forbids style sheets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from one_logger.analysis.findings.names import is_checkpoint_save, is_data_loading, is_wait

INK, MUTED, LINE, GROUND, BAD = "#1f2430", "#667085", "#d5d9e0", "#f1f3f6", "#c8322b"

WAIT, DATA, CHECKPOINT, OTHER, HOLDER = 0, 1, 2, 9, 10
FILLS = (
    "#c9ced8",  # waiting for others
    "#e8a33d",  # loading data
    "#8b6fc0",  # saving a checkpoint
    "#4c7fbf",
    "#3f9c8f",
    "#7fb1de",
    "#a3b86c",
    "#d4849a",
    "#9b7b5e",
    "#aab1bd",  # everything else
    "#dbe2ec",  # what spends its time in the spans below it
)
"""The fill of each class `s0`, `s1`, ... in light."""

HEAT = ("#e6ebf2", "#f8dfb0", "#f3c177", "#ea9a4f", "#dc6b3a", "#c43d2c", "#8f1d20")
"""The fill of each class `h0`, `h1`, ...: as fast as the others, and slower and slower."""
HEAT_FROM = (0.0, 1.05, 1.1, 1.2, 1.35, 1.6, 2.0)
"""From which ratio on each of them holds."""
FAST = "#9cc3e6"
"""The fill of the class `hf`: faster than the others by a tenth or more."""


def span_colours(names: Iterable[str], holders: Collection[str]) -> dict[str, int]:
    """The number of the class for each name of a span.

    Args:
        names: The names, those first to which it matters most that they can be told from others.
        holders: Those of them that spend their time in the spans below them.
    """
    found: dict[str, int] = {}
    free = [3, 4, 5, 6, 7, 8]
    for name in names:
        if name in holders:
            found[name] = HOLDER
            continue
        if is_wait(name):
            found[name] = WAIT
        elif is_data_loading(name):
            found[name] = DATA
        elif is_checkpoint_save(name):
            found[name] = CHECKPOINT
        else:
            found[name] = free.pop(0) if free else OTHER
    return found


def heat(ratio: float) -> int:
    """The number of the class of the heat map for a ratio to the others' time; -1 for `hf`."""
    if ratio <= 0.9:
        return -1
    return max(number for number, least in enumerate(HEAT_FROM) if ratio >= least or number == 0)
