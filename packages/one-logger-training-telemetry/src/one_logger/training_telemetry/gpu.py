"""The GPU's time for iterations, by CUDA events that are read when they are ready. Nothing waits for the GPU.

CUDA and ROCm only. Sources: PyTorch, `torch.cuda.Event`: `elapsed_time` needs both events to be completed, and `query`
says whether they are; "CUDA semantics": while a graph is captured, events may be neither recorded nor queried.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any, Protocol

PAIRS = 64


class GpuEvent(Protocol):
    """What is used of `torch.cuda.Event`."""

    def record(self) -> None:
        """Record the event on the current stream."""

    def query(self) -> bool:
        """Whether the GPU has got to it."""

    def elapsed_time(self, end_event: Any, /) -> float:
        """Milliseconds from this event to another."""


class GpuTimer:
    """Measures iterations on the current stream of the current device.

    At most 64 iterations are under way; while there are so many, further ones are not measured.
    """

    def __init__(self) -> None:
        self._free: list[tuple[GpuEvent, GpuEvent]] = []
        self._made = 0
        self._begun: tuple[GpuEvent, GpuEvent] | None = None
        self._waiting: deque[tuple[GpuEvent, GpuEvent]] = deque()
        self._failed = False
        self.iterations = 0
        """How many were measured since `take`."""
        self.seconds = 0.0
        """Their time on the GPU."""

    def begin(self) -> None:
        """An iteration begins."""
        self._begun = None
        cuda = None if self._failed else _cuda()
        if cuda is None:
            return
        try:
            if self._free:
                pair = self._free.pop()
            elif self._made < PAIRS:
                pair = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
                self._made += 1
            else:
                return
            pair[0].record()
            self._begun = pair
        except Exception:
            self._failed = True  # whatever the driver has against it, it will have again

    def end(self) -> None:
        """The iteration ends. What has become ready is read."""
        pair, self._begun = self._begun, None
        if pair is None or self._failed or _cuda() is None:
            return
        try:
            pair[1].record()
            self._waiting.append(pair)
            while self._waiting and self._waiting[0][1].query():
                done = self._waiting.popleft()
                self.seconds += done[0].elapsed_time(done[1]) / 1e3
                self.iterations += 1
                self._free.append(done)
        except Exception:
            self._failed = True

    def take(self) -> tuple[int, float]:
        """How many iterations were measured since the last call, and their seconds."""
        taken = self.iterations, self.seconds
        self.iterations, self.seconds = 0, 0.0
        return taken


def _cuda() -> Any:
    """`torch.cuda`, if the job uses it, and no graph is captured."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is None:
        return None
    try:
        # Without this first, the second one raises where there is no driver.
        usable = cuda.is_initialized() and not cuda.is_current_stream_capturing()
    except Exception:
        return None
    return cuda if usable else None
