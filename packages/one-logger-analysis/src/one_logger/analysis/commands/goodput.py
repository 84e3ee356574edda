"""`one-logger goodput`: which share of the time went into training steps that count, and the rest into what?"""

from __future__ import annotations

from typing import Any

import click

from one_logger.analysis.goodput import goodput
from one_logger.analysis.goodput.text import write
from one_logger.analysis.main import GOOD
from one_logger.analysis.opening import json_option, opened, run_arguments
from one_logger.analysis.terminal import console, write_json


@click.command("goodput", short_help="Which share of the time was of use, over all restarts?")
@click.option("--session", metavar="TAG", help="The tag of the session, if there are several.")
@json_option
@run_arguments
def command(session: str | None, as_json: bool, **run: Any) -> int:
    """Say which share of a training's time, over all its restarts, went into steps that count, and the rest into what.

    A step counts if no restart had to do it again. The time is the wall time from the first start to the last end; of a
    training that runs, until now. The training has to be instrumented with one-logger-training-telemetry.
    """
    with opened(**run) as opened_run:
        found = goodput(opened_run, session)
    if as_json:
        write_json(found.as_json())
    else:
        write(console(), found)
    return GOOD
