"""Writes the files of a synthetic training run, with causes of trouble planted in it.

The files are version 1 of the record, as a job writes them: a file a rank. Noise is as measured on clusters: ranks
differ by 2 %, steps by 2 %, and 1 % of the steps take 2 to 5 times as long. A seed gives the same run every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

SECOND = 1_000_000_000
ALIVE_INTERVAL = 30 * SECOND
START = 1_790_000_000 * SECOND
DROPPED_MESSAGE = "records were dropped: the queue was full"


@dataclass(frozen=True)
class SlowRank:
    """The rank computes `factor` times as long in every step."""

    rank: int
    factor: float


@dataclass(frozen=True)
class SlowNode:
    """All ranks of the node compute `factor` times as long in every step."""

    node: int
    factor: float


@dataclass(frozen=True)
class Hang:
    """The rank never leaves the forward pass of `step`; the files end `seconds` later."""

    rank: int
    step: int
    seconds: int = 900


@dataclass(frozen=True)
class Killed:
    """The rank writes nothing more from the middle of `step` on; its last line may be torn."""

    rank: int
    step: int
    torn: bool = True


@dataclass(frozen=True)
class MissingRank:
    """There is no file of the rank."""

    rank: int


@dataclass(frozen=True)
class Dropped:
    """The rank says that its queue was full and `records` were dropped in `step`."""

    rank: int
    step: int
    records: int


@dataclass(frozen=True)
class Gap:
    """`records` lines of the rank's file are lost from the middle."""

    rank: int
    records: int


@dataclass(frozen=True)
class StarvingData:
    """Loading data takes `share` of each step, on every rank."""

    share: float


@dataclass(frozen=True)
class BlockingCheckpoints:
    """Saving a checkpoint stops every rank so long that it takes `share` of the run."""

    share: float


@dataclass(frozen=True)
class LongStep:
    """One step of one rank takes `seconds`."""

    rank: int
    step: int
    seconds: int = 40


Cause = (
    SlowRank
    | SlowNode
    | Hang
    | Killed
    | MissingRank
    | Dropped
    | Gap
    | StarvingData
    | BlockingCheckpoints
    | LongStep
)


@dataclass(frozen=True)
class Plan:
    """A run to be written.

    Attributes:
        ranks: How many ranks the job has.
        steps: How many steps each of them makes.
        seed: What the noise is made from.
        causes: What is wrong with the run.
        barriers: Whether all ranks wait for each other in each step: `none`, `recorded` in a span, or `hidden`, that is,
            inside the span of the backward pass.
        ranks_per_node: How many ranks share a host.
        step_ns: How long a step takes, in nanoseconds, without noise.
        checkpoint_every: Steps between two checkpoints.
        start_ns: When the run starts, in nanoseconds since the epoch.
        threads: Whether each rank has a second thread that loads data ahead.
        names: What the spans are called; see `Names`.
    """

    ranks: int
    steps: int = 200
    seed: int = 0
    causes: Sequence[Cause] = ()
    barriers: str = "none"
    ranks_per_node: int = 8
    step_ns: int = SECOND // 2
    checkpoint_every: int = 50
    start_ns: int = START
    threads: bool = False
    names: Names = field(default_factory=lambda: Names())

    def of(self, kind: type) -> list[Cause]:
        """The causes of this kind."""
        return [cause for cause in self.causes if isinstance(cause, kind)]

    def host(self, rank: int) -> str:
        """The name of the rank's host."""
        return f"node-{rank // self.ranks_per_node:03}"


@dataclass(frozen=True)
class Names:
    """The names of a run's spans."""

    loop: str = "training_loop"
    step: str = "training_single_iteration"
    data: str = "data_loading"
    forward: str = "model_forward"
    backward: str = "model_backward"
    wait: str = "all_reduce"
    optimizer: str = "optimizer_update"
    checkpoint: str = "checkpoint_save_sync"


ALL_NAMES = (
    Names(),
    Names(step="step", data="load_batch", wait="barrier", checkpoint="save_checkpoint"),
    Names(loop="train", step="batch[/x]", data="dataloader", wait="nccl:reduce_scatter", checkpoint="checkpoint_save"),
)


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
            if saves(plan, step):
                now = now + self.checkpoint[:, step]
        if plan.barriers == "hidden":
            self.backward = self.backward + self.wait
            self.wait = np.zeros(self.data.shape)
        self.end = now


