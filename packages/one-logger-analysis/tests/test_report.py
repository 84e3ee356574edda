"""The report of a run: what it says, and that nothing recorded can become markup or code in it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import EPOCH, SECOND, Recorded
from report_pages import ReportPage
from synthetic_plan import DOCUMENTED
from synthetic_run import write_run

from one_logger.analysis import Run
from one_logger.analysis.report import write_report
from one_logger.analysis.report.colours import FILLS
from one_logger.analysis.report.content import Content
from one_logger.analysis.report.markup import Markup, element, json_data, text
from one_logger.analysis.report.page import page
from one_logger.analysis.report.steps_data import COLUMNS as STEP_COLUMNS
from one_logger.analysis.report.steps_data import ROWS as STEP_ROWS
from one_logger.analysis.report.steps_data import Steps
from one_logger.analysis.report.svg import time_ticks, value_ticks
from one_logger.analysis.report.timeline_data import (
    COLUMNS,
    EXACT_SPANS,
    ROWS,
    Mark,
    Row,
    Segment,
    Timeline,
    timeline_of,
)

HOSTILE = [
    "</script><script>hacked=1</script>",
    "<img src=x onerror=hacked=1>",
    '"><svg onload=hacked=1>',
    "</title></style><script>hacked=1</script>",
    "a&lt;b&#x3c;c",
    "\x1b[31mred\x07\x00",
    "\u202egnp.exe\u2066",
    "\u2028\u2029]]>-->",
    "{{constructor}} ${hacked=1}",
]


@pytest.fixture
def report_of(tmp_path: Path) -> Callable[..., ReportPage]:
    """A function that records streams and reads their report."""
    folder = tmp_path / "records"
    folder.mkdir()

    def make(*streams: Recorded) -> ReportPage:
        for stream in streams:
            stream.write(folder)
        path = tmp_path / "report.html"
        with Run.open(folder, now_unix_nano=EPOCH + 3600 * SECOND) as run:
            size = write_report(run, path)
        assert path.stat().st_size == size
        return ReportPage(path.read_text("utf-8"))

    return make


def steps(run: Recorded, count: int = 30, data: float = 0.1, slow: float = 1) -> Recorded:
    """A loop of steps that load data and compute."""
    at = 0
    for number in range(count):
        load, compute = int(data * SECOND), int((1 - data) * slow * SECOND)
        run.span(f"step {number}", at, at + load + compute, "loop", name="step")
        run.span(f"load {number}", at, at + load, f"step {number}", name="data_loading")
        run.span(f"compute {number}", at + load, at + load + compute, f"step {number}", name="compute")
        at += load + compute
    return run.span("loop", 0, at)


def test_a_report_says_what_the_commands_say(report_of: Callable[..., ReportPage]) -> None:
    """Verdict, state, trust, spans, ranks, errors, open spans and streams stand in the page as text."""
    first = steps(Recorded(0, "node-a"), data=0.4)
    error: dict[str, Any] = {"message": "no", "exception_type": "ValueError", "stack_trace": "T"}
    first.event("error", 5 * SECOND, "step 5", "error", error=error)
    second = steps(Recorded(1, "node-b"), data=0.4).span("left open", 30 * SECOND, None)

    said = report_of(first.end(31 * SECOND), second).text

    for words in (
        "train",
        "Not all there",
        "1 stream without an end",
        "Rank 1 was killed or lost",
        "(data_loading) takes 40 %",
        "data_loading",
        "node-b",
        "ValueError",
        "left open",
        "cut short",
        "30 steps",
    ):
        assert words in said, words


def test_nothing_unusual_is_said_of_a_run_without_findings(report_of: Callable[..., ReportPage]) -> None:
    """A run that is whole and finished has a verdict, too."""
    said = report_of(steps(Recorded(0), data=0.01).end(31 * SECOND)).text

    assert "Nothing unusual was found." in said
    assert "All there" in said
    assert "Finished" in said


def test_a_run_without_ranks_and_steps_has_a_report(report_of: Callable[..., ReportPage]) -> None:
    """A script of one process that did a few things once is shown as well."""
    page = report_of(Recorded().span("convert", 0, 5000).span("read", 10, 1200, "convert").end(6000))

    assert "convert" in page.text
    assert "step" not in page.data
    assert page.data["timeline-data"]["rows"] == [["train", 30, 2]]
    assert "rank" not in page.text, "where there are no ranks, none are spoken of"


def test_goodput_that_cannot_be_told_is_left_out(tmp_path: Path) -> None:
    """A run that says nothing of its iterations has no section on goodput: it would say that there was none."""
    write_run(DOCUMENTED, tmp_path / "records")
    with Run.open(tmp_path / "records") as run:
        write_report(run, tmp_path / "report.html")
    said = ReportPage((tmp_path / "report.html").read_text("utf-8")).text
    assert "training_loop" in said
    assert "Goodput" not in said


def test_spans_whose_parent_was_lost_are_marked(tmp_path: Path) -> None:
    """What stands on top only because what it was part of was lost is marked in the table."""
    Recorded(0).span("loop", 0, None).span("step", 1, 5, "loop").end(9).write(tmp_path, lost=range(2, 3))
    with Run.open(tmp_path) as run:
        write_report(run, tmp_path / "report.html")
    said = ReportPage((tmp_path / "report.html").read_text("utf-8")).text
    assert "step *" in said
    assert "* What some of these were part of isn't in their stream" in said


def test_a_stream_without_spans_has_a_report(report_of: Callable[..., ReportPage]) -> None:
    """What has only just started has nothing to draw, and a report nevertheless."""
    assert "1 stream" in report_of(Recorded(0)).text


def test_the_script_has_the_spans_as_they_were(report_of: Callable[..., ReportPage]) -> None:
    """Of a small run the data for zooming has each span, with its times in microseconds, and open ones marked."""
    run = Recorded(0).span("loop", 0, None).span("a", 1000, 3_500, "loop").span("b", 4000, 2 * SECOND, "loop", thread=3)

    timeline = report_of(run.end(3 * SECOND)).data["timeline-data"]

    names = timeline["names"]
    assert timeline["exact"] is True
    assert [row[0] for row in timeline["rows"]] == ["rank 0", "rank 0 · thread 3"]
    assert sorted((row, lane, *flat[:2], names[flat[2]]) for row, lane, flat in timeline["segments"]) == [
        (0, 0, 0, -1, "loop"),
        (0, 1, 1, 2.5, "a"),
        (1, 0, 4, 1_999_996, "b"),
    ]


def test_many_spans_are_put_together_by_column(report_of: Callable[..., ReportPage]) -> None:
    """Of more spans than a page can hold each column says what took most of it; a long pause is left free."""
    run = Recorded(0)
    step = 4 * 10**6
    for number in range(EXACT_SPANS // 2 + 10):
        at = number * step + (60 * SECOND if number > 3000 else 0)
        name = "early" if number < 2000 else "late"
        run.span(f"{number}", at, at + step - 1000, name=name)
        run.span(f"in {number}", at, at + step // 4, f"{number}", name="inner")

    timeline = report_of(run.end(100 * SECOND)).data["timeline-data"]

    names, unit = timeline["names"], timeline["unit"]
    assert timeline["exact"] is False
    (outer,) = (flat for row, lane, flat in timeline["segments"] if lane == 0)
    parts = [(outer[i] * unit / 1e6, outer[i + 1] * unit / 1e6, names[outer[i + 2]]) for i in range(0, len(outer), 3)]
    assert [part[2] for part in parts] == ["early", "late", "late"]
    assert parts[0][1] == pytest.approx(8, abs=0.2)
    assert parts[2][0] - parts[1][0] - parts[1][1] == pytest.approx(60, abs=0.3)


def test_one_lane_shows_what_is_innermost(tmp_path: Path) -> None:
    """Where there is room for one lane a rank, it shows what took the time itself, not what holds it."""
    for rank in range(30):
        steps(Recorded(rank), 40, data=0.4).end(41 * SECOND).write(tmp_path)

    with Run.open(tmp_path) as run:
        timeline = timeline_of(run)

    assert timeline is not None
    assert {row.lanes for row in timeline.rows} == {1}
    assert {timeline.names[segment.name] for segment in timeline.columns} == {"compute", "data_loading"}


def test_restarts_of_a_rank_stand_in_one_row(report_of: Callable[..., ReportPage]) -> None:
    """A rank has one row, over all its restarts, and none of the time between them is drawn as if it had lived."""
    job: dict[str, Any] = {"one_logger.session_tag": "s"}
    again: dict[str, Any] = {**job, "one_logger.restart": 1}
    second = Recorded(0, **again)
    second.records[0]["time_unix_nano"] = EPOCH + 20 * SECOND

    page = report_of(Recorded(0, **job).span("a", 0, 5 * SECOND), second.span("b", 20 * SECOND, 25 * SECOND))

    assert [row[0] for row in page.data["timeline-data"]["rows"]] == ["rank 0"]
    assert "Restarts" in page.text


def test_ranks_that_the_verdict_names_are_in_the_timeline(report_of: Callable[..., ReportPage]) -> None:
    """Of more ranks than there is room for, those of note are shown, and it is said that others aren't."""
    streams = [steps(Recorded(rank, f"node-{rank // 8}"), 40, slow=1.5 if rank == 37 else 1) for rank in range(60)]
    page = report_of(*(stream.end(60 * SECOND) for stream in streams))

    labels = [row[0] for row in page.data["timeline-data"]["rows"]]
    assert len(labels) == ROWS
    assert "rank 37" in labels
    assert f"{ROWS} of 60 ranks are shown" in page.text
    assert min(page.data["steps-data"]["ratios"][37]) > 120


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_markup_or_code(report_of: Callable[..., ReportPage], name: str) -> None:
    """Whatever spans, events, errors, threads, hosts, sessions and streams are called, it is text."""
    attributes: dict[str, Any] = {"service.name": name, "one_logger.session_tag": name, "one_logger.job_id": name}
    error = {"message": name, "exception_type": name, "exception_message": name, "stack_trace": name}
    run = Recorded(0, name, **attributes)
    run.stream = name
    run.records[0]["stream"] = name
    run.add("thread", thread=1, name=name)
    for number in range(30):
        run.span(f"{number}", number * SECOND, (number + 1) * SECOND, name=name, attributes={name: name})
        run.span(f"t{number}", number * SECOND, (number + 1) * SECOND, str(number), 1, name=name)
    run.span("open", 30 * SECOND, None, name=name)
    run.event(name, 5, "5", "error", error=error, attributes={name: name}).event(name, 6, "6")
    run.add("telemetry_data_error", error_type=name, message=name, time_unix_nano=EPOCH + 7, dropped=3)

    page = report_of(run)

    shown = json.dumps(page.data, ensure_ascii=False) + page.html
    marks = {c for c in shown if unicodedata.category(c) in {"Cc", "Cs"} and c != "\n"} | set(shown) & set(
        "\u202e\u2066\u2028"
    )
    assert not marks
    if name.isprintable():
        assert name[:100] in page.text


