"""`one-logger trace`: the run in a trace viewer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from one_logger.analysis.errors import ReadError
from one_logger.analysis.main import GOOD
from one_logger.analysis.opening import json_option, opened, run_arguments
from one_logger.analysis.terminal import console, count, write_json, write_line
from one_logger.analysis.trace import FORMATS, MomentError, TraceSummary, write_trace
from one_logger.core.spi import counted

_VIEWERS = {
    "perfetto": "Open it at https://ui.perfetto.dev, which keeps it on your machine.",
    "chrome": "Open it at https://ui.perfetto.dev, or at chrome://tracing.",
}


class _Ranks(click.ParamType[frozenset[int]]):
    """Ranks, as in `0-7,12`."""

    name = "ranks"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[int]:
        found: set[int] = set()
        for part in str(value).split(","):
            first, _, last = part.strip().partition("-")
            if (
                not first.isdecimal()
                or not (last or first).isdecimal()
                or not 0 <= int(last or first) - int(first) < 10**6
            ):
                self.fail(f"{value!r} names no ranks. Write them as in 0-7,12.", param, ctx)
            found.update(range(int(first), int(last or first) + 1))
        return frozenset(found)


@click.command("trace", short_help="Write the run for a trace viewer.")
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to write, run.pftrace say.")
@click.option(
    "--format",
    "trace_format",
    type=click.Choice(list(FORMATS)),
    default="perfetto",
    show_default=True,
    help="Perfetto's own format, or Chrome's JSON.",
)
@click.option("--ranks", type=_Ranks(), metavar="RANKS", help="Draw these ranks only: 0-7,12.")
@click.option(
    "--from", "first", metavar="TIME", help="Draw what touches the time from here on: 90s, -5m, a date and time."
)
@click.option("--to", "last", metavar="TIME", help="Draw what touches the time until here.")
@json_option
@run_arguments
def command(
    output: str,
    trace_format: str,
    ranks: frozenset[int] | None,
    first: str | None,
    last: str | None,
    as_json: bool,
    **run: Any,
) -> int:
    """Write the run as a trace: a process for each rank, a track for each thread.

    Spans that overlap in a thread go to further tracks, spans that never ended stay open, events and errors are marks,
    and where records are missing a track says so.

    TIME is a duration since the run's start (90s, 1h30m), before its end (-5m), or a date and time of UTC
    (2026-11-25T14:30:00).
    """
    with opened(**run) as opened_run:
        try:
            summary = write_trace(opened_run, output, format=trace_format, ranks=ranks, first=first, last=last)
        except MomentError as error:
            raise ReadError(str(error)) from None
    if as_json:
        write_json(as_dict(summary, output))
    else:
        _write(summary, output, trace_format)
    return GOOD


def as_dict(summary: TraceSummary, output: str) -> dict[str, object]:
    """What `trace --json` prints."""
    drawn = summary.drawn
    return {
        "file": output,
        "start_unix_nano": summary.start_unix_nano,
        "processes": summary.processes,
        "spans": drawn.spans,
        "open_spans": drawn.open_spans,
        "events": drawn.events,
        "errors": drawn.errors,
        "missing": drawn.missing,
        "left_out": summary.left_out,
    }


def _write(summary: TraceSummary, output: str, trace_format: str) -> None:
    out = console()
    drawn = summary.drawn
    parts = [
        counted(summary.processes, "process", "processes"),
        f"{counted(drawn.spans, 'span')} ({count(drawn.open_spans)} open)",
        counted(drawn.events, "event"),
        counted(drawn.errors, "error"),
    ]
    if drawn.missing:
        parts.append(f"{counted(drawn.missing, 'place')} where records are missing")
    write_line(out, f"{output}: {', '.join(parts)}.")
    seconds, nanoseconds = divmod(summary.start_unix_nano, 10**9)
    start = datetime.fromtimestamp(seconds, UTC)
    write_line(out, f"Its times count from the run's start, {start:%Y-%m-%d %H:%M:%S}.{nanoseconds // 10**6:03} UTC.")
    for sentence in summary.left_out:
        write_line(out, sentence, "bold yellow")
    write_line(out, _VIEWERS[trace_format])
