"""The time from nothing to the first span: importing the library, configuring it, making a span."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Print milliseconds, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", help="module and class of what to measure, such as one_logger.ToFile")
    parser.add_argument("--endpoint", default="", help="the server that the contender sends to, if it does")
    parser.add_argument("--scale", help="not used: there is one start")
    parser.add_argument("--distributions", type=int, default=0, help="how many more distributions are installed")
    arguments = parser.parse_args()

    from tools.bench.contenders.contender import Spans, contender  # typing and more, which are not to be counted

    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        sys.path.append(installed(Path(folder, "site"), arguments.distributions))
        moments = [time.perf_counter()]
        made = contender(arguments.contender, Spans)(Path(folder), arguments.endpoint)
        moments.append(time.perf_counter())
        made.configure()
        moments.append(time.perf_counter())
        made.spans((0,))
        moments.append(time.perf_counter())
        made.close(60)
    names = ("import", "configure", "first_span")
    figures = {name: (moments[at + 1] - moments[at]) * 1e3 for at, name in enumerate(names)}
    print(json.dumps({**figures, "ready": sum(figures.values())}))


def installed(site: Path, count: int) -> str:
    """A folder with the metadata of so many distributions, each of which registers a command."""
    for number in range(count):
        about = site / f"package_{number}-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: package-{number}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[console_scripts]\ncommand-{number} = package_{number}:main\n")
    return str(site)


if __name__ == "__main__":
    main()
