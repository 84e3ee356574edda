"""The interface of processors, which see spans and events before they are exported."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple, Protocol

from one_logger.core import Event, OneLoggerError, Span


class Decision(Enum):
    """What a processor decides on a span that starts."""

    KEEP = "keep"
    """Export the span, unless another processor drops it."""

    DROP = "drop"
    """Do not export the span. Its children become children of the nearest exported span around it."""

    DEFER = "defer"
    """Decide when the span stops, in `on_stop`. Until then it counts as dropped."""

    OBSERVE = "observe"
    """Keep; call `on_stop` even if a later processor drops the span."""


class Choice(NamedTuple):
    """What all processors together have decided on a span that starts."""

    depth: int
    """How many of them, from the first on, see what happens in the span: those before the one that drops it, or all."""
    dropped: bool
    observers: tuple[int, ...]
    """The places of the processors, among those, that see its stop although it is dropped."""
    deferrers: tuple[int, ...]
    """The places of the processors that decide when it stops. Empty if it is dropped."""


ALL = Choice(sys.maxsize, False, (), ())
"""The span is exported, and all processors see it."""


class Host(Protocol):
    """What runs processors: a recorder, or the wrapper of an exporter."""

    def emit(self, processor: Processor, event: Event, span: Span | None) -> None:
        """See `Processor.emit`."""

    def exported(self, span: Span) -> Span | None:
        """See `Processor.exported`."""

    def around(self, span: Span) -> Span | None:
        """See `Processor.around`."""


class Processor:
    """Sees spans and events before they are exported, and may drop, change or add some.

    A subclass overrides the methods that it needs; the others change nothing. Processors are called in the order of
    their list: each sees what those before it have left and added.

    In a recorder they run on the thread that records, so they must be quick, must not wait, and must allow calls from
    several threads at once. One that raises is skipped for that call, which is a telemetry error.

    A processor belongs to one recorder or one exporter.
    """

    decides_by_name = False
    """Whether `decide` gives the same result for a name each time. It is then called once for each name."""

    _host: Host | None = None

    def sample_trace(self, trace_id: int) -> bool:
        """Whether to record a trace. Called at its first span in this process, unless another process has decided.

        Args:
            trace_id: The id of the trace, 128 bit, random.
        """
        return True

    def decide(self, name: str) -> Decision:
        """Decide on a span. Called before the span is made, so that one that is dropped costs little.

        Args:
            name: The name of the span.
        """
        return Decision.KEEP

    def on_start(self, span: Span) -> Mapping[str, object] | None:
        """Look at a span that starts.

        Returns:
            Attributes to set on it, if any.
        """
        return None

    def on_event(self, event: Event, span: Span) -> Event | None:
        """Look at an event or, as an `ErrorEvent`, an error.

        Args:
            event: The event. It is immutable; `event.with_attributes(...)` makes a changed one.
            span: Its span, which may be one that is not exported: see `exported`.

        Returns:
            The event, another one in its place, or None to drop it.
        """
        return event

    def on_stop(self, span: Span) -> bool:
        """Look at a span that has stopped: its `duration_ns`, attributes and status are final.

        It is called for spans that are exported or deferred, and for those that this processor observes.

        Returns:
            Whether to export it. This counts only for spans that this processor has deferred.
        """
        return True

    def on_close(self) -> None:
        """Emit what is left. All spans have stopped, and the recorder is being closed."""

    def after_fork(self) -> None:
        """Forget what was collected. Called in a forked child: the parent process emits it."""

    def emit(self, event: Event, span: Span | None) -> None:
        """Record an event. The processors after this one see it, too.

        Args:
            event: The event.
            span: Its span. If that is not exported, the event goes to the nearest open exported span around it.
                Without one, a span with the event's name is made for it.
        """
        if self._host is not None:
            self._host.emit(self, event, span)

    def exported(self, span: Span) -> Span | None:
        """The nearest open exported span: `span` itself, or one around it. None if there is none."""
        return None if self._host is None else self._host.exported(span)

    def around(self, span: Span) -> Span | None:
        """The nearest open exported span around `span`. None if there is none."""
        return None if self._host is None else self._host.around(span)

    def attach(self, host: Host) -> None:
        """Connect this processor to a recorder or exporter, which calls this itself.

        Raises:
            OneLoggerError: The processor belongs to another one already.
        """
        if self._host is not None:
            raise OneLoggerError(
                f"This {type(self).__name__} is in use already; make one for each recorder and exporter."
            )
        self._host = host
