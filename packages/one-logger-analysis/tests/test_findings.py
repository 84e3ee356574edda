"""Findings are true: what was planted in a run is found, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from synthetic_plan import (
    SECOND,
    BlockingCheckpoints,
    Gap,
    Hang,
    Killed,
    LongStep,
    Names,
    Plan,
    SlowNode,
    SlowRank,
    expected,
    planted_runs,
)
from synthetic_run import last_time, write_run

from one_logger.analysis import Run
from one_logger.analysis.findings import Finding
from one_logger.analysis.findings.names import is_checkpoint_save, is_data_loading, is_wait
from one_logger.analysis.live.live_run import LiveRun
from one_logger.analysis.live.tail import Tail
from one_logger.analysis.overview import Overview, overview


def look_at(plan: Plan, folder: Path, *, later: int = 600) -> Overview:
    """Write a run, and look at it so many seconds after its last record."""
    write_run(plan, folder)
    with Run.open(folder, cache=False, now_unix_nano=last_time(folder) + later * SECOND) as run:
        return overview(run)


def named(findings: Iterable[Finding]) -> set[tuple[str, object]]:
    """The kinds of findings, and the rank or node that each of them names."""
    return {(finding.kind, _subject(finding)) for finding in findings if finding.kind != "cannot_tell"}


def _subject(finding: Finding) -> object:
    evidence = finding.evidence
    if finding.kind == "slow_node":
        return evidence["host"]
    ranks = evidence.get("ranks", [evidence.get("rank")])
    return ranks[0] if isinstance(ranks, list) and len(ranks) == 1 else ranks


def mistakes(plans: Iterable[Plan], folder: Path) -> list[str]:
    """What was missed in runs, and what was found though it was not planted."""
    wrong = []
    for number, plan in enumerate(plans):
        later = 5 if plan.of(Hang) else 600
        found = named(look_at(plan, folder / str(number), later=later).verdict.findings)
        if found != expected(plan):
            wrong.append(f"{plan}: missed {expected(plan) - found}, false {found - expected(plan)}")
        for path in (folder / str(number)).iterdir():
            path.unlink()
    return wrong


def test_planted_causes_are_named_and_nothing_else(tmp_path: Path) -> None:
    """In small runs, with each kind of cause twice, all that was planted is found, and nothing else."""
    plans = [plan for plan in planted_runs(seed=3, count=20) if plan.ranks <= 32]
    assert {type(plan.causes[0]) for plan in plans} == {type(plan.causes[0]) for plan in planted_runs(seed=3, count=10)}
    assert mistakes(plans, tmp_path) == []


@pytest.mark.parametrize("barriers", ["none", "recorded", "hidden"])
def test_nothing_is_found_in_a_healthy_run(barriers: str, tmp_path: Path) -> None:
    """The noise of a healthy run is no finding; that waiting is hidden is said."""
    found = look_at(Plan(ranks=64, steps=60, barriers=barriers, seed=5), tmp_path).verdict
    assert found.state == "finished"
    assert [finding.kind for finding in found.findings] == (["cannot_tell"] if barriers == "hidden" else [])


@pytest.mark.findings
def test_planted_causes_are_named_in_200_runs(tmp_path: Path) -> None:
    """In 200 runs of 1 to 1,024 ranks every planted cause is named, and nothing else is."""
    assert mistakes(planted_runs(seed=20, count=200), tmp_path) == []


@pytest.mark.findings
def test_nothing_is_found_in_100_healthy_runs_of_1024_ranks(tmp_path: Path) -> None:
    """Not in one of 100 healthy runs of 1,024 ranks anything is found."""
    barriers = ("none", "recorded", "hidden")
    plans = (Plan(ranks=1024, steps=40, barriers=barriers[seed % 3], seed=seed) for seed in range(100))
    assert mistakes(plans, tmp_path) == []


def test_the_rank_that_all_others_wait_for_is_named(tmp_path: Path) -> None:
    """Where all ranks but one hang in a collective, that one is named, with its span and since when."""
    plan = Plan(ranks=8, steps=60, barriers="recorded", causes=[Hang(rank=5, step=40)])
    found = look_at(plan, tmp_path, later=5).verdict
    assert found.state == "hanging"
    [hang] = found.findings
    assert hang.severity == "critical"
    assert hang.evidence["ranks"] == [5]
    assert hang.evidence["waiting_ranks"] == [0, 1, 2, 3, 4, 6, 7]
    assert hang.evidence["span"] == "training_loop/training_single_iteration/model_forward"
    assert "rank 5 has been in model_forward for" in hang.sentence
    assert "7 ranks wait in all_reduce for it" in hang.sentence


def test_a_run_that_hung_before_it_was_killed_says_both(tmp_path: Path) -> None:
    """Long after a hang nothing is alive any more: the run was killed, and what it hung in is still named."""
    plan = Plan(ranks=8, steps=60, barriers="recorded", causes=[Hang(rank=5, step=40)])
    found = look_at(plan, tmp_path, later=3600).verdict
    assert found.state == "killed"
    assert {finding.kind for finding in found.findings} == {"hang", "killed"}
    assert "The run hung since" in next(f.sentence for f in found.findings if f.kind == "hang")


def test_a_run_that_hung_until_a_signal_ended_it_says_so(tmp_path: Path) -> None:
    """Where a scheduler ends a run that hangs, all streams are closed. What it hung in is named, by `watch`, too."""
    write_run(Plan(ranks=8, steps=60, barriers="recorded", causes=[Hang(rank=5, step=40)]), tmp_path)
    ended = last_time(tmp_path) + SECOND
    for path in tmp_path.iterdir():
        last = json.loads(path.read_text().splitlines()[-1])
        end = {"v": 1, "type": "end", "stream": last["stream"], "seq": last["seq"] + 1, "records": last["seq"] + 1}
        end |= {"dropped": 0, "time_unix_nano": ended, "reason": "signal SIGTERM"}
        with path.open("a") as file:
            file.write(json.dumps(end, separators=(",", ":")) + "\n")
    live = LiveRun()
    live.read(Tail([str(tmp_path)]).lines())
    with Run.open(tmp_path, cache=False) as run:
        for verdict in (overview(run).verdict, live.overview().verdict):
            assert verdict.state == "killed"
            hang, signal = verdict.findings
            assert "The run hung since" in hang.sentence
            assert "rank 5 has been in model_forward for" in hang.sentence
            assert (hang.evidence["ranks"], hang.evidence["waiting_ranks"]) == ([5], [0, 1, 2, 3, 4, 6, 7])
            assert "Ranks 0-7 were ended by a signal (signal SIGTERM)" in signal.sentence


@pytest.mark.parametrize("barriers", ["none", "recorded", "hidden"])
def test_ranks_that_waited_for_one_that_was_killed_did_not_hang(barriers: str, tmp_path: Path) -> None:
    """Where a rank was killed, and a signal ended the others that waited for it, it is the one that is named."""
    plan = Plan(ranks=8, steps=60, barriers=barriers, causes=[Killed(rank=2, step=40)])
    assert named(look_at(plan, tmp_path).verdict.findings) == {("killed", 2)}


def test_a_rank_that_is_waited_for_and_gone_is_not_said_to_hang(tmp_path: Path) -> None:
    """The others hang in a collective for a rank that was killed: it is that one that is named as gone."""
    plan = Plan(ranks=8, steps=60, barriers="recorded", causes=[Killed(rank=2, step=40, torn=True)])
    write_run(plan, tmp_path)
    for path in tmp_path.iterdir():
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if '"type":"end"' not in line))
    with Run.open(tmp_path, cache=False, now_unix_nano=last_time(tmp_path)) as run:
        found = overview(run).verdict
    assert found.state == "hanging"
    sentences = {finding.kind: finding.sentence for finding in found.findings}
    assert "7 ranks wait in all_reduce for rank 2, which is gone" in sentences["hang"]
    assert "Rank 2 was killed or lost" in sentences["killed"]


def test_a_lost_end_of_a_span_is_no_hang(tmp_path: Path) -> None:
    """A span whose stop was lost looks open for ever; as its thread has gone on since, it does not hang."""
    plan = Plan(ranks=4, steps=120, step_ns=2 * SECOND, causes=[Hang(rank=0, step=100)])
    write_run(plan, tmp_path)
    lost = 0
    for path in sorted(tmp_path.iterdir())[1:]:
        lines = path.read_text().splitlines(keepends=True)
        stops = [n for n, line in enumerate(lines) if '"type":"stop"' in line and "training_single_iteration" in line]
        ends = [n for n, line in enumerate(lines) if '"type":"end"' in line or "training_loop" in line]
        path.write_text("".join(line for n, line in enumerate(lines) if n not in {*stops[5:6], *ends[-2:]}))
        lost += len(stops[5:6])
    assert lost
    with Run.open(tmp_path, cache=False, now_unix_nano=0) as run:
        [hang] = [finding for finding in overview(run).verdict.findings if finding.kind == "hang"]
    assert (hang.evidence["ranks"], hang.evidence["waiting_ranks"]) == ([0], [])


@pytest.mark.parametrize("barriers", ["none", "recorded", "hidden"])
def test_the_slow_rank_is_named_under_barriers_too(barriers: str, tmp_path: Path) -> None:
    """A rank that computes 30 % longer is named, though under a barrier all ranks' steps take equally long."""
    plan = Plan(ranks=16, steps=80, barriers=barriers, causes=[SlowRank(rank=11, factor=1.3)], seed=2)
    found = look_at(plan, tmp_path).verdict.findings
    [slow] = [finding for finding in found if finding.kind == "slow_rank"]
    assert slow.evidence["rank"] == 11
    assert 0.2 < float(str(slow.evidence["slower_by"])) < 0.4
    if barriers == "recorded":
        assert int(str(slow.evidence["wait_ns"])) < int(str(slow.evidence["typical_wait_ns"])) / 2
        assert "the others wait for it in all_reduce" in slow.sentence


