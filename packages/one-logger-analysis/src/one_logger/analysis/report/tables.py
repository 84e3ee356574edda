"""Tables and lists of the report, from what the other commands print as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from one_logger.analysis.findings.finding import clock, duration, percent
from one_logger.analysis.report.colours import FILLS, LINE
from one_logger.analysis.report.markup import Markup, element, short, text, together

Row = Mapping[str, Any]

PATHS = 200
"""How many paths the table of spans has at most: those with the most time of their own, and those above them."""
FIRST = 10
FINDINGS = 100
LISTED = 200
"""How many rows other tables have at most."""

_SIGNS = {"critical": "✕", "warning": "!", "info": "i"}


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: What stands above it.
        cell: What stands in it, for a row.
        number: Whether it holds numbers, which stand on the right.
        order: What rows are sorted by; None for what stands in the cell.
    """

    title: str
    cell: Callable[[Row], object]
    number: bool = False
    order: Callable[[Row], object] | None = None


def table(rows: Sequence[Row], columns: Sequence[Column], *, left_out: str = "", sortable: bool = True) -> Markup:
    """A table.

    Args:
        rows: What each row shows.
        columns: Its columns. One in which no row has anything is left out.
        left_out: A sentence about rows that aren't there.
        sortable: Whether the script may sort it.
    """
    columns = [column for column in columns if any(column.cell(row) not in {None, ""} for row in rows)]
    head = element(
        "tr", *(element("th", column.title, align="right" if column.number else "left") for column in columns)
    )
    body = (element("tr", *(_cell(column, row) for column in columns)) for row in rows)
    # Where style sheets are forbidden, these attributes keep the columns apart.
    made = element(
        "div",
        element(
            "table",
            element("thead", head),
            element("tbody", *body),
            cellspacing=0,
            cellpadding=5,
            width="100%",
            class_="sortable" if sortable and len(rows) > 1 else None,
        ),
        class_="scroll",
    )
    note = element("p", left_out, class_="note") if left_out else None
    return together([made, note])


def _cell(column: Column, row: Row) -> Markup:
    order = column.order(row) if column.order else None
    return element(
        "td",
        "-" if (value := column.cell(row)) is None else value if isinstance(value, Markup) else short(value),
        align="right" if column.number else None,
        class_="n" if column.number else None,
        data_order=order,
    )


def findings(found: Sequence[Row]) -> Markup:
    """The verdict: a sentence for each finding, with what it follows from."""
    if not found:
        return element("p", "Nothing unusual was found.", class_="fine")
    listed = element("ul", *(_finding(finding) for finding in found[:FINDINGS]), class_="findings")
    more = f"{len(found) - FINDINGS:,} more findings are left out; 'one-logger show' lists all."
    return together([listed, element("p", more, class_="note") if len(found) > FINDINGS else None])


def _finding(finding: Row) -> Markup:
    severity = finding["severity"]
    evidence = {key: value for key, value in finding["evidence"].items() if value not in (None, [], {}, "")}
    evidence.pop("kind", None)
    proof = None
    if evidence:
        proof = element(
            "details",
            element("summary", "Evidence"),
            element(
                "dl",
                *(
                    part
                    for key, value in evidence.items()
                    for part in (element("dt", key_words(key)), element("dd", evidence_words(key, value)))
                ),
            ),
        )
    return element(
        "li",
        element("b", _SIGNS.get(severity, "i"), class_="sign", aria_hidden="true"),
        " ",
        element("span", element("b", severity, class_="severity"), " ", short(finding["finding"], 600), class_="said"),
        proof,
        class_=severity,
    )


def key_words(key: str) -> str:
    """The name of a number of the evidence, as people write it."""
    for ending in ("_time_unix_nano", "_unix_nano", "_ns"):
        key = key.removesuffix(ending)
    return key.replace("_", " ")


