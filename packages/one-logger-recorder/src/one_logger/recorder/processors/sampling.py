"""Processors that export only a part of the traces or spans."""

from __future__ import annotations

from sys import float_info
from time import monotonic

from one_logger.core import OneLoggerError, Span, Status
from one_logger.core.spi import AtomicCounter, check_number, shown
from one_logger.recorder.processors.conditions import is_number
from one_logger.recorder.processors.names import MAX_CACHED, NamePattern, Names
from one_logger.recorder.processors.processor import Decision, Processor

_RANDOM_BITS = (1 << 64) - 1
_NANOSECONDS = 10**9


class RatioSampler(Processor):
    """Records a part of all traces: each one as a whole, with spans, events and errors, or nothing of it.

    The trace id decides, so all processes with the same ratio choose the same traces, and processes with a higher ratio
    choose these and more (OpenTelemetry Trace SDK, section "TraceIdRatioBased"). If another process has begun the
    trace, the `sampled` flag of its `traceparent` decides.

    Args:
        ratio: The part of the traces to record, from 0 to 1.

    Raises:
        OneLoggerError: `ratio` is not such a number.
    """

    def __init__(self, ratio: float) -> None:
        check_number("ratio", ratio, 0, "a number", most=1)
        self._bound = round(ratio * (_RANDOM_BITS + 1))

    def sample_trace(self, trace_id: int) -> bool:
        """Whether the lower half of the id, a random number, is below the bound."""
        return trace_id & _RANDOM_BITS < self._bound


class RateSampler(Processor):
    """Records the first traces of each second, up to a number: each one as a whole, and nothing of the others.

    If another process has begun the trace, the `sampled` flag of its `traceparent` decides.

    Args:
        traces_per_second: How many traces to record. May be below 1: 0.1 is one trace in ten seconds.

    Raises:
        OneLoggerError: `traces_per_second` is no number above 0.
    """

    def __init__(self, traces_per_second: float) -> None:
        rate = traces_per_second
        if not is_number(rate) or not 0 < rate <= float_info.max:
            raise OneLoggerError(f"traces_per_second is {shown(rate)}; expected a number above 0.")
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
    """Exports one in so many spans of each name, and all spans that took long or had an error.

    One in so many is exported from its start, like any other span, with its children and events. Another one is
    exported when it stops, start and stop together, if it took long or had an error. While it is open, its children,
    events and errors go to the nearest exported span around it, and stay there.

    Args:
        names: The names of the spans to decide on: a name, a pattern such as `load_*`, or a list of them.
        one_in: Out of how many spans of one name one is always exported. None: none is.
        min_duration: Spans that take at least this long are exported, in seconds. None: the duration does not matter.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """

    def __init__(self, names: Names = "*", *, one_in: int | None = None, min_duration: float | None = None) -> None:
        self._names = NamePattern("names", names)
        check_number("one_in", one_in, 1, "a number of spans", whole=True, optional=True)
        check_number("min_duration", min_duration, 0, "a number of seconds", optional=True)
        self._one_in = one_in
        self.decides_by_name = one_in is None
        self._least_ns = None if min_duration is None else min_duration * _NANOSECONDS
        self._counters: dict[str, AtomicCounter] = {}
        self._others = AtomicCounter()

    def decide(self, name: str) -> Decision:
        """Keep one in so many, and defer the others."""
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
