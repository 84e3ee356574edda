"""A recorder for the tests of the facade, which must not depend on the one in one-logger-recorder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from enum import Enum

import pytest

from one_logger.api import ROOT, OneLoggerConfig, Recorder, Root
from one_logger.api.context import CURRENT_SPAN
from one_logger.api.stats import ExporterStats
from one_logger.api.testing import configured
from one_logger.core import ErrorEvent, Event, OneLoggerError, Span, SpanContext, Timestamp

Log = list[tuple[str, str]]


class ListRecorder(Recorder):
    """Keeps what it is told in `log`, as (what, name). Raises `OneLoggerError` in the methods named in `failing`."""

    def __init__(self, failing: tuple[str, ...] = ()) -> None:
        self.log: Log = []
        self.spans: list[Span] = []
        self.events: list[Event] = []
        self.errors: list[ErrorEvent] = []
        self.config: OneLoggerConfig | None = None
        self.parent: SpanContext | None = None
        self._failing = failing
        self._closed = False

    def _note(self, method: str, name: str) -> None:
        if method in self._failing:
            raise OneLoggerError(f"{method} fails")
        self.log.append((method, name))

    def start(
        self,
        name: str | Enum,
        span_attributes: Mapping[str, object] | None = None,
        start_event_attributes: Mapping[str, object] | None = None,
        start_time: Timestamp | None = None,
        parent_span: Span | SpanContext | Root | None = None,
        current: bool = True,
    ) -> Span:
        parent = CURRENT_SPAN.get() if parent_span is None else parent_span
        span = Span(name, span_attributes, start_event_attributes, parent=None if parent is ROOT else parent)
        self._note("start", span.name)
        self.spans.append(span)
        if current:
            CURRENT_SPAN.set(span)
        return span

    def stop(
        self,
        span: Span,
        stop_event_attributes: Mapping[str, object] | None = None,
        stop_time: Timestamp | None = None,
    ) -> None:
        self._note("stop", span.name)
        span.stop(stop_event_attributes)
        if CURRENT_SPAN.get() is span:
            CURRENT_SPAN.set(span.open_ancestor)

    def event(self, span: Span | None, event: Event) -> Event:
        self._note("event", event.name)
        self.events.append(event)
        return event

    def error(
        self,
        span: Span | None,
        message: str,
        exception: BaseException | None = None,
        attributes: Mapping[str, object] | None = None,
    ) -> ErrorEvent:
        event = ErrorEvent(message, exception, attributes)
        self._note("error", "current" if span is None else span.name)
        self.errors.append(event)
        return event

    def telemetry_data_error(self, message: str, attributes: Mapping[str, object] | None = None) -> None:
        self._note("telemetry_data_error", message)

    def flush(self, timeout: float = 10.0) -> bool:
        self._note("flush", "")
        return True

    def close(self, timeout: float = 10.0) -> bool:
        self._note("close", "")
        self._closed = True
        return True

    def stats(self) -> Mapping[str, ExporterStats]:
        return {"list": ExporterStats(len(self.log), len(self.log), 0, 0, 0, disabled=False)}

    @property
    def closed(self) -> bool:
        return self._closed

    def attach(self, config: OneLoggerConfig, parent: SpanContext | None) -> None:
        self.config, self.parent = config, parent


@pytest.fixture
def make_recorder() -> Callable[..., ListRecorder]:
    """The class `ListRecorder`, for tests that configure by themselves."""
    return ListRecorder


@pytest.fixture
def configure() -> Iterator[Callable[..., ListRecorder]]:
    """Configures the process with a `ListRecorder`, for the length of the test, and gives it."""
    with ExitStack() as stack:

        def configure(config: OneLoggerConfig | None = None, failing: tuple[str, ...] = ()) -> ListRecorder:
            recorder = ListRecorder(failing)
            stack.enter_context(configured(config or OneLoggerConfig("app"), recorder))
            return recorder

        yield configure