@settings(deadline=None)
@given(st.text(st.characters()))
def test_any_text_stays_text(value: str) -> None:
    """In an element, an attribute and the data for the script any text is read back as it is shown."""
    made = f"<!DOCTYPE html>{element('p', value, title=value)}"
    reader = _Texts()
    reader.feed(made)
    reader.close()

    assert reader.tags == ["p"]
    assert reader.titles == ["".join(reader.said)]
    data = json_data("d", {"v": value})
    assert "<" not in data[len('<script type="application/json" id="d">') : -len("</script>")]


class _Texts(ReportPage):
    def __init__(self) -> None:
        super(ReportPage, self).__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.titles: list[str | None] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.titles.append(dict(attrs)["title"])

    def handle_endtag(self, tag: str) -> None:
        assert tag == "p"

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_markup_is_taken_as_it_is() -> None:
    """What is markup already isn't escaped again, and what isn't given isn't there."""
    made = element("td", Markup("<b>a</b>"), " & ", None, align=None, class_="n", data_order=3, hidden=True)

    assert made == '<td class="n" data-order="3" hidden><b>a</b> &amp; </td>'
    assert text(made) is made


def test_a_report_never_grows_beyond_3_mb() -> None:
    """The largest timeline, heat map and tables there can be, with long names everywhere, stay below 3 MB."""
    long = "name " * 300
    paths = [
        {
            "path": f"{long}/{long} {number}",
            "name": f"{long} {number}",
            "depth": 1,
            "count": 10**9,
            **dict.fromkeys(("total_ns", "self_ns", "mean_ns", "p50_ns", "p99_ns", "longest_ns"), 10**15),
            "parent_missing": True,
        }
        for number in range(5000)
    ]
    length = COLUMNS * 10**10
    columns = [
        Segment(row, 0, column * 10**10, (column + 1) * 10**10, (row * COLUMNS + column) % 5000)
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]
    timeline = Timeline(
        EPOCH,
        length,
        [Row(f"{long} {row}", 1, ((0, length),)) for row in range(ROWS)],
        [str(path["name"]) for path in paths],
        columns,
        None,
        [Mark(number % ROWS, "error", number * 10**9, number * 10**9, long) for number in range(500)],
        [],
    )
    ratios = [[0.8 + 0.3 * ((row + column) % 7) for column in range(STEP_COLUMNS)] for row in range(STEP_ROWS)]
    steps = Steps(
        long,
        10**6,
        4000,
        [10**9] * STEP_COLUMNS,
        [10**12] * STEP_COLUMNS,
        [f"ranks {row}" for row in range(STEP_ROWS)],
        ratios,
    )
    finding = {"finding": long, "severity": "critical", "evidence": {"ranks": list(range(10_000)), "span": long}}
    kind = {
        "name": long,
        "exception_type": long,
        "message": long,
        "count": 10**6,
        "first_time_unix_nano": EPOCH,
        "last_time_unix_nano": EPOCH,
        "ranks": list(range(10_000)),
    }
    open_span = {
        "stream": long,
        "rank": 1,
        "thread": 0,
        "path": long,
        "start_time_unix_nano": EPOCH,
        "open_for_ns": 10**15,
    }
    rank = {
        "rank": 10**6,
        "host": long,
        "state": "killed",
        "last_time_unix_nano": EPOCH,
        "last_open_span": long,
        "scores": {},
    }
    stream = {
        "stream": long,
        "rank": 10**6,
        "host": long,
        "state": "cut short",
        "records": 10**9,
        "gaps": [[1, 2]] * 1000,
        "dropped": 10**9,
        "reason": long,
    }
    content = Content(
        service=long,
        session=long,
        job=long,
        hosts=8192,
        ranks_count=65536,
        incarnations=100,
        events=10**10,
        first=EPOCH,
        last=EPOCH + length,
        overview={
            "state": "killed",
            "trust": {"sentence": long, "whole": False},
            "verdict": [finding] * 1000,
            "errors": [kind] * 1000,
            "open_spans": [open_span] * 70_000,
        },
        paths=paths,
        ranks={"ranks": [rank] * 65_536, "stragglers": [], "missing_ranks": list(range(10_000))},
        verification={"streams": [stream] * 65_536, "missing_ranks": list(range(10_000))},
        longest=[{"rank": 1, "path": long, "start_time_unix_nano": EPOCH, "elapsed_ns": 10**15, "open": True}] * 200,
        timeline=timeline,
        steps=steps,
    )

    html = page(content, EPOCH)

    assert len(html.encode()) < 3_000_000
    ReportPage(html)


