"""A ranking of ranks as text, for a terminal of any width, or for a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from one_logger.analysis.findings.finding import clock, numbers, percent
from one_logger.analysis.findings.state import RankState
from one_logger.analysis.overview_text import verdict_lines
from one_logger.analysis.ranking import HeatMap, Ranking
from one_logger.analysis.terminal import count, is_unicode, text, write_line, write_table
from one_logger.core.spi import counted

_ROWS = 40
_NARROW = 60
# From which ratio to the median rank on, with what, in which colour.
_SHADES = ((1.50, "█", "#", "red"), (1.25, "▓", "+", "red"), (1.10, "▒", ":", "yellow"), (1.05, "░", ".", ""))
# A rank that is the slowest in so many of the steps is always the same one.
_ALWAYS = 0.8


def write(out: Console, ranking: Ranking, *, show_all: bool = False) -> None:
    """Print a ranking."""
    if not ranking.ranks:
        write_line(out, "No stream says which rank it is.")
        return
    for finding in verdict_lines(ranking.findings, "No rank stands out."):
        out.print(finding, soft_wrap=out.width < _NARROW)
    for line in _steps(ranking):
        out.print(text(line))
    write_line(out)
    slow = {straggler.stream.rank for straggler in ranking.stragglers}
    usual = [s for s in ranking.ranks if s.stream.rank not in slow and s.state in {"finished", "running"}]
    rows = [state for state in ranking.ranks if state not in usual] + usual
    shown = sorted(rows if show_all else rows[:_ROWS], key=lambda state: state.stream.rank or 0)
    columns = ("rank", "host", "state", "last sign (UTC)", "last open span", "score")
    write_table(out, columns, [_row(ranking, state) for state in shown], right=("rank", "score"))
    if len(shown) < len(rows):
        write_line(out, f"... and {count(len(rows) - len(shown))} more ranks; --all lists them.")
    if ranking.heat is not None and out.width >= _NARROW:
        write_line(out)
        name = ranking.verdict.facts.by_path[ranking.step].name if ranking.step else ""
        for heat_line in _heat(out, ranking.heat, name):
            out.print(heat_line, soft_wrap=True)


def _row(ranking: Ranking, state: RankState) -> Sequence[object]:
    rank = state.stream.rank or 0
    name = ranking.verdict.facts.by_path[ranking.step].name if ranking.step else ""
    score = ranking.scores.get(rank, {}).get(name)
    return (
        rank,
        state.stream.host,
        state.state,
        clock(state.stream.last_time).removesuffix(" UTC"),
        state.open_span.name if state.open_span else None,
        None if score is None else f"{score:.2f}",
    )


def _steps(ranking: Ranking) -> Iterator[str]:
    if ranking.step is None:
        return
    for straggler in ranking.stragglers[:10]:
        slow = ranking.slow_steps.get(straggler.stream.rank or 0)
        if slow and slow.slow:
            yield (
                f"Rank {straggler.stream.rank} was slow in {count(slow.slow)} of its {count(slow.steps)} steps, from "
                f"step {slow.first} to step {slow.last}."
            )
    steps = sum(times for _, times in ranking.slowest)
    if ranking.stragglers and steps:
        rank, times = ranking.slowest[0]
        always = "always the same rank" if times >= _ALWAYS * steps else "not always the same rank"
        yield f"The slowest is {always}: rank {rank} in {percent(times / steps)} of the steps."


def _heat(out: Console, heat: HeatMap, step: str) -> Iterator[Text]:
    plain = not is_unicode(out.file)
    labels = [numbers(members) for members in heat.rows]
    wide = max(len(label) for label in labels)
    yield text(f"{step}: each rank against the median rank in the same step")
    for label, ratios in zip(labels, heat.ratios, strict=True):
        line = Text(f"{label:>{wide}} |")
        for ratio in ratios:
            line.append(*_shade(ratio, plain))
        yield line.append("|")
    shades = ", ".join(
        f"{ascii_ if plain else block} {(least - 1) * 100:.0f} %" for least, block, ascii_, _ in _SHADES[::-1]
    )
    yield text(f"slower by at least: {shades}; a column is {counted(heat.steps, 'step')}")


def _shade(ratio: float | None, plain: bool) -> tuple[str, str]:
    if ratio is None:
        return " ", ""
    for least, block, ascii_, colour in _SHADES:
        if ratio >= least:
            return (ascii_ if plain else block), colour
    return ("-" if plain else "·"), "dim"
