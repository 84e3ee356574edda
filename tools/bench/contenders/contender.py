"""What a library has to be able to do to be measured.

A contender is a library in one set-up. What is measured stands in its methods in the library's own words, as loops: so
nothing of the benchmark comes between two spans but the next step.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

KIND = "training"
"""The value of the second of the two attributes of a span; the first one is the number of the step."""

TEN_ATTRIBUTES: dict[str, str | bool | int | float] = {
    "step": 17,
    "kind": KIND,
    "epoch": 1,
    "loss": 0.25,
    "rate": 1e-4,
    "rank": 0,
    "device": "cuda:0",
    "batch": 512,
    "last": False,
    "model": "mlp",
}
"""The attributes of a span that has ten."""


class Contender(ABC):
    """A library in one set-up.

    Args:
        folder: Where it may write.
        endpoint: The server to send to, if it sends.
    """

    def __init__(self, folder: Path, endpoint: str) -> None:
        self.file = folder / "telemetry.jsonl"
        self.endpoint = endpoint

    @abstractmethod
    def configure(self) -> None:
        """Do what an application does once, when it starts."""

    def flush(self) -> None:  # noqa: B027 - who writes at once has nothing to do
        """Wait until what was recorded is delivered."""

    @abstractmethod
    def close(self, timeout: float) -> bool:
        """Deliver what was recorded and close.

        Args:
            timeout: How long that may take, in seconds, where that can be said.

        Returns:
            Whether everything was delivered, as far as the library says.
        """

    def dropped(self) -> int:
        """How many records it says it has dropped."""
        return 0


class Spans(Contender):
    """One that makes spans."""

    @abstractmethod
    def spans(self, steps: Iterable[int]) -> None:
        """Make a span with two attributes around an empty block, for each step."""


class WideSpans(Spans):
    """One that makes spans with ten attributes, too."""

    @abstractmethod
    def spans_with_10_attributes(self, steps: Iterable[int]) -> None:
        """Make a span with `TEN_ATTRIBUTES` for each step."""


class Events(Contender):
    """One that records events."""

    @abstractmethod
    def events(self, steps: Iterable[int]) -> None:
        """Record an event with two attributes for each step, all in one span that is open."""


class Trainings(Contender):
    """One that instruments a training."""

    @abstractmethod
    def iterations(self, steps: Iterable[int]) -> None:
        """A training loop with an empty iteration for each step."""

    @abstractmethod
    def checkpoints(self, steps: Iterable[int]) -> None:
        """A training loop with an empty saving of a checkpoint for each step."""


class Reader(Contender):
    """One that reads a file of records."""

    def configure(self) -> None:
        """Do nothing."""

    def close(self, timeout: float) -> bool:
        """Do nothing."""
        return True

    @abstractmethod
    def read(self) -> int:
        """Read the file, record by record, and say how many there are."""


class Looker(Contender):
    """One that looks at a run of many ranks.

    Args:
        folder: Where it may write.
        endpoint: The folder in which the run is.
    """

    def __init__(self, folder: Path, endpoint: str) -> None:
        super().__init__(folder, endpoint)
        self.run = Path(endpoint)

    def configure(self) -> None:
        """Do nothing."""

    def close(self, timeout: float) -> bool:
        """Do nothing."""
        return True

    @abstractmethod
    def look(self) -> None:
        """Find out what there is to say of it."""


class Watcher(Contender):
    """One that looks at a run while its file is being written."""

    def configure(self) -> None:
        """Do nothing."""

    def close(self, timeout: float) -> bool:
        """Do nothing."""
        return True

    @abstractmethod
    def command(self) -> list[str]:
        """The command that watches the file until Ctrl-C. It writes a line whenever it has looked."""

    @abstractmethod
    def lines(self, count: int) -> Iterator[str]:
        """So many records, or more."""


class ToFile(Spans):
    """One that writes its spans to a file."""

    @abstractmethod
    def spans_on_disk(self) -> int:
        """How many spans the file has."""


class Shapes(ToFile, WideSpans, Events):
    """One that makes everything whose cost is measured."""

    @abstractmethod
    def spans_without_attributes(self, steps: Iterable[int]) -> None:
        """Make a span without attributes for each step."""

    @abstractmethod
    def nested_spans(self, steps: Iterable[int]) -> None:
        """Make four spans with two attributes, one in the other, for each step."""

    @abstractmethod
    async def async_spans(self, steps: Iterable[int], switch: Callable[[], Awaitable[None]]) -> None:
        """Make a span with two attributes for each step.

        Args:
            steps: Numbers.
            switch: Is awaited in each span: lets other tasks run.
        """

    @abstractmethod
    def errors(self, steps: Iterable[int], error: Exception) -> None:
        """Record an exception for each step, all in one span that is open."""


C = TypeVar("C", bound=Contender)


def contender(name: str, kind: type[C]) -> type[C]:
    """The contender of that name.

    Args:
        name: Its module in this package and its class: `one_logger.ToFile`.
        kind: What it has to be able to do.

    Raises:
        SystemExit: It isn't.
    """
    module, _, member = name.partition(".")
    found: type[Contender] = getattr(importlib.import_module(f"tools.bench.contenders.{module}"), member)
    if not issubclass(found, kind):
        raise SystemExit(f"{name} is a {found.__mro__[1].__name__}; this workload needs a {kind.__name__}.")
    return found
