"""`one-logger verify`: is it all there?"""

from __future__ import annotations

from typing import Any

import click

from one_logger.analysis.columns import Detail
from one_logger.analysis.main import FINDING, GOOD
from one_logger.analysis.opening import json_option, opened, run_arguments
from one_logger.analysis.terminal import console, count, write_json, write_line, write_table
from one_logger.analysis.verification import StreamState, Verification
from one_logger.core.spi import counted

_SHOWN = 50


@click.command("verify", short_help="Is it all there?")
@click.option(
    "--expect-ranks",
    type=click.IntRange(0),
    metavar="N",
    help="How many ranks there should be. Default: what they say.",
)
@click.option("--all", "show_all", is_flag=True, help="List the streams that are whole, too.")
@json_option
@run_arguments
def command(expect_ranks: int | None, show_all: bool, as_json: bool, **run: Any) -> int:
    """Say of each stream whether it is whole, and which ranks are missing.

    The exit code is 1 unless all is whole.
    """
    with opened(**run, detail=Detail.STREAMS) as opened_run:
        verification = opened_run.verify(expect_ranks)
    if as_json:
        write_json(as_dict(verification))
    else:
        _write(verification, show_all)
    return GOOD if verification.whole else FINDING


def as_dict(verification: Verification) -> dict[str, object]:
    """A verification as `verify --json` prints it."""
    return {
        "whole": verification.whole,
        "streams": [
            {
                "stream": stream.stream,
                "rank": stream.rank,
                "host": stream.host,
                "state": stream.state,
                "records": stream.records,
                "gaps": [[gap.start, gap.stop - 1] for gap in stream.gaps],
                "dropped": stream.dropped,
                "reason": stream.reason,
            }
            for stream in verification.streams
        ],
        "missing_ranks": list(verification.missing_ranks),
    }


def _write(verification: Verification, show_all: bool) -> None:
    out = console()
    streams = verification.streams
    records = sum(stream.records for stream in streams)
    broken = [stream for stream in streams if not stream.whole]
    if not streams:
        write_line(out, "Nothing was read, so nothing is proved.", "bold red")
    elif not broken:
        write_line(out, f"{counted(len(streams), 'stream')} of {counted(records, 'record')}: all whole.", "bold green")
    else:
        write_line(
            out,
            f"{counted(len(streams), 'stream')} of {counted(records, 'record')}: {count(len(broken))} not whole.",
            "bold red",
        )
    if verification.missing_ranks:
        write_line(out, f"Ranks of which there is no stream: {ranges(verification.missing_ranks)}.", "bold red")
    if verification.no_records:
        write_line(out, f"Lines that hold no record: {count(verification.no_records)}.")
    if verification.unknown_versions:
        write_line(out, f"Records of a version that is not known here: {count(verification.unknown_versions)}.")
    shown = list(streams) if show_all else broken[:_SHOWN]
    if shown:
        write_line(out)
        write_table(
            out,
            ("rank", "host", "stream", "state", "records", "missing", "dropped"),
            [_row(stream) for stream in shown],
            right=("rank", "records", "missing", "dropped"),
        )
    if len(broken) > len(shown):
        write_line(out, f"... and {count(len(broken) - len(shown))} more; --all lists them.")


def _row(stream: StreamState) -> list[object]:
    missing = sum(len(gap) for gap in stream.gaps)
    # That a stream was closed in order is no news. What ended it otherwise may say why it isn't whole.
    reason = "" if stream.whole or stream.reason == "closed" else (stream.reason or "").removeprefix("signal ")
    state = f"{stream.state} ({reason})" if reason else stream.state
    return [
        stream.rank,
        stream.host,
        stream.stream,
        state,
        count(stream.records),
        count(missing),
        count(stream.dropped),
    ]


def ranges(numbers: tuple[int, ...]) -> str:
    """Numbers in ascending order as a text, as in `1-3, 7`."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts)
