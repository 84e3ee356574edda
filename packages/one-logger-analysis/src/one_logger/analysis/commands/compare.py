"""`one-logger compare`: did it get slower?"""

from __future__ import annotations

import re
from typing import Any

import click

from one_logger.analysis.columns import Detail
from one_logger.analysis.comparison import LEAST_CHANGE, Comparison, NameComparison, Side, compare
from one_logger.analysis.findings.finding import duration, percent
from one_logger.analysis.main import FINDING, GOOD
from one_logger.analysis.opening import json_option, opened, run_options
from one_logger.analysis.terminal import console, count, text, write_json, write_line, write_table

_STYLES = {"slower": "bold red", "faster": "green", "noise": "dim", "too few": "dim"}
_ROWS = 60


class _Percent(click.ParamType[float]):
    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share that a text such as `10%` says."""
        if isinstance(value, float):
            return value
        if not re.fullmatch(r"\d{1,4}(\.\d+)? ?%?", str(value)) or not float(str(value).strip(" %")):
            self.fail(f"{value!r} is no percentage. Write one like 10%.", param, ctx)
        return float(str(value).strip(" %")) / 100


@click.command("compare", short_help="Did it get slower?")
@click.option(
    "--fail-over",
    type=_Percent(),
    metavar="PERCENT",
    help="Exit with 1 if the spans of some name are slower in B by this much, and not by chance.",
)
@click.option("--all", "show_all", is_flag=True, help="List all names, however little time they took.")
@json_option
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@run_options
def command(fail_over: float | None, show_all: bool, as_json: bool, a: str, b: str, **run: Any) -> int:
    """Compare run B with run A, name by name. Each is a file, a folder, or a pattern in quotes.

    A difference counts if the median differs by 10 % (or by what --fail-over says), and the test of Mann and Whitney
    finds it significant: 5 % divided by how many names were tested. Everything else is said to be noise.
    """
    run["detail"] = Detail.SPANS
    with opened(paths=(a,), **run) as run_a, opened(paths=(b,), **run) as run_b:
        found = compare(run_a, run_b, LEAST_CHANGE if fail_over is None else fail_over)
    if as_json:
        write_json(found.as_json())
    else:
        _write(found, show_all)
    return FINDING if fail_over is not None and found.slower else GOOD


def _write(found: Comparison, show_all: bool) -> None:
    out = console()
    by = percent(found.least_change)
    if not found.names:
        write_line(out, "There are no spans to compare.")
        return
    for judgement in ("slower", "faster"):
        names = [name for name in found.names if name.judgement == judgement]
        if names:
            said = ", ".join(f"{name.name} ({(name.change or 0) * 100:+.0f} %)" for name in names[:10])
            more = f" and {len(names) - 10} more" if len(names) > 10 else ""
            out.print(text(f"B is {judgement} in {said}{more}.", _STYLES[judgement]))
    if all(name.judgement not in {"slower", "faster"} for name in found.names):
        out.print(text(f"No span differs by {by} or more in a way that isn't noise."))
    write_line(out)
    shown = found.names if show_all else found.names[:_ROWS]
    columns = ("span", "count A", "count B", "median A", "median B", "change", "")
    right = ("count A", "count B", "median A", "median B", "change")
    write_table(out, columns, [_row(name) for name in shown], right)
    if len(shown) < len(found.names):
        write_line(out, f"... and {count(len(found.names) - len(shown))} more names; --all lists them.")
    write_line(out)
    out.print(text("One run each: how much such runs differ from each other by themselves is not known from two."))


def _row(name: NameComparison) -> list[object]:
    change = None if name.change is None else f"{name.change * 100:+.1f} %"
    judgement = text(name.judgement, _STYLES.get(name.judgement, ""))
    return [name.name, *_counts(name.a, name.b), *_medians(name.a, name.b), change, judgement]


def _counts(*sides: Side | None) -> list[str | None]:
    return [None if side is None else count(side.spans) for side in sides]


def _medians(*sides: Side | None) -> list[str | None]:
    return [None if side is None or not side.blocks else duration(side.median_ns) for side in sides]
