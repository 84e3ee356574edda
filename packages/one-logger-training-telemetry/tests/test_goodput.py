"""Goodput of jobs of days with failures at known times: what the command says is exact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from simulated_job import EPOCH, SimulatedJob

from one_logger.analysis.main import main
from one_logger.training_telemetry.training import training


def goodput(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    """What `one-logger goodput --json` says."""
    assert main(["goodput", "--json", "--no-cache", *options, str(path)]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def seconds_of(answer: dict[str, Any]) -> dict[str, float]:
    """What each cause took, in seconds, but for what the conversion of times makes of milliseconds."""
    times = {cause: share * answer["wall_s"] for cause, share in answer["shares"].items()}
    return {cause: time for cause, time in times.items() if time > 1e-5}


def check(job: SimulatedJob, answer: dict[str, Any]) -> None:
    """The answer is the truth, to the microsecond, and shares sum up to 1."""
    spent, lost, wall = job.truth()
    assert answer["wall_s"] == pytest.approx(wall, abs=1e-6)
    assert sum(answer["shares"].values()) == pytest.approx(1, abs=1e-9)
    assert seconds_of(answer) == pytest.approx(spent, abs=1e-5)
    assert answer["lost_steps"] == lost
    assert answer["goodput"] == answer["shares"]["productive"]
    assert answer["restarts"] == len(job.records) - 1


def test_a_job_of_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three days with two kills, checkpoints every two hours, validations, data, and a failed save."""
    job = SimulatedJob()
    with job.incarnation(killed=True):
        job.spend("start_up", 40)
        job.initialize(200)
        job.begin(0)
        for _ in range(10):
            job.train(1_440, 5)
            job.save(60)
            job.validate(120)
        job.train(777, 5)
    job.spend("between_restarts", 1_800)
    with job.incarnation(killed=True):
        job.spend("start_up", 45)
        job.load(150)
        job.begin(14_400)
        for _ in range(8):
            job.train(1_440, 5)
            job.save(60)
        job.train(1_000, 5)
        job.save(60, fails=True)
        job.train(60, 5)
    job.spend("between_restarts", 600)
    with job.incarnation():
        job.spend("start_up", 30)
        job.load(150)
        job.begin(14_400 + 8 * 1_440)
        for _ in range(15):
            job.train(1_440, 5)
            job.save(60)
        job.spend("unknown", 17)
        job.end()
        job.spend("unknown", 3)
    answer = goodput(job.write(tmp_path), capsys)
    check(job, answer)
    assert 0.9 < answer["goodput"] < 0.99
    assert answer["at_risk_steps"] == 0


def test_resumes_at_exactly_the_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is lost, and the gap is none the less no goodput: five steps, a gap as long, five steps are 50 %."""
    job = SimulatedJob(log_every_n_train_iterations=1)
    with job.incarnation(killed=True):
        job.begin(0)
        job.train(5, 10)
    job.spend("between_restarts", 100)
    with job.incarnation():
        job.begin(5)
        job.train(5, 10)
        job.end()
    answer = goodput(job.write(tmp_path), capsys)
    check(job, answer)
    assert answer["goodput"] == pytest.approx(0.5)
    assert answer["lost_steps"] == 0


def test_dies_before_the_first_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Back at 0, all of it is lost; each time counts."""
    job = SimulatedJob(log_every_n_train_iterations=1)
    for _ in range(2):
        with job.incarnation(killed=True):
            job.initialize(10)
            job.begin(0)
            job.train(5, 10)
        job.spend("between_restarts", 20)
    with job.incarnation():
        job.begin(0)
        job.train(5, 10)
        job.end()
    answer = goodput(job.write(tmp_path), capsys)
    check(job, answer)
    assert answer["lost_steps"] == 10


def test_resumes_from_an_older_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What any later incarnation does again is lost, also of incarnations before the last one."""
    job = SimulatedJob(log_every_n_train_iterations=10)
    for first in (0, 200, 100):
        with job.incarnation(killed=first != 100):
            job.begin(first)
            for _ in range(3):
                job.train(100)
                job.save(5)
            if first == 100:
                job.end()
        job.spend("between_restarts" if first != 100 else "unknown", 30 if first != 100 else 0)
    answer = goodput(job.write(tmp_path), capsys)
    check(job, answer)
    assert answer["lost_steps"] == 200 + 300


def test_asynchronous_save_that_was_not_finished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What counts is where the next incarnation starts, not that a save had begun."""
    job = SimulatedJob(save_checkpoint_strategy="async")
    with job.incarnation(killed=True):
        job.begin(0)
        job.train(100)
        job.save(1)
        job.train(100)
        job.save(1, fails=True)  # its background part goes on, and dies with the process
        job.train(30)
    job.spend("between_restarts", 10)
    with job.incarnation():
        job.begin(100)
        job.train(150)
        job.end()
    answer = goodput(job.write(tmp_path), capsys)
    check(job, answer)
    assert answer["lost_steps"] == 100