def evidence_words(key: str, value: object) -> str:
    """A number of the evidence, as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        if key.endswith("_unix_nano"):
            return clock(int(value))
        if key.endswith("_ns"):
            return duration(value)
        if key in ("share", "slower_by", "impact"):
            return percent(value)
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{inner}: {evidence_words(str(inner), one)}" for inner, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        shown = ", ".join(evidence_words(key, one) for one in value[:40])
        return shown + (f" and {len(value) - 40:,} more" if len(value) > 40 else "")
    return short(value, 300)


def spans(paths: Sequence[Row], colours: Mapping[str, int]) -> Markup:
    """Where the time went: a row for each path, as a tree."""
    rows = list(paths)
    left_out = ""
    if len(rows) > PATHS:
        rows = _with_those_above(rows)
        left_out = (
            f"{len(paths) - len(rows):,} of {len(paths):,} paths are left out: those with the least time of their own."
        )
    all_own = max(sum(path["self_ns"] for path in paths), 1)

    def is_orphan(path: Row) -> bool:
        return bool(path["parent_missing"] and not path["depth"])

    if any(map(is_orphan, rows)):
        left_out += " * What some of these were part of isn't in their stream: it was lost, or is another process's."

    def name(path: Row) -> Markup:
        colour = colours.get(path["name"], 9)
        square = element(
            "svg",
            element("rect", width=10, height=10, rx=2, fill=FILLS[colour], class_=f"s{colour}"),
            width=10,
            height=10,
            viewBox="0 0 10 10",
            aria_hidden="true",
        )
        indent = Markup("&nbsp;" * (4 * min(path["depth"], 12)))
        return together(
            [
                *(indent, square, " ", element("span", short(path["name"], 100), title=short(path["path"], 200))),
                " *" if is_orphan(path) else None,
            ]
        )

    def share(path: Row) -> Markup:
        part = path["self_ns"] / all_own
        bar = element(
            "svg",
            element("rect", width=60, height=8, rx=2, fill=LINE, class_="track"),
            element("rect", width=round(60 * part, 1), height=8, rx=2, fill=FILLS[3], class_="s3"),
            width=60,
            height=8,
            viewBox="0 0 60 8",
            aria_hidden="true",
        )
        return together([percent(part) if part else "0 %", " ", bar])

    return table(
        rows,
        [
            Column("span", name, order=lambda path: path["path"]),
            Column("share of all time", share, True, lambda path: path["self_ns"]),
            Column("count", lambda path: f"{path['count']:,}", True, lambda path: path["count"]),
            *(
                _time_column(title, key)
                for title, key in (
                    ("total", "total_ns"),
                    ("itself", "self_ns"),
                    ("mean", "mean_ns"),
                    ("median", "p50_ns"),
                    ("p99", "p99_ns"),
                    ("longest", "longest_ns"),
                )
            ),
        ],
        left_out=left_out,
    )


def _with_those_above(paths: Sequence[Row]) -> list[Row]:
    known = {path["path"] for path in paths}
    kept: set[str] = set()
    for path in sorted(paths, key=lambda path: -path["self_ns"])[: PATHS // 2]:
        found = path["path"]
        kept.add(found)
        end = len(found)
        while (end := found.rfind("/", 0, end)) > 0:
            if found[:end] in known:
                kept.add(found[:end])
    return [path for path in paths if path["path"] in kept]


def _time_column(title: str, key: str) -> Column:
    return Column(title, lambda row: None if row[key] is None else duration(row[key]), True, lambda row: row[key])


def ranks(report: Row) -> Markup:
    """A row for each rank; of many those of note, and the first ones."""
    slow: dict[Any, Row] = {one["rank"]: one for one in report.get("stragglers", ())}
    rows = list(report["ranks"])
    shown = sorted(rows, key=lambda row: (row["state"] == "finished", row["rank"] not in slow))[:LISTED]
    if len(shown) < len(rows):
        left_out = f"{len(rows) - len(shown):,} of {len(rows):,} ranks are left out; 'one-logger ranks' lists all."
    else:
        shown, left_out = rows, ""

    def verdict(row: Row) -> object:
        one = slow.get(row["rank"])
        return (
            None
            if one is None
            else element("span", f"{percent(one['slower_by'])} slower in {short(one['span'])}", class_="bad")
        )

    return table(
        shown,
        [
            Column("rank", lambda row: row["rank"], True),
            Column("host", lambda row: row.get("host")),
            Column("state", lambda row: state_words(row["state"])),
            Column(
                "last sign of life",
                lambda row: _clock(row["last_time_unix_nano"]),
                order=lambda row: row["last_time_unix_nano"],
            ),
            Column("last open span", lambda row: row.get("last_open_span")),
            Column("against the others", verdict),
        ],
        left_out=left_out,
    )


def state_words(state: str) -> Markup:
    """A state with a sign before it, as colour alone tells nothing to many."""
    sign = {"finished": "✓", "whole": "✓", "running": "▸", "alive": "▸"}.get(state, "✕")
    kind = {"✓": "good", "▸": "going"}.get(sign, "bad")
    return element("span", sign, " ", state, class_=f"state {kind}")


def errors(found: Sequence[Row]) -> Markup:
    """A row for each kind of error."""
    return table(
        found[:LISTED],
        [
            Column("error", lambda row: row.get("exception_type") or row.get("name")),
            Column("message", lambda row: _cut(row.get("message"))),
            Column("count", lambda row: f"{row['count']:,}", True, lambda row: row["count"]),
            Column(
                "first",
                lambda row: _clock(row.get("first_time_unix_nano")),
                order=lambda row: row.get("first_time_unix_nano"),
            ),
            Column(
                "last",
                lambda row: _clock(row.get("last_time_unix_nano")),
                order=lambda row: row.get("last_time_unix_nano"),
            ),
            Column("ranks", lambda row: evidence_words("ranks", row.get("ranks") or [])),
        ],
        left_out=_more(found, "kinds of errors"),
    )


def open_spans(found: Sequence[Row]) -> Markup:
    """A row for each span that never ended."""
    return table(
        found[:LISTED],
        [
            Column("rank", lambda row: row["rank"], True),
            Column("span", lambda row: row["path"]),
            Column(
                "since", lambda row: _clock(row["start_time_unix_nano"]), order=lambda row: row["start_time_unix_nano"]
            ),
            _time_column("open for", "open_for_ns"),
        ],
        left_out=_more(found, "open spans"),
    )


def longest(found: Sequence[Row]) -> Markup:
    """A row for each of the longest spans: the first ones, and behind a word all."""
    if len(found) <= FIRST:
        return _longest(found)
    all_of_them = element("details", element("summary", f"All {len(found):,}"), _longest(found))
    return together([_longest(found[:FIRST]), all_of_them])


def _longest(found: Sequence[Row]) -> Markup:
    return table(
        found,
        [
            Column("rank", lambda row: row["rank"], True),
            Column("span", lambda row: row["path"]),
            Column(
                "start", lambda row: _clock(row["start_time_unix_nano"]), order=lambda row: row["start_time_unix_nano"]
            ),
            _time_column("took", "elapsed_ns"),
            Column("", lambda row: "still open" if row["open"] else ""),
        ],
    )


def streams(verification: Row) -> Markup:
    """A row for each stream, those first that are not whole."""
    found = sorted(verification["streams"], key=lambda row: row["state"] == "whole")
    return table(
        found[:LISTED],
        [
            Column("rank", lambda row: row["rank"], True),
            Column("host", lambda row: row["host"]),
            Column("stream", lambda row: element("code", short(row["stream"], 64))),
            Column("state", lambda row: state_words(row["state"])),
            Column("records", lambda row: f"{row['records']:,}", True, lambda row: row["records"]),
            Column("gaps", lambda row: f"{len(row['gaps']):,}", True),
            Column("dropped", lambda row: f"{row['dropped']:,}", True, lambda row: row["dropped"]),
            Column("ended by", lambda row: row["reason"]),
        ],
        left_out=_more(found, "streams"),
    )


def _more(found: Sequence[Row], noun: str) -> str:
    return f"{len(found) - LISTED:,} more {noun} are left out." if len(found) > LISTED else ""


def _clock(unix_nano: int | None) -> str | None:
    return None if unix_nano is None else clock(unix_nano)


def _cut(message: str | None) -> Markup | None:
    if message is None:
        return None
    first, *more = message.splitlines() or [""]
    return text(short(first, 200) + (" …" if more else ""))
