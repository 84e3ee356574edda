from contextlib import suppress
from pathlib import Path

import pytest

from one_logger.core import Event, ExportError, Resource, Span, read_records, verify
from one_logger.exporter.file import FileExporter
from one_logger.exporter.memory import InMemoryExporter


def test_records_are_there_after_a_flush() -> None:
    """Records are in the list as soon as they are flushed, and not before."""
    exporter = InMemoryExporter()
    exporter.initialize(Resource({"a": 1}))
    exporter.export_event(Event("step", {"loss": 0.5}), Span("work"))
    assert exporter.records == []
    exporter.flush()
    assert [record["type"] for record in exporter.records] == ["resource", "event"]
    assert exporter.records[1]["attributes"] == {"loss": 0.5}


def test_stream_is_whole_after_close() -> None:
    """A closed exporter has a whole stream."""
    exporter = InMemoryExporter()
    exporter.initialize(Resource())
    stream = exporter.stream
    exporter.close()
    (report,) = verify(exporter.records)
    assert report.whole
    assert report.stream == stream


def test_stream_is_known_from_initialize_on() -> None:
    """The id of the stream can be asked for once it is begun, also after it has ended, and not in a forked child."""
    exporter = InMemoryExporter()
    with pytest.raises(ExportError):
        _ = exporter.stream
    exporter.initialize(Resource())
    stream = exporter.stream
    exporter.close()
    assert exporter.stream == stream == exporter.records[0]["stream"]
    exporter.after_fork()
    with pytest.raises(ExportError):
        _ = exporter.stream


def test_records_may_be_cleared() -> None:
    """A test may clear the list between one thing and the next."""
    exporter = InMemoryExporter()
    exporter.initialize(Resource())
    exporter.flush()
    exporter.records.clear()
    exporter.export_event(Event("step"), Span("work"))
    exporter.close()
    assert [record["type"] for record in exporter.records] == ["event", "end"]


def test_exporters_have_records_of_their_own() -> None:
    """Two exporters do not share their lists."""
    one, other = InMemoryExporter(), InMemoryExporter()
    one.initialize(Resource())
    one.close()
    assert len(one.records) == 2
    assert other.records == []


def test_records_are_what_a_file_gives_back(tmp_path: Path) -> None:
    """The records in memory are those that are read from a file, apart from their stream and the times of its ends."""
    memory, file = InMemoryExporter(), FileExporter(tmp_path / "records.jsonl")
    span = Span("work", {"t": (1, 2), "n": float("nan"), "odd": "\ud800"})
    for exporter in (memory, file):
        exporter.initialize(Resource({"a": 1}))
        exporter.export_start(span)
        exporter.close()
    with Path(tmp_path, "records.jsonl").open("rb") as lines:
        records = list(read_records(lines))
    for each in (records, memory.records):
        assert len({record.pop("stream") for record in each}) == 1
        assert each[0].pop("time_unix_nano") <= each[-1].pop("time_unix_nano")
    assert records == memory.records


def test_records_of_the_parent_are_dropped_in_a_child() -> None:
    """After `after_fork`, the list holds what the child records, and nothing of its parent."""
    exporter = InMemoryExporter()
    exporter.initialize(Resource({"process": "parent"}))
    exporter.flush()
    exporter.after_fork()
    assert exporter.records == []
    exporter.initialize(Resource({"process": "child"}))
    exporter.close()
    assert [record.get("attributes") for record in exporter.records] == [{"process": "child"}, None]


def test_the_stop_of_a_span_whose_record_was_lost_is_a_record() -> None:
    """A span that has ended is one record; if that is lost before the stop is exported, the stop is exported itself."""

    class Refusing(InMemoryExporter):
        refuses = False

        def write(self, lines: list[str]) -> None:
            if self.refuses:
                raise ExportError("refused")
            super().write(lines)

    exporter, lost, arrived = Refusing(), Span("lost"), Span("arrived")
    exporter.initialize(Resource())
    for span in (arrived, lost):
        span.stop()
        exporter.refuses = span is lost
        exporter.export_start(span)
        with suppress(ExportError):
            exporter.flush()
    exporter.refuses = False
    for span in (arrived, lost):
        exporter.export_stop(span)
    exporter.flush()
    assert [(record["type"], record["name"]) for record in exporter.records[1:]] == [
        ("complete", "arrived"),
        ("stop", "lost"),
    ]