def test_steps_without_anything_below_them_cannot_tell_who_is_slow(tmp_path: Path) -> None:
    """Where all steps take equally long and nothing shows why, no rank is named, and that is said."""
    plan = Plan(ranks=8, steps=80, barriers="hidden", causes=[SlowRank(rank=3, factor=1.4)], seed=2)
    write_run(plan, tmp_path)
    kept = ('"resource"', '"end"', "training_loop", "training_single_iteration")
    for path in tmp_path.iterdir():
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if any(word in line for word in kept)))
    with Run.open(tmp_path, cache=False) as run:
        found = overview(run).verdict.findings
    assert [finding.kind for finding in found if finding.kind != "gaps"] == ["cannot_tell"]


def test_a_slow_node_is_one_finding(tmp_path: Path) -> None:
    """When all ranks of a node are slow, the node is named, and not each of its ranks."""
    plan = Plan(ranks=24, steps=60, causes=[SlowNode(node=1, factor=1.3)], seed=9)
    [finding] = look_at(plan, tmp_path).verdict.findings
    assert finding.kind == "slow_node"
    assert finding.evidence["host"] == "node-001"
    assert finding.evidence["ranks"] == list(range(8, 16))


def test_of_two_nodes_the_one_that_waits_is_not_slow(tmp_path: Path) -> None:
    """Where waiting is hidden in the backward pass, that of the fast node takes longer: only the other one is named."""
    plan = Plan(ranks=16, steps=100, barriers="hidden", causes=[SlowNode(node=0, factor=1.4)], seed=3)
    assert named(look_at(plan, tmp_path).verdict.findings) == {("slow_node", "node-000")}


