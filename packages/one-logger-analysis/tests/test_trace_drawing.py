"""What is drawn in a trace is what was recorded, whatever the spans of a thread do."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trace_pictures import Picture, chrome_picture, named, of_category, perfetto_picture

from one_logger.analysis.trace.chrome import ChromeWriter
from one_logger.analysis.trace.drawing import Item, Process, draw
from one_logger.analysis.trace.perfetto import PerfettoWriter

EPOCH = 1_764_100_000_123_456_789

Drawer = Callable[[list[Item]], Picture]


def drawn_by_perfetto(items: list[Item]) -> Picture:
    """What a Perfetto trace shows of one process."""
    file = BytesIO()
    with PerfettoWriter(file, EPOCH, 1) as writer:
        draw(writer, [Process(0, "rank 0 (node-000)")], {(0, 1): "loader"}, items)
    return perfetto_picture(file.getvalue())


def drawn_by_chrome(items: list[Item]) -> Picture:
    """What a trace in Chrome's format shows of one process."""
    file = BytesIO()
    with ChromeWriter(file, EPOCH, 1) as writer:
        draw(writer, [Process(0, "rank 0 (node-000)")], {(0, 1): "loader"}, items)
    return chrome_picture(file.getvalue())


@pytest.fixture(params=[drawn_by_perfetto, drawn_by_chrome], ids=["perfetto", "chrome"])
def drawn(request: pytest.FixtureRequest) -> Drawer:
    """Each of the two."""
    drawer: Drawer = request.param
    return drawer


def span(
    name: str, start: int, end: int | None, parent: str | None = None, thread: int | None = None, **fields: Any
) -> Item:
    """A span whose id is its name."""
    item = Item(0, thread, "span", start, end, None, name, parent, name, "OK", None, None)
    return item._replace(**fields)


def event(name: str, time: int, of: str | None, thread: int | None = None, kind: str = "event") -> Item:
    """An event of a span."""
    return Item(0, thread, kind, time, None, None, None, of, name, None, None, None)


@st.composite
def span_sets(draw_from: st.DrawFn) -> list[Item]:
    """Spans of two threads that overlap, outlive their parents, take no time or never end, with events of theirs."""
    items: list[tuple[int, Item]] = []
    depths: list[int] = []
    for number in range(draw_from(st.integers(1, 12))):
        parent = draw_from(st.none() | st.integers(0, number - 1)) if number else None
        depth = 0 if parent is None else depths[parent] + 1
        depths.append(depth)
        low = 0 if parent is None else items[parent][1].start
        start = draw_from(st.integers(low, low + 8))
        end = draw_from(st.none() | st.integers(start, start + 8))
        above = None if parent is None else f"s{parent}"
        items.append((2 * depth, span(f"s{number}", start, end, above, draw_from(st.sampled_from([None, 1])))))
    for number in range(draw_from(st.integers(0, 6))):
        of = draw_from(st.integers(0, len(depths) - 1))
        time = draw_from(st.integers(0, 12))
        items.append((2 * depths[of] + 1, event(f"e{number}", time, f"s{of}", draw_from(st.sampled_from([None, 1])))))
    return [
        item
        for _, item in sorted(
            items,
            key=lambda ranked: (
                ranked[1].thread or 0,
                ranked[1].start,
                ranked[0],
                -(10**9 if ranked[1].end is None else ranked[1].end),
            ),
        )
    ]


@st.composite
def nested_spans(draw_from: st.DrawFn) -> list[Item]:
    """Spans of one thread of which each lies within its parent, and none overlaps a sibling."""
    items: list[Item] = []

    def fill(parent: str | None, start: int, end: int) -> None:
        at = start
        for _ in range(draw_from(st.integers(0, 3))):
            if at >= end or len(items) > 20:
                return
            low = draw_from(st.integers(at, end - 1))
            high = draw_from(st.integers(low + 1, end))
            name = f"s{len(items)}"
            items.append(span(name, low, high, parent))
            fill(name, low, high)
            at = high

    fill(None, 0, 60)
    return sorted(items, key=lambda item: (item.start, -(item.end or 0)))


