"""nv-one-logger, set up as its documentation says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from nv_one_logger.api.config import OneLoggerConfig
from nv_one_logger.api.one_logger_provider import OneLoggerProvider
from nv_one_logger.api.timed_span import get_recorder, timed_span
from nv_one_logger.core.attributes import Attributes
from nv_one_logger.core.event import Event
from nv_one_logger.exporter.file_exporter import FileExporter
from nv_one_logger.recorder.default_recorder import DefaultRecorder

from tools.bench.contenders.contender import KIND, TEN_ATTRIBUTES, Shapes


class ToFile(Shapes):
    """Its file exporter. It writes on the thread that records, so that there is nothing to flush."""

    def configure(self) -> None:
        """Configure, with a file."""
        config = OneLoggerConfig(application_name="benchmark", session_tag_or_fn="benchmark", world_size_or_fn=1)
        OneLoggerProvider.instance().configure(config, DefaultRecorder(exporters=[FileExporter(self.file)]))

    def close(self, timeout: float) -> bool:
        """Close the recorder. It doesn't say whether everything was delivered."""
        get_recorder().close()
        return True

    def spans_on_disk(self) -> int:
        """How many spans the file has."""
        content = self.file.read_bytes()
        return content.count(b'"type":"complete"') + content.count(b'"type":"stop"')

    def spans(self, steps: Iterable[int]) -> None:
        """Make a span with two attributes for each step."""
        for step in steps:
            with timed_span("work", Attributes({"step": step, "kind": KIND})):
                pass

    def events(self, steps: Iterable[int]) -> None:
        """Record an event with two attributes for each step, all in one span."""
        with timed_span("work") as span:
            for step in steps:
                get_recorder().event(span, Event.create("step", Attributes({"step": step, "kind": KIND})))

    def spans_without_attributes(self, steps: Iterable[int]) -> None:
        """Make a span without attributes for each step."""
        for _ in steps:
            with timed_span("work"):
                pass

    def spans_with_10_attributes(self, steps: Iterable[int]) -> None:
        """Make a span with ten attributes for each step."""
        for _ in steps:
            with timed_span("work", Attributes(TEN_ATTRIBUTES)):
                pass

    def nested_spans(self, steps: Iterable[int]) -> None:
        """Make four spans, one in the other, for each step."""
        for step in steps:
            with (
                timed_span("work", Attributes({"step": step, "kind": KIND})),
                timed_span("work", Attributes({"step": step, "kind": KIND})),
                timed_span("work", Attributes({"step": step, "kind": KIND})),
                timed_span("work", Attributes({"step": step, "kind": KIND})),
            ):
                pass

    async def async_spans(self, steps: Iterable[int], switch: Callable[[], Awaitable[None]]) -> None:
        """Make a span for each step, and let other tasks run inside it."""
        for step in steps:
            with timed_span("work", Attributes({"step": step, "kind": KIND})):
                await switch()

    def errors(self, steps: Iterable[int], error: Exception) -> None:
        """Record an exception for each step, all in one span."""
        with timed_span("work") as span:
            for _ in steps:
                get_recorder().error(span, "It failed.", error)
