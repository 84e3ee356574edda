"""`one-logger show`: what happened, is it still happening, and where did the time go?"""

from __future__ import annotations

from typing import Any

import click

from one_logger.analysis.columns import Detail
from one_logger.analysis.main import FINDING, GOOD
from one_logger.analysis.opening import json_option, opened, run_arguments
from one_logger.analysis.overview import overview
from one_logger.analysis.overview_text import write
from one_logger.analysis.terminal import console, write_json


@click.command("show", short_help="What happened, and where did the time go?")
@click.option("--all", "show_all", is_flag=True, help="List all spans, however little time they took.")
@json_option
@run_arguments
def command(show_all: bool, as_json: bool, **run: Any) -> int:
    """Show how far the data can be trusted, the state of the run, a verdict, and where the time went.

    The exit code is 1 if a finding is worth a warning.
    """
    with opened(**run, detail=Detail.SPANS) as opened_run:
        found = overview(opened_run)
    if as_json:
        write_json(found.as_json())
    else:
        write(console(), found, show_all=show_all)
    return FINDING if any(finding.severity != "info" for finding in found.verdict.findings) else GOOD
