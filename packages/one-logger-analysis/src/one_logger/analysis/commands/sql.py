"""`one-logger sql`: ask a run in SQL."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from one_logger.analysis.main import GOOD
from one_logger.analysis.opening import json_option, opened, run_options
from one_logger.analysis.run import Answer
from one_logger.analysis.terminal import console, write_json, write_table


@click.command("sql", short_help="Ask it in SQL.")
@json_option
@run_options
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.argument("query")
def command(query: str, as_json: bool, **run: Any) -> int:
    """Print the answer to QUERY, which is in DuckDB's SQL.

    The views are records, streams, gaps, spans, events, errors, ranks and restarts. 'DESCRIBE spans' shows the columns
    of one. A query reaches the views alone, no files and no network.
    """
    if query == "-":
        query = sys.stdin.read()
    with opened(**run) as opened_run:
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