def test_each_colour_is_in_the_style_sheet_for_light_and_dark() -> None:
    """The colours that stand in attributes are those of the style sheet in light."""
    style = (Path(write_report.__code__.co_filename).parent / "report.css").read_text()

    for number, fill in enumerate(FILLS):
        assert f"--s{number}: light-dark({fill}, " in style


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (1, ["0 ns", "1 ns"]),
        (1000, ["0 ns", "100 ns", "200 ns"]),
        (10**9, ["0 ms", "100 ms", "200 ms"]),
        (90 * 10**9, ["0 s", "10 s", "20 s"]),
        (3600 * 10**9, ["0 min", "10 min", "20 min"]),
        (86400 * 10**9, ["0 h", "3 h", "6 h"]),
        (30 * 86400 * 10**9, ["0 d", "5 d", "10 d"]),
        (5000 * 86400 * 10**9, ["0 d", "500 d", "1000 d"]),
    ],
)
def test_a_time_axis_has_round_times(length: int, words: list[str]) -> None:
    """An axis of any length has at most ten parts, of round lengths in a unit that fits."""
    ticks = time_ticks(length)

    assert [tick[1] for tick in ticks][: len(words)] == words
    assert len(ticks) <= 11


@given(st.floats(1e-9, 1e30))
def test_an_axis_of_values_is_round(highest: float) -> None:
    """An axis of values has a few round ones, none above the highest."""
    ticks = value_ticks(highest)

    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 6
    assert ticks[-1] <= highest * (1 + 1e-6)
