"""A processor that makes one event of many."""

from __future__ import annotations

from time import monotonic

from one_logger.core import ErrorEvent, Event, OneLoggerError, Span
from one_logger.core.spi import check_number, name_text, shown
from one_logger.recorder.processors.names import Name, NamePattern
from one_logger.recorder.processors.processor import Decision, Processor
from one_logger.recorder.processors.statistics import Statistics

MAX_SPANS = 1_024
"""For how many enclosing spans statistics are kept. If there are more, the oldest are reported and forgotten."""

DURATION = "duration_seconds"
"""The name of a span's duration in the attributes of a summary."""

_NANOSECONDS = 10**9


class Summarizer(Processor):
    """Records statistics of an attribute of events, or of the duration of spans, as events.

    A summary covers all values since the enclosing span started, and is an event of that span. The enclosing span is
    the nearest open exported one: of events the one that they happen in, of spans one around them. With `within`, it is
    the nearest one of that name. A summary comes after so many values, after so many seconds, and when that span stops.
    Without an enclosing span, values are summarised for the whole process, and the summary gets a span of its own.
    `event`, `span` and `within` may be patterns such as `load_*`; all events or spans that match make one summary.

    Its attributes are `count`, `avg`, `min`, `max`, `stddev`, `total` and `last`, each after the name of the attribute
    and a dot: `duration.avg`. Values that are not finite numbers are left out, and counted as `duration.invalid`.

    Args:
        event: The name of the events whose attribute is summarised.
        span: Instead, the name of the spans.
        attribute: The attribute. For spans None is the duration, in seconds, called `duration_seconds`.
        every: After how many values there is a summary. None: the number does not matter.
        interval: After how many seconds there is one, checked when a value comes. None: the time does not matter.
        within: The name of the enclosing span. None: whichever is the nearest.
        name: The name of the summary. None: that of the events or spans, and `stats update`.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """

    decides_by_name = True

    def __init__(
        self,
        event: Name | None = None,
        *,
        span: Name | None = None,
        attribute: str | None = None,
        every: int | None = None,
        interval: float | None = None,
        within: Name | None = None,
        name: Name | None = None,
    ) -> None:
        if (event is None) == (span is None):
            raise OneLoggerError("A Summarizer needs the name of an event or of a span; give one of the two.")
        summarised = _text("event", event) or _text("span", span)
        measured = _text("attribute", attribute)
        if event is not None and measured is None:
            raise OneLoggerError(f"attribute is missing; say which attribute of {shown(event)} to summarise.")
        check_number("every", every, 1, "a number of values", whole=True, optional=True)
        check_number("interval", interval, 0, "a number of seconds", optional=True)
        self._events = NamePattern("event", () if event is None else event)
        self._spans = NamePattern("span", () if span is None else span)
        self._attribute = measured
        self._within = NamePattern("within", "*" if within is None else within)
        self._every = every
        self._interval = interval
        self._name = _text("name", name) or f"{summarised} stats update"
        self._prefix = measured or DURATION
        self._statistics: dict[Span | None, Statistics] = {}

    def decide(self, name: str) -> Decision:
        """Drop no span, but see those that are summarised, even if they are not exported."""
        return Decision.OBSERVE if self._spans.matches(name) else Decision.KEEP

    def on_event(self, event: Event, span: Span) -> Event:
        """Take the attribute of an event."""
        if self._events.matches(event.name) and not isinstance(event, ErrorEvent):
            self._add(event.attributes.get(self._attribute or ""), self.exported(span))
        return event

    def on_stop(self, span: Span) -> bool:
        """Report the values of a span that stops, and take its duration."""
        self._finish(span)
        if self._spans.matches(span.name):
            value = (
                (span.duration_ns or 0) / _NANOSECONDS
                if self._attribute is None
                else span.attributes.get(self._attribute)
            )
            self._add(value, self.around(span))
        return True

    def on_close(self) -> None:
        """Report what is left."""
        for enclosing in list(self._statistics):
            self._finish(enclosing)

    def after_fork(self) -> None:
        """Forget what the parent process reports."""
        self._statistics = {}

    def _add(self, value: object, enclosing: Span | None) -> None:
        while enclosing is not None and not self._within.matches(enclosing.name):
            enclosing = self.around(enclosing)
        statistics = self._statistics.get(enclosing)
        if statistics is None:
            if len(self._statistics) >= MAX_SPANS:
                for oldest in list(self._statistics)[: MAX_SPANS // 8]:
                    self._finish(oldest)
            statistics = self._statistics.setdefault(enclosing, Statistics())
        statistics.add(value)
        if (self._every is not None and statistics.summary.seen - statistics.reported >= self._every) or (
            self._interval is not None and monotonic() - statistics.reported_at >= self._interval
        ):
            self._report(statistics, enclosing)
        if enclosing is not None and self.exported(enclosing) is not enclosing:
            # Another thread has stopped it in the meantime, so nobody would report this any more.
            self._statistics.pop(enclosing, None)

    def _finish(self, enclosing: Span | None) -> None:
        statistics = self._statistics.pop(enclosing, None)
        if statistics is not None:
            self._report(statistics, enclosing)

    def _report(self, statistics: Statistics, enclosing: Span | None) -> None:
        summary = statistics.summary
        if summary.seen == statistics.reported:
            return
        statistics.reported, statistics.reported_at = summary.seen, monotonic()
        values: dict[str, object] = {"count": summary.valid}
        if summary.valid:
            values |= {
                "avg": summary.mean,
                "min": summary.smallest,
                "max": summary.largest,
                "stddev": summary.deviation,
                "total": summary.total,
                "last": summary.last,
            }
        if summary.invalid:
            values["invalid"] = summary.invalid
        attributes = {f"{self._prefix}.{name}": value for name, value in values.items()}
        ended = None if enclosing is None else enclosing.end_time
        self.emit(Event(self._name, attributes, ended), enclosing)


def _text(argument: str, given: object) -> str | None:
    text = name_text(given)
    if text is None and given is not None:
        raise OneLoggerError(f"{argument} is {shown(given)}; expected a text.")
    return text
