"""`one-logger report`: the run as one page for the browser."""

from __future__ import annotations

from typing import Any

import click

from one_logger.analysis.main import GOOD
from one_logger.analysis.opening import json_option, opened, run_arguments
from one_logger.analysis.report import write_report
from one_logger.analysis.terminal import console, write_json, write_line


@click.command("report", short_help="Write the run as one HTML page.")
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to write, report.html say.")
@json_option
@run_arguments
def command(output: str, as_json: bool, **run: Any) -> int:
    """Write the run as one HTML page: verdict, timeline, where the time went, ranks, errors.

    The page needs no network, has 3 MB at most, can be printed, and can be read where scripts are forbidden.
    """
    with opened(**run) as opened_run:
        size = write_report(opened_run, output)
    if as_json:
        write_json({"file": output, "bytes": size})
    else:
        write_line(console(), f"{output}: {size / 1e6:.1f} MB. Open it in a browser; it needs no network.")
    return GOOD