def test_what_no_event_had_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Iterations after the last event died with the process: their time is unknown, and nothing is invented."""
    job = SimulatedJob(log_every_n_train_iterations=50)
    with job.incarnation(killed=True):
        job.begin(0)
        job.train(130)
        job.validate(10)  # the last sign of life
    job.spend("between_restarts", 10)
    with job.incarnation():
        job.begin(0)
        job.train(10)
        job.end()
    answer = goodput(job.write(tmp_path), capsys)
    check(job, answer)
    assert answer["lost_steps"] == 100
    assert answer["shares"]["unknown"] * answer["wall_s"] == pytest.approx(30)


def test_spans_of_iterations_fill_the_gap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where iterations have spans, those after the last event are known, too; none counts twice."""
    job = SimulatedJob(log_every_n_train_iterations=50, iteration_spans=True)
    with job.incarnation(killed=True):
        job.begin(0)
        job.train(130)
        job.recorded()
    job.spend("between_restarts", 10)
    with job.incarnation():
        job.begin(100)
        job.train(10)
        job.end()
    answer = goodput(job.write(tmp_path), capsys)
    check(job, answer)
    assert answer["lost_steps"] == 30


def test_two_incarnations_overlap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While the old process still runs, time counts once: for it, until the new one trains; that is said."""
    job = SimulatedJob(log_every_n_train_iterations=1)
    with job.incarnation(killed=True):
        job.begin(0)
        job.train(100, 1)
    job.now -= 20_000  # the new one starts 20 s before the old one has died
    with job.incarnation():
        job.initialize(10)
        job.begin(50)
        job.train(100, 1)
        job.end()
    answer = goodput(job.write(tmp_path), capsys)
    assert answer["wall_s"] == pytest.approx(190)
    assert sum(answer["shares"].values()) == pytest.approx(1)
    assert seconds_of(answer) == pytest.approx({"productive": 150, "lost_work": 40})
    assert answer["restarts"] == 1
    assert any("overlap" in note for note in answer["notes"])


def test_clock_that_steps_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A minute back on the wall clock in the midst of a process changes nothing: it has a monotonic one."""
    job = SimulatedJob(log_every_n_train_iterations=10)
    with job.incarnation():
        job.begin(0)
        job.train(100)
        job.save(10)
        job.train(100)
        job.end()
    for record in job.records[0][12:]:
        for name in ("time_unix_nano", "start_time_unix_nano", "end_time_unix_nano"):
            if name in record:
                record[name] -= 60 * 10**9
    answer = goodput(job.write(tmp_path), capsys)
    check(job, answer)


def test_shrunk_world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the wall clock, and, weighed by the ranks, by GPU time."""
    job = SimulatedJob(log_every_n_train_iterations=1)
    with job.incarnation(killed=True, world_size=8):
        job.begin(0)
        job.train(100)
    job.spend("between_restarts", 50)
    with job.incarnation(world_size=4):
        job.begin(100)
        job.train(50)
        job.end()
    answer = goodput(job.write(tmp_path), capsys)
    check(job, answer)
    assert answer["goodput"] == pytest.approx(150 / 200)
    assert answer["gpu_goodput"] == pytest.approx((800 + 200) / (800 + 400 + 200))


def test_ranks_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The times are those of the lowest rank that is there, which is said."""
    job = SimulatedJob()
    with job.incarnation(rank=2):
        job.begin(0)
        job.train(100)
        job.end()
    answer = goodput(job.write(tmp_path), capsys)
    check(job, answer)
    assert any("rank 0" in note for note in answer["notes"])
    assert any("Of 3 of the ranks there is no stream" in note for note in answer["notes"])


