"""Writes the files of a synthetic training run, with causes of trouble planted in it.

The files are version 1 of the record, as a job writes them: a file a rank. Noise is as measured on clusters: ranks
differ by 2 %, steps by 2 %, and 1 % of the steps take 2 to 5 times as long. A seed gives the same run every time.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from synthetic_plan import (
    SECOND,
    BlockingCheckpoints,
    Dropped,
    Gap,
    Hang,
    Killed,
    LongStep,
    MissingRank,
    Plan,
    SlowNode,
    SlowRank,
    StarvingData,
)

ALIVE_INTERVAL = 30 * SECOND
DROPPED_MESSAGE = "records were dropped: the queue was full"


class StepTimes(NamedTuple):
    """When a step of a rank starts, and how long its parts take, in nanoseconds."""

    start: int
    data: int
    forward: int
    backward: int
    wait: int
    optimizer: int
    checkpoint: int


class Timing:
    """When each part of each step starts and ends, in nanoseconds since the run's start: arrays of ranks x steps."""

    def __init__(self, plan: Plan) -> None:
        random = np.random.default_rng(plan.seed)
        shape = (plan.ranks, plan.steps)
        noise = random.normal(1, 0.02, (plan.ranks, 1)) * random.normal(1, 0.02, shape)
        noise[:, 0] *= random.uniform(2, 8)  # the first step compiles, warms caches up
        tail = np.where(random.random(shape) < 0.01, random.uniform(2, 5, shape), 1)
        slow = np.ones((plan.ranks, 1))
        for cause in plan.causes:
            if isinstance(cause, SlowRank):
                slow[cause.rank] = cause.factor
            elif isinstance(cause, SlowNode):
                slow[cause.node * plan.ranks_per_node : (cause.node + 1) * plan.ranks_per_node] = cause.factor
        compute = plan.step_ns * noise * tail * slow
        self.forward, self.backward, self.optimizer = 0.3 * compute, 0.6 * compute, 0.07 * compute
        busy = compute if plan.barriers == "none" else compute.max(axis=0)  # the slowest rank makes all wait
        share = next((cause.share for cause in plan.causes if isinstance(cause, StarvingData)), 0.03)
        self.data = busy.mean() * random.normal(1, 0.05, shape) * share / (1 - share)
        for cause in plan.causes:
            if isinstance(cause, LongStep):
                self.forward[cause.rank, cause.step] = cause.seconds * SECOND - self.backward[cause.rank, cause.step]
        self.checkpoint = 0.3 * plan.step_ns * random.normal(1, 0.05, shape)
        for cause in plan.causes:
            if isinstance(cause, BlockingCheckpoints):
                work = busy.mean() * plan.checkpoint_every
                self.checkpoint = work * cause.share / (1 - cause.share) * random.normal(1, 0.05, shape)
        self.wait = np.zeros(shape)
        self._lay_out(plan, random)

    def _lay_out(self, plan: Plan, random: np.random.Generator) -> None:
        self.start = np.zeros(self.data.shape)
        now = random.uniform(0, 0.2, plan.ranks) * SECOND
        work = self.data + self.forward + self.backward
        for step in range(plan.steps):
            self.start[:, step] = now
            if plan.barriers != "none":
                arrived = now + work[:, step]
                transfer = 0.02 * plan.step_ns * random.normal(1, 0.02, plan.ranks)
                self.wait[:, step] = arrived.max() - arrived + transfer
            now = now + work[:, step] + self.wait[:, step] + self.optimizer[:, step]
            if plan.saves(step) and not plan.overlap:
                now = now + self.checkpoint[:, step]
        if plan.barriers == "hidden":
            self.backward = self.backward + self.wait
            self.wait = np.zeros(self.data.shape)
        self.end = now

    def of_rank(self, rank: int) -> list[StepTimes]:
        """The times of each step of a rank."""
        arrays = (self.start, self.data, self.forward, self.backward, self.wait, self.optimizer, self.checkpoint)
        return [StepTimes(*times) for times in np.stack([a[rank].astype(np.int64) for a in arrays], axis=1).tolist()]


