"""The exporters keep the contract, and the contract catches those that don't."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from one_logger.core import (
    ErrorEvent,
    Event,
    Exporter,
    ExportError,
    OneLoggerError,
    Resource,
    Span,
    TelemetryDataError,
    read_records,
)
from one_logger.core.testing import Exported, ExporterContract
from one_logger.exporter.file import FileExporter
from one_logger.exporter.logger import LoggerExporter, parse_line
from one_logger.exporter.memory import InMemoryExporter


def _arrived(records: Iterable[dict[str, Any]]) -> list[Exported]:
    exported = []
    for record in records:
        match record["type"]:
            case "stop" | "complete":
                exported.append(("span", record["name"]))
            case "event":
                exported.append(("event", record["name"]))
            case "error":
                exported.append(("error", record["error"]["message"]))
            case "telemetry_data_error":
                exported.append(("telemetry_data_error", record["message"]))
    return exported


class TestFileExporter(ExporterContract):
    """The file exporter keeps the contract."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self._path = tmp_path / "folder" / "records.jsonl"

    def make_exporter(self) -> Exporter:
        """Make one that writes a file in a folder to be made."""
        return FileExporter(self._path)

    def exported(self, exporter: Exporter) -> list[Exported]:
        """Read the file."""
        with self._path.open("rb") as file:
            return _arrived(read_records(file))

    def program(self) -> str:
        """Make one that writes the file."""
        return f"from one_logger.exporter.file import FileExporter; exporter = FileExporter({str(self._path)!r})"


class TestLoggerExporter(ExporterContract):
    """The logger exporter keeps the contract."""

    @pytest.fixture(autouse=True)
    def _log(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "contract")
        self._records = caplog

    def make_exporter(self) -> Exporter:
        """Make one that writes to a logger."""
        return LoggerExporter("contract")

    def exported(self, exporter: Exporter) -> list[Exported]:
        """Read the log."""
        return _arrived(parse_line(record.getMessage()) for record in self._records.records)

    def program(self) -> str:
        """Make one that writes to a logger."""
        return """
import logging
from one_logger.exporter.logger import LoggerExporter

logging.getLogger("contract").setLevel(logging.INFO)
logging.getLogger("contract").addHandler(logging.NullHandler())
exporter = LoggerExporter("contract")
"""


class InMemoryContract(ExporterContract):
    """The contract for the exporter to memory, or one of the broken ones below."""

    def __init__(self, kind: type[InMemoryExporter] = InMemoryExporter) -> None:
        self._kind = kind

    def make_exporter(self) -> Exporter:
        """Make one of the class under test."""
        return self._kind()

    def exported(self, exporter: Exporter) -> list[Exported]:
        """Read the list."""
        assert isinstance(exporter, InMemoryExporter)
        return _arrived(exporter.records)

    def program(self) -> str:
        """Make one of the class under test, which this file has."""
        return f"import runpy; exporter = runpy.run_path({__file__!r})[{self._kind.__name__!r}]()"


_TESTS = sorted(name for name in dir(ExporterContract) if name.startswith("test_"))


@pytest.mark.parametrize("test", _TESTS)
def test_memory_exporter_keeps_the_contract(test: str) -> None:
    """The exporter to memory passes each test of the contract."""
    getattr(InMemoryContract(), test)()


def _copy(span: Span) -> Span:
    copy = Span(span.name)
    copy.stop()
    return copy


class _ExportsStartsAsSpans(InMemoryExporter):
    """A span arrives when it starts."""

    def export_start(self, span: Span) -> None:
        super().export_start(_copy(span))


class _ExportsStopsAsSpans(InMemoryExporter):
    """A span that has arrived as a whole arrives again when its stop is exported."""

    def export_stop(self, span: Span) -> None:
        super().export_stop(_copy(span))


class _ExportsWholeSpansTwice(InMemoryExporter):
    """A span that is exported by one call arrives as a whole, and its stop once more."""

    def export_complete(self, span: Span) -> None:
        super().export_complete(span)
        super().export_stop(span)


class _LosesErrors(InMemoryExporter):
    """Errors never arrive."""

    def export_error(self, event: ErrorEvent, span: Span) -> None:
        """Do nothing."""


class _HidesTelemetryDataErrors(InMemoryExporter):
    """The backend is not told that its data is incomplete."""

    def export_telemetry_data_error(self, error: TelemetryDataError) -> None:
        """Do nothing."""


class _KeepsWhatItWrote(InMemoryExporter):
    """What one flush ships, the next one ships again."""

    def write(self, lines: list[str]) -> None:
        self.records.extend(read_records(lines))


class _Knows64Bits(InMemoryExporter):
    """Large integers are an error, as they are in protocols with a fixed width."""

    def export_start(self, span: Span) -> None:
        if any(isinstance(value, int) and value >= 1 << 64 for value in span.attributes.values()):
            raise OverflowError
        super().export_start(span)


class _EncodesStrictly(InMemoryExporter):
    """Text that UTF-8 cannot hold is an error, as it is wherever Python encodes."""

    def export_start(self, span: Span) -> None:
        span.name.encode()
        super().export_start(span)


