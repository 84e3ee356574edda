"""The interface of what stands between the instrumented call and the exporters."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Protocol

from one_logger.core import Event, OneLoggerError, Span


class Decision(Enum):
    """What is to become of a span that starts."""

    KEEP = "keep"
    """It is exported, if no other processor drops it."""

    DROP = "drop"
    """It is not exported. Its children hang on the nearest exported span around it."""

    DEFER = "defer"
    """Whether it is exported is decided when it stops, by `on_stop`. Until then it counts as dropped."""

    OBSERVE = "observe"
    """As `KEEP`; and if a later processor drops it, its times and attributes are taken, and `on_stop` is called."""


class Host(Protocol):
    """What runs processors: a recorder, or the wrapper of an exporter."""

    def emit(self, processor: Processor, event: Event, span: Span | None) -> None:
        """Record an event that a processor has made."""

    def exported(self, span: Span) -> Span | None:
        """The nearest span that is open and exported, from `span` on outwards."""

    def around(self, span: Span) -> Span | None:
        """The nearest span around `span` that is open and exported."""


class Processor:
    """Looks at spans and events before they are exported: drops, changes, or adds some.

    A subclass overrides what it needs; each default keeps everything as it is. Processors are called in the order of
    their list: each sees what those before it have left, and what they have added.

    In a recorder they run on the thread that records, so they must be quick, never wait, and cope with several threads
    at once. One that raises is skipped for that call, which is a telemetry error.

    A processor serves one recorder, or one exporter.
    """

    decides_by_name = False
    """Whether `decide` says the same of a name each time: then it is asked once for each name."""

    _host: Host | None = None

    def sample_trace(self, trace_id: int) -> bool:
        """Whether to record a trace. Is asked at its first span in this process, if no other process has decided.

        Args:
            trace_id: The id of the trace, 128 bit, random.
        """
        return True

    def decide(self, name: str) -> Decision:
        """What is to become of a span. Is asked before the span is made, so that one that is dropped costs little.

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
            span: Its span, which need not be exported: see `exported`.

        Returns:
            The event, another one in its place, or None to drop it.
        """
        return event

    def on_stop(self, span: Span) -> bool:
        """Look at a span that has stopped: its `duration_ns`, attributes and status are final.

        It is called for spans that are exported, or undecided, and for those of which this processor said `OBSERVE`.

        Returns:
            Whether to export it. It counts for spans that are undecided because this processor said `DEFER`.
        """
        return True

    def on_close(self) -> None:
        """All spans have stopped and the recorder is being closed: the last moment to `emit` something."""

    def after_fork(self) -> None:
        """Forget, in a forked child, what was collected: the parent emits it."""

    def emit(self, event: Event, span: Span | None) -> None:
        """Record an event. The processors after this one see it, too.

        Args:
            event: The event.
            span: The span that it is part of. If that is not exported, it becomes part of the nearest open span around
                it that is. If there is none, a span of its own is made for it, by the name of the event.
        """
        if self._host is not None:
            self._host.emit(self, event, span)

    def exported(self, span: Span) -> Span | None:
        """The nearest span that is open and exported, from `span` on outwards. None if there is none."""
        return None if self._host is None else self._host.exported(span)

    def around(self, span: Span) -> Span | None:
        """The nearest span around `span` that is open and exported. None if there is none."""
        return None if self._host is None else self._host.around(span)

    def attach(self, host: Host) -> None:
        """Belong to a recorder or exporter from now on. It calls this itself.

        Raises:
            OneLoggerError: The processor belongs to another one already.
        """
        if self._host is not None:
            raise OneLoggerError(
                f"A {type(self).__name__} was given that is in use already; make one for each recorder and exporter."
            )
        self._host = host
