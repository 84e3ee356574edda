"""What is known of one stream while it is being written."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from one_logger.analysis.findings.facts import MINIMUM_STEPS, StreamFacts, Timing
from one_logger.analysis.findings.names import is_checkpoint_save, is_wait
from one_logger.analysis.live.samples import Samples, quantile

# So many spans that have ended are remembered for the children that may follow them.
_REMEMBERED = 256
_SAMPLES = 2048
_LONGEST = 8


class PathState:
    """The spans of one path in one stream."""

    __slots__ = (
        "_timed",
        "_timing",
        "below_ns",
        "depth",
        "ended",
        "first_start",
        "last_start",
        "last_thread",
        "longest",
        "longest_ns",
        "name",
        "orphans",
        "overlaps",
        "path",
        "saves",
        "thread",
        "total_ns",
        "waits",
        "work",
    )

    def __init__(self, path: str, name: str, depth: int, thread: int, waits: bool) -> None:
        self.path, self.name, self.depth = path, name, depth
        self.thread = self.last_thread = thread
        self.waits, self.saves = waits, is_checkpoint_save(name)
        self.orphans = False
        self.ended = self.total_ns = self.below_ns = self.longest_ns = self.overlaps = 0
        self.first_start = self.last_start = 0
        self.work = Samples(_SAMPLES)
        # The longest ones: duration, place, start, work.
        self.longest: list[list[int]] = []
        self._timing: Timing | None = None
        self._timed = 0

    def add(self, duration: int, start: int, wait: int) -> int:
        """Count a span that has ended, and get its place in the order."""
        self.first_start = start if not self.ended else min(self.first_start, start)
        self.last_start = max(self.last_start, start)
        self.ended += 1
        self.total_ns += duration
        self.longest_ns = max(self.longest_ns, duration)
        place = self.work.add(max(0, duration - wait), start)
        if len(self.longest) < _LONGEST:
            heapq.heappush(self.longest, [duration, place, start, max(0, duration - wait)])
        elif duration > self.longest[0][0]:
            heapq.heapreplace(self.longest, [duration, place, start, max(0, duration - wait)])
        return place

    def waited(self, place: int, wait: int) -> None:
        """A span of this path, at this place, has waited for other ranks."""
        self.work.reduce(place, wait)
        for entry in self.longest:
            if entry[1] == place:
                entry[3] = max(0, entry[3] - wait)

    @property
    def warm(self) -> int:
        """After this time the run has warmed up."""
        return self.first_start + (self.last_start - self.first_start) // 20

    def timing(self, stream: str) -> Timing:
        """The numbers that findings are made from. The medians are taken again when there are 5 % more spans."""
        if self._timing is None or self.ended > 1.05 * self._timed:
            self._timing, self._timed = self._measure(stream), self.ended
        return self._timing._replace(steps=self.ended, total_ns=self.total_ns, longest_ns=self.longest_ns)

    def _measure(self, stream: str) -> Timing:
        measured: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
        if self.ended > MINIMUM_STEPS:
            warm, middle = self.warm, self.first_start + (self.last_start - self.first_start) // 2
            pairs = [(v, s) for v, s in zip(self.work.values, self.work.starts, strict=True) if s > warm]
            if len(pairs) * self.work.step >= MINIMUM_STEPS:
                halves = [sorted(v for v, s in pairs if (s < middle) is first) for first in (True, False)]
                middles = [quantile(half, 0.5) if half else None for half in halves]
                everything = sorted(value for value, _ in pairs)
                measured = (len(pairs) * self.work.step, quantile(everything, 0.5), middles[0], middles[1])
        return Timing(
            stream, self.path, self.ended, self.total_ns, self.longest_ns, self.thread, self.last_thread, *measured
        )


class _Span:
    """A span that is open, or that has ended but may get children yet (then `place` says where it was counted)."""

    __slots__ = ("last_child", "parent", "place", "start", "state", "thread", "wait_ns")

    def __init__(self, state: PathState, start: int, thread: int, parent: _Span | None) -> None:
        self.state, self.start, self.thread, self.parent = state, start, thread, parent
        self.place: int | None = None
        self.wait_ns = 0
        self.last_child: tuple[PathState, int | None] | None = None


class LiveStream:
    """One stream: what it has proved so far, its open spans, and its paths."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.open: dict[str, _Span] = {}
        self.paths: dict[str, PathState] = {}
        self._ended: OrderedDict[str, _Span] = OrderedDict()
        self._about: Mapping[str, Any] = {}
        self._last_seq = self._records = 0
        self._missing: set[int] = set()
        self._reported = self._dropped_by_end = 0
        self._closed = False
        self._reason: str | None = None
        self.first_time = self.last_time = 0

    def is_new(self, record: Mapping[str, Any]) -> bool:
        """Whether a record was not read before; if so, it is counted."""
        seq = record["seq"]
        if seq > self._last_seq:
            if seq > self._last_seq + 1:
                self._missing.update(range(max(self._last_seq + 1, seq - 1_000_000), seq))
            self._last_seq = seq
        elif seq in self._missing:
            self._missing.remove(seq)
        else:
            return False
        self._records += 1
        return True

    def add(self, record: Mapping[str, Any]) -> tuple[PathState, int] | None:
        """Take in a record; if a span has ended by it, its path and its duration in nanoseconds are given."""
        kind = record["type"]
        time = (
            record.get("time_unix_nano") or record.get("end_time_unix_nano") or record.get("start_time_unix_nano") or 0
        )
        if time:
            self.last_time = max(self.last_time, time)
            begin = record.get("start_time_unix_nano") or time
            self.first_time = min(self.first_time or begin, begin)
        if kind in {"complete", "start"}:
            return self._start(record, kind == "complete")
        if kind == "stop":
            return self._stop(record)
        if kind == "resource":
            about = record.get("attributes")
            self._about = about if isinstance(about, dict) else {}
        elif kind == "telemetry_data_error":
            self._reported += _count(record.get("dropped", 0))
        elif kind == "end":
            self._closed, self._reason = True, record.get("reason")
            self._dropped_by_end = _count(record.get("dropped", 0))
        return None

    def _start(self, record: Mapping[str, Any], is_complete: bool) -> tuple[PathState, int] | None:
        above = record.get("parent_span_id")
        parent = None if above is None else self.open.get(above) or self._recall(above)
        name, thread = record["name"], record.get("thread") or 0
        start = record["start_time_unix_nano"]
        span = _Span(self._state(name, thread, parent), start, thread, parent)
        span.state.orphans |= (parent is None and above is not None) or (parent is not None and parent.state.orphans)
        if parent is not None and parent.thread == thread:
            before = parent.last_child
            if before is not None and (before[1] is None or before[1] > start):
                before[0].overlaps += before[0].saves
            parent.last_child = (span.state, record["end_time_unix_nano"] if is_complete else None)
        if not is_complete:
            self.open[record["span_id"]] = span
            return None
        return self._finish(record, span)

    def _recall(self, span_id: str) -> _Span | None:
        span = self._ended.get(span_id)
        if span is not None:
            self._ended.move_to_end(span_id)
        return span

    def _stop(self, record: Mapping[str, Any]) -> tuple[PathState, int] | None:
        span = self.open.pop(record["span_id"], None)
        if span is None:  # its start was lost
            start = record["end_time_unix_nano"] - record["duration_ns"]
            span = _Span(self._state(record["name"], 0, None), start, 0, None)
        elif span.parent is not None and span.parent.last_child and span.parent.last_child[0] is span.state:
            span.parent.last_child = (span.state, record["end_time_unix_nano"])
        return self._finish(record, span)

    def _finish(self, record: Mapping[str, Any], span: _Span) -> tuple[PathState, int]:
        duration = record["duration_ns"]
        span.place = span.state.add(duration, span.start, span.wait_ns)
        self._ended[record["span_id"]] = span
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        if span.parent is not None:
            if span.parent.thread == span.thread:
                span.parent.state.below_ns += duration
            if span.state.waits and not span.parent.state.waits:
                _pass_up(span.parent, duration)
        return span.state, duration

    def _state(self, name: str, thread: int, parent: _Span | None) -> PathState:
        escaped = name.replace("\\", "\\\\").replace("/", "\\/")
        path = escaped if parent is None else f"{parent.state.path}/{escaped}"
        state = self.paths.get(path)
        if state is None:
            waits = is_wait(name) or (parent is not None and parent.state.waits)
            depth = 0 if parent is None else parent.state.depth + 1
            state = self.paths[path] = PathState(path, name, depth, thread, waits)
        elif thread != state.thread:
            state.thread, state.last_thread = min(state.thread, thread), max(state.last_thread, thread)
        return state

    @property
    def launch(self) -> tuple[object, ...]:
        """What streams of one start of a job have in common: session, job, and the restart by its launcher."""
        names = ("service.name", "one_logger.session_tag", "one_logger.job_id", "one_logger.restart")
        return tuple(str(self._about.get(name)) for name in names)

    def facts(self) -> StreamFacts:
        """What is known of the stream as a whole."""
        about = self._about
        service, session = about.get("service.name"), about.get("one_logger.session_tag")
        return StreamFacts(
            self.stream,
            " ".join(str(part) for part in (service, session) if part is not None),
            1,
            _whole(about.get("one_logger.rank")),
            about.get("host.name"),
            _whole(about.get("one_logger.world_size")),
            self._records,
            len(self._missing),
            max(self._reported, self._dropped_by_end),
            self._closed,
            self._reason,
            self.first_time,
            self.last_time,
        )


def _pass_up(span: _Span | None, wait: int) -> None:
    """All spans above one that waits have waited, too."""
    while span is not None:
        if span.place is None:
            span.wait_ns += wait
        else:
            span.state.waited(span.place, wait)
        span = span.parent


def _count(value: object) -> int:
    """A number of dropped records. What is no such number says that some were, but not how many: at least one."""
    return value if type(value) is int and value >= 0 else 1


def _whole(value: object) -> int | None:
    return value if type(value) is int else None
