"""One instant, read from two clocks."""

from __future__ import annotations

from time import monotonic_ns, time_ns

from one_logger.core._conversion import converted
from one_logger.core.text import safe_repr

_SECOND = 10**9
_FROM, _TO = 978_307_200, 7_258_118_400
"""The years 2001 to 2200, in seconds since 1970. In them, a number is a time in one unit only."""

_UNITS = {"seconds": _SECOND, "milliseconds": 10**6, "microseconds": 10**3}
_LARGEST = 2**63 - 1  # what a record, and whoever reads it, can hold


class Timestamp:
    """An instant on the wall clock and on the monotonic clock. Immutable.

    The wall clock says when something happened, and may be changed at any time. The monotonic clock gives durations,
    and is never changed.

    A wrong argument does not raise: `problem` says what is wrong, which a recorder treats as a telemetry error. If it
    is no whole number, or needs more than 64 bits, the present time is used. A time after 2200, or one that looks like
    seconds, milliseconds or microseconds, is kept.

    Args:
        unix_ns: Nanoseconds since 1970-01-01T00:00:00Z, such as `time.time_ns()` returns.
        monotonic_ns: What `time.monotonic_ns()` read at the same instant, in nanoseconds.
    """

    __slots__ = ("_monotonic_ns", "_problem", "_unix_ns")

    def __init__(self, unix_ns: int, monotonic_ns: int) -> None:
        self._unix_ns, problem = _checked("unix_ns", unix_ns, "time.time_ns()")
        self._monotonic_ns, second_problem = _checked("monotonic_ns", monotonic_ns, "time.monotonic_ns()")
        if second_problem is not None:
            self._monotonic_ns = _on_monotonic_clock(self._unix_ns)
        self._problem = problem or _unit_problem(self._unix_ns) or second_problem

    @classmethod
    def of_clocks(cls, unix_ns: int, monotonic_ns: int) -> Timestamp:
        """A timestamp of what the clocks of this process said, without a check."""
        timestamp = cls.__new__(cls)
        timestamp._unix_ns, timestamp._monotonic_ns, timestamp._problem = unix_ns, monotonic_ns, None
        return timestamp

    @classmethod
    def now(cls) -> Timestamp:
        """The present instant."""
        return cls.of_clocks(time_ns(), monotonic_ns())

    @classmethod
    def from_unix_ns(cls, unix_ns: int) -> Timestamp:
        """The instant `unix_ns` nanoseconds after 1970-01-01T00:00:00Z.

        Its monotonic time is computed from the present times. So its durations are only as good as the wall clock.
        """
        checked, problem = _checked("unix_ns", unix_ns, "time.time_ns()")
        timestamp = cls.of_clocks(checked, _on_monotonic_clock(checked))
        timestamp._problem = problem or _unit_problem(checked)
        return timestamp

    @property
    def unix_ns(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00Z, by the wall clock."""
        return self._unix_ns

    @property
    def monotonic_ns(self) -> int:
        """Nanoseconds on the monotonic clock. Only differences have a meaning."""
        return self._monotonic_ns

    @property
    def problem(self) -> str | None:
        """A sentence that says what was wrong with the arguments; None if nothing was."""
        return self._problem

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Timestamp):
            return NotImplemented
        return self._unix_ns == other._unix_ns and self._monotonic_ns == other._monotonic_ns

    def __hash__(self) -> int:
        return hash((self._unix_ns, self._monotonic_ns))

    def __repr__(self) -> str:
        return f"Timestamp(unix_ns={self._unix_ns}, monotonic_ns={self._monotonic_ns})"


def take_time(argument: str, given: object) -> tuple[int, int, str | None]:
    """Both times of a timestamp, else the present times, and a sentence about `argument` if it is no timestamp."""
    if isinstance(given, Timestamp):
        return given._unix_ns, given._monotonic_ns, given._problem
    problem = (
        f"{argument} was given as {type(given).__name__}; expected a Timestamp. The time of the call was used instead."
    )
    return time_ns(), monotonic_ns(), problem


def _checked(argument: str, given: object, source: str) -> tuple[int, str | None]:
    """A number of nanoseconds, else the present time, and what was wrong with it."""
    value = given if type(given) is int else converted(given)[0]
    if type(value) is int and -_LARGEST <= value <= _LARGEST:
        return value, None
    problem = (
        f"{argument} of a Timestamp is {safe_repr(given, 100)}; "
        f"expected a whole number of nanoseconds, such as {source} returns. The time of the call was used instead."
    )
    return time_ns(), problem


def _unit_problem(unix_ns: int) -> str | None:
    """A sentence about a time that cannot be in nanoseconds."""
    looks = "is after the year 2200" if unix_ns >= _TO * _SECOND else None
    for unit, nanoseconds in _UNITS.items():
        if _FROM <= unix_ns * nanoseconds // _SECOND < _TO:
            looks = f"looks like {unit}"
    return looks and (
        f"unix_ns of a Timestamp is {unix_ns}, which {looks}; "
        "expected nanoseconds since 1970, such as time.time_ns() returns. It was kept as it is."
    )


def _on_monotonic_clock(unix_ns: int) -> int:
    """The monotonic time of an instant of the wall clock, as the clocks are now."""
    return monotonic_ns() - (time_ns() - unix_ns)