class Stream:
    """The lines of one rank."""

    def __init__(self, plan: Plan, rank: int, random: np.random.Generator) -> None:
        self.plan, self.rank = plan, rank
        self.stream = random.bytes(8).hex()
        self.lines: list[str] = []
        self.seq = self.dropped = 0
        self.span_id = int(random.integers(1, 1 << 62))
        self.trace = random.bytes(16).hex()
        self.last_time = 0

    def add(self, kind: str, rest: str, time: int) -> None:
        self.seq += 1
        self.last_time = time
        self.lines.append(f'{{"v":1,"type":"{kind}","stream":"{self.stream}","seq":{self.seq},{rest}}}\n')

    def next_id(self) -> str:
        self.span_id += 1
        return f"{self.span_id:016x}"

    def _head(self, name: str, span: str, parent: str = "", thread: int = 0) -> str:
        above = f'"parent_span_id":"{parent}",' if parent else ""
        number = f'"thread":{thread},' if thread else ""
        return f'"trace_id":"{self.trace}","span_id":"{span}",{above}{number}"name":"{name}"'

    def start(self, name: str, start: int, parent: str) -> str:
        span = self.next_id()
        at = self.plan.start_ns + start
        self.add("start", f'{self._head(name, span, parent)},"start_time_unix_nano":{at}', start)
        return span

    def stop(self, name: str, span: str, start: int, end: int) -> None:
        self.add(
            "stop",
            f'{self._head(name, span)},"end_time_unix_nano":{self.plan.start_ns + end},'
            f'"duration_ns":{end - start},"status":"OK"',
            end,
        )

    def complete(self, name: str, start: int, end: int, parent: str, thread: int = 0) -> str:
        span, base = self.next_id(), self.plan.start_ns
        self.add(
            "complete",
            f'{self._head(name, span, parent, thread)},"start_time_unix_nano":{base + start},'
            f'"end_time_unix_nano":{base + end},"duration_ns":{end - start},"status":"OK"',
            end,
        )
        return span

    def resource(self, start: int) -> None:
        plan, rank = self.plan, self.rank
        self.add(
            "resource",
            f'"time_unix_nano":{plan.start_ns + start},"attributes":{{"service.name":"train",'
            f'"host.name":"{plan.host(rank)}","process.pid":{1000 + rank % plan.ranks_per_node},'
            f'"one_logger.session_tag":"synthetic","one_logger.job_id":"4711","one_logger.rank":{rank},'
            f'"one_logger.world_size":{plan.ranks},"one_logger.local_rank":{rank % plan.ranks_per_node}}}',
            start,
        )

    def event(self, name: str, span: str, time: int, attributes: str) -> None:
        at = self.plan.start_ns + time
        self.add("event", f'{self._head(name, span)},"time_unix_nano":{at},"attributes":{attributes}', time)

    def alive(self, until: int, open_spans: int) -> None:
        """Alive records every 30 s after the last record, up to a time."""
        while self.last_time + ALIVE_INTERVAL <= until:
            at = self.last_time + ALIVE_INTERVAL
            self.add("alive", f'"time_unix_nano":{self.plan.start_ns + at},"open_spans":{open_spans}', at)

    def end(self, time: int, reason: str = "exit") -> None:
        self.add(
            "end",
            f'"time_unix_nano":{self.plan.start_ns + time},"records":{self.seq + 1},"dropped":{self.dropped},'
            f'"reason":"{reason}"',
            time,
        )

    def drop(self, records: int, time: int) -> None:
        """Lose the last lines before they get a number, and say so."""
        del self.lines[-records:]
        self.seq -= records
        self.dropped += records
        self.add(
            "telemetry_data_error",
            f'"error_type":"INCOMPLETE_TELEMETRY_DATA","message":"{DROPPED_MESSAGE}",'
            f'"time_unix_nano":{self.plan.start_ns + time},"dropped":{records}',
            time,
        )


