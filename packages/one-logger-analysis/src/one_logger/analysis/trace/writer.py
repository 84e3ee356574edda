"""What a format of traces has to be able to write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Self


class TraceWriter(ABC):
    """Writes a trace: processes with tracks, and on each track spans that nest, and instants.

    All times are nanoseconds since the start of the trace. What is written to one track comes in the order of time.
    """

    @abstractmethod
    def process(self, process: int, name: str) -> None:
        """Announce a process, before its tracks.

        Args:
            process: Its number, from 0 on; viewers show it beside the name, and sort by it.
            name: What it is called.
        """

    @abstractmethod
    def track(self, process: int, name: str, *, thread: bool = True) -> int:
        """Announce a track, and get its number.

        Args:
            process: The number of its process.
            name: What it is called.
            thread: Whether it holds what a thread did, or something about the process as a whole.
        """

    @abstractmethod
    def begin(
        self, track: int, start: int, end: int | None, name: str, category: str, attributes: Mapping[str, object]
    ) -> None:
        """Begin a span, inside those of its track that have begun and not ended. If `end` is None, it never ends."""

    @abstractmethod
    def end(self, track: int, time: int) -> None:
        """End the span of a track that began last."""

    @abstractmethod
    def instant(self, track: int, time: int, name: str, category: str, attributes: Mapping[str, object]) -> None:
        """Mark a point in time."""

    @abstractmethod
    def close(self) -> None:
        """Write what has to stand at the end. The file stays open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exception is None:
            self.close()
