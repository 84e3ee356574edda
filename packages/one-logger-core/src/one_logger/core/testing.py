"""Tests that every exporter has to pass."""

from __future__ import annotations

import subprocess
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable

from one_logger.core.errors import ExportError
from one_logger.core.event import ErrorEvent, Event, TelemetryDataError, TelemetryDataErrorType
from one_logger.core.exporter import Exporter
from one_logger.core.resource import Resource
from one_logger.core.span import Span

Exported = tuple[str, str]
"""What reached the backend: (`span` or `event`, its name), or (`error` or `telemetry_data_error`, its message)."""


def odd_attributes() -> dict[str, object]:
    """Attributes that every exporter has to accept."""
    return {
        "": "an empty name",
        "with.dots and spaces=|\n\"'": "a name that is syntax somewhere",
        "half a surrogate pair \ud800": 1,
        "text": "Zürich 東京 \x00 \u2028 \ud800 🎉",
        "nan": float("nan"),
        "infinity": float("-inf"),
        "beyond 64 bits": 2**127,
        "beyond all bounds": 10**5_000,
        "empty": [],
        "floats": [0.5, float("inf")],
        "texts": ("a", "\ud800"),
        "bytes": b"\x00\xff",
        "nothing": None,
        "nested": {"a": [1, {"b": object()}]},
    }


