"""Processors that export a part of the spans, chosen so that the part is of use."""

from __future__ import annotations

from sys import float_info
from time import monotonic

from one_logger.core import OneLoggerError, Span, Status
from one_logger.core.spi import AtomicCounter, safe_repr
from one_logger.recorder.processors.names import MAX_CACHED, NamePattern, Names
from one_logger.recorder.processors.processor import Decision, Processor

_RANDOM_BITS = (1 << 64) - 1
_NANOSECONDS = 10**9


class RatioSampler(Processor):
    """Records a part of all traces, whole traces or nothing of them: spans, events and errors.

    The id of a trace decides, so all processes with the same ratio choose the same traces, and those with a higher
    ratio these and more (OpenTelemetry Trace SDK, section "TraceIdRatioBased"). In a trace that another process has
    begun, that process has decided: by the flag `sampled` of its `traceparent`.

    Args:
        ratio: The part of the traces to record, from 0 to 1.

    Raises:
        OneLoggerError: `ratio` is not such a number.
    """

    def __init__(self, ratio: float) -> None:
        if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 <= ratio <= 1:
            raise OneLoggerError(f"ratio is {safe_repr(ratio, 100)}; expected a number from 0 to 1.")
        self._bound = round(ratio * (_RANDOM_BITS + 1))

    def sample_trace(self, trace_id: int) -> bool:
        """Whether the lower half of the id, a random number, is in the part."""
        return trace_id & _RANDOM_BITS < self._bound


class RateSampler(Processor):
    """Records so many traces a second at most: the first ones of each second, whole, and nothing of the others.

    In a trace that another process has begun, that process has decided: by the flag `sampled` of its `traceparent`.

    Args:
        traces_per_second: How many. May be below 1: 0.1 is one in ten seconds.

    Raises:
        OneLoggerError: `traces_per_second` is no number above 0.
    """

    def __init__(self, traces_per_second: float) -> None:
        rate = traces_per_second
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate <= float_info.max:
            raise OneLoggerError(f"traces_per_second is {safe_repr(rate, 100)}; expected a number above 0.")
        self._period = max(1.0, 1 / rate)
        self._budget = max(1, int(rate * self._period))
        self._periods: dict[int, AtomicCounter] = {}

    def sample_trace(self, trace_id: int) -> bool:
        """Whether there is room in this second."""
        period = int(monotonic() / self._period)
        counter = self._periods.get(period)
        if counter is None:
            counter = self._periods.setdefault(period, AtomicCounter())
            for passed in [each for each in self._periods.copy() if each < period]:
                self._periods.pop(passed, None)
        if counter.value >= self._budget:
            return False
        counter.add()
        return counter.value <= self._budget

    def after_fork(self) -> None:
        """Count anew."""
        self._periods = {}


class TailSampler(Processor):
    """Exports, of the spans of each name, one in so many, and all that took long or had an error.

    One in so many is exported from its start on, as any other span, with its children and events. Of another one it is
    known when it stops whether it took long, or had an error: then it is exported, start and stop at once. Until then
    its children, events and errors go to the nearest exported span around it, and stay there.

    Args:
        names: The names of the spans that this is about: a name, a pattern such as `load_*`, or a list of them.
        one_in: Of how many spans of one name one is exported, whatever happens in it. None: no such one is.
        min_duration: How long a span has to take to be exported, in seconds. None: however long, that is no reason.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """

    def __init__(self, names: Names = "*", *, one_in: int | None = None, min_duration: float | None = None) -> None:
        self._names = NamePattern("names", names)
        if one_in is not None and (type(one_in) is not int or one_in < 1):
            raise OneLoggerError(f"one_in is {safe_repr(one_in, 100)}; expected a whole number from 1 on.")
        if min_duration is not None and (
            isinstance(min_duration, bool) or not isinstance(min_duration, (int, float)) or not min_duration >= 0
        ):
            raise OneLoggerError(
                f"min_duration is {safe_repr(min_duration, 100)}; expected a number of seconds from 0 on."
            )
        self._one_in = one_in
        self.decides_by_name = one_in is None
        self._least_ns = None if min_duration is None else min_duration * _NANOSECONDS
        self._counters: dict[str, AtomicCounter] = {}
        self._others = AtomicCounter()

    def decide(self, name: str) -> Decision:
        """Keep one in so many, and put the others off."""
        if not self._names.matches(name):
            return Decision.KEEP
        if self._one_in is None:
            return Decision.DEFER
        counter = self._counters.get(name)
        if counter is None:
            full = len(self._counters) >= MAX_CACHED
            counter = self._others if full else self._counters.setdefault(name, AtomicCounter())
        counter.add()
        return Decision.KEEP if counter.value % self._one_in == 1 % self._one_in else Decision.DEFER

    def on_stop(self, span: Span) -> bool:
        """Whether it had an error, or took long enough."""
        if span.status is Status.ERROR:
            return True
        return self._least_ns is not None and (span.duration_ns or 0) >= self._least_ns
