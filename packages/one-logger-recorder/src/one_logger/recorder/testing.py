"""For the tests of instrumented code: what it records is there at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from one_logger.api import OneLoggerConfig
from one_logger.api.testing import configured
from one_logger.core import RecordExporter, Resource, SpanData, read_records, read_spans
from one_logger.core.spi import near_miss
from one_logger.recorder.default_recorder import DefaultRecorder
from one_logger.recorder.processors.processor import Processor

__all__ = ["RecordedTelemetry", "SeenError", "SeenEvent", "SeenSpan", "recorded_telemetry"]


@dataclass(eq=False)
class SeenEvent:
    """An event that was recorded.

    Attributes:
        name: Its name.
        attributes: Its attributes.
        span: The span that it belongs to.
    """

    name: str
    attributes: Mapping[str, Any]
    span: SeenSpan = field(repr=False)


@dataclass(eq=False)
class SeenError(SeenEvent):
    """An error that was recorded.

    Attributes:
        message: What went wrong, in the application's words.
        exception_type: The qualified name of the exception's class; None without an exception.
        exception_message: The exception's own text.
        stack_trace: Its stack trace.
    """

    message: str
    exception_type: str | None = None
    exception_message: str | None = None
    stack_trace: str | None = field(default=None, repr=False)


@dataclass(eq=False)
class SeenSpan:
    """A span that was recorded.

    Attributes:
        name: Its name.
        attributes: Its attributes: those at the start, and all once it has stopped.
        duration: Seconds from start to stop. None: it is open.
        status: `UNSET`, `OK` or `ERROR`. None: it is open.
        parent: The span that it is a part of. None: it has none that was recorded here.
        children: The spans that are parts of it, in the order in which they were started.
        events: Its events.
        errors: Its errors.
        data: The rest of what was recorded of it.
    """

    name: str
    attributes: Mapping[str, Any]
    duration: float | None
    status: str | None
    data: SpanData = field(repr=False)
    parent: SeenSpan | None = field(default=None, repr=False)
    children: list[SeenSpan] = field(default_factory=list, repr=False)
    events: list[SeenEvent] = field(default_factory=list, repr=False)
    errors: list[SeenError] = field(default_factory=list, repr=False)


def _seen_error(record: dict[str, Any], span: SeenSpan) -> SeenError:
    about = record["error"]
    return SeenError(
        record["name"],
        record.get("attributes", {}),
        span,
        about["message"],
        about.get("exception_type"),
        about.get("exception_message"),
        about.get("stack_trace"),
    )


class RecordedTelemetry:
    """What was recorded so far: each attribute is as of when it is asked for.

    Attributes:
        records: The records, in the order in which they were recorded: see `one_logger.core.record_schema()`.
    """

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self._spans: tuple[int, list[SeenSpan]] | None = None  # as of so many records
        self._expected = 0  # telemetry errors that need no mention any more

    @property
    def spans(self) -> list[SeenSpan]:
        """The spans, open ones too, in the order in which they were started."""
        if self._spans is not None and self._spans[0] == len(self.records):
            return self._spans[1]
        seen = {}
        for data in read_spans(self.records):
            length = None if data.duration_ns is None else data.duration_ns / 1e9
            seen[data.span_id] = SeenSpan(data.name or "", data.attributes, length, data.status, data)
        started = {record["span_id"]: None for record in self.records if record["type"] in ("start", "complete")}
        spans = [seen[span_id] for span_id in started]
        for span in spans:
            span.parent = seen.get(span.data.parent_span_id or "")
            if span.parent is not None:
                span.parent.children.append(span)
            span.events = [SeenEvent(each["name"], each.get("attributes", {}), span) for each in span.data.events]
            span.errors = [_seen_error(each, span) for each in span.data.errors]
        self._spans = len(self.records), spans
        return spans

    @property
    def events(self) -> list[SeenEvent]:
        """The events, by span in the order in which the spans were started."""
        return [event for span in self.spans for event in span.events]

    @property
    def errors(self) -> list[SeenError]:
        """The errors of the application, likewise."""
        return [error for span in self.spans for error in span.errors]

    @property
    def telemetry_errors(self) -> list[str]:
        """The messages of telemetry errors: mistakes in using the library."""
        return [record["message"] for record in self.records if record["type"] == "telemetry_data_error"]

    def find(self, name: str) -> SeenSpan:
        """The span of this name.

        Raises:
            AssertionError: There is none, or more than one; the error says what there is.
        """
        spans = self.spans
        found = [span for span in spans if span.name == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise AssertionError(f"{len(found)} spans are called {name!r}. Take one of `.spans`.")
        names = dict.fromkeys(span.name for span in spans)
        hint = near_miss(name, names) or f"recorded were: {', '.join(map(repr, names)) or 'no spans'}."
        raise AssertionError(f"No span is called {name!r}; {hint}")

    def tree(self) -> list[str]:
        """The names of the spans, one a line, each two spaces further to the right than its parent.

        assert recorded_telemetry.tree() == ["train", "  epoch", "    step", "    step"]
        """
        lines = []
        rest = [(span, "") for span in reversed(self.spans) if span.parent is None]
        while rest:
            span, indent = rest.pop()
            lines.append(indent + span.name)
            rest += [(child, indent + "  ") for child in reversed(span.children)]
        return lines

    @contextmanager
    def expect_telemetry_error(self, match: str = "") -> Iterator[None]:
        """A block in which telemetry errors are expected. With the fixture, all others fail the test.

        Args:
            match: A regular expression that is found in the message of each.

        Raises:
            AssertionError: There was none, or another one.
        """
        self.fail_on_errors()
        yield
        messages = self.telemetry_errors[self._expected :]
        if not messages:
            raise AssertionError("A telemetry error was expected, but there was none.")
        others = [message for message in messages if not re.search(match, message)]
        if others:
            raise AssertionError(f"A telemetry error that matches {match!r} was expected, not: {' '.join(others)}")
        self._expected += len(messages)

    def fail_on_errors(self) -> None:
        """Raise an `AssertionError` if there were telemetry errors that are not expected. They are then known."""
        messages = self.telemetry_errors[self._expected :]
        self._expected += len(messages)
        if messages:
            raise AssertionError(f"Telemetry errors: {' '.join(messages)}")


class _Keeper(RecordExporter):
    """Keeps records where a test looks at them."""

    def __init__(self, telemetry: RecordedTelemetry) -> None:
        super().__init__()
        self._telemetry = telemetry

    def open(self, resource: Resource) -> None:
        """Do nothing."""

    def write(self, lines: list[str]) -> None:
        """Keep the records that a file would give back."""
        self._telemetry.records.extend(read_records(lines))
        lines.clear()

    def release(self) -> None:
        """Do nothing: the records stay."""

    def forget(self) -> None:
        """Drop the records of the parent process, in a forked child."""
        self._telemetry.records.clear()


@contextmanager
def recorded_telemetry(
    config: OneLoggerConfig | None = None, *, processors: Sequence[Processor] = ()
) -> Iterator[RecordedTelemetry]:
    """Configure the process for the length of a block, and keep what is recorded in it.

    Each call of the instrumented code exports what it records, so nothing is to be waited for: in the block, in an open
    span, and after the block, all that was recorded so far is there. Whatever the process was configured with before
    is back after the block.

    In pytest there is a fixture of this name, for the length of a test, in which a telemetry error fails the test.

    Args:
        config: The configuration. None: one for an application called `tests`.
        processors: What spans and events go through first, as in the application.

    Raises:
        OneLoggerError: An argument is not of the kind described here.
    """
    telemetry = RecordedTelemetry()
    recorder = DefaultRecorder([_Keeper(telemetry)], processors=processors, delivery="inline")
    with configured(OneLoggerConfig("tests") if config is None else config, recorder):
        yield telemetry
