"""The three ways to use one-logger, as its first description printed them, with the dots filled in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from one_logger.api import OneLoggerConfig, OneLoggerProvider, Recorder
from one_logger.api.testing import configured
from one_logger.api.timed_span import configure_one_logger, get_recorder, timed_span
from one_logger.core import Attributes, Event, Exporter, Resource, Span, read_records, verify
from one_logger.exporter.file import FileExporter
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder

Record = dict[str, Any]


@pytest.fixture(autouse=True)
def _process_at_start_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a test configure the process as an application does: the recorder before is closed, so another may follow."""
    monkeypatch.delenv("ONE_LOGGER_DISABLED", raising=False)
    monkeypatch.delenv("TRACEPARENT", raising=False)
    before = DefaultRecorder([])
    with configured(OneLoggerConfig("before"), before):
        before.close()
        yield


def main(configure: Callable[[OneLoggerConfig, Recorder], None], exporter: Exporter, *, failing: bool = False) -> None:
    """What the first example has by this name."""
    config = OneLoggerConfig.from_mapping({"application_name": "example", "session_tag": "some session"})
    recorder = DefaultRecorder(exporters=[exporter])
    configure(config, recorder)

    with timed_span(name="application", span_attributes=Attributes({"app_tag": "some tag"})):
        foo(failing=failing)


def foo(*, failing: bool) -> None:
    """What the first example has by this name."""
    with timed_span(name="foo", start_event_attributes=Attributes({"failing": failing})) as span:
        get_recorder().event(span, Event.create("half_way", Attributes({"progress": 0.5})))
        if failing:
            get_recorder().error(span, "The other half is missing.")


def provider_configure(config: OneLoggerConfig, recorder: Recorder) -> None:
    """Configure as the examples do."""
    OneLoggerProvider.instance().configure(config, recorder)


def span_records(records: list[Record]) -> dict[str, Record]:
    """What the records say of each span, its start and its stop taken together, by the span's name."""
    spans: dict[str, Record] = {}
    for record in records:
        if record["type"] in ("start", "stop", "complete"):
            spans.setdefault(record["name"], {}).update(record)
    return spans


@pytest.mark.parametrize("configure", [provider_configure, configure_one_logger])
def test_timed_span(configure: Callable[[OneLoggerConfig, Recorder], None], tmp_path: Path) -> None:
    """`timed_span` records a span of the application and one of the operation in it, with the operation's event."""
    path = tmp_path / "telemetry.jsonl"
    main(configure, FileExporter(path))
    assert get_recorder().close()

    with path.open(encoding="utf-8") as file:
        records = list(read_records(file))
    (stream,) = verify(records)
    assert stream.whole
    assert records[0]["attributes"]["service.name"] == "example"
    assert records[0]["attributes"]["one_logger.session_tag"] == "some session"

    spans = span_records(records)
    assert list(spans) == ["application", "foo"]
    assert spans["application"]["attributes"] == {"app_tag": "some tag"}
    assert "parent_span_id" not in spans["application"]
    assert spans["foo"]["start_event"] == {"failing": False}
    assert spans["foo"]["parent_span_id"] == spans["application"]["span_id"]
    assert spans["foo"]["trace_id"] == spans["application"]["trace_id"]
    assert [span["status"] for span in spans.values()] == ["UNSET", "UNSET"]

    (event,) = [record for record in records if record["type"] == "event"]
    assert (event["name"], event["attributes"]) == ("half_way", {"progress": 0.5})
    assert event["span_id"] == spans["foo"]["span_id"]


def test_timed_span_with_error() -> None:
    """An error that is recorded within a `timed_span` belongs to its span, and not to the one around it."""
    exporter = InMemoryExporter()
    main(provider_configure, exporter, failing=True)
    assert get_recorder().close()

    spans = span_records(exporter.records)
    (error,) = [record for record in exporter.records if record["type"] == "error"]
    assert error["error"] == {"message": "The other half is missing."}
    assert error["span_id"] == spans["foo"]["span_id"]
    assert (spans["foo"]["status"], spans["application"]["status"]) == ("ERROR", "UNSET")


def test_recorder() -> None:
    """The `Recorder` interface, used directly, records a span that is no block, with its event and its error."""
    exporter = InMemoryExporter()
    config = OneLoggerConfig("example")
    OneLoggerProvider.instance().configure(config, DefaultRecorder(exporters=[exporter]))

    recorder = OneLoggerProvider.instance().recorder
    started = recorder.start("some_func", {"size": 3}, {"reason": "asked"})
    recorder.event(started, Event.create("half_way", {"progress": 0.5}))
    recorder.error(started, "The size is no number.", ValueError("three"))
    recorder.stop(started, {"reason": "finished"})
    assert recorder.close()

    (stream,) = verify(exporter.records)
    assert stream.whole
    span = span_records(exporter.records)["some_func"]
    assert (span["attributes"], span["start_event"]) == ({"size": 3}, {"reason": "asked"})
    assert (span["stop_event"], span["status"]) == ({"reason": "finished"}, "ERROR")
    event, error = (record for record in exporter.records if record["type"] in ("event", "error"))
    assert (event["name"], event["attributes"]) == ("half_way", {"progress": 0.5})
    assert error["error"]["message"] == "The size is no number."
    assert (error["error"]["exception_type"], error["error"]["exception_message"]) == ("ValueError", "three")
    assert {event["span_id"], error["span_id"]} == {span["span_id"]}


def test_exporters() -> None:
    """Exporters, called directly with spans and events made of the nouns, need neither a recorder nor a provider."""
    exporters = [InMemoryExporter(), InMemoryExporter()]
    for exporter in exporters:
        exporter.initialize(Resource.create("example"))

    span = Span("import", Attributes({"source": "orders.csv"}))
    event = Event.create("rows_read", Attributes({"rows": 1200}))
    for exporter in exporters:
        exporter.export_start(span)
        exporter.export_event(event, span)
    span.stop()
    for exporter in exporters:
        exporter.export_stop(span)
        exporter.close()

    for exporter in exporters:
        assert [record["type"] for record in exporter.records] == ["resource", "start", "event", "stop", "end"]
        (stream,) = verify(exporter.records)
        assert stream.whole
