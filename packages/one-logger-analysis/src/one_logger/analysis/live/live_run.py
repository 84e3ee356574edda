"""A run while it is being written: what `show` says, from the records read so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from statistics import median
from time import time_ns
from typing import Any

from one_logger.analysis.findings import judge
from one_logger.analysis.findings.facts import (
    MINIMUM_STEPS,
    ErrorKind,
    Facts,
    OpenSpan,
    Outlier,
    PathFacts,
    StreamFacts,
)
from one_logger.analysis.findings.gather import parent_path, paths_to_compare, telling, typical_durations
from one_logger.analysis.findings.outliers import TIMES_THE_MEDIAN
from one_logger.analysis.findings.stragglers import deviation
from one_logger.analysis.findings.trust import trust
from one_logger.analysis.live.live_stream import LiveStream, PathState
from one_logger.analysis.live.samples import Samples, quantile
from one_logger.analysis.overview import Overview, PathTime, in_order
from one_logger.analysis.verification import missing_ranks
from one_logger.core import read_records

_SAMPLES = 16_384


class LiveRun:
    """Takes records as they come. Memory grows with the number of streams, paths and open spans, not with records."""

    def __init__(self) -> None:
        self._streams: dict[str, LiveStream] = {}
        self._durations: dict[str, Samples] = defaultdict(lambda: Samples(_SAMPLES))
        self._errors: dict[tuple[str, str | None], ErrorKind] = {}

    @property
    def streams(self) -> list[LiveStream]:
        """All streams that were read, in the order in which they appeared."""
        return list(self._streams.values())

    def read(self, lines: Iterable[bytes]) -> int:
        """Take in lines. What is no record is passed over.

        Returns:
            How many records were new.
        """
        new = 0
        for record in read_records(lines):
            stream = self._streams.get(record["stream"])
            if stream is None:
                stream = self._streams[record["stream"]] = LiveStream(record["stream"])
            if record.get("v") != 1 or not stream.is_new(record):
                continue
            new += 1
            # A field may be missing, or of another type: then nothing but its number is known of the record.
            with suppress(KeyError, TypeError, AttributeError):
                ended = stream.add(record)
                if ended is not None:
                    self._durations[ended[0].path].add(ended[1], 0)
                elif record["type"] == "error":
                    self._add_error(stream, record)
        return new

    def _add_error(self, stream: LiveStream, record: Mapping[str, Any]) -> None:
        about = record.get("error") or {}
        key = (record["name"], about.get("exception_type"))
        time, rank = record["time_unix_nano"], stream.facts().rank
        message, inner = about.get("message"), about.get("exception_message")
        if message is not None and inner is not None:
            message = f"{message} ({inner})"
        known = self._errors.get(key) or ErrorKind(*key, 0, time, time, (), message)
        of = known.ranks if rank is None or rank in known.ranks else tuple(sorted((*known.ranks, rank)))
        self._errors[key] = known._replace(
            times=known.times + 1,
            first_time=min(known.first_time, time),
            last_time=max(known.last_time, time),
            ranks=of,
        )

    def overview(self, now: int | None = None) -> Overview:
        """What `show` would say of the records that were read so far.

        Args:
            now: The reader's clock, in nanoseconds since the epoch. None: now.
        """
        streams = _in_incarnations(self.streams)
        facts = Facts(
            streams=streams,
            paths=self._paths(),
            timings=telling(
                s.timing(name) for name, stream in self._streams.items() for s in stream.paths.values() if s.ended
            ),
            open_spans=self._open_spans(),
            errors=sorted(self._errors.values(), key=lambda error: (-error.times, error.name)),
            overlapping=self._overlapping(),
            missing_ranks=missing_ranks(
                (stream.rank for stream in streams if stream.rank is not None),
                max((stream.world_size or 0 for stream in streams), default=0),
            ),
            now=time_ns() if now is None else now,
        )
        facts = replace(facts, outliers=self._outliers(facts), in_step=self._in_step(facts))
        parents = {path.path: path.parent for path in facts.paths}
        return Overview(judge(facts), trust(facts), in_order(self._path_times(), parents))

    def _paths(self) -> list[PathFacts]:
        found: dict[str, PathFacts] = {}
        for stream in self._streams.values():
            for state in stream.paths.values():
                known = found.get(state.path) or PathFacts(
                    state.path, state.name, state.depth, parent_path(state.path, state.name, state.depth), 0, 0, None
                )
                longest = max(known.longest_ns or 0, state.longest_ns) if state.ended else known.longest_ns
                ended = known.ended + state.ended
                found[state.path] = known._replace(spans=known.spans + state.ended, ended=ended, longest_ns=longest)
            for span in stream.open.values():
                known = found[span.state.path]
                found[known.path] = known._replace(spans=known.spans + 1)
        return sorted(found.values(), key=lambda path: (path.depth, path.path))

    def _open_spans(self) -> list[OpenSpan]:
        """As `gather` has them: an open span with a later one beside it has ended, and its end was lost."""
        found = []
        for stream in self._streams.values():
            facts = stream.facts()
            if facts.closed and not facts.signalled:
                continue
            starts: dict[tuple[int, int], int] = {}
            for state in stream.paths.values():
                key = (state.thread, state.depth)
                starts[key] = max(starts.get(key, 0), state.last_start)
            for span in stream.open.values():
                state = span.state
                later = [s for (thread, depth), s in starts.items() if thread == span.thread and depth <= state.depth]
                deeper = [s.start for s in stream.open.values() if s.thread == span.thread and s.start > span.start]
                if max(later, default=0) <= span.start and not deeper:
                    found.append(OpenSpan(stream.stream, span.thread, state.name, state.path, state.depth, span.start))
        return sorted(found)

    def _overlapping(self) -> frozenset[str]:
        overlaps: dict[str, int] = defaultdict(int)
        ended: dict[str, int] = defaultdict(int)
        for stream in self._streams.values():
            for state in stream.paths.values():
                overlaps[state.path] += state.overlaps
                ended[state.path] += state.ended
        return frozenset(path for path, number in overlaps.items() if number > ended[path] / 2)

    def _outliers(self, facts: Facts) -> list[Outlier]:
        limits = {
            path: TIMES_THE_MEDIAN * value
            for path, value in typical_durations(facts.timings).items()
            if path not in facts.waits
        }
        return sorted(
            (
                Outlier(stream.stream, state.path, place, start, duration, work)
                for stream in self._streams.values()
                for state in stream.paths.values()
                if state.path in limits and state.longest_ns > limits[state.path]
                for duration, place, start, work in state.longest
                if work > limits[state.path] and start > state.warm
            ),
            key=lambda outlier: outlier.start,
        )

    def _in_step(self, facts: Facts) -> frozenset[str]:
        compared = paths_to_compare(facts)
        found = set()
        for path in compared["paths"]:
            samples = [s.paths[path].work for name in compared["streams"] if path in (s := self._streams[name]).paths]
            widest = max((sample.step for sample in samples), default=1)
            steps = list(zip(*(sample.values[:: widest // sample.step] for sample in samples), strict=False))
            if len(samples) < len(compared["streams"]) or len(steps) < MINIMUM_STEPS:
                continue
            middles = [median(step) for step in steps]
            within = median(
                deviation(step, middle) / max(1, middle) for step, middle in zip(steps, middles, strict=True)
            )
            if within < 0.25 * deviation(middles, median(middles)) / max(1, median(middles)):
                found.add(path)
        return frozenset(found)

    def _path_times(self) -> list[PathTime]:
        totals: dict[str, list[int]] = {}
        states: dict[str, PathState] = {}
        for stream in self._streams.values():
            for state in stream.paths.values():
                states[state.path] = state
                total = totals.setdefault(state.path, [0, 0, 0, 0])
                total[0] += state.ended
                total[1] += state.total_ns
                total[2] += state.below_ns
                total[3] = max(total[3], state.longest_ns)
        open_ones: dict[str, list[int]] = defaultdict(list)
        for stream in self._streams.values():
            for span in stream.open.values():
                elapsed = max(0, stream.last_time - span.start)
                open_ones[span.state.path].append(elapsed)
                if span.parent is not None and span.parent.thread == span.thread:
                    totals[span.parent.state.path][2] += elapsed
        times = []
        for path, (ended, ended_ns, below, longest) in totals.items():
            still = open_ones.get(path, [])
            count, total_ns = ended + len(still), ended_ns + sum(still)
            samples = self._durations[path]
            # An open span counts as much as those that were kept stand for.
            ordered = sorted([*samples.values, *still[:: samples.step]])
            if ordered:
                state = states[path]
                p50, p99 = quantile(ordered, 0.5), quantile(ordered, 0.99)
                own = max(0, total_ns - below)
                times.append(
                    PathTime(
                        path,
                        state.name,
                        state.depth,
                        count,
                        total_ns,
                        own,
                        total_ns // count,
                        p50,
                        p99,
                        max([longest, *still]),
                        any(s.paths[path].orphans for s in self._streams.values() if path in s.paths),
                    )
                )
        return times


def _in_incarnations(streams: list[LiveStream]) -> list[StreamFacts]:
    """The streams with the number of their incarnation, as the view `streams` has it.

    Streams of one launch that overlap in time belong together; so they make islands, which are counted in a session.
    """
    islands: dict[tuple[object, ...], list[list[StreamFacts]]] = defaultdict(list)
    ends: dict[tuple[object, ...], int] = {}
    for stream in sorted(streams, key=lambda stream: (stream.first_time, stream.stream)):
        facts, launch = stream.facts(), stream.launch
        if launch not in ends or facts.first_time > ends[launch]:
            islands[launch].append([])
        islands[launch][-1].append(facts)
        ends[launch] = max(ends.get(launch, 0), facts.last_time)
    sessions: dict[tuple[object, ...], list[tuple[int, tuple[object, ...], list[StreamFacts]]]] = defaultdict(list)
    for launch, found in islands.items():
        sessions[launch[:2]] += [(island[0].first_time, launch, island) for island in found]
    numbered = [
        facts._replace(incarnation=number)
        for session in sessions.values()
        for number, (_, _, island) in enumerate(sorted(session), 1)
        for facts in island
    ]
    return sorted(numbered, key=lambda s: (s.incarnation, s.rank is None, s.rank or 0, s.stream))
