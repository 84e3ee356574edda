"""`one-logger export`: write a run to files of other kinds."""

from __future__ import annotations

from typing import Any

import click

from one_logger.analysis.exporting import FORMATS, export
from one_logger.analysis.main import GOOD
from one_logger.analysis.opening import json_option, opened, run_arguments
from one_logger.analysis.terminal import console, write_json, write_line


@click.command("export", short_help="Write it to Parquet, CSV, or repaired JSON Lines.")
@click.option("-o", "--output", "folder", required=True, metavar="DIR", help="The folder to write to.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    default="parquet",
    show_default=True,
    help="parquet, csv: a file for each view. jsonl: each record once, in order, without what is torn.",
)
@json_option
@run_arguments
def command(folder: str, kind: str, as_json: bool, **run: Any) -> int:
    """Write the run to new files in a folder, and print their paths."""
    with opened(**run) as opened_run:
        paths = export(opened_run, folder, kind)
    if as_json:
        write_json({"files": paths})
    else:
        out = console()
        for path in paths:
            write_line(out, path)
    return GOOD
