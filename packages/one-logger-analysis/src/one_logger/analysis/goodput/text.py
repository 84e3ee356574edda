"""Goodput as a text."""

from __future__ import annotations

from rich.console import Console

from one_logger.analysis.findings.finding import duration, percent
from one_logger.analysis.goodput.account import CAUSES, Goodput
from one_logger.analysis.terminal import is_unicode, write_line, write_table
from one_logger.core.spi import counted

WORDS = {
    "productive": "steps that count",
    "lost_work": "steps that a restart did again",
    "data_loading": "waiting for data",
    "checkpoint_save": "saving checkpoints",
    "checkpoint_load": "loading a checkpoint",
    "evaluation": "validation and tests",
    "initialization": "initialization",
    "start_up": "starting up",
    "stalled": "standing still",
    "between_restarts": "between restarts",
    "unknown": "unknown",
}
"""What each cause is called."""
_BAR = 24


def sentence(found: Goodput) -> str:
    """Goodput in a sentence."""
    wall = duration(found.wall_s * 1e9)
    parts = [f"{percent(found.goodput)} of {wall} went into steps that count."]
    if found.restarts:
        steps = counted(found.lost_steps, "step")
        restarts = counted(found.restarts, "restart")
        parts.append(f"{restarts}; {steps} had to be done again.")
    if found.at_risk_steps:
        steps = counted(found.at_risk_steps, "step")
        parts.append(f"{steps} since the last checkpoint would be lost if it stopped now.")
    if found.gpu_goodput is not None and abs(found.gpu_goodput - found.goodput) >= 0.0005:
        parts.append(f"Weighed by the number of ranks: {percent(found.gpu_goodput)}.")
    return " ".join(parts)


def write(out: Console, found: Goodput) -> None:
    """Print goodput."""
    write_line(out, f"Goodput: {sentence(found)}", "bold")
    write_line(out)
    mark = "█" if is_unicode(out.file) else "#"
    rows = [
        (
            WORDS[cause],
            duration(found.shares[cause] * found.wall_s * 1e9),
            percent(found.shares[cause]),
            _bar(found, cause, mark),
        )
        for cause in sorted(CAUSES, key=lambda cause: -found.shares[cause])
        if found.shares[cause]
    ]
    write_table(out, ("what", "time", "share", ""), rows, right=("time", "share"))
    for note in found.notes:
        write_line(out, f"Note: {note}")


def _bar(found: Goodput, cause: str, mark: str) -> str:
    return mark * max(1, round(_BAR * found.shares[cause] / max(found.shares.values())))
