"""One instant, read from two clocks."""

from __future__ import annotations

from time import monotonic_ns, time_ns


class Timestamp:
    """An instant on the wall clock and on the monotonic clock.

    The wall clock says when something happened; it may be stepped at any time. Durations are differences of the
    monotonic clock, which never is.

    Args:
        unix_ns: Nanoseconds since 1970-01-01T00:00:00Z.
        monotonic_ns: What `time.monotonic_ns()` read at the same instant, in nanoseconds.
    """

    __slots__ = ("_monotonic_ns", "_unix_ns")

    def __init__(self, unix_ns: int, monotonic_ns: int) -> None:
        self._unix_ns = unix_ns
        self._monotonic_ns = monotonic_ns

    @classmethod
    def now(cls) -> Timestamp:
        """The present instant."""
        return cls(time_ns(), monotonic_ns())

    @classmethod
    def from_unix_ns(cls, unix_ns: int) -> Timestamp:
        """The instant `unix_ns` nanoseconds after 1970-01-01T00:00:00Z, as the clocks stand now.

        Its place on the monotonic clock is computed, so a duration up to it is only as good as the wall clock is.
        """
        return cls(unix_ns, monotonic_ns() - (time_ns() - unix_ns))

    @property
    def unix_ns(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00Z, by the wall clock."""
        return self._unix_ns

    @property
    def monotonic_ns(self) -> int:
        """Nanoseconds on the monotonic clock. Only differences mean something."""
        return self._monotonic_ns

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Timestamp):
            return NotImplemented
        return self._unix_ns == other._unix_ns and self._monotonic_ns == other._monotonic_ns

    def __hash__(self) -> int:
        return hash((self._unix_ns, self._monotonic_ns))

    def __repr__(self) -> str:
        return f"Timestamp(unix_ns={self._unix_ns}, monotonic_ns={self._monotonic_ns})"
