"""How long it takes to look at a large run, and how much memory.

    python -m tools.bench.large_run /tmp/run
    python -m tools.bench.looking /tmp/run [--rounds N] [--only NAME ...]

Each figure is the median of rounds in which all take turns, each in a process of its own. `verify` and `show` are ours:
`show` is the work that the command does before it writes, with exact gaps and self times. `again` is the same with what
was kept of the first time. `core` is `one_logger.core.verify`. `polars`, `pandas` and `duckdb` group the spans by name,
which is less than `show` does; they are left out where they aren't installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

SHOW = """
    SELECT path, count(*), sum(elapsed_ns)::BIGINT, sum(self_ns)::BIGINT, quantile_disc(elapsed_ns, [0.5, 0.99]),
        max(elapsed_ns)
    FROM spans GROUP BY path
"""
DUCKDB = """
    SELECT name, count(*), sum(duration_ns), quantile_disc(duration_ns, [0.5, 0.99]), max(duration_ns)
    FROM read_json('{folder}/*.jsonl', format = 'newline_delimited', ignore_errors = true, union_by_name = true)
    WHERE type IN ('stop', 'complete') GROUP BY name
"""


def _core(folder: Path) -> object:
    from one_logger.core import read_records, verify

    def lines() -> Iterator[bytes]:
        for path in sorted(folder.glob("*.jsonl")):
            with path.open("rb") as file:
                yield from file

    return len(verify(read_records(lines())))


def _verify(folder: Path) -> object:
    from one_logger.analysis import Run

    with Run.open(folder, cache=False) as run:
        return len(run.verify().streams)


def _show(folder: Path, *, cache: bool = False) -> object:
    from one_logger.analysis import Run

    with Run.open(folder, cache=cache) as run:
        return run.verify().whole, run.execute(SHOW), run.execute("SELECT * FROM ranks"), run.execute("FROM errors")


def _again(folder: Path) -> object:
    return _show(folder, cache=True)


def _polars(folder: Path) -> object:
    import polars as pl

    duration = pl.col("duration_ns")
    return (
        pl.scan_ndjson(folder / "*.jsonl", infer_schema_length=None)
        .filter(pl.col("type").is_in(["stop", "complete"]))
        .group_by("name")
        .agg(duration.count(), duration.sum().alias("total"), duration.quantile(0.99).alias("p99"))
        .collect()
    )


def _pandas(folder: Path) -> object:
    import pandas as pd

    frames = [pd.read_json(path, lines=True) for path in sorted(folder.glob("*.jsonl"))]
    spans = pd.concat(frames)
    spans = spans[spans["type"].isin(["stop", "complete"])]
    return spans.groupby("name")["duration_ns"].describe(percentiles=[0.5, 0.99])


def _duckdb(folder: Path) -> object:
    import duckdb

    return duckdb.execute(DUCKDB.format(folder=folder)).fetchall()


WAYS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "core": ("one_logger", _core),
    "verify": ("one_logger", _verify),
    "show": ("one_logger", _show),
    "again": ("one_logger", _again),
    "duckdb": ("duckdb", _duckdb),
    "polars": ("polars", _polars),
    "pandas": ("pandas", _pandas),
}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a run that tools.bench.large_run has written")
    parser.add_argument("--rounds", type=int, default=1, help="how often each takes its turn (default: 1)")
    parser.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS), help="which to measure (default: all)")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        _measure_here(arguments.folder, arguments.only[0])
        return
    found: dict[str, list[list[float]]] = {name: [] for name in arguments.only}
    with tempfile.TemporaryDirectory() as cache:
        if "again" in found:
            _measure(arguments.folder, "again", cache)  # what is kept of the first time
        for _ in range(arguments.rounds):
            for name in [name for name in found if importlib.util.find_spec(WAYS[name][0])]:
                found[name].append(_measure(arguments.folder, name, cache))
    print(f"{'':10}{'seconds':>10}{'CPU s':>10}{'MB':>10}")
    for name, rounds in found.items():
        if rounds:
            wall, cpu, memory = map(statistics.median, zip(*rounds, strict=True))
            print(f"{name:10}{wall:10.2f}{cpu:10.2f}{memory:10.0f}")


def _measure(folder: Path, name: str, cache: str) -> list[float]:
    """Wall time and CPU time in seconds, and the peak of memory in MB, of a process that does it."""
    command = [sys.executable, "-m", "tools.bench.looking", str(folder), "--here", "--only", name]
    env = {**os.environ, "XDG_CACHE_HOME": cache}
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return [float(figure) for figure in done.stdout.split()]


def _measure_here(folder: Path, name: str) -> None:
    start = time.perf_counter()
    WAYS[name][1](folder)
    wall = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


if __name__ == "__main__":
    main()