def test_a_long_first_step_is_no_outlier(tmp_path: Path) -> None:
    """The first step compiles and warms caches up: that it takes 40 s is no finding, and of a later one it is."""
    plan = Plan(ranks=2, steps=60, causes=[LongStep(rank=1, step=0)])
    assert look_at(plan, tmp_path / "first").verdict.findings == []
    plan = Plan(ranks=2, steps=60, causes=[LongStep(rank=1, step=30)])
    [outlier] = look_at(plan, tmp_path / "later").verdict.findings
    assert (outlier.kind, outlier.evidence["ranks"], outlier.evidence["step"]) == ("outlier", [1], 30)
    assert "training_single_iteration number 30 took 40." in outlier.sentence
    assert "in model_forward; the median is" in outlier.sentence


def test_a_checkpoint_that_is_saved_beside_the_steps_blocks_nothing(tmp_path: Path) -> None:
    """Saving takes a third of the run: a finding if the steps wait for it, and none if they go on meanwhile."""
    names = Names(checkpoint="checkpoint_save")
    plan = Plan(ranks=2, steps=100, causes=[BlockingCheckpoints(0.33)], names=names, checkpoint_every=20)
    [finding] = look_at(plan, tmp_path / "blocking").verdict.findings
    assert (finding.kind, finding.severity) == ("checkpoints", "critical")
    plan = Plan(ranks=2, steps=100, causes=[BlockingCheckpoints(0.33)], names=names, checkpoint_every=20, overlap=True)
    assert look_at(plan, tmp_path / "beside").verdict.findings == []


