"""What findings are made from: a few rows for each stream, path and open span, whatever the run's size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import pstdev
from typing import NamedTuple

from one_logger.analysis.findings.names import TRAINING_LOOP, is_wait

MINIMUM_STEPS = 20


class StreamFacts(NamedTuple):
    """A stream: what one rank wrote between its start and its end. Times are nanoseconds since the epoch.

    `job` is the service's name and the session's tag; `incarnation` counts the starts of the job from 1.
    """

    stream: str
    job: str
    incarnation: int
    rank: int | None
    host: str | None
    world_size: int | None
    records: int
    missing_records: int
    dropped: int
    closed: bool
    reason: str | None
    first_time: int
    last_time: int

    @property
    def signalled(self) -> bool:
        """Whether it was closed because a signal ended its process: what was open then never ended."""
        return self.closed and (self.reason or "").startswith("signal")

    @property
    def label(self) -> str:
        """What people call it: its rank, or its stream's id if it has none."""
        return f"stream {self.stream}" if self.rank is None else f"rank {self.rank}"


class PathFacts(NamedTuple):
    """All spans of one path: how many there are, how many have ended, how long the longest of these was."""

    path: str
    name: str
    depth: int
    parent: str | None
    spans: int
    ended: int
    longest_ns: int | None


class Timing(NamedTuple):
    """How long the spans of one path took in one stream.

    `steps`, `total_ns` and `longest_ns` are of all that ended. The rest leaves out the first ones, in which a run warms
    up, and the time in which the spans waited for other ranks; it is None where fewer than `MINIMUM_STEPS` are left.
    """

    stream: str
    path: str
    steps: int
    total_ns: int
    longest_ns: int
    thread: int
    last_thread: int
    measured: int | None
    median_ns: int | None
    first_median_ns: int | None
    second_median_ns: int | None


class OpenSpan(NamedTuple):
    """A span that was started and never stopped, with no later span of its thread but those below it."""

    stream: str
    thread: int
    name: str
    path: str
    depth: int
    start: int


class Outlier(NamedTuple):
    """A span that took far longer than the others of its path; `work_ns` is without waiting, `step` counts from 0."""

    stream: str
    path: str
    step: int
    start: int
    duration_ns: int
    work_ns: int


class ErrorKind(NamedTuple):
    """Errors with the same name and exception type; `message` is that of the first, with its exception's.

    The times are None if no record of them has one.
    """

    name: str
    exception_type: str | None
    times: int
    first_time: int | None
    last_time: int | None
    ranks: tuple[int, ...]
    message: str | None

    @property
    def kind(self) -> str:
        """What people call them."""
        return self.exception_type or self.name or "error without a name"


