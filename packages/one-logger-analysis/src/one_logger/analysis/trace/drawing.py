"""From the spans, events and errors of a run to what a trace viewer draws."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from one_logger.analysis.trace.lanes import Lanes
from one_logger.analysis.trace.writer import TraceWriter

_CLOCKS_DIFFER_NS = 1_000_000


class Process(NamedTuple):
    """A process that recorded: one stream.

    Attributes:
        number: Its number in the trace, from 0 on.
        name: What it is called there: `rank 7 (node-001)`.
    """

    number: int
    name: str


class Item(NamedTuple):
    """A span, event or error, or a time from which records are missing.

    Attributes:
        process: The number of its process.
        thread: The number of its thread; None for the main thread.
        kind: `span`, `event`, `error` or `missing`.
        start: When it began, or happened, in nanoseconds since the start of the trace.
        end: When it ended; None for what is open, or takes no time.
        duration: How long it took by the monotonic clock, in nanoseconds.
        span_id: Its own id if it is a span.
        parent_id: The id of the span that it belongs to.
        name: Its name.
        status: The status of a span.
        attributes: Its attributes, a JSON object.
        details: More about it, a JSON object.
    """

    process: int
    thread: int | None
    kind: str
    start: int
    end: int | None
    duration: int | None
    span_id: str | None
    parent_id: str | None
    name: str
    status: str | None
    attributes: str | None
    details: str | None


class Drawn(NamedTuple):
    """How much was drawn.

    Attributes:
        spans: The number of spans, open ones included.
        open_spans: The number of spans that never ended.
        events: The number of events.
        errors: The number of errors.
        missing: The number of places at which records are missing.
        last: The last time of all, in nanoseconds since the start of the trace.
    """

    spans: int
    open_spans: int
    events: int
    errors: int
    missing: int
    last: int


def draw(
    writer: TraceWriter, processes: Iterable[Process], threads: dict[tuple[int, int], str], items: Iterable[Item]
) -> Drawn:
    """Draw a run.

    Args:
        writer: What it is written by.
        processes: All processes that items are of.
        threads: The names of threads, by the numbers of the process and the thread.
        items: Those of a thread one after the other, by time; of those at the same time, parents come first. What is
            missing stands after all threads of its process.
    """
    for process in processes:
        writer.process(process.number, process.name)
    counts = dict.fromkeys(("span", "event", "error", "missing"), 0)
    open_spans = last = 0
    for (process_number, thread, missing), thread_items in groupby(
        items, lambda item: (item.process, item.thread, item.kind == "missing")
    ):
        name = "missing records" if missing else _thread_name(threads, process_number, thread)
        picture = _Thread(writer, process_number, name, thread=not missing)
        for item in thread_items:
            counts[item.kind] += 1
            end = picture.add(item)
            open_spans += item.kind == "span" and end is None
            last = max(last, item.start, end or 0)
        picture.finish()
    return Drawn(counts["span"], open_spans, counts["event"], counts["error"], counts["missing"], last)


def _thread_name(threads: dict[tuple[int, int], str], process: int, thread: int | None) -> str:
    if thread is None:
        return "main thread"
    return threads.get((process, thread)) or f"thread {thread}"


class _Thread:
    """A thread, on as many tracks as it needs."""

    def __init__(self, writer: TraceWriter, process: int, name: str, *, thread: bool) -> None:
        self._writer = writer
        self._process, self._name, self._is_thread = process, name, thread
        self._tracks: list[int] = []
        self._lanes = Lanes(lambda lane, time: writer.end(self._tracks[lane], time))

    def add(self, item: Item) -> int | None:
        """Draw an item, and say when it ends in the picture."""
        start, end = item.start, item.end
        attributes: dict[str, object] = json.loads(item.attributes) if item.attributes else {}
        if item.details:
            attributes |= {name: value for name, value in json.loads(item.details).items() if value is not None}
        if item.kind in ("event", "error") or (item.kind == "missing" and end is None):
            track = self._track(self._lanes.instant(item.parent_id, start))
            self._writer.instant(track, start, item.name, item.kind, attributes)
            return start
        if item.status not in (None, "OK", "UNSET"):
            attributes["status"] = item.status
        if end is not None and item.duration is not None:
            if end < start:
                end = start + max(item.duration, 0)
                attributes["clock"] = "The wall clock was set back meanwhile: the end is the start plus the duration."
            elif abs(end - start - item.duration) > max(_CLOCKS_DIFFER_NS, item.duration // 100):
                attributes["clock"] = f"The wall clock was set meanwhile: it really took {item.duration} ns."
        track = self._track(self._lanes.span(item.span_id or "", item.parent_id, start, end))
        self._writer.begin(track, start, end, item.name, item.kind, attributes)
        return end

    def finish(self) -> None:
        """End what has not been ended yet."""
        self._lanes.finish()

    def _track(self, lane: int) -> int:
        while lane >= len(self._tracks):
            number = len(self._tracks) + 1
            name = self._name if number == 1 else f"{self._name} ({number})"
            self._tracks.append(self._writer.track(self._process, name, thread=self._is_thread))
        return self._tracks[lane]