@given(items=span_sets())
@pytest.mark.parametrize("drawer", [drawn_by_perfetto, drawn_by_chrome])
def test_each_item_is_drawn_once_with_its_times(drawer: Drawer, items: list[Item]) -> None:
    """Every span, open span and event of any set of spans is drawn once, at its times, in its thread."""
    picture = drawer(items)

    drawn = sorted((s.category, s.name, s.start, s.end) for s in picture.shapes if s.end is not None)
    drawn_open = sorted((s.category, s.name, s.start) for s in picture.shapes if s.end is None)
    closed = [i for i in items if i.kind == "event" or i.end is not None]
    assert drawn == sorted((i.kind, i.name, i.start, i.start if i.end is None else i.end) for i in closed)
    assert drawn_open == sorted((i.kind, i.name, i.start) for i in items if i not in closed)
    threads = {i.name: "loader" if i.thread else "main thread" for i in items}
    assert all(s.track.startswith(f"rank 0 (node-000)/{threads[s.name]}") for s in picture.shapes)


@given(items=span_sets())
@pytest.mark.parametrize("drawer", [drawn_by_perfetto, drawn_by_chrome])
def test_nothing_stands_in_what_it_was_not_recorded_in(drawer: Drawer, items: list[Item]) -> None:
    """What stands inside a span on a track is a child or an event of that span, whatever overlaps in the thread."""
    parents = {item.name: item.parent_id for item in items}
    for shape in drawer(items).shapes:
        assert shape.inside in (None, parents[shape.name])


@given(items=nested_spans())
@pytest.mark.parametrize("drawer", [drawn_by_perfetto, drawn_by_chrome])
def test_what_nests_is_drawn_nested_on_one_track(drawer: Drawer, items: list[Item]) -> None:
    """Spans of a thread that nest stand on one track, each inside its parent."""
    shapes = drawer(items).shapes

    assert {shape.name: shape.inside for shape in shapes} == {item.name: item.parent_id for item in items}
    assert {shape.track for shape in shapes} <= {"rank 0 (node-000)/main thread"}


def test_overlapping_spans_go_to_the_first_track_that_is_free(drawn: Drawer) -> None:
    """Tasks that overlap in a thread stand on tracks of their own, and a track is used again when it is free."""
    picture = drawn([span("a", 0, 10), span("b", 5, 15), span("c", 10, 12), span("d", 11, 20)])

    tracks = {shape.name: shape.track.partition("/")[2] for shape in picture.shapes}
    assert tracks == {"a": "main thread", "b": "main thread (2)", "c": "main thread", "d": "main thread (3)"}
    assert picture.tracks == [f"rank 0 (node-000)/main thread{more}" for more in ("", " (2)", " (3)")]


def test_a_span_that_takes_no_time_holds_its_event(drawn: Drawer) -> None:
    """A span without a duration is drawn inside its parent, with its event inside it, also at the parent's very end."""
    picture = drawn([span("step", 0, 10), span("empty", 10, 10, "step"), event("seen", 10, "empty")])

    assert named(picture.shapes, "empty").inside == "step"
    assert named(picture.shapes, "seen").inside == "empty"


def test_an_event_of_an_outer_span_does_not_stand_in_an_inner_one(drawn: Drawer) -> None:
    """An event that is recorded on a span while a child of it is open is drawn on another track."""
    picture = drawn([span("step", 0, 10), span("child", 2, 8, "step"), event("said", 5, "step")])

    assert named(picture.shapes, "said").inside is None
    assert named(picture.shapes, "said").track == "rank 0 (node-000)/main thread (2)"


def test_an_open_span_holds_what_came_later_in_it(drawn: Drawer) -> None:
    """Children of a span that never ended are drawn inside it, and end as they did."""
    shapes = drawn([span("loop", 0, None), span("step", 1, 4, "loop"), span("step2", 5, None, "loop")]).shapes

    assert [(s.name, s.end, s.inside) for s in shapes] == [
        ("loop", None, None),
        ("step", 4, "loop"),
        ("step2", None, "loop"),
    ]


