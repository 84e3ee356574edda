"""Where the spans of a thread are drawn, so that one stands inside another only where it was recorded so.

A track of a trace viewer holds what nests, and nothing else: whatever ends there, ends what began last. Tasks of
asyncio overlap in their thread. So a span is drawn inside its parent if it fits there, and else in the first lane
that is free.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf


class Lanes:
    """The lanes of one thread.

    Give it the spans and events in the order of their start; of those with the same start, parents come first.

    Args:
        end: Called with a lane and a time, as soon as it is known that the innermost span of the lane ended then. The
            calls for a lane are in order with the calls of `span` and `instant` that return that lane. A span that
            is open never ends.
    """

    def __init__(self, end: Callable[[int, int], None]) -> None:
        self._end = end
        self._stacks: list[list[tuple[float, str]]] = []  # for each lane, end and id of the spans that it is in
        self._lane_of: dict[str, int] = {}
        self._busy: list[tuple[int, int]] = []  # a heap: when the outermost span of a lane ends
        self._free: list[int] = []  # a heap of lanes

    def span(self, span_id: str, parent_id: str | None, start: int, end: int | None) -> int:
        """Begin a span.

        Args:
            span_id: Its id.
            parent_id: The id of its parent, which may be a span that is not drawn here.
            start: A time, in nanoseconds.
            end: A time that is not before the start; None if the span is open.

        Returns:
            The lane that it is drawn in, counted from 0.
        """
        ends = inf if end is None else end
        lane = self._lane_inside(parent_id, start, ends)
        if lane is None:
            lane = self._free_lane(start)
            heappop(self._free)
            if end is not None:
                heappush(self._busy, (end, lane))
        self._stacks[lane].append((ends, span_id))
        self._lane_of[span_id] = lane
        return lane

    def instant(self, span_id: str | None, time: int) -> int:
        """The lane that an event of a span is drawn in: where the span is the innermost, or where no span is."""
        lane = self._lane_inside(span_id, time, time)
        return self._free_lane(time) if lane is None else lane

    def finish(self) -> None:
        """End the spans that have not been ended yet."""
        for lane in range(len(self._stacks)):
            self._pop(lane, None, inf)

    def _lane_inside(self, parent_id: str | None, start: int, ends: float) -> int | None:
        lane = None if parent_id is None else self._lane_of.get(parent_id)
        if lane is None:
            return None
        stack = self._stacks[lane]
        self._pop(lane, parent_id, start)
        return lane if stack and stack[-1][1] == parent_id and ends <= stack[-1][0] else None

    def _free_lane(self, start: int) -> int:
        busy = self._busy
        while busy and busy[0][0] <= start:
            heappush(self._free, heappop(busy)[1])
        if not self._free:
            self._free.append(len(self._stacks))
            self._stacks.append([])
        lane = self._free[0]
        self._pop(lane, None, start)
        return lane

    def _pop(self, lane: int, until: str | None, time: float) -> None:
        """End what has ended by a time, but not the span `until`: something of no duration may be at its end."""
        stack = self._stacks[lane]
        while stack and stack[-1][0] <= time and stack[-1][1] != until:
            end, span_id = stack.pop()
            if self._lane_of.get(span_id) == lane:
                del self._lane_of[span_id]
            if end != inf:
                self._end(lane, int(end))
