"""`one-logger goodput`: which share of a training's time was of use. Exact sums are tested beside what records them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded import EPOCH, SECOND, Recorded

from one_logger.analysis import Run
from one_logger.analysis.goodput import CAUSES, account, goodput
from one_logger.analysis.goodput.facts import Incarnation, Interval, Loop, Piece
from one_logger.analysis.report import write_report
from one_logger.analysis.schemas import command_schema


def training(first: int, at: int, steps: int, *, end: bool = True, tag: str = "job", **resource: Any) -> Recorded:
    """A process that trains steps of 10 s: its names are those of one-logger-training-telemetry. Times in seconds."""
    stream = Recorded(0, **{"one_logger.session_tag": tag, **resource})
    stream.records[0]["time_unix_nano"] = EPOCH + at * SECOND
    until = at + 10 * steps
    attributes = {"train_iterations_start": first}
    stream.span("training_loop", at * SECOND, until * SECOND if end else None, attributes=attributes)
    for number in range(steps):
        stream.event(
            "training_metrics_update",
            (at + 10 * number + 10) * SECOND,
            "training_loop",
            attributes={
                "current_iteration": first + number,
                "interval": 1,
                "interval_productive_ns": 9 * SECOND,
                "interval_data_loading_ns": SECOND,
            },
        )
    return stream.end(until * SECOND) if end else stream


@pytest.fixture
def restarted(tmp_path: Path) -> Path:
    """Ten steps, of which the checkpoint after the fifth holds five; killed; 100 s later again from step 5."""
    training(0, 0, 10, end=False).write(tmp_path)
    training(5, 200, 10).write(tmp_path)
    return tmp_path


def test_a_restart_derived_by_hand(restarted: Path, one_logger: Callable[..., Any]) -> None:
    """5 + 10 steps count, 9 s of each are productive: 135 s of 300; 5 steps are lost, 100 s are between restarts."""
    done = one_logger("goodput", "--json", restarted)

    assert done.code == 0
    jsonschema.validate(done.json, command_schema("goodput"))
    assert done.json["goodput"] == pytest.approx(135 / 300)
    assert (done.json["wall_s"], done.json["restarts"], done.json["lost_steps"]) == (300, 1, 5)
    found = {cause: share for cause, share in done.json["shares"].items() if share}
    expected = {"productive": 135, "lost_work": 45, "data_loading": 20, "between_restarts": 100}
    assert found == pytest.approx({cause: seconds / 300 for cause, seconds in expected.items()})
    assert sum(found.values()) == pytest.approx(1)
    assert done.json["session"] == "job"


def test_it_is_said_in_words(restarted: Path, one_logger: Callable[..., Any]) -> None:
    """The answer is a sentence, and a row for each cause, the largest first."""
    done = one_logger("goodput", restarted)

    assert done.code == 0
    assert "Goodput: 45 % of 300 s went into steps that count. 1 restart; 5 steps had to be done again." in done.out
    causes = ("steps that count", "between restarts", "did again", "waiting for data")
    assert [done.out.index(cause) for cause in causes] == sorted(done.out.index(cause) for cause in causes)
    assert all(len(line) <= 80 for line in done.out.splitlines()[1:])


def test_records_without_a_monotonic_clock(tmp_path: Path) -> None:
    """Where records have the wall clock alone and that goes back, durations still say how long it took."""
    stream = Recorded(0)
    at = 0
    stream.span("training_loop", 0, 100 * SECOND, attributes={"train_iterations_start": 0}, end_time_unix_nano=EPOCH)
    for number in range(10):
        back = 60 if number >= 5 else 0
        start = (at - back) * SECOND
        stream.span(f"step {number}", start, start + 10 * SECOND, "training_loop", name="training_single_iteration")
        at += 10
    stream.end(40 * SECOND).write(tmp_path)
    with Run.open(tmp_path, now_unix_nano=EPOCH + 3600 * SECOND) as run:
        found = goodput(run)
    assert found.goodput == pytest.approx(1)
    assert found.wall_s == pytest.approx(100)


def test_every_cause_has_its_place(tmp_path: Path) -> None:
    """Each span of the thread that trains stands for its cause, the innermost one counts, other threads don't."""
    stream = Recorded(0)
    spans: dict[str, tuple[int, int]] = {
        "application": (5, 200),
        "distributed_code_initialization": (10, 20),
        "model_initialization": (20, 30),
        "checkpoint_load": (30, 50),
        "training_loop": (50, 190),
        "validation_loop": (100, 120),
        "checkpoint_save_async": (110, 115),
        "data_loading": (120, 130),
        "checkpoint_save_sync": (130, 150),
    }
    for name, (start, end) in spans.items():
        stream.span(name, start * SECOND, end * SECOND, attributes={"train_iterations_start": 3})
        if name == "training_loop":
            stream.span("step", 50 * SECOND, 90 * SECOND, name="training_single_iteration")
            stream.span("background", 60 * SECOND, 90 * SECOND, thread=7, name="checkpoint_save_sync")
    stream.end(200 * SECOND).write(tmp_path)
    with Run.open(tmp_path) as run:
        found = goodput(run)
    seconds = {cause: share * found.wall_s for cause, share in found.shares.items() if share}
    assert seconds == pytest.approx(
        {
            "start_up": 10,
            "initialization": 20,
            "checkpoint_load": 20,
            "productive": 40,
            "evaluation": 15,
            "checkpoint_save": 25,
            "data_loading": 10,
            "unknown": 60,
        }
    )
    assert set(found.shares) == set(CAUSES)


