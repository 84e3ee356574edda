"""`one-logger ranks`: who was slow, who is missing, who hangs?"""

from __future__ import annotations

from typing import Any

import click

from one_logger.analysis.columns import Detail
from one_logger.analysis.main import FINDING, GOOD
from one_logger.analysis.opening import json_option, opened, run_arguments
from one_logger.analysis.ranking import ranking
from one_logger.analysis.ranking_text import write
from one_logger.analysis.terminal import console, write_json


@click.command("ranks", short_help="Who was slow, who is missing, who hangs?")
@click.option("--all", "show_all", is_flag=True, help="List all ranks, however many there are.")
@json_option
@run_arguments
def command(show_all: bool, as_json: bool, **run: Any) -> int:
    """Compare the ranks: state, last sign of life, last open span, and time against the others.

    A rank's score is the time of the best rank over its own. A straggler is a rank whose median step is at least 10 %
    and 5 median absolute deviations above that of the median rank, in both halves of the run. The time in which ranks
    wait for each other does not count, where spans show it. The exit code is 1 if a finding is worth a warning.
    """
    out = console()
    with opened(**run, detail=Detail.SPANS) as opened_run:
        found = ranking(opened_run, parts=max(20, out.width - 20))
    if as_json:
        write_json(found.as_json())
    else:
        write(out, found, show_all=show_all)
    return FINDING if any(finding.severity != "info" for finding in found.findings) else GOOD