def rank_lines(plan: Plan, rank: int, timing: Timing) -> list[str]:
    """The lines of one rank's file."""
    random = np.random.default_rng([plan.seed, rank])
    stream = Stream(plan, rank, random)
    drops = {cause.step: cause.records for cause in plan.of(Dropped) if cause.rank == rank}
    stopping: list[Hang | Killed] = [*plan.of(Hang), *plan.of(Killed)]
    stops_at = min([plan.steps, *(cause.step for cause in stopping if _stops(plan, cause.rank, rank))])
    times = timing.of_rank(rank)
    stream.resource(0)
    if plan.threads:
        stream.add("thread", '"thread":1,"name":"loader"', 0)
    loop = stream.start(plan.names.loop, 1_000_000, "")
    separate = bool(random.random() < 0.5)  # steps that are written when they start, and again when they stop
    for step in range(stops_at):
        end = _step(stream, loop, times[step], separate)
        if step in drops:
            stream.drop(drops[step], end)
        if step % 50 == 49:
            stream.event("training_metrics_update", loop, end, f'{{"current_iteration":{step}}}')
        if plan.saves(step):
            stream.complete(plan.names.checkpoint, end, end + times[step].checkpoint, loop)
    if stops_at == plan.steps:
        end = int(timing.end[rank]) + 1_000_000
        stream.stop(plan.names.loop, loop, 1_000_000, end)
        stream.end(end + 1_000_000)
    else:
        _stop_in_step(stream, loop, times[stops_at], int(timing.start[:, stops_at].max()))
    for gap in plan.of(Gap):
        if gap.rank == rank:
            first = int(random.integers(20, len(stream.lines) // 2 - gap.records))
            del stream.lines[first : first + gap.records]
    return stream.lines


def _stops(plan: Plan, culprit: int, rank: int) -> bool:
    """Whether a rank gets no further than the culprit: that one itself, and all others that wait for it."""
    return rank == culprit or plan.barriers != "none"


def _step(stream: Stream, loop: str, times: StepTimes, separate: bool) -> int:
    """Write one step, and give its end."""
    names, start = stream.plan.names, times.start
    end = start + times.data + times.forward + times.backward + times.wait + times.optimizer
    span = stream.start(names.step, start, loop) if separate else stream.complete(names.step, start, end, loop)
    if stream.plan.threads:
        stream.complete("load_ahead", start, start + times.data + times.forward // 2, loop, thread=1)
    parts = ((names.data, times.data), (names.forward, times.forward), (names.backward, times.backward))
    at = start
    for name, duration in (*parts, (names.wait, times.wait), (names.optimizer, times.optimizer)):
        if duration > ALIVE_INTERVAL:
            child = stream.start(name, at, span)
            stream.alive(at + duration, 3)
            stream.stop(name, child, at, at + duration)
        elif duration or name != names.wait:
            stream.complete(name, at, at + duration, span)
        at += duration
    if separate:
        stream.stop(names.step, span, start, end)
    return end


def _stop_in_step(stream: Stream, loop: str, times: StepTimes, latest: int) -> None:
    """Write a step that never ends: of the rank that hangs or was killed, or of one that waits for it.

    Args:
        stream: The stream of the rank.
        loop: The span of the loop.
        times: The times of the step.
        latest: When the last rank has started it.
    """
    plan, names = stream.plan, stream.plan.names
    span = stream.start(names.step, times.start, loop)
    at = times.start + times.data
    stream.complete(names.data, times.start, at, span)
    hang, killed = plan.of(Hang), plan.of(Killed)
    if stream.rank in [*(cause.rank for cause in hang), *(cause.rank for cause in killed)]:
        stream.start(names.forward, at, span)
    else:
        stream.complete(names.forward, at, at + times.forward, span)
        at += times.forward
        if plan.barriers == "recorded":
            backward = int(0.6 * plan.step_ns)
            stream.complete(names.backward, at, at + backward, span)
            stream.start(names.wait, at + backward, span)
        else:
            stream.start(names.backward, at, span)
    if any(cause.rank == stream.rank for cause in killed):
        if killed[0].torn:
            stream.lines[-1] = stream.lines[-1][: len(stream.lines[-1]) // 2]
        return
    end = latest + (hang[0].seconds if hang else 120) * SECOND
    stream.alive(end, 3)
    if killed:
        stream.end(end, "signal SIGTERM")  # the launcher ends the others


def write_run(plan: Plan, folder: Path) -> list[Path]:
    """Write a file for each rank into a folder, and give their paths."""
    timing = Timing(plan)
    missing = {cause.rank for cause in plan.causes if isinstance(cause, MissingRank)}
    paths = []
    folder.mkdir(parents=True, exist_ok=True)
    for rank in range(plan.ranks):
        if rank not in missing:
            path = folder / f"rank-{rank:05}.jsonl"
            path.write_text("".join(rank_lines(plan, rank, timing)), "utf-8")
            paths.append(path)
    return paths


def last_time(folder: Path) -> int:
    """The last time in the files of a folder, in nanoseconds since the epoch."""
    ends = [path.read_text().splitlines()[-5:] for path in folder.glob("*.jsonl")]
    return max(int(time) for lines in ends for line in lines for time in re.findall(r'_unix_nano":(\d{19})', line))