def saves(plan: Plan, step: int) -> bool:
    """Whether a checkpoint is saved after this step."""
    return (step + 1) % plan.checkpoint_every == 0


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
    names = plan.names
    hang = next((c for c in plan.causes if isinstance(c, Hang)), None)
    stopping_step = hang.step if hang and (hang.rank == rank or plan.barriers != "none") else plan.steps
    killed = next((c for c in plan.causes if isinstance(c, Killed)), None)
    if killed and (killed.rank == rank or plan.barriers != "none"):
        stopping_step = killed.step
    drops = {c.step: c.records for c in plan.causes if isinstance(c, Dropped) and c.rank == rank}
    starts = timing.start[rank].astype(np.int64).tolist()
    parts = [
        array[rank].astype(np.int64).tolist()
        for array in (timing.data, timing.forward, timing.backward, timing.wait, timing.optimizer, timing.checkpoint)
    ]
    stream.resource(0)
    if plan.threads:
        stream.add("thread", '"thread":1,"name":"loader"', 0)
    loop = stream.start(names.loop, 1_000_000, "")
    separate = bool(random.random() < 0.5)  # steps that are written when they start, and again when they stop
    step = 0
    for step, start, data, forward, backward, wait, optimizer, checkpoint in zip(
        range(stopping_step), starts, *parts, strict=False
    ):
        end = start + data + forward + backward + wait + optimizer
        if separate:
            span = stream.start(names.step, start, loop)
        else:
            span = stream.complete(names.step, start, end, loop)
        if plan.threads:
            stream.complete("load_ahead", start, start + data + forward // 2, loop, thread=1)
        at = start
        for name, duration in (
            (names.data, data),
            (names.forward, forward),
            (names.backward, backward),
            (names.wait, wait),
            (names.optimizer, optimizer),
        ):
            if duration or name != names.wait:
                if duration > ALIVE_INTERVAL:
                    child = stream.start(name, at, span)
                    stream.alive(at + duration, 3)
                    stream.stop(name, child, at, at + duration)
                else:
                    stream.complete(name, at, at + duration, span)
                at += duration
        if separate:
            stream.stop(names.step, span, start, end)
        if step in drops:
            stream.drop(drops[step], end)
        if step % 50 == 49:
            stream.add(
                "event",
                f'{stream._head("training_metrics_update", loop)},"time_unix_nano":{plan.start_ns + end},'
                f'"attributes":{{"current_iteration":{step}}}',
                end,
            )
        if saves(plan, step):
            stream.complete(names.checkpoint, end, end + checkpoint, loop)
    _finish(plan, stream, loop, timing, stopping_step)
    for cause in plan.causes:
        if isinstance(cause, Gap) and cause.rank == rank:
            first = int(random.integers(20, len(stream.lines) // 2 - cause.records))
            del stream.lines[first : first + cause.records]
    return stream.lines


def _finish(plan: Plan, stream: Stream, loop: str, timing: Timing, stopping_step: int) -> None:
    rank, names = stream.rank, plan.names
    if stopping_step == plan.steps:
        end = int(timing.end[rank]) + 1_000_000
        stream.stop(names.loop, loop, 1_000_000, end)
        stream.end(end + 1_000_000)
        return
    start = int(timing.start[rank, stopping_step])
    span = stream.start(names.step, start, loop)
    data, forward = int(timing.data[rank, stopping_step]), int(timing.forward[rank, stopping_step])
    stream.complete(names.data, start, start + data, span)
    culprit = next((c for c in plan.causes if isinstance(c, (Hang, Killed)) and c.rank == rank), None)
    if culprit is not None:
        stream.start(names.forward, start + data, span)
    else:
        at = start + data + forward
        stream.complete(names.forward, start + data, at, span)
        backward = int(0.6 * plan.step_ns)
        if plan.barriers == "recorded":
            stream.complete(names.backward, at, at + backward, span)
            stream.start(names.wait, at + backward, span)
        else:
            stream.start(names.backward, at, span)
    if isinstance(culprit, Killed):
        if culprit.torn:
            stream.lines[-1] = stream.lines[-1][: len(stream.lines[-1]) // 2]
        return
    seconds = next((c.seconds for c in plan.causes if isinstance(c, Hang)), 120)
    stop = int(timing.start[:, stopping_step].max()) + seconds * SECOND
    stream.alive(stop, 3)
    if any(isinstance(cause, Killed) for cause in plan.causes):
        stream.end(stop, "signal SIGTERM")  # the launcher ends the others


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


def planted_runs(seed: int, count: int) -> Iterator[Plan]:
    """Plans of runs of 1 to 1,024 ranks in each of which one or two causes are planted. Small runs are more frequent."""
    random = np.random.default_rng(seed)
    kinds = (SlowRank, SlowNode, Hang, Killed, MissingRank, Dropped, Gap, StarvingData, BlockingCheckpoints, LongStep)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        # A slow rank or a missing one needs others beside it, a slow node other nodes.
        sizes = {SlowNode: SIZES[4:], SlowRank: SIZES[1:], MissingRank: SIZES[1:]}.get(kind, SIZES)
        shares = np.array([share for _, share in sizes])
        ranks = int(random.choice([size for size, _ in sizes], p=shares / shares.sum()))
        causes = [planted(kind, ranks, random)]
        if random.random() < 0.3 and kind not in (Dropped, Gap, MissingRank):
            causes.append(planted(Dropped if random.random() < 0.5 else Gap, ranks, random))
        yield Plan(
            ranks=ranks,
            seed=int(random.integers(1 << 32)),
            causes=causes,
            # Two ranks that wait for each other in secret cannot be told apart.
            barriers=str(random.choice(["none", "recorded", "hidden"][: 3 if ranks > 2 else 2])),
            threads=bool(random.random() < 0.3),
            names=ALL_NAMES[int(random.integers(len(ALL_NAMES)))],
        )


SIZES = ((1, 0.1), (2, 0.1), (4, 0.15), (8, 0.15), (16, 0.15), (32, 0.13), (64, 0.12), (128, 0.08), (1024, 0.02))


def planted(kind: type, ranks: int, random: np.random.Generator) -> Cause:
    """A cause of this kind in a run of so many ranks and 200 steps."""
    rank, step = int(random.integers(ranks)), int(random.integers(60, 150))
    if kind is SlowRank:
        return SlowRank(rank, float(random.uniform(1.2, 1.6)))
    if kind is SlowNode:
        return SlowNode(int(random.integers(ranks // 8)), float(random.uniform(1.2, 1.6)))
    if kind is Dropped:
        return Dropped(rank, step // 3, int(random.integers(1, 100)))
    if kind is Gap:
        return Gap(rank, int(random.integers(1, 100)))
    if kind is StarvingData:
        return StarvingData(float(random.uniform(0.25, 0.6)))
    if kind is BlockingCheckpoints:
        return BlockingCheckpoints(float(random.uniform(0.15, 0.5)))
    if kind is Hang:
        return Hang(rank, step)
    if kind is Killed:
        return Killed(rank, step, torn=bool(random.random() < 0.5))
    return LongStep(rank, step) if kind is LongStep else MissingRank(rank)


def expected(plan: Plan) -> set[tuple[str, object]]:
    """What has to be found in the run, and nothing else: the kinds of findings, and the rank or node that they name."""
    return {_expected(cause, plan) for cause in plan.causes}


def _expected(cause: Cause, plan: Plan) -> tuple[str, object]:
    kinds = {SlowRank: "slow_rank", Hang: "hang", Killed: "killed", MissingRank: "missing_ranks", Dropped: "dropped"}
    kinds |= {Gap: "gaps", LongStep: "outlier"}
    if isinstance(cause, SlowNode):
        return "slow_node", plan.host(cause.node * plan.ranks_per_node)
    if isinstance(cause, StarvingData):
        return "data_loading", None
    if isinstance(cause, BlockingCheckpoints):
        return "checkpoints", None
    return kinds[type(cause)], cause.rank
