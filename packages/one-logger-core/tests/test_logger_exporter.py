import logging
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest

from one_logger.core import (
    ErrorEvent,
    Event,
    ExportError,
    OneLoggerError,
    Resource,
    Span,
    TelemetryDataError,
    TelemetryDataErrorType,
    verify,
)
from one_logger.exporter.logger import LoggerExporter, parse_line


def _export(exporter: LoggerExporter) -> None:
    exporter.initialize(Resource({"service.name": "job"}))
    span = Span("work", {"a.b": "x=y|z\n\"'"})
    exporter.export_start(span)
    exporter.export_event(Event("step", {"loss": 0.5}), span)
    exporter.export_error(ErrorEvent("failed"), span)
    error_type = TelemetryDataErrorType.INCOMPLETE_TELEMETRY_DATA
    exporter.export_telemetry_data_error(TelemetryDataError(error_type, "lost"))
    span.stop()
    exporter.export_stop(span)
    exporter.close()


def _records(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [parse_line(record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize("by_name", [True, False], ids=["name", "object"])
def test_logger_is_given_by_name_or_as_object(by_name: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Records go to the logger that was given, or to the one of the name that was given."""
    caplog.set_level(logging.INFO, "job.telemetry")
    _export(LoggerExporter("job.telemetry" if by_name else logging.getLogger("job.telemetry")))
    assert {record.name for record in caplog.records} == {"job.telemetry"}
    assert [report.whole for report in verify(_records(caplog))] == [True]


def test_logger_adapter_is_used(caplog: pytest.LogCaptureFixture) -> None:
    """Records go through a `LoggerAdapter`, which may add to what it logs."""

    class Rank(logging.LoggerAdapter[logging.Logger]):
        def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
            return msg, {**kwargs, "extra": {"rank": 7}}

    caplog.set_level(logging.INFO, "job.adapter")
    adapter: Any = Rank(logging.getLogger("job.adapter"), {})
    _export(LoggerExporter(adapter))
    assert [report.whole for report in verify(_records(caplog))] == [True]
    assert {record.__dict__["rank"] for record in caplog.records} == {7}


@pytest.mark.parametrize("logger", [None, 5, print, logging], ids=["none", "int", "function", "module"])
def test_what_is_no_logger_is_refused(logger: object) -> None:
    """An exporter cannot be made without a logger."""
    with pytest.raises(OneLoggerError, match=r"expected a logging\.Logger"):
        LoggerExporter(logger)  # type: ignore[arg-type]  # that is the point


def test_levels_follow_the_type(caplog: pytest.LogCaptureFixture) -> None:
    """Errors are logged at ERROR, telemetry data errors at WARNING, the rest at INFO."""
    caplog.set_level(logging.DEBUG, "job.levels")
    _export(LoggerExporter("job.levels"))
    assert {
        record["type"]: entry.levelname for record, entry in zip(_records(caplog), caplog.records, strict=True)
    } == {
        "resource": "INFO",
        "start": "INFO",
        "event": "INFO",
        "error": "ERROR",
        "telemetry_data_error": "WARNING",
        "stop": "INFO",
        "end": "INFO",
    }


def test_level_of_the_rest_can_be_chosen(caplog: pytest.LogCaptureFixture) -> None:
    """What is no error is logged at the level that was given."""
    caplog.set_level(logging.DEBUG, "job.chosen")
    _export(LoggerExporter("job.chosen", level=logging.DEBUG))
    assert {record.levelname for record in caplog.records} == {"DEBUG", "ERROR", "WARNING"}


def _too_high(logger: logging.Logger) -> None:
    logger.setLevel(logging.WARNING)


def _disabled(logger: logging.Logger) -> None:
    logger.disabled = True  # as `logging.config` does


def _no_handler(logger: logging.Logger) -> None:
    logger.propagate = False
    logger.setLevel(logging.INFO)


def _handlers_too_high(logger: logging.Logger) -> None:
    _no_handler(logger)
    logger.addHandler(logging.NullHandler(logging.CRITICAL))


@pytest.mark.parametrize(
    ("set_up", "lost"), [(_too_high, 3), (_disabled, 4), (_no_handler, 3), (_handlers_too_high, 4)]
)
def test_what_the_logger_throws_away_is_lost(set_up: Callable[[logging.Logger], None], lost: int) -> None:
    """The exporter says how many records, and why; those that the logger takes are exported."""
    logger = logging.getLogger(f"job.throwing.away.{lost}.{set_up.__name__}")
    exporter = LoggerExporter(logger)
    set_up(logger)
    exporter.initialize(Resource())
    span = Span("work")
    exporter.export_start(span)
    exporter.export_event(Event("step"), span)
    exporter.export_error(ErrorEvent("failed"), span)
    span.stop()
    exporter.export_stop(span)
    with pytest.raises(ExportError, match="throws away what is logged at level") as raised:
        exporter.flush()
    assert (raised.value.lost, raised.value.retriable) == (lost, False)
    logger.disabled = False


def test_lines_are_plain(caplog: pytest.LogCaptureFixture) -> None:
    """Each record is one line of ASCII, and its attributes parse back."""
    caplog.set_level(logging.INFO, "job.lines")
    _export(LoggerExporter("job.lines"))
    for record in caplog.records:
        assert record.getMessage().isascii()
        assert record.getMessage().isprintable()
    start = _records(caplog)[1]
    assert start["name"] == "work"
    assert start["attributes"] == {"a.b": "x=y|z\n\"'"}


def test_logging_is_not_configured(caplog: pytest.LogCaptureFixture) -> None:
    """The logger gets no handler and keeps its level."""
    logger = logging.getLogger("job.untouched")
    with pytest.raises(ExportError):
        _export(LoggerExporter(logger))
    assert logger.handlers == []
    assert logger.level == logging.NOTSET
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_nothing_is_logged_before_flush(caplog: pytest.LogCaptureFixture) -> None:
    """Making, initialising and exporting log nothing; flushing does."""
    caplog.set_level(logging.INFO, "job.flush")
    exporter = LoggerExporter("job.flush")
    exporter.initialize(Resource())
    exporter.export_event(Event("step"), Span("work"))
    assert caplog.records == []
    exporter.flush()
    assert [record["type"] for record in _records(caplog)] == ["resource", "event"]
    exporter.close()


def test_failing_handler_loses_no_more_than_its_record(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that raises makes the flush fail; what was logged before is not logged again, what follows is."""

    class Failing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if 'type="start"' in record.getMessage():
                raise RuntimeError("no disk")

    caplog.set_level(logging.INFO, "job.failing")
    logger = logging.getLogger("job.failing")
    handler = Failing()
    exporter = LoggerExporter(logger)
    exporter.initialize(Resource())
    exporter.flush()
    exporter.export_start(Span("work"))
    logger.addHandler(handler)
    try:
        with pytest.raises((ExportError, RuntimeError)):
            exporter.flush()
    finally:
        logger.removeHandler(handler)
    exporter.close()
    types = [record["type"] for record in _records(caplog)]
    assert types[0] == "resource"
    assert types[-1] == "end"
    assert types.count("resource") == 1


@pytest.mark.parametrize("level", [logging.DEBUG, "DEBUG", "debug"])
def test_level_may_be_a_number_or_a_name(caplog: pytest.LogCaptureFixture, level: int | str) -> None:
    """The level of ordinary records is given as a number or as its name, as a configuration file has it."""
    caplog.set_level(logging.DEBUG)
    exporter = LoggerExporter("telemetry", level)
    exporter.initialize(Resource())
    exporter.close()
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}


@pytest.mark.parametrize("level", ["LOUD", 1.5, None])
def test_unknown_level_is_refused(level: object) -> None:
    """A level that does not exist is refused where it is given."""
    with pytest.raises(OneLoggerError, match="expected a number, or a name"):
        LoggerExporter("telemetry", level)  # type: ignore[arg-type]  # that is the point
