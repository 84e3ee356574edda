"""An overview of a run as text, for a terminal of any width, or for a pipe."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from one_logger.analysis.findings.facts import Facts
from one_logger.analysis.findings.finding import Finding, clock, duration, numbers
from one_logger.analysis.overview import Overview, PathTime
from one_logger.analysis.terminal import clean, count, text
from one_logger.core.spi import counted

NARROW = 60
_ROWS = 40
_MESSAGE = 200
_LOST = "* What some of these were part of isn't in their stream: it was lost, or is another process's."
_STYLES = {"critical": "bold red", "warning": "yellow", "info": ""}
_STATE_STYLES = {
    "empty": "bold red",
    "finished": "green",
    "running": "green",
    "killed": "bold red",
    "hanging": "bold red",
}


def render(overview: Overview, width: int, *, show_all: bool = False) -> Iterator[RenderableType]:
    """What to print, one after the other.

    Args:
        overview: What there is to say.
        width: How many columns the terminal has.
        show_all: Whether all paths are shown, or the ones that took most.
    """
    yield text(overview.trust["sentence"], "green" if overview.trust["whole"] else "bold red")
    yield _state(overview)
    yield Text()
    yield from verdict_lines(overview.verdict.findings, "Nothing stands out.")
    if overview.paths:
        yield Text()
        yield from _tree(overview.paths, width, show_all)
    facts = overview.verdict.facts
    if facts.errors:
        yield Text()
        yield Text("Errors", "bold")
        for error in facts.errors[: None if show_all else _ROWS]:
            kind = text(f"{count(error.times)} x {error.kind}", "bold")
            line = Text.assemble(kind, text(f": {_first_line(error.message or '')}{_of(error.ranks)}"))
            yield Padding(line, (0, 0, 0, 2))
    if facts.open_spans:
        yield Text()
        yield Text("Open spans", "bold")
        yield from _open(facts, show_all)


def _first_line(message: str) -> str:
    lines = message.splitlines() or [""]
    cut = lines[0][:_MESSAGE]
    return cut if cut == message else f"{cut} ..."


def _state(overview: Overview) -> Text:
    facts, state = overview.verdict.facts, overview.verdict.state
    if not facts.streams:
        return Text()
    first = min(stream.first_time for stream in facts.streams)
    last = max(stream.last_time for stream in facts.streams)
    known = len({stream.rank for stream in facts.streams if stream.rank is not None})
    hosts = len({stream.host for stream in facts.streams if stream.host})
    of = [counted(known, "rank")] if known else []
    of += [counted(hosts, "host")] if hosts else []
    restarts = sum(facts.incarnations.values()) - len(facts.incarnations)
    of += [counted(restarts, "restart")] if restarts else []
    line = Text("State: ").append(state, _STATE_STYLES[state])
    line.append(f"; from {clock(first)}, for {duration(last - first)}")
    return line.append(f"; {', '.join(of)}." if of else ".")


def verdict_lines(findings: Sequence[Finding], nothing: str) -> Iterator[Text]:
    """A paragraph for each finding, or one that says that there is nothing."""
    if not findings:
        yield Text(nothing)
    for finding in findings:
        yield Text.assemble((f"{finding.severity}: ", _STYLES[finding.severity]), text(finding.sentence))


def _tree(paths: Sequence[PathTime], width: int, show_all: bool) -> Iterator[RenderableType]:
    whole = sum(path.total_ns for path in paths if path.depth == 0) or sum(path.total_ns for path in paths) or 1
    shown = list(paths) if show_all else _most(paths)
    yield Text("Where the time went", "bold")
    if width < NARROW:
        for path in shown:
            yield text(f"span: {path.path}{_mark(path)}")
            for name, value in _cells(path, whole).items():
                yield text(f"{name}: {value}")
            yield Text()
    else:
        space = 2 if width >= 100 else 1
        table = Table(box=None, padding=(0, space, 0, 0), pad_edge=False, header_style="dim")
        table.add_column("span", overflow="fold", ratio=1)
        cells = [_cells(path, whole) for path in shown]
        for name in cells[0]:
            table.add_column(name, justify="right", no_wrap=True)
        room = width - sum(space + max(len(name), *(len(row[name]) for row in cells)) for name in cells[0])
        for path, row in zip(shown, cells, strict=True):
            table.add_row(_folded(path.name + _mark(path), "  " * min(path.depth, 8), room), *row.values())
        yield table
    if any(_mark(path) for path in shown):
        yield text(_LOST, "dim")
    if len(shown) < len(paths):
        yield text(f"... and {count(len(paths) - len(shown))} more paths; --all lists them.")


def _mark(path: PathTime) -> str:
    return " *" if path.parent_missing and path.depth == 0 else ""


def _folded(name: str, indent: str, room: int) -> Text:
    """A name in lines that end where its words do."""
    lines = [""]
    for word in re.findall(r"[^_./ -]*[_./ -]|[^_./ -]+", clean(name)):
        if lines[-1] and len(indent + lines[-1] + word) > room:
            lines.append("")
        lines[-1] += word
    return Text("\n".join(indent + line for line in lines))


def _most(paths: Sequence[PathTime]) -> list[PathTime]:
    """The paths that took most, in the order in which they are: what lies above one of them took longer."""
    known = sorted(paths, key=lambda path: -path.total_ns)[:_ROWS]
    least = known[-1].total_ns
    return [path for path in paths if path.total_ns >= least][: 2 * _ROWS]


def _cells(path: PathTime, whole: int) -> dict[str, str]:
    return {
        "count": count(path.spans),
        "total": _short(path.total_ns),
        "share": f"{100 * path.total_ns / whole:.0f}%" if path.total_ns * 100 >= whole else "<1%",
        "self": _short(path.self_ns),
        "mean": _short(path.mean_ns),
        "p50": _short(path.p50_ns),
        "p99": _short(path.p99_ns),
        "longest": _short(path.longest_ns),
    }


def _short(nanoseconds: int) -> str:
    """A duration in at most six characters: `2d04h`, `3h07m`, `12m30s`, `41.2s`, `312ms`, `1.25us`."""
    seconds = nanoseconds / 1e9
    for size, big, small, part in ((86400, "d", "h", 3600), (3600, "h", "m", 60), (60, "m", "s", 1)):
        if seconds >= size:
            whole = int(seconds)
            return f"{whole // size}{big}{whole % size // part:02}{small}"
    for unit, size_of_unit in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size_of_unit:
            value = seconds / size_of_unit
            return f"{value:.0f}{unit}" if value >= 99.5 else f"{value:.3g}{unit}"
    return f"{nanoseconds}ns"


def _open(facts: Facts, show_all: bool) -> Iterator[RenderableType]:
    found = Counter(span.path for span in facts.open_spans)
    for path, number in found.most_common(None if show_all else _ROWS):
        spans = [span for span in facts.open_spans if span.path == path]
        since = min(span.start for span in spans)
        longest = max(facts.by_stream[span.stream].last_time - span.start for span in spans)
        known = [rank for span in spans if (rank := facts.by_stream[span.stream].rank) is not None]
        line = f"{path}: {count(number)}{_of(known)}, since {clock(since)}, for {duration(longest)} at most"
        yield Padding(text(line), (0, 0, 0, 2))


def _of(ranks: Sequence[int]) -> str:
    return f" (rank{'s' if len(set(ranks)) > 1 else ''} {numbers(ranks)})" if ranks else ""


def write(out: Console, overview: Overview, *, show_all: bool = False) -> None:
    """Print an overview."""
    for part in render(overview, out.width, show_all=show_all):
        out.print(part, soft_wrap=isinstance(part, Text) and out.width < NARROW)
