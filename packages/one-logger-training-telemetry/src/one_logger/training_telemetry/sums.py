"""Count, total, least and most of some times."""

from __future__ import annotations

from one_logger.training_telemetry.names import AttributeName


class Sums:
    """Sums up times, in nanoseconds."""

    __slots__ = ("count", "least_ns", "most_ns", "total_ns")

    def __init__(self) -> None:
        self.count = self.total_ns = self.least_ns = self.most_ns = 0

    def add(self, took_ns: int) -> None:
        """One more."""
        took_ns = max(0, took_ns)
        self.least_ns = min(self.least_ns, took_ns) if self.count else took_ns
        self.most_ns = max(self.most_ns, took_ns)
        self.count += 1
        self.total_ns += took_ns

    def iteration_attributes(self) -> dict[str, object]:
        """What events say of the iterations whose times these are; nothing if there were none."""
        if not self.count:
            return {}
        return {
            AttributeName.AVG_ITERATION_TIME_SEC: self.total_ns / self.count / 1e9,
            AttributeName.MIN_ITERATION_TIME_SEC: self.least_ns / 1e9,
            AttributeName.MAX_ITERATION_TIME_SEC: self.most_ns / 1e9,
            AttributeName.TOTAL_ITERATION_TIME_SEC: self.total_ns / 1e9,
        }