@dataclass(frozen=True)
class Facts:
    """All that is known of a run.

    Attributes:
        streams: Its streams.
        paths: Its paths.
        timings: How long each path took in each stream.
        open_spans: For each thread of each stream that no end or a signal ended: the deepest span that is open.
        outliers: The spans that took far longer than the others of their path.
        errors: Its errors, by kind.
        in_step: Paths whose spans take equally long on all ranks, step by step, as ranks do that wait for each other.
        overlapping: Paths of checkpoints during whose spans the steps go on: these do not block.
        missing_ranks: The ranks of which there is no stream.
        now: The time at which the run is looked at, in nanoseconds since the epoch.
    """

    streams: Sequence[StreamFacts]
    paths: Sequence[PathFacts] = ()
    timings: Sequence[Timing] = ()
    open_spans: Sequence[OpenSpan] = ()
    outliers: Sequence[Outlier] = ()
    errors: Sequence[ErrorKind] = ()
    in_step: frozenset[str] = frozenset()
    overlapping: frozenset[str] = frozenset()
    missing_ranks: Sequence[int] = ()
    now: int = 0

    @cached_property
    def by_stream(self) -> dict[str, StreamFacts]:
        """The streams by their id."""
        return {stream.stream: stream for stream in self.streams}

    @cached_property
    def by_path(self) -> dict[str, PathFacts]:
        """The paths by their text."""
        return {path.path: path for path in self.paths}

    @cached_property
    def timings_of(self) -> dict[str, dict[str, Timing]]:
        """The timings of each stream, by path."""
        found: dict[str, dict[str, Timing]] = {}
        for timing in self.timings:
            found.setdefault(timing.stream, {})[timing.path] = timing
        return found

    def ancestors(self, path: str) -> Iterator[str]:
        """The paths above a path, the nearest first."""
        above = self.by_path[path].parent
        while above is not None and above in self.by_path:
            yield above
            above = self.by_path[above].parent

    @cached_property
    def incarnations(self) -> dict[str, int]:
        """How often each job was started."""
        found: dict[str, int] = {}
        for stream in self.streams:
            found[stream.job] = max(found.get(stream.job, 0), stream.incarnation)
        return found

    def is_current(self, stream: StreamFacts) -> bool:
        """Whether a stream is of the last incarnation of its job."""
        return stream.incarnation == self.incarnations[stream.job]

    @cached_property
    def waits(self) -> frozenset[str]:
        """The paths that wait for other ranks, and what lies below them."""
        waiting = {path.path for path in self.paths if is_wait(path.name)}
        return frozenset(
            path.path
            for path in self.paths
            if path.path in waiting or any(above in waiting for above in self.ancestors(path.path))
        )

    @cached_property
    def waited_for(self) -> dict[str, str]:
        """For each path that has waiting below it: the path that waits."""
        found: dict[str, str] = {}
        for path in self.paths:
            if is_wait(path.name):
                for above in self.ancestors(path.path):
                    found.setdefault(above, path.path)
        return found

    @cached_property
    def hidden_waits(self) -> frozenset[str]:
        """Where ranks wait for each other and no span says so: below each path of `in_step` the one that differs most.

        The steps of such ranks take equally long. So what a rank takes longer for its work, the others wait in the span
        that hides the waiting: it differs by as much as all the others together.
        """
        spread: dict[str, float] = {}
        for path in self.paths:
            if path.parent in self.in_step:
                medians = [
                    timings[path.path].median_ns
                    for timings in self.timings_of.values()
                    if path.path in timings and timings[path.path].median_ns is not None
                ]
                spread[path.path] = pstdev(value for value in medians if value is not None) if medians else 0.0
        found = set()
        for top in self.in_step:
            below = [path for path in spread if self.by_path[path].parent == top]
            if below:
                found.add(max(below, key=lambda path: spread[path]))
        return frozenset(found)

    def main_thread(self, stream: str) -> int:
        """The number of the thread in which a stream does its work: 0 for the main thread, if it has any spans."""
        return min((timing.thread for timing in self.timings_of[stream].values()), default=0)

    def loop_of(self, stream: str, path: str) -> str:
        """The highest path above `path`, or itself, that this stream went through again and again."""
        timings = self.timings_of[stream]
        top = path
        for above in self.ancestors(path):
            if above not in timings or timings[above].steps < MINIMUM_STEPS:
                break
            top = above
        return top

    def loop_time(self, stream: str, path: str) -> int:
        """How long the loop took in which `path` stands: its steps, and what stands beside them in the same thread.

        Most steps of a training loop may have no spans: it took at least as long as its own span, which, if it has no
        end, is at most as long as its stream.
        """
        timings = self.timings_of[stream]
        top = self.loop_of(stream, path)
        parent, thread = self.by_path[top].parent, timings[top].thread
        spans = sum(
            timing.total_ns
            for beside, timing in timings.items()
            if self.by_path[beside].parent == parent and timing.thread == thread
        )
        if parent is None or self.by_path[parent].name != TRAINING_LOOP:
            return spans
        about = self.by_stream[stream]
        return max(spans, timings[parent].total_ns if parent in timings else about.last_time - about.first_time)
