"""`one-logger sql`: ask a run in SQL."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from one_logger.analysis.main import GOOD
from one_logger.analysis.opening import json_option, opened, run_options
from one_logger.analysis.run import Answer
from one_logger.analysis.statements import DIALECTS, view_statements
from one_logger.analysis.terminal import console, write_json, write_table


@click.command("sql", short_help="Ask it in SQL.")
@click.option("--views", is_flag=True, help="Print the views as statements for another database instead.")
@click.option(
    "--dialect", type=click.Choice(DIALECTS), default="duckdb", show_default=True, help="With --views: the database's."
)
@click.option("-o", "--output", "folder", metavar="DIR", help="With --views, for Spark: where it is to write to.")
@json_option
@run_options
@click.argument("arguments", nargs=-1, metavar="PATH... QUERY")
@click.pass_context
def command(
    context: click.Context,
    /,
    arguments: tuple[str, ...],
    views: bool,
    dialect: str,
    folder: str | None,
    as_json: bool,
    **run: Any,
) -> int:
    """Print the answer to QUERY, which is in DuckDB's SQL. It is read from stdin if it is '-'.

    The views are records, streams, gaps, spans, events, errors, ranks and restarts. 'DESCRIBE spans' shows the columns
    of one. A query reaches the views alone, no files and no network.

    With --views, print statements that make these views elsewhere: in a DuckDB of your own, or in Spark. Then PATH is
    the Parquet file of records that 'export' has written, or a pattern for several.
    """
    if views:
        if len(arguments) != 1:
            raise click.UsageError("Name the Parquet file of records, or a pattern for several.", context)
        made = view_statements(arguments[0], dialect=dialect, folder=folder)
        if as_json:
            write_json(made)
        else:
            sys.stdout.write("".join(f"{statement};\n" for statement in made))
        return GOOD
    for number, missing in enumerate(("PATH...", "QUERY")):
        if len(arguments) <= number:
            raise click.UsageError(f"Missing argument '{missing}'.", context)
    *paths, query = arguments
    if query == "-":
        query = sys.stdin.read()
    with opened(tuple(paths), **run) as opened_run:
        answer = opened_run.answer(query, confined=True)
    if as_json:
        decode = [json.loads if kind == "JSON" else _same for kind in answer.types]
        write_json(
            [
                {
                    column: value if value is None else function(value)
                    for column, function, value in zip(answer.columns, decode, row, strict=True)
                }
                for row in answer.rows
            ]
        )
    else:
        _write(answer)
    return GOOD


def _same(value: Any) -> Any:
    return value


def _write(answer: Answer) -> None:
    numbers = [
        column
        for number, column in enumerate(answer.columns)
        if all(row[number] is None or type(row[number]) in {int, float} for row in answer.rows)
    ]
    write_table(console(), answer.columns, answer.rows, right=numbers)