def test_no_tag_is_a_guess(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Restarts that nothing ties together are taken for one job by their application's name, and that is said."""
    job = SimulatedJob()
    with job.incarnation(tag=None, killed=True):
        job.begin(0)
        job.train(100)
    job.spend("between_restarts", 50)
    with job.incarnation(tag=None):
        job.begin(100)
        job.train(100)
        job.end()
    answer = goodput(job.write(tmp_path), capsys)
    check(job, answer)
    assert any("guess" in note for note in answer["notes"])


def test_stopped_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A process that was stopped, and says nothing meanwhile, though it is wont to, stood still: that is no step."""
    job = SimulatedJob(log_every_n_train_iterations=1)
    with job.incarnation():
        job.begin(0)
        job.train(10, 20)
        job.train(1, 600)
        job.train(10, 20)
        job.end()
    [records] = job.records
    started = next(
        record for record in records if record["type"] == "event" and record["attributes"].get("current_iteration") == 9
    )
    at = records.index(started) + 1
    alive = [
        {"v": 1, "type": "alive", "time_unix_nano": started["time_unix_nano"] + s * 10**9, "open_spans": 1}
        for s in (30, 60)
    ]
    records[at:at] = [{"stream": started["stream"], **each} for each in alive]
    for number, record in enumerate(records, 1):
        record["seq"] = number
    answer = goodput(job.write(tmp_path), capsys)
    assert seconds_of(answer) == pytest.approx({"productive": 1_000 - 540, "stalled": 540})


def test_several_loops_in_a_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A loop that failed is done again by the next one in its process; one that ended is not, wherever that starts."""
    job = SimulatedJob(log_every_n_train_iterations=1)
    with job.incarnation():
        job.begin(0)
        job.train(10)
        job.begin(0)  # the batch did not fit into memory, say
        job.train(20)
        job.end()
        job.begin(0)  # another stage
        job.train(5)
        job.end()
    answer = goodput(job.write(tmp_path), capsys)
    assert seconds_of(answer) == pytest.approx({"productive": 25, "lost_work": 10})


def test_job_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The time goes on until now; steps since the last checkpoint that was saved are at risk."""
    job = SimulatedJob(log_every_n_train_iterations=10)
    with job.incarnation(killed=True):
        job.begin(0)
        job.train(100)
        job.save(10)
        job.train(50)
    job.spend("unknown", 20)
    monkeypatch.setattr("time.time_ns", lambda: job.now * 1_000_000)
    answer = goodput(job.write(tmp_path), capsys)
    check(job, answer)
    assert answer["at_risk_steps"] == 50


def test_killed_a_moment_ago(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was just killed is not taken for one that runs once the next incarnation is there."""
    job = SimulatedJob(log_every_n_train_iterations=1)
    with job.incarnation(killed=True):
        job.begin(0)
        job.train(5)
    job.spend("between_restarts", 5)
    with job.incarnation():
        job.begin(5)
        job.train(5)
        job.end()
    monkeypatch.setattr("time.time_ns", lambda: (job.now + 10_000) * 1_000_000)
    check(job, goodput(job.write(tmp_path), capsys))


def test_iteration_that_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its span is no completed iteration: its time is unknown, and it is not lost."""
    job = SimulatedJob(log_every_n_train_iterations=1)
    with job.incarnation():
        job.begin(0)
        job.train(5)
        here = training()
        assert here is not None
        assert here.loop is not None
        here.loop.begin(here.time(job.now).monotonic_ns)
        here.loop.drop(RuntimeError("no"))
        job.spend("unknown", 7)
        job.end()
    job.spend("between_restarts", 5)
    with job.incarnation():
        job.begin(5)
        job.train(5)
        job.end()
    for record in job.records[0]:
        if record.get("name") == "training_single_iteration" and record["type"] in ("stop", "complete"):
            record.update(end_time_unix_nano=(EPOCH + 12_000) * 1_000_000, duration_ns=7 * 10**9)
        elif record["type"] == "error":
            record["time_unix_nano"] = (EPOCH + 12_000) * 1_000_000
    answer = goodput(job.write(tmp_path), capsys)
    assert answer["lost_steps"] == 0
    assert seconds_of(answer) == pytest.approx({"productive": 10, "unknown": 7, "between_restarts": 5})


def test_own_spans_of_data_loading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Waiting for data that the application marks by `timed_span` within iterations is no productive time either."""
    job = SimulatedJob(log_every_n_train_iterations=5)
    with job.incarnation():
        job.begin(0)
        job.train(20, 10)
        job.end()
    [records] = job.records
    loop = next(record for record in records if record.get("name") == "training_loop")
    shared = {"v": 1, "type": "complete", "stream": loop["stream"], "name": "data_loading", "status": "UNSET"}
    for number in range(20):
        start = loop["start_time_unix_nano"] + number * 10 * 10**9
        ids = {"trace_id": loop["trace_id"], "span_id": f"{number + 1:016x}", "parent_span_id": loop["span_id"]}
        times = {"start_time_unix_nano": start, "end_time_unix_nano": start + 3 * 10**9, "duration_ns": 3 * 10**9}
        records.insert(-1, {**shared, **ids, **times})
    for number, record in enumerate(records, 1):
        record["seq"] = number
    answer = goodput(job.write(tmp_path), capsys)
    assert answer["goodput"] == pytest.approx(0.7)
    assert answer["shares"]["data_loading"] == pytest.approx(0.3)
