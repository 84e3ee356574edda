"""What a benchmark is made of: rows, which read figures of measurements, which run workloads with contenders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Figures = dict[str, float | list[float]]
"""What a workload prints: numbers, and lists of samples."""

Measured = dict[str, list[Figures]]
"""By the entry's label, the figures of each round."""

Server = Literal["", "collector", "collector-grpc", "silent", "broker", "run"]


class Entry(NamedTuple):
    """A contender in a measurement."""

    label: str
    """What it is called in the table."""
    environment: str
    """The environment whose interpreter runs it."""
    contender: str
    """The workload's argument: module and class in `contenders`, mostly."""
    options: tuple[str, ...] = ()
    """Options of the workload that only it gets."""
    server: Server = ""
    """The server whose address it gets as endpoint."""


@dataclass(frozen=True)
class Measurement:
    """A workload and who takes part. They take turns."""

    workload: str
    """Module in `workloads`."""
    entries: tuple[Entry, ...]
    """The first one is ours."""
    options: tuple[str, ...] = ()
    """Options of the workload."""
    most_rounds: int = 1_000_000
    """More rounds than that would say nothing new."""


@dataclass(frozen=True)
class Target:
    """What a ratio, or a value of ours, should be."""

    limit: float
    against: str = ""
    """The label of the entry by whose value ours is divided. Empty: ours is taken as it is."""
    at_least: bool = False
    """Whether the limit is a lower one."""

    def met(self, value: float) -> bool:
        """Whether a ratio, or a value, is as it should be."""
        return value >= self.limit if self.at_least else value <= self.limit

    def margin(self, value: float) -> float:
        """How many times better than necessary a ratio or value is: 1 is just met."""
        better, worse = (value, self.limit) if self.at_least else (self.limit, value)
        return better / worse if worse > 0 else float("inf")


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    name: str
    """What `--only` takes: a name, or a group of rows and a name with a dot between them."""
    title: str
    measurement: Measurement
    figure: str
    """Which of the workload's figures it shows."""
    unit: str
    targets: tuple[Target, ...] = ()

    def chosen(self, names: list[str]) -> bool:
        """Whether one of the names is its own or its group's. No names: all rows are meant."""
        return not names or not {self.name, self.name.partition(".")[0]}.isdisjoint(names)