class ExporterContract(ABC):
    """The tests that every exporter has to pass. pytest finds a subclass whose name starts with `Test`.

    ```python
    class TestMyExporter(ExporterContract):
        def make_exporter(self) -> MyExporter:
            return MyExporter("somewhere")

        def exported(self, exporter: Exporter) -> list[Exported]:
            return [("span", row.name) for row in read_my_backend("somewhere")]

        def program(self) -> str:
            return "from my_package import MyExporter; exporter = MyExporter('somewhere')"
    ```
    """

    @abstractmethod
    def make_exporter(self) -> Exporter:
        """A new exporter. Those of one test may share a backend, which is empty when the test starts."""

    @abstractmethod
    def exported(self, exporter: Exporter) -> list[Exported]:
        """What has reached the backend of `exporter`, in any order. A span counts once it has stopped."""

    @abstractmethod
    def program(self) -> str:
        """The source of a program that makes such an exporter, and calls it `exporter`. It is run by a new Python."""

    def _initialized(self) -> Exporter:
        exporter = self.make_exporter()
        exporter.initialize(Resource.create("contract"))
        return exporter

    def _expect(self, exporter: Exporter, *expected: Exported) -> None:
        exported = self.exported(exporter)
        assert Counter(exported) == Counter(expected), f"The backend has {exported}; expected {list(expected)}."

    def test_open_span_arrives_when_it_stops(self) -> None:
        """A span whose start and stop are exported at different times arrives once."""
        exporter = self._initialized()
        span = Span("work", {"a": 1}, {"b": 2})
        exporter.export_start(span)
        exporter.flush()
        self._expect(exporter)
        span.set_attribute("c", 3)
        span.stop({"d": 4})
        exporter.export_stop(span)
        exporter.flush()
        self._expect(exporter, ("span", "work"))
        exporter.close()

    def test_finished_span_arrives_once(self) -> None:
        """A span that stopped before its start is exported arrives once, although its stop is exported next."""
        exporter = self._initialized()
        span = Span("work")
        span.stop()
        exporter.export_start(span)
        exporter.export_stop(span)
        exporter.flush()
        self._expect(exporter, ("span", "work"))
        exporter.close()

    def test_whole_span_arrives_once(self) -> None:
        """A span whose start and stop are exported by one call arrives once, in an open span, too."""
        exporter = self._initialized()
        outer = Span("outer")
        exporter.export_start(outer)
        for span in (Span("inner", {"a": 1}, {"b": 2}, parent=outer), Span("work")):
            span.set_attribute("c", 3)
            span.stop({"d": 4})
            exporter.export_complete(span)
        exporter.flush()
        self._expect(exporter, ("span", "inner"), ("span", "work"))
        outer.stop()
        exporter.export_stop(outer)
        exporter.close()
        self._expect(exporter, ("span", "inner"), ("span", "work"), ("span", "outer"))

    def test_everything_arrives(self) -> None:
        """Nested spans, events, errors and telemetry data errors have each arrived once when `flush` returns."""
        exporter = self._initialized()
        outer = Span("outer")
        inner = Span("inner", parent=outer)
        exporter.export_start(outer)
        exporter.export_start(inner)
        exporter.export_event(Event("checkpoint", {"step": 1}), inner)
        exporter.export_error(ErrorEvent("it failed", _raised()), inner)
        exporter.export_telemetry_data_error(_data_error("two are missing"))
        for span in (inner, outer):
            span.stop()
            exporter.export_stop(span)
        exporter.flush()
        exporter.flush()
        arrived = [("span", "outer"), ("span", "inner"), ("event", "checkpoint"), ("error", "it failed")]
        self._expect(exporter, *arrived, ("telemetry_data_error", "two are missing"))
        exporter.close()

    def test_odd_attributes_are_survived(self) -> None:
        """Names and values of every kind are exported without an error."""
        exporter = self._initialized()
        odd = odd_attributes()
        span = Span("", odd, odd)
        exporter.export_start(span)
        exporter.export_event(Event("n" * 10_000, odd), span)
        span.set_attributes(odd)
        span.stop(odd)
        exporter.export_stop(span)
        exporter.close()
        self._expect(exporter, ("span", ""), ("event", "n" * 10_000))

    def test_texts_that_cannot_be_encoded_are_survived(self) -> None:
        """Half a surrogate pair in a name or message arrives as U+FFFD: see `one_logger.core.spi.encodable`."""
        exporter = self.make_exporter()
        exporter.initialize(Resource.create("contract", session_tag="\udcff"))
        span = Span("span \ud800")
        exporter.export_start(span)
        exporter.export_event(Event("event \udfff"), span)
        exporter.export_error(ErrorEvent("error \ud800", ValueError("\udc80")), span)
        exporter.export_telemetry_data_error(_data_error("data error \udcff"))
        span.stop()
        exporter.export_stop(span)
        exporter.close()
        arrived = [("span", "span \ufffd"), ("event", "event \ufffd"), ("error", "error \ufffd")]
        self._expect(exporter, *arrived, ("telemetry_data_error", "data error \ufffd"))

    def test_sign_of_life_is_taken(self) -> None:
        """`export_alive`, and a reason for `close`, are taken, and change nothing about what arrives."""
        exporter = self._initialized()
        exporter.export_alive()
        _export_span(exporter, "work")
        exporter.export_alive()
        exporter.flush()
        exporter.close_reason = "signal SIGTERM"
        exporter.close()
        self._expect(exporter, ("span", "work"))

    def test_close_delivers(self) -> None:
        """What is buffered arrives when the exporter is closed."""
        exporter = self._initialized()
        _export_span(exporter, "work")
        exporter.close()
        self._expect(exporter, ("span", "work"))

    def test_close_may_be_repeated(self) -> None:
        """Closing again, or before `initialize`, does nothing."""
        self.make_exporter().close()
        exporter = self._initialized()
        exporter.close()
        exporter.close()

    def test_nothing_is_exported_before_initialize(self) -> None:
        """Exporting and flushing before `initialize` raises `ExportError`."""
        for name, call in _calls(self.make_exporter()).items():
            _expect_refusal(f"{name} before initialize()", call)

    def test_nothing_is_exported_after_close(self) -> None:
        """Exporting, flushing and initialising after `close` raises `ExportError`, and nothing more arrives."""
        exporter = self._initialized()
        exporter.close()
        before = self.exported(exporter)
        for name, call in _calls(exporter).items():
            _expect_refusal(f"{name} after close()", call)
        _expect_refusal("initialize() after close()", lambda: exporter.initialize(Resource.create("contract")))
        self._expect(exporter, *before)

    def test_initialize_is_not_repeated(self) -> None:
        """Initialising twice raises `ExportError`, and the exporter works on."""
        exporter = self._initialized()
        _expect_refusal("initialize() again", lambda: exporter.initialize(Resource.create("contract")))
        _export_span(exporter, "work")
        exporter.close()
        self._expect(exporter, ("span", "work"))

    def test_after_fork_forgets(self) -> None:
        """After `after_fork` the buffer is empty, and the exporter may be initialised as if it were new."""
        exporter = self._initialized()
        exporter.flush()
        _export_span(exporter, "the parent's")
        exporter.after_fork()
        exporter.initialize(Resource.create("contract"))
        _export_span(exporter, "the child's")
        exporter.close()
        self._expect(exporter, ("span", "the child's"))

    def test_threads_import_nothing(self) -> None:
        """All it needs is imported when it is made: a process forked while a thread imports can't import that, ever."""
        command = [sys.executable, "-c", _IN_A_THREAD, self.program()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - our own
        assert done.returncode == 0, f"The program has failed: {done.stderr}"
        assert not done.stdout, f"Threads have imported these modules; import them before:\n{done.stdout}"

    def test_spans_are_only_read(self) -> None:
        """Exporting a span does not change it."""
        exporter = self._initialized()
        span = Span("work", {"a": [1, 2]})
        exporter.export_start(span)
        assert span.is_recording(), "The span was open, and has ended after its start was exported."
        span.set_attribute("b", "c")
        span.stop()
        before = dict(span.attributes), span.end_time, span.status
        exporter.export_stop(span)
        exporter.close()
        after = dict(span.attributes), span.end_time, span.status
        assert after == before, f"The span was {before} and is {after} after it was exported."


_IN_A_THREAD = """
import sys
import threading
from one_logger.core import ErrorEvent, Event, Resource, Span, TelemetryDataError, TelemetryDataErrorType

exec(sys.argv[1])
main = threading.get_ident()
imported = []
failed = []


def see(event, arguments):
    if event == "import" and threading.get_ident() != main:
        imported.append(arguments[0])


def work():
    try:
        exporter.initialize(Resource.create("contract"))
        span = Span("work", {"a": [1.5, "b"]})
        exporter.export_start(span)
        exporter.export_event(Event("event"), span)
        exporter.export_error(ErrorEvent("error", ValueError("no")), span)
        exporter.export_telemetry_data_error(
            TelemetryDataError(TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA, "missing", dropped=2)
        )
        exporter.export_alive()
        exporter.flush()
        span.stop()
        exporter.export_stop(span)
        exporter.close()
    except BaseException as error:
        failed.append(error)


sys.addaudithook(see)
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(*imported, sep="\\n", end="")
if failed:
    raise failed[0]
"""


def _export_span(exporter: Exporter, name: str) -> None:
    span = Span(name)
    exporter.export_start(span)
    span.stop()
    exporter.export_stop(span)


def _calls(exporter: Exporter) -> dict[str, Callable[[], None]]:
    span = Span("work")
    return {
        "export_start()": lambda: exporter.export_start(span),
        "export_stop()": lambda: exporter.export_stop(span),
        "export_complete()": lambda: exporter.export_complete(span),
        "export_event()": lambda: exporter.export_event(Event("e"), span),
        "export_error()": lambda: exporter.export_error(ErrorEvent("e"), span),
        "export_telemetry_data_error()": lambda: exporter.export_telemetry_data_error(_data_error("e")),
        "flush()": exporter.flush,
    }


def _expect_refusal(what: str, call: Callable[[], None]) -> None:
    try:
        call()
    except ExportError:
        return
    raise AssertionError(f"{what} did not raise an ExportError.")


def _data_error(message: str) -> TelemetryDataError:
    return TelemetryDataError(TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA, message, dropped=2)


def _raised() -> Exception:
    try:
        raise ValueError("no")
    except ValueError as error:
        return error