def test_each_incarnation_is_judged_by_itself(tmp_path: Path) -> None:
    """Of a run that was killed and restarted, the state is the last start's, and the kill of the first one is named."""
    first = Plan(ranks=4, steps=60, causes=[Killed(rank=1, step=40)], seed=1)
    write_run(first, tmp_path / "first")
    later = first.start_ns + 45 * SECOND
    second = Plan(ranks=4, steps=60, causes=[SlowRank(rank=2, factor=1.4)], seed=2, start_ns=later)
    write_run(second, tmp_path / "second")
    with Run.open(tmp_path, cache=False, now_unix_nano=last_time(tmp_path / "second")) as run:
        found = overview(run).verdict
    assert found.state == "finished"
    assert named(found.findings) == {("killed", 1), ("slow_rank", 2)}
    assert "in incarnation 2" in next(f.sentence for f in found.findings if f.kind == "slow_rank")


def test_a_gap_does_not_make_a_rank_slow(tmp_path: Path) -> None:
    """Lost records are a finding of their own, and change nothing in who is slow."""
    plan = Plan(ranks=8, steps=100, causes=[Gap(rank=3, records=90)], seed=4)
    assert named(look_at(plan, tmp_path).verdict.findings) == {("gaps", 3)}


def test_nothing_read_is_a_finding(tmp_path: Path) -> None:
    """An empty file is no healthy run."""
    (tmp_path / "a.jsonl").write_text("")
    with Run.open(tmp_path) as run:
        found = overview(run)
    assert (found.verdict.state, [f.kind for f in found.verdict.findings]) == ("empty", ["nothing"])
    assert not found.trust["whole"]


@pytest.mark.parametrize(
    ("name", "is_what"),
    [
        ("all_reduce", "wait"),
        ("AllReduce", "wait"),
        ("nccl:all_gather_into_tensor", "wait"),
        ("MPI_Barrier", "wait"),
        ("grad-sync", "wait"),
        ("wait_for_all_ranks", "wait"),
        ("data_loading", "data"),
        ("DataLoader", "data"),
        ("load the next batch", "data"),
        ("fetch_samples", "data"),
        ("checkpoint_save_sync", "checkpoint"),
        ("SaveCheckpoint", "checkpoint"),
        ("checkpoint upload", "checkpoint"),
        ("ckpt", "checkpoint"),
        ("checkpoint_load", None),
        ("checkpoint_save_async", None),
        ("restore_checkpoint", None),
        ("upload_data", None),
        ("model_forward", None),
        ("synchronous_step", None),
        ("reduce_lr", None),
        ("await_user", None),
    ],
)
def test_names_say_what_spans_are_for(name: str, is_what: str | None) -> None:
    """Waiting, data loading and checkpoints are known by their names in any spelling, and nothing else is."""
    found = [
        what
        for what, is_it in (("wait", is_wait), ("data", is_data_loading), ("checkpoint", is_checkpoint_save))
        if is_it(name)
    ]
    assert found == ([] if is_what is None else [is_what])
