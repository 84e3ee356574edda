"""The plots beside the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tools.bench.comparison import Comparison
from tools.bench.row import Figures, Measured, Measurement
from tools.bench.rows import MEMORY, PACED
from tools.bench.table import limit, number
from tools.bench.workloads.workload import percentile

# The same figures make the same file: no date, no random ids. Text stays text, in whichever font the reader has.
mpl.rcParams.update({"svg.hashsalt": "one-logger", "svg.fonttype": "none", "font.family": "sans-serif"})

MET, MISSED = "#2b7a4b", "#c0392b"
COLORS = ("#2b7a4b", "#c0392b", "#2c5f9e")

PERCENTS = (1, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.8, 99.9, 99.95)
"""The percentiles in the plot of latencies."""

LARGEST_MARGIN = 50
"""Where a bar ends: what takes next to nothing would dwarf all others."""


def plots(lines: Sequence[Comparison], measured: Mapping[Measurement, Measured], folder: Path) -> list[Path]:
    """Write the plots for which there are figures.

    Args:
        lines: The lines of the table.
        measured: What the measurements gave.
        folder: Where to.

    Returns:
        The files.
    """
    drawn = {}
    if targets := [line for line in lines if line.target is not None and line.target.limit]:
        drawn["targets"] = _targets(targets)
    if PACED in measured:
        drawn["latency"] = _latency(measured[PACED])
    if MEMORY in measured:
        drawn["memory"] = _memory(measured[MEMORY])
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
    return [folder / f"{name}.svg" for name in drawn]


def _targets(lines: Sequence[Comparison]) -> Figure:
    """By how much each target is met or missed."""
    figure, axes = _empty(9, 0.4 * len(lines) + 1.2)
    for position, line in enumerate(lines):
        margin = line.target.margin(line.judged) if line.target else 1.0
        axes.barh(position, min(margin, LARGEST_MARGIN) - 1, left=1, color=MET if line.met else MISSED)
    axes.set_yticks(range(len(lines)), [_label(line) for line in lines])
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("times better than the target; 1 is just met")
    return figure


def _label(line: Comparison) -> str:
    unit = line.row.unit if line.ratio is None else ""
    value = f"{number(line.judged)} {unit}".strip()
    against = f" against {line.against}" if line.against else ""
    target = limit(line.target, line.row.unit) if line.target else ""
    return f"{line.row.name}{against}: {value} ({target})"


def _latency(measured: Measured) -> Figure:
    """The percentiles of the time that a span takes its caller, over the samples of all rounds."""
    figure, axes = _empty(8, 4)
    for color, (label, rounds) in zip(COLORS, measured.items(), strict=False):
        ordered = sorted(sample for figures in rounds for sample in _samples(figures, "samples"))
        times = [percentile(ordered, percent) for percent in PERCENTS]
        axes.plot([_nines(percent) for percent in PERCENTS], times, marker="o", markersize=3, color=color, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = (50, 90, 99, 99.9)
    axes.minorticks_off()
    axes.set_xticks([_nines(percent) for percent in ticks], [f"p{percent:g}" for percent in ticks])
    axes.set_yticks(times := [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000], [f"{time} µs" for time in times])
    axes.set_title("A span in a job that makes 1,000 a second and writes a file, for its caller")
    axes.legend(frameon=False)
    return figure


def _nines(percent: float) -> float:
    """Where a percentile stands: each further nine takes the same room."""
    return 1 / (1 - percent / 100)


def _memory(measured: Measured) -> Figure:
    """The memory over the events that were recorded, in the first round."""
    figure, axes = _empty(8, 4)
    for color, (label, rounds) in zip(COLORS, measured.items(), strict=False):
        axes.plot(_samples(rounds[0], "numbers"), _samples(rounds[0], "sizes"), color=color, label=label)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("events recorded in one open span")
    axes.set_ylabel("MB more than before the first")
    axes.legend(frameon=False)
    return figure


def _empty(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of that size in inches, with what all of them have."""
    figure = Figure(figsize=(width, height))
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _samples(figures: Figures, name: str) -> list[float]:
    found = figures[name]
    if not isinstance(found, list):
        raise TypeError(f"{name} is a number; a plot needs a list.")
    return found
