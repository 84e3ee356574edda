"""Spans: units of work."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from time import monotonic_ns, time_ns

from one_logger.core import diagnostics, ids
from one_logger.core._conversion import attribute_name, attribute_value, exported_name, message_text
from one_logger.core.attributes import Attributes, AttributeValue, salvage_attributes, take_attributes
from one_logger.core.errors import OneLoggerError
from one_logger.core.event import Event
from one_logger.core.ids import new_span_id, random_bits
from one_logger.core.span_context import SpanContext
from one_logger.core.text import safe_repr
from one_logger.core.thread import HERE, ThreadInfo, look_around
from one_logger.core.timestamp import Timestamp, take_time


class Status(Enum):
    """How the work of a span ended (OpenTelemetry Tracing API, section "Set Status")."""

    UNSET = "UNSET"
    OK = "OK"
    ERROR = "ERROR"


# Looking a member up in its Enum costs several times as much as a global name.
_UNSET = Status.UNSET
_EMPTY: dict[str, AttributeValue] = {}  # shared by spans without attributes; never changed


class Span:
    """A unit of work: a name, a start, a stop, attributes, a place in a trace.

    A span keeps no events: one that is open for a month and has a billion of them costs what an empty one does.

    A name that is no text, and attributes that are no mapping, do not raise: their `repr` is exported, and `problem`
    says what was wrong, which a recorder treats as a telemetry error. So it is with a time that is no `Timestamp`;
    that of the call is taken.

    Args:
        name: A `str`, or an `Enum` whose value is one. May be empty, of any length.
        attributes: What is known of the work at the start.
        start_event_attributes: What is known of the start itself.
        parent: The span that this one is part of, in this process or another. None: the span is a root.
        start_time: When the work started. None: now.

    Attributes:
        name: The name. Like all that follow a plain attribute, to be read as fast as can be and never to be set.
        trace_id: The id of the trace, 128 bit.
        span_id: The id of the span, 64 bit.
        parent_span_id: The id of the parent; None for a root.
        ancestor: A span around this one, in this process; it may have ended. See `open_ancestor`.
        start_unix_ns: The start by the wall clock, in nanoseconds since 1970-01-01T00:00:00Z.
        start_monotonic_ns: The start by the monotonic clock, in nanoseconds.
        end_unix_ns: The end by the wall clock; None while the span is open.
        end_monotonic_ns: The end by the monotonic clock; 0 while the span is open.
        thread: Where it was started; None in the main thread.
        holder: The `timed_span` whose block it is; None if there is none. For recorders.
        problem: A sentence that says what was wrong with the arguments; None if nothing was.
    """

    __slots__ = (
        "_initial_attributes",
        "_later_attributes",
        "_open",
        "_start_event_attributes",
        "_status",
        "_stop_event_attributes",
        "ancestor",
        "end_monotonic_ns",
        "end_unix_ns",
        "holder",
        "name",
        "parent_span_id",
        "problem",
        "span_id",
        "start_monotonic_ns",
        "start_unix_ns",
        "thread",
        "trace_id",
    )

    name: str
    trace_id: int
    span_id: int
    parent_span_id: int | None
    ancestor: Span | None
    start_unix_ns: int
    start_monotonic_ns: int
    end_unix_ns: int | None
    end_monotonic_ns: int
    thread: ThreadInfo | None
    holder: object
    problem: str | None
    _initial_attributes: dict[str, AttributeValue]
    _later_attributes: dict[str, AttributeValue]
    _start_event_attributes: dict[str, AttributeValue]
    _stop_event_attributes: dict[str, AttributeValue] | None
    _status: Status
    _open: bool

    def __init__(
        self,
        name: str | Enum,
        attributes: Mapping[str, object] | None = None,
        start_event_attributes: Mapping[str, object] | None = None,
        *,
        parent: Span | SpanContext | None = None,
        start_time: Timestamp | None = None,
    ) -> None:
        begin_span(self, name, attributes, start_event_attributes, parent, start_time)

    def stop(
        self, stop_event_attributes: Mapping[str, object] | None = None, *, stop_time: Timestamp | None = None
    ) -> bool:
        """End the span. One that a recorder has started is stopped as `Recorder.stop` does it, and exported.

        Args:
            stop_event_attributes: What is known of the stop itself.
            stop_time: When the work ended. None: now.

        Returns:
            True if this call ended the span; False if it had ended before, in which case nothing changes.
        """
        attributes, problem = None, None
        if stop_time is None:
            end_monotonic_ns = monotonic_ns()
            end_unix_ns = time_ns()
        else:
            end_unix_ns, end_monotonic_ns, problem = take_time("stop_time", stop_time)
        if stop_event_attributes is not None:
            try:
                attributes = take_attributes(stop_event_attributes)
            except OneLoggerError as error:
                problem = problem or str(error)
                attributes = salvage_attributes(stop_event_attributes)
        try:
            del self._open  # of several threads, and calls within this one, one gets further than this
            self.end_monotonic_ns = end_monotonic_ns
            if attributes is not None:
                self._stop_event_attributes = attributes
            if problem is not None:
                self.problem = problem
            self.end_unix_ns = end_unix_ns
        except AttributeError:
            return False
        except BaseException:  # the job was interrupted here: no span is to be left half ended
            if not hasattr(self, "_open") and self.end_unix_ns is None:
                self.end_monotonic_ns, self.end_unix_ns = end_monotonic_ns, end_unix_ns
            raise
        if self.ancestor is not None and self.ancestor.end_unix_ns is not None:
            # Spans started in this one may go on. They hold on to it; it must not hold on to others that have ended.
            self.ancestor = self.open_ancestor
        return True

    def set_attribute(self, name: str, value: object) -> None:
        """Set an attribute; None sets nothing. On a span that has ended it does nothing; the first time is logged."""
        if self.end_unix_ns is not None:
            self.report_late("set_attribute")
        elif value is not None:
            name = name if type(name) is str else attribute_name(name)
            self._later_attributes[name] = attribute_value(name, value)

    def set_attributes(self, attributes: Mapping[str, object]) -> None:
        """Set several attributes. On a span that has ended it does nothing; the first time is logged."""
        if self.end_unix_ns is not None:
            self.report_late("set_attributes")
        else:
            self._later_attributes.update(Attributes(attributes).items())

    def set_initial_attributes(self, attributes: Mapping[str, object]) -> None:
        """Set attributes that the span is started with. For a recorder, before it exports the start."""
        self._initial_attributes = {**self._initial_attributes, **Attributes(attributes)._values}

    def set_status(self, status: Status) -> None:
        """Say how the work ended. On a span that has ended it does nothing; the first time is logged."""
        if self.end_unix_ns is not None:
            self.report_late("set_status")
        elif isinstance(status, Status):
            self._status = status
        else:
            diagnostics.report(
                "set_status without a Status",
                f"set_status() was given {safe_repr(status, 100)}; it was ignored. Give a one_logger.core.Status.",
            )

    def report_late(self, method: str) -> None:
        """Log, once in the process, that `method` was called after the end. For a recorder, which may know better."""
        diagnostics.report(
            f"{method} on an ended span",
            f"{method}() was called on the span {self.name[:100]!r}, which had ended; it was ignored. "
            "Call it before the span is stopped.",
        )

    def is_recording(self) -> bool:
        """Whether the span is open and will be exported (OpenTelemetry Tracing API, section "IsRecording")."""
        return self.end_unix_ns is None

    @property
    def context(self) -> SpanContext:
        """The ids of the span, to be handed to another process."""
        return SpanContext(self.trace_id, self.span_id)

    @property
    def open_ancestor(self) -> Span | None:
        """The nearest span around this one, in this process, that has not ended."""
        span = self.ancestor
        while span is not None and span.end_unix_ns is not None:
            span = span.ancestor
        self.ancestor = span
        return span

    @property
    def attributes(self) -> Attributes:
        """All attributes as they are now."""
        return Attributes.of_taken({**self._initial_attributes, **self._later_attributes.copy()})

    @property
    def initial_attributes(self) -> Attributes:
        """The attributes that the span was started with."""
        return Attributes.of_taken(self._initial_attributes)

    @property
    def start_event_attributes(self) -> Attributes | None:
        """What is known of the start itself; None if nothing is. Quicker than `start_event`."""
        return Attributes.of_taken(self._start_event_attributes) if self._start_event_attributes else None

    @property
    def stop_event_attributes(self) -> Attributes | None:
        """What is known of the stop itself, likewise."""
        return Attributes.of_taken(self._stop_event_attributes) if self._stop_event_attributes else None

    @property
    def status(self) -> Status:
        """How the work ended."""
        return self._status

    @property
    def start_time(self) -> Timestamp:
        """When the span started."""
        return Timestamp.of_clocks(self.start_unix_ns, self.start_monotonic_ns)

    @property
    def end_time(self) -> Timestamp | None:
        """When the span ended; None while it is open."""
        if self.end_unix_ns is None:
            return None
        return Timestamp.of_clocks(self.end_unix_ns, self.end_monotonic_ns)

    @property
    def duration_ns(self) -> int | None:
        """Nanoseconds from start to end on the monotonic clock; None while the span is open."""
        if self.end_unix_ns is None:
            return None
        return self.end_monotonic_ns - self.start_monotonic_ns

    @property
    def start_event(self) -> Event:
        """The event of the start."""
        return Event(START_EVENT_NAME, self._start_event_attributes, self.start_time)

    @property
    def stop_event(self) -> Event | None:
        """The event of the stop; None while the span is open."""
        end_time = self.end_time
        return None if end_time is None else Event(STOP_EVENT_NAME, self._stop_event_attributes, end_time)

    def __deepcopy__(self, memo: object) -> Span:
        """The span itself."""
        return self

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle it as one that records nothing, with the same ids: there it can be a parent, and nothing else."""
        from one_logger.core.empty_span import EmptySpan

        return EmptySpan, (self.name, self.trace_id, self.span_id)

    def __repr__(self) -> str:
        if self.end_unix_ns is None:
            length = f"open for {(monotonic_ns() - self.start_monotonic_ns) / 1e9:.3f} s"
        else:
            length = f"{(self.end_monotonic_ns - self.start_monotonic_ns) / 1e6:.3f} ms"
        return (
            f"<{type(self).__name__} {self.name[:100]!r}: {length}, {self.span_id:016x} of trace {self.trace_id:032x}>"
        )


