"""A run in words: the machine, the tables, and the page that keeps them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.bench.comparison import Comparison
from tools.bench.table import table

PAGE = """\
# Results

Written by `{command}`, which overwrites it. [README.md](README.md) says how it is measured.

Each value is the median of its rounds; in brackets are the lowest and the highest. A ratio is ours divided by the
other's, in the same round; shown is the median of the rounds.

{plots}

{report}
"""


def report(lines: Sequence[Comparison], machine: Mapping[str, str]) -> str:
    """The tables and the machine, in Markdown.

    Args:
        lines: The lines of the table.
        machine: What there is to know of the run.
    """
    rows = {line.row for line in lines if line.target is not None}
    parts = {
        "Targets": [line for line in lines if line.row in rows],
        "For the record": [line for line in lines if line.row not in rows],
    }
    judged = [line.met for line in lines if line.met is not None]
    return "\n\n".join(
        [
            *(f"## {title}\n\n{table(part)}" for title, part in parts.items() if part),
            *([f"{sum(judged)} of {len(judged)} targets are met."] if judged else []),
            "## The machine",
            "\n".join(f"- {name}: {value}" for name, value in machine.items()),
        ]
    )


def page(text: str, command: str, plots: Sequence[Path], folder: Path) -> str:
    """The page with the report.

    Args:
        text: The report.
        command: How the run was started.
        plots: The plots' files.
        folder: Where the page will be.
    """
    images = "\n\n".join(f"![{plot.stem}]({os.path.relpath(plot, folder)})" for plot in plots)
    return PAGE.format(command=command, plots=images, report=text)
