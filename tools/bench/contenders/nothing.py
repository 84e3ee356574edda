"""A job without telemetry, to compare with."""

from __future__ import annotations

from collections.abc import Iterable

from tools.bench.contenders.contender import Spans


class Nothing(Spans):
    """Records nothing."""

    def configure(self) -> None:
        """Do nothing."""

    def close(self, timeout: float) -> bool:
        """Do nothing."""
        return True

    def spans(self, steps: Iterable[int]) -> None:
        """Take the steps."""
        for _ in steps:
            pass
