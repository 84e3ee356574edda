"""Opening a run for a command: with a progress bar, and a word about what cannot be read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from one_logger.analysis.columns import Detail
from one_logger.analysis.errors import ReadError
from one_logger.analysis.run import Run
from one_logger.analysis.terminal import console, has_styles

_F = TypeVar("_F", bound=Callable[..., Any])


def run_arguments(function: _F) -> _F:
    """Give a command PATH... and the options that all commands share: what `opened` takes, to be passed on as it is."""
    return run_options(click.argument("paths", nargs=-1, required=True, metavar="PATH...")(function))


def run_options(function: _F) -> _F:
    """Give a command the options of `run_arguments` without PATH..., which it has to take itself as `paths`."""
    for add in (
        click.option("--no-cache", is_flag=True, help="Neither use nor keep tables of earlier times."),
        click.option(
            "--memory-limit",
            default="1GB",
            show_default=True,
            metavar="SIZE",
            help="How much memory the database may use. What doesn't fit goes to the system's temporary folder.",
        ),
    ):
        function = add(function)
    return function


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
"""Give a command `--json`, as the argument `as_json`."""


@contextmanager
def opened(
    paths: tuple[str, ...], memory_limit: str = "1GB", no_cache: bool = False, detail: Detail = Detail.ALL
) -> Iterator[Run]:
    """A run, of which the records have been read. Meanwhile there is a progress bar, if stderr is a terminal.

    Args:
        paths: As for `Run.open`.
        memory_limit: As for `Run.open`.
        no_cache: Whether nothing is taken from earlier times, or kept for later.
        detail: How much of each record the command needs.

    Raises:
        ReadError: A path cannot be read, or none of the files holds anything like a record.
    """
    with Run.open(*paths, memory_limit=memory_limit, cache=not no_cache) as run:
        with _progress() as run.progress:
            run.read(detail)
        others = [count.file for count in run.counts if count.is_foreign]
        if others and not any(count.records for count in run.counts):
            names = ", ".join(map(repr, others[:3])) + (", ..." if len(others) > 3 else "")
            raise ReadError(f"No record was found in {names}. Name files that one-logger has written.")
        yield run


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    if not has_styles(sys.stderr):
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(sys.stderr), transient=True) as progress:
        task = progress.add_task("reading", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
