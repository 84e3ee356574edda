"""The state of a run, by its records and the reader's clock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from analysis_streams import write

from one_logger.analysis import Run, RunState

SECOND = 10**9
START = 1_790_000_000 * SECOND


class _Job:
    """Writes the records of one rank, at times in seconds since the start."""

    def __init__(self, rank: int, restart: int | None = None, host: str = "node") -> None:
        self.lines: list[bytes] = []
        self._stream = f"{rank}-{restart}"
        about = {"service.name": "job", "host.name": host, "one_logger.session_tag": "s", "one_logger.rank": rank}
        self.write("resource", attributes=about | ({} if restart is None else {"one_logger.restart": restart}))

    def write(self, kind: str, **fields: object) -> None:
        stream = {"v": 1, "type": kind, "stream": self._stream, "seq": len(self.lines) + 1}
        self.lines.append(json.dumps(stream | fields, separators=(",", ":")).encode() + b"\n")

    def _ids(self, number: int) -> dict[str, str]:
        return {"trace_id": f"{1:032x}", "span_id": f"{number:016x}"}

    def start(self, number: int, name: str, at: float, parent: int | None = None) -> None:
        above = {} if parent is None else {"parent_span_id": f"{parent:016x}"}
        self.write("start", **self._ids(number), **above, name=name, start_time_unix_nano=_at(at))

    def complete(self, number: int, name: str, at: float, seconds: float, parent: int) -> None:
        self.write(
            "complete",
            **self._ids(number),
            parent_span_id=f"{parent:016x}",
            name=name,
            start_time_unix_nano=_at(at),
            end_time_unix_nano=_at(at + seconds),
            duration_ns=int(seconds * SECOND),
            status="UNSET",
        )

    def alive(self, at: float) -> None:
        self.write("alive", time_unix_nano=_at(at), open_spans=2)

    def end(self, at: float, reason: str = "closed") -> None:
        self.write("end", records=len(self.lines) + 1, dropped=0, time_unix_nano=_at(at), reason=reason)


def _at(seconds: float) -> int:
    return START + int(seconds * SECOND)


def _training(rank: int, steps: int, **about: object) -> _Job:
    """A job whose steps take 10 s each, and which is in its next step."""
    job = _Job(rank, **about)  # type: ignore[arg-type]
    job.start(1, "application", 0)
    for step in range(steps):
        job.complete(10 + step, "step", step * 10, 10, 1)
    job.start(9, "step", steps * 10, 1)
    return job


def _state(folder: Path, jobs: list[_Job], now: float) -> RunState:
    for number, job in enumerate(jobs):
        write(folder / f"{number}.jsonl", job.lines)
    with Run.open(folder, now_unix_nano=_at(now)) as run:
        return run.state()


def test_run_that_was_closed_is_finished(tmp_path: Path) -> None:
    """A run of which all streams were closed is finished, with what they say of why."""
    jobs = [_training(0, 3), _training(1, 3)]
    jobs[0].end(40, "exit")
    jobs[1].end(41, "exception")
    assert _state(tmp_path, jobs, 42) == RunState("finished", _at(41), None, (), ("exception", "exit"))


def test_run_that_goes_on_is_running(tmp_path: Path) -> None:
    """A run that has written a short time ago is running, in the innermost span that is open."""
    jobs = [_training(0, 3), _training(1, 3)]
    assert _state(tmp_path, jobs, 100) == RunState("running", _at(30), "application/step")


def test_rank_with_two_streams_is_one_rank(tmp_path: Path) -> None:
    """A rank that has forked has two streams, and is still spoken of as one."""
    for number in (0, 1):
        job = _training(0, 30)
        own = [line.replace(b'"stream":"0-None"', f'"stream":"{number}"'.encode()) for line in job.lines]
        write(tmp_path / f"{number}.jsonl", own)
    with Run.open(tmp_path, now_unix_nano=_at(10_000)) as run:
        sentences = [finding.sentence for finding in run.overview().verdict.findings]
    assert any(sentence.startswith("Rank 0 was killed or lost") for sentence in sentences)


def test_steps_in_which_a_run_warms_up_are_left_out(tmp_path: Path) -> None:
    """What was started in the first 5 % of the time counts in no median, and is no outlier however long it took."""
    job = _Job(0)
    job.start(1, "application", 0)
    # The first ones find everything prepared.
    steps = [(number * 0.001, 0.001) for number in range(26)] + [(0.03 + number * 0.1, 0.1) for number in range(21)]
    for number, (at, seconds) in enumerate(steps):
        job.complete(200 + number, "step", at, seconds, 1)
        job.complete(300 + number, "round", at, seconds, 1)
        job.complete(400 + number, "all_reduce", at, 0.0005, 300 + number)
    job.complete(100, "compile", 0.001, 30, 1)
    for number in range(25):
        job.complete(101 + number, "compile", 40 + number * 0.01, 0.01, 1)
    job.end(50)
    write(tmp_path / "a.jsonl", job.lines)
    with Run.open(tmp_path) as run:
        verdict = run.overview().verdict
    assert {timing.path: (timing.measured, timing.median_ns) for timing in verdict.facts.timings} == {
        "application/step": (20, 100_000_000),
        "application/round": (20, 99_500_000),
        "application/round/all_reduce": (20, 500_000),
        "application/compile": (25, 10_000_000),
    }
    assert [finding.sentence for finding in verdict.findings if finding.kind == "outlier"] == []


def test_silent_run_was_killed(tmp_path: Path) -> None:
    """A run that wasn't closed and has been silent for longer than a recorder ever is was killed, where it was last."""
    jobs = [_training(0, 3), _training(1, 3)]
    assert _state(tmp_path, jobs, 200) == RunState("killed", _at(30), "application/step", (0, 1))


