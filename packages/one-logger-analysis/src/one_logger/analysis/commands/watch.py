"""`one-logger watch`: what is happening?"""

from __future__ import annotations

import json
import sys
import time

import click
from rich.segment import Segment, Segments

from one_logger.analysis.live import LiveRun, Tail
from one_logger.analysis.opening import json_option
from one_logger.analysis.overview import Overview
from one_logger.analysis.overview_text import render, write
from one_logger.analysis.terminal import console, has_styles, write_line

# What is shown is made again so seldom that it takes no more than this share of a core.
_SHARE = 0.02


@click.command("watch", short_help="What is happening?")
@click.option(
    "--interval",
    type=click.FloatRange(0.1),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Show it so often.",
)
@json_option
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
def command(paths: tuple[str, ...], interval: float, as_json: bool) -> None:
    """Show a run as `show` does, again and again, while its files are being written.

    A folder may be empty yet, and files may be rotated. It ends by Ctrl-C. With --json each line is a JSON document, as
    `show` prints it. Times in very long runs come from a part of the spans: every 2nd, 4th, ... one.
    """
    tail, run = Tail(paths), LiveRun()
    follow(tail, run, interval, _Page(as_json))


class _Page:
    """Where an overview is shown: again and again in the same place of a terminal, or one after the other in a pipe."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._is_screen = not as_json and has_styles(sys.stdout)

    def show(self, overview: Overview) -> None:
        if self._as_json:
            sys.stdout.write(json.dumps(overview.as_json()) + "\n")
            sys.stdout.flush()
            return
        out = console()
        if self._is_screen:
            out.file.write("\x1b[H\x1b[J")
            lines = [line for part in render(overview, out.width) for line in out.render_lines(part, pad=False)]
            for line in lines[: out.height - 1]:
                out.print(Segments([*line, Segment.line()]), end="")
        else:
            write(out, overview)
            write_line(out)
        sys.stdout.flush()


def follow(tail: Tail, run: LiveRun, interval: float, page: _Page) -> None:
    """Read and show for ever."""
    shown, cost, changed = 0.0, 0.0, True
    while True:
        begin = time.monotonic()
        changed |= run.read(tail.lines()) > 0
        # Nothing new is news, too: a span may hang by now.
        due = shown + max(interval, cost / _SHARE, 0.0 if changed else min(5 * interval, 10.0))
        if not shown or time.monotonic() >= due:
            before = time.thread_time()
            page.show(run.overview())
            cost, shown, changed = time.thread_time() - before, time.monotonic(), False
        time.sleep(max(0.05, min(1.0, interval) - (time.monotonic() - begin)))
