"""Plans of synthetic runs: what they are like, and which causes of trouble are planted in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND


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
    SlowRank | SlowNode | Hang | Killed | MissingRank | Dropped | Gap | StarvingData | BlockingCheckpoints | LongStep
)


C = TypeVar("C")


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


@dataclass(frozen=True)
class Plan:
    """A run to be written.

    Attributes:
        ranks: How many ranks the job has.
        steps: How many steps each of them makes.
        seed: What the noise is made from.
        causes: What is wrong with the run.
        barriers: Whether all ranks wait for each other in each step: `none`, `recorded` in a span of its own, or
            `hidden` in the span of the backward pass.
        ranks_per_node: How many ranks share a host.
        step_ns: How long a step takes, in nanoseconds, without noise.
        checkpoint_every: Steps between two checkpoints.
        start_ns: When the run starts, in nanoseconds since the epoch.
        threads: Whether each rank has a second thread that loads data ahead.
        overlap: Whether the steps go on while a checkpoint is saved.
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
    overlap: bool = False
    names: Names = Names()

    def of(self, kind: type[C]) -> list[C]:
        """The causes of this kind."""
        return [cause for cause in self.causes if isinstance(cause, kind)]

    def saves(self, step: int) -> bool:
        """Whether a checkpoint is saved after this step."""
        return (step + 1) % self.checkpoint_every == 0

    def host(self, rank: int) -> str:
        """The name of the rank's host."""
        return f"node-{rank // self.ranks_per_node:03}"


DOCUMENTED = Plan(
    ranks=8,
    steps=200,
    seed=1,
    causes=[SlowRank(1, 1.4), Killed(5, 150), Gap(2, 30), Dropped(3, 50, 20)],
    barriers="recorded",
    threads=True,
)
"""The run that the documentation shows: a rank is slow, one was killed, records are missing."""

ALL_NAMES = (
    Names(),
    Names(step="step", data="load_batch", wait="barrier", checkpoint="save_checkpoint"),
    Names(loop="train", step="batch[/x]", data="dataloader", wait="nccl:reduce_scatter", checkpoint="checkpoint_save"),
)


def planted_runs(seed: int, count: int) -> Iterator[Plan]:
    """Plans of runs of 1 to 1,024 ranks, mostly small ones, in each of which one or two causes are planted."""
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