def begin_span(
    span: Span,
    name: str | Enum,
    attributes: Mapping[str, object] | None,
    start_event_attributes: Mapping[str, object] | None,
    parent: Span | SpanContext | None,
    start_time: Timestamp | None,
) -> None:
    """Initialize `span`, which `__new__` made, with the arguments of `Span`.

    For recorders, whose spans are of a subclass of `Span`: a call of the class, with arguments by name, takes twice as
    long.
    """
    span.problem = None
    try:
        span.name = name if type(name) is str else exported_name(name)
        span._initial_attributes = _EMPTY if attributes is None else take_attributes(attributes)
        span._start_event_attributes = (
            _EMPTY if start_event_attributes is None else take_attributes(start_event_attributes)
        )
    except OneLoggerError as error:
        span.problem = str(error)
        span.name = message_text(name)
        span._initial_attributes = salvage_attributes(attributes)
        span._start_event_attributes = salvage_attributes(start_event_attributes)
    span._later_attributes = {}
    span._stop_event_attributes = None
    span._status = _UNSET
    span.end_unix_ns = None  # is set last by stop(): it tells other threads that the span is over
    span.end_monotonic_ns = 0
    span.holder = None
    span._open = True
    try:
        span.thread = HERE.thread
    except AttributeError:
        span.thread = look_around()
    span.span_id = random_bits(64) or new_span_id()
    if parent is None:
        span.ancestor = None
        span.trace_id = ids.high_bits | random_bits(64)
        span.parent_span_id = None
    elif type(parent) is type(span) and parent.end_unix_ns is None:  # as most are: it does without the looks below
        span.ancestor = parent
        span.trace_id = parent.trace_id
        span.parent_span_id = parent.span_id or None
    elif isinstance(parent, (Span, SpanContext)):
        span.trace_id = parent.trace_id or ids.new_trace_id()  # the ids of what is not recorded are zero
        span.parent_span_id = parent.span_id or None
        if isinstance(parent, SpanContext):
            span.ancestor = None
        else:
            span.ancestor = parent if parent.end_unix_ns is None else parent.ancestor
    else:
        span.ancestor = None
        span.trace_id = ids.new_trace_id()
        span.parent_span_id = None
        span.problem = (
            span.problem or f"parent was given as {type(parent).__name__}; expected a Span, a SpanContext or None."
        )
    if start_time is None:
        span.start_unix_ns = time_ns()
        span.start_monotonic_ns = monotonic_ns()
    else:
        span.start_unix_ns, span.start_monotonic_ns, problem = take_time("start_time", start_time)
        span.problem = span.problem or problem


START_EVENT_NAME = "span_start"
STOP_EVENT_NAME = "span_stop"
