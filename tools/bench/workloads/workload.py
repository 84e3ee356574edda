"""What the workloads share: each is a program that measures one contender once, and prints a line of JSON."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tools.bench.contenders.contender import Contender, contender

C = TypeVar("C", bound=Contender)
Figures = dict[str, float | list[float]]


class Workload(argparse.ArgumentParser):
    """The command line of a workload.

    Args:
        description: What the workload measures.
    """

    def __init__(self, description: str | None) -> None:
        super().__init__(description=description)
        self.add_argument("contender", help="module and class of what to measure, such as one_logger.ToFile")
        self.add_argument("--endpoint", default="", help="the server that the contender sends to, if it does")
        self.add_argument("--scale", type=float, default=1.0, help="factor of all counts (default: 1)")

    def run(self, kind: type[C], measure: Callable[[C, argparse.Namespace], Figures]) -> None:
        """Measure, in a folder that is removed afterwards, and print the figures.

        Args:
            kind: What the contender has to be able to do.
            measure: What gives the figures of a contender that isn't configured yet.
        """
        arguments = self.parse_args()
        with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
            made = contender(arguments.contender, kind)(Path(folder), arguments.endpoint)
            print(json.dumps(measure(made, arguments)))


def scaled(count: int, arguments: argparse.Namespace, least: int = 10) -> int:
    """The count for this run.

    Args:
        count: The count at scale 1.
        arguments: The command line.
        least: What the measurement needs to make sense at all.
    """
    return max(least, round(count * float(arguments.scale)))


def percentile(ordered: list[int] | list[float], percent: float) -> float:
    """The value below or at which so many percent of the values are: the nearest rank.

    Args:
        ordered: The values, the smallest first.
        percent: More than 0, up to 100.
    """
    rank = -(-len(ordered) * percent // 100)  # rounded up
    return ordered[max(0, int(rank) - 1)]