class _TakesLifeForAnEvent(InMemoryExporter):
    """A sign of life arrives as an event."""

    def export_alive(self) -> None:
        self.export_event(Event("alive"), Span("alive"))


class _ShipsAtFlushOnly(InMemoryExporter):
    """What is buffered at the end is lost."""

    def __init__(self) -> None:
        super().__init__()
        self._written: list[str] = []

    def write(self, lines: list[str]) -> None:
        self._written.extend(lines)
        lines.clear()

    def flush(self) -> None:
        super().flush()
        self.records.extend(read_records(self._written))
        self._written.clear()


class _KnowsItsState(InMemoryExporter):
    """What the next ones need."""

    def __init__(self) -> None:
        super().__init__()
        self._state = "new"

    def initialize(self, resource: Resource) -> None:
        super().initialize(resource)
        self._state = "open"

    def close(self) -> None:
        super().close()
        self._state = "closed"


class _ClosesOnce(_KnowsItsState):
    """Closing again is an error."""

    def close(self) -> None:
        if self._state == "closed":
            raise ExportError("It is closed already.")
        super().close()


class _ClosesWhatIsOpen(_KnowsItsState):
    """Closing what was never initialised is an error."""

    def close(self) -> None:
        if self._state == "new":
            raise ExportError("It is not open.")
        super().close()


class _FlushesEarly(_KnowsItsState):
    """Flushing before it is initialised does nothing."""

    def flush(self) -> None:
        if self._state != "new":
            super().flush()


class _FlushesLate(_KnowsItsState):
    """Flushing after it is closed does nothing."""

    def flush(self) -> None:
        if self._state != "closed":
            super().flush()


class _Reopens(_KnowsItsState):
    """It may be initialised again after it was closed."""

    def initialize(self, resource: Resource) -> None:
        if self._state == "closed":
            self.after_fork()
        super().initialize(resource)


class _Restarts(_KnowsItsState):
    """Initialising it again loses what is buffered."""

    def initialize(self, resource: Resource) -> None:
        if self._state == "open":
            self.after_fork()
        super().initialize(resource)


class _ShipsInChild(InMemoryExporter):
    """A forked child ships what its parent has buffered."""

    def after_fork(self) -> None:
        self.flush()
        records = self.records
        super().after_fork()
        self.records = records


class _IgnoresForks(InMemoryExporter):
    """A forked child has to live with what its parent has initialised."""

    def after_fork(self) -> None:
        """Do nothing."""


class _ImportsLate(InMemoryExporter):
    """What it needs is imported when it is needed."""

    def flush(self) -> None:
        import colorsys  # noqa: F401 - which nobody else has imported

        super().flush()


class _MovesTheEnd(InMemoryExporter):
    """A span that was exported has ended at another time."""

    def export_stop(self, span: Span) -> None:
        super().export_stop(span)
        span.end_unix_ns = 5


class _StopsSpans(InMemoryExporter):
    """A span ends when its start is exported."""

    def export_start(self, span: Span) -> None:
        super().export_start(span)
        span.stop()


_BROKEN: list[tuple[str, type[InMemoryExporter]]] = [
    ("test_open_span_arrives_when_it_stops", _ExportsStartsAsSpans),
    ("test_finished_span_arrives_once", _ExportsStopsAsSpans),
    ("test_whole_span_arrives_once", _ExportsWholeSpansTwice),
    ("test_everything_arrives", _LosesErrors),
    ("test_everything_arrives", _HidesTelemetryDataErrors),
    ("test_everything_arrives", _KeepsWhatItWrote),
    ("test_odd_attributes_are_survived", _Knows64Bits),
    ("test_texts_that_cannot_be_encoded_are_survived", _EncodesStrictly),
    ("test_sign_of_life_is_taken", _TakesLifeForAnEvent),
    ("test_close_delivers", _ShipsAtFlushOnly),
    ("test_close_may_be_repeated", _ClosesOnce),
    ("test_close_may_be_repeated", _ClosesWhatIsOpen),
    ("test_nothing_is_exported_before_initialize", _FlushesEarly),
    ("test_nothing_is_exported_after_close", _FlushesLate),
    ("test_nothing_is_exported_after_close", _Reopens),
    ("test_initialize_is_not_repeated", _Restarts),
    ("test_after_fork_forgets", _ShipsInChild),
    ("test_after_fork_forgets", _IgnoresForks),
    ("test_threads_import_nothing", _ImportsLate),
    ("test_spans_are_only_read", _MovesTheEnd),
    ("test_spans_are_only_read", _StopsSpans),
]


@pytest.mark.parametrize(("test", "kind"), _BROKEN, ids=[kind.__name__.strip("_") for _, kind in _BROKEN])
def test_contract_catches_a_broken_exporter(test: str, kind: type[InMemoryExporter]) -> None:
    """An exporter that breaks one rule of the contract fails the test of that rule."""
    with pytest.raises((AssertionError, OneLoggerError, OverflowError, UnicodeEncodeError)):
        getattr(InMemoryContract(kind), test)()


def test_every_test_of_the_contract_can_fail() -> None:
    """There is a broken exporter for each test of the contract."""
    assert {test for test, _ in _BROKEN} == set(_TESTS)