def test_sessions(tmp_path: Path, one_logger: Callable[..., Any]) -> None:
    """Of several sessions one has to be named; what was no training has no goodput; each is said in a sentence."""
    for folder in ("several", "other"):
        (tmp_path / folder).mkdir()
    training(0, 0, 5, tag="a").write(tmp_path / "several")
    training(0, 0, 10, tag="b").write(tmp_path / "several")
    Recorded(0).span("step", 0, SECOND).end(SECOND).write(tmp_path / "other")

    done = one_logger("goodput", tmp_path / "several")
    assert done.code == 2
    assert "There are 2 sessions: 'a' of 'train', 'b' of 'train'." in done.err
    assert one_logger("goodput", "--json", "--session=b", tmp_path / "several").json["wall_s"] == 100
    assert "of the session 'c'" in one_logger("goodput", "--session=c", tmp_path / "several").err
    done = one_logger("goodput", tmp_path / "other")
    assert done.code == 2
    assert "No training was recorded" in done.err
    assert "one-logger-training-telemetry" in done.err


@pytest.mark.parametrize("loop_s", [300, 10_000], ids=["all iterations", "those that took long"])
def test_picked_iterations_make_no_straggler(tmp_path: Path, loop_s: int, one_logger: Callable[..., Any]) -> None:
    """Where only iterations that took long are spans, no rank is slow by them; where all are, the slow rank is."""
    for rank in range(8):
        stream = Recorded(rank).span("training_loop", 0, loop_s * SECOND)
        for number in range(60):
            start = number * 4 * SECOND
            took = (3 if rank == 5 else 2) * SECOND + number % 7 * SECOND // 1_000
            stream.span(f"{number}", start, start + took, "training_loop", name="training_single_iteration")
        stream.end(loop_s * SECOND).write(tmp_path)
    slow = [each["rank"] for each in one_logger("ranks", "--json", tmp_path).json["stragglers"]]
    assert slow == ([5] if loop_s == 300 else [])


@pytest.mark.parametrize("end", [True, False], ids=["finished", "killed"])
def test_checkpoints_of_a_loop_that_sums_up_its_steps(
    tmp_path: Path, end: bool, one_logger: Callable[..., Any]
) -> None:
    """Saves are judged by the time of the loop, in which most steps have no spans: 2 % of it are no finding."""
    stream = Recorded(0).span("training_loop", 0, 1_000 * SECOND if end else None)
    for number in range(20):
        at = 50 * number * SECOND
        stream.span(f"save {number}", at, at + SECOND, "training_loop", name="checkpoint_save_sync")
        stream.span(f"slow {number}", at + SECOND, at + 2 * SECOND, "training_loop", name="training_single_iteration")
    if end:
        stream.end(1_000 * SECOND)
    stream.write(tmp_path)
    findings = [each["evidence"]["kind"] for each in one_logger("show", "--json", tmp_path).json["verdict"]]
    assert "checkpoints" not in findings


TIMES = st.integers(0, 1_000)
SPANS = st.lists(st.tuples(st.sampled_from(["application", "loop", "checkpoint_save", "evaluation"]), TIMES, TIMES))


@st.composite
def incarnations(draw: st.DrawFn) -> list[Incarnation]:
    """Incarnations of any kind: overlapping, empty, with spans and sums that contradict each other."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        start = draw(TIMES)
        end = start + draw(TIMES)
        pieces = [Piece(cause, start + since, start + since + took) for cause, since, took in draw(SPANS)]
        loops = []
        for piece in pieces:
            if piece.cause == "loop":
                since, number, intervals = piece.start, draw(st.integers(0, 20)), []
                for steps, took, productive, data in draw(st.lists(st.tuples(st.integers(1, 9), TIMES, TIMES, TIMES))):
                    intervals.append(Interval(since, since + took, number, steps, productive, data))
                    since, number = since + took, number + steps
                first = intervals[0].first if intervals else 0
                loops.append(Loop(piece.start, piece.end, first, draw(st.booleans()), tuple(intervals)))
        stalls = sorted(
            (start + since, start + since + took) for since, took in draw(st.lists(st.tuples(TIMES, TIMES)))
        )
        found.append(Incarnation(start, end, False, True, 0, 4, tuple(loops), tuple(pieces), tuple(stalls), None))
    return sorted(found, key=lambda each: each.start)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(incarnations())
def test_shares_sum_up_whatever_was_recorded(found: list[Incarnation]) -> None:
    """Whatever contradicts itself in the records: no share is negative, and their sum is 1."""
    result = account(found)
    assert all(share >= 0 for share in result.shares.values())
    assert sum(result.shares.values()) == pytest.approx(1)
    assert 0 <= result.goodput <= 1
    assert result.lost_steps >= 0


def test_report_has_it_as_a_picture(restarted: Path, tmp_path: Path) -> None:
    """The report of a training has the wall time as a bar, by cause; that of other runs has none."""
    with Run.open(restarted) as run:
        write_report(run, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert 'id="goodput-bar"' in page
    assert "steps that a restart did again: 15 %, 45 s" in page
    other = tmp_path / "other"
    other.mkdir()
    Recorded(0).span("step", 0, SECOND).end(SECOND).write(other)
    with Run.open(other) as run:
        write_report(run, tmp_path / "other.html")
    assert "goodput-bar" not in (tmp_path / "other.html").read_text("utf-8")