def test_what_is_missing_stands_on_a_track_of_its_process(drawn: Drawer) -> None:
    """Times from which records are missing are drawn beside the threads."""
    items = [
        span("step", 0, 10),
        Item(0, None, "missing", 3, 5, None, None, None, "7 records are missing", None, None, '{"first_seq": 4}'),
        Item(0, None, "missing", 9, None, None, None, None, "cut short", None, None, None),
    ]

    missing = list(of_category(drawn(items).shapes, "missing"))

    assert [(s.track, s.name, s.start, s.end) for s in missing] == [
        ("rank 0 (node-000)/missing records", "7 records are missing", 3, 5),
        ("rank 0 (node-000)/missing records", "cut short", 9, 9),
    ]
    assert missing[0].attributes == {"first_seq": 4}


def test_a_span_whose_clock_was_set_back_is_as_long_as_it_was(drawn: Drawer) -> None:
    """A span that ends before it starts by the wall clock is drawn with its duration, and marked."""
    (shape,) = drawn([span("step", 1000, 400, duration=50)]).shapes

    assert (shape.start, shape.end) == (1000, 1050)
    assert "set back" in str(shape.attributes["clock"])


def test_a_span_during_which_the_clock_was_set_says_how_long_it_took(drawn: Drawer) -> None:
    """A span that is much longer by the wall clock than it was is marked with what it really took."""
    (shape,) = drawn([span("step", 0, 9_000_000_000, duration=1_000_000_000)]).shapes

    assert shape.end == 9_000_000_000
    assert "1000000000 ns" in str(shape.attributes["clock"])


def test_errors_carry_what_is_known_of_them(drawn: Drawer) -> None:
    """An error is drawn in its span with the exception's type, message and stack trace."""
    error = event("error", 4, "step", kind="error")._replace(
        details='{"exception.type": "ValueError", "exception.stacktrace": "Traceback"}'
    )

    shapes = drawn([span("step", 0, 10, status="ERROR"), error]).shapes

    assert named(shapes, "step").attributes == {"status": "ERROR"}
    assert named(shapes, "error").inside == "step"
    assert named(shapes, "error").attributes == {"exception.type": "ValueError", "exception.stacktrace": "Traceback"}


scalars = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
)
names = st.text(st.characters(codec="utf-8"), min_size=1)


@given(name=names, attributes=st.dictionaries(names, scalars | st.lists(scalars, min_size=1, max_size=3), max_size=4))
def test_names_and_attributes_are_read_back(name: str, attributes: dict[str, object]) -> None:
    """Any name, and attributes of any type, are in a Perfetto trace as they were recorded."""
    item = span(name, 0, 1)._replace(attributes=json.dumps(attributes))

    (shape,) = drawn_by_perfetto([item]).shapes

    assert shape.name == name
    assert shape.attributes == attributes


def test_what_a_format_cannot_hold_is_written_as_text(drawn: Drawer) -> None:
    """Lone surrogates, integers of more than 64 bits and NaN are drawn in a form that every reader takes."""
    attributes = '{"big": 36893488147419103232, "nan": NaN, "lone": "\\ud800", "none": null}'

    (shape,) = drawn([span("\ud800 \x1b[31m", 0, 1, attributes=attributes)]).shapes

    assert shape.name == "\\ud800 \x1b[31m"
    assert str(shape.attributes["big"]) == "36893488147419103232"
    assert shape.attributes["lone"] == "\\ud800"


def test_times_are_exact_after_a_hundred_days(drawn: Drawer) -> None:
    """Times that are 1 ns apart, a hundred days after the start, are apart in the trace."""
    late = 100 * 86_400 * 10**9
    shapes = drawn([span("a", late, late + 1), span("b", late + 1, late + 2)]).shapes

    assert [(shape.start - late, (shape.end or 0) - late) for shape in shapes] == [(0, 1), (1, 2)]


def test_the_time_of_the_wall_clock_at_the_start_is_in_the_trace(drawn: Drawer) -> None:
    """A trace counts from its start, and says when that was."""
    assert drawn([span("a", 0, 1)]).start_unix_nano == EPOCH