def test_run_of_which_one_rank_was_killed_is_killed(tmp_path: Path) -> None:
    """When all others were closed, the rank that wasn't is named."""
    jobs = [_training(0, 3), _training(1, 3)]
    jobs[0].end(300)
    assert _state(tmp_path, jobs, 1000) == RunState("killed", _at(300), "application/step", (1,), ("closed",))


def test_run_that_lives_but_does_nothing_hangs(tmp_path: Path) -> None:
    """A rank that says it is alive, and has been in a span for five times the longest one, hangs there."""
    jobs = [_training(0, 3), _training(1, 3)]
    for seconds in range(60, 301, 30):
        for job in jobs:
            job.alive(seconds)
    state = _state(tmp_path, jobs, 310)
    assert state == RunState("hanging", _at(30), "application/step", (0, 1))


@pytest.mark.parametrize("last", [60, 75], ids=["slow", "nearly"])
def test_slow_span_does_not_hang(tmp_path: Path, last: int) -> None:
    """A span that takes longer than all before, but less than five times as long, or than a minute, is slow."""
    jobs = [_training(0, 3)]
    jobs[0].alive(last)
    assert _state(tmp_path, jobs, last + 5).state == "running"


def test_clocks_of_hosts_may_differ(tmp_path: Path) -> None:
    """A host whose clock is an hour ahead makes no other one hang."""
    behind, ahead = _training(0, 3), _Job(1, host="other")
    ahead.start(1, "application", 3600)
    ahead.complete(10, "step", 3600, 10, 1)
    ahead.start(9, "step", 3610, 1)
    behind.alive(35)
    assert _state(tmp_path, [behind, ahead], 50).state == "running"


def test_state_is_that_of_the_last_restart(tmp_path: Path) -> None:
    """A run that was killed and started again is in the state of what was started last."""
    first, second = _training(0, 3, restart=0), _Job(0, restart=1)
    second.start(1, "application", 500)
    second.end(510)
    assert _state(tmp_path, [first, second], 1000).state == "finished"


def test_nothing_has_no_state(tmp_path: Path) -> None:
    """Where nothing was read there is nothing to say."""
    with Run.open(write(tmp_path / "a.jsonl", [])) as run:
        assert run.state() == RunState("empty")
