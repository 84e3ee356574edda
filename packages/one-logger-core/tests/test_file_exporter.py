import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from one_logger.core import (
    ErrorEvent,
    Event,
    ExportError,
    OneLoggerError,
    Resource,
    Span,
    StreamReport,
    read_records,
    verify,
)
from one_logger.exporter.file import FileExporter


def _read(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        return list(read_records(file))


def _reports(path: Path) -> list[StreamReport]:
    return verify(_read(path))


def _open(path: Path) -> FileExporter:
    exporter = FileExporter(path)
    exporter.initialize(Resource({"service.name": "job"}))
    return exporter


def _write_stream(path: Path, events: int = 2) -> str:
    """Write a whole stream to the file, and give its id."""
    exporter = _open(path)
    span = Span("work")
    exporter.export_start(span)
    for step in range(events):
        exporter.export_event(Event("step", {"step": step}), span)
        exporter.flush()
    span.stop()
    exporter.export_stop(span)
    exporter.close()
    return exporter.stream


def test_file_holds_a_record_a_line(tmp_path: Path) -> None:
    """The file has one JSON object a line, in UTF-8, in the order of the calls."""
    path = tmp_path / "records.jsonl"
    _write_stream(path)
    lines = path.read_bytes().splitlines(keepends=True)
    assert all(line.endswith(b"\n") for line in lines)
    assert [record["type"] for record in _read(path)] == ["resource", "start", "event", "event", "stop", "end"]
    assert len(lines) == 6


@pytest.mark.parametrize("kind", [str, Path], ids=["str", "path"])
def test_path_may_be_of_any_kind(kind: Callable[[Path], Any], tmp_path: Path) -> None:
    """The path is a text or a path object."""
    exporter = FileExporter(kind(tmp_path / "records.jsonl"))
    exporter.initialize(Resource())
    exporter.close()
    assert [report.whole for report in _reports(tmp_path / "records.jsonl")] == [True]


def test_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path without a folder is in the working directory."""
    monkeypatch.chdir(tmp_path)
    exporter = FileExporter("records.jsonl")
    exporter.initialize(Resource())
    exporter.close()
    assert [file.name for file in tmp_path.iterdir()] == ["records.jsonl"]


def test_making_an_exporter_touches_nothing(tmp_path: Path) -> None:
    """Before `initialize`, neither the file nor its folder is made, nor what is there changed."""
    FileExporter(tmp_path / "folder" / "records.jsonl").close()
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "records.jsonl"
    path.write_text("before")
    FileExporter(path)
    assert path.read_text() == "before"


def test_folders_are_made(tmp_path: Path) -> None:
    """Folders that do not exist are made by `initialize`."""
    path = tmp_path / "a" / "b" / "records.jsonl"
    _write_stream(path)
    assert [report.whole for report in _reports(path)] == [True]


def test_restart_keeps_what_an_earlier_attempt_wrote(tmp_path: Path) -> None:
    """Several runs of a job append to one file, and each has a stream of its own."""
    path = tmp_path / "records.jsonl"
    streams = [_write_stream(path) for _ in range(3)]
    assert [report.stream for report in _reports(path)] == streams
    assert all(report.whole for report in _reports(path))


def test_exporter_that_records_nothing_erases_nothing(tmp_path: Path) -> None:
    """An exporter that is only opened and closed, or only opened, keeps what is in the file."""
    path = tmp_path / "records.jsonl"
    _write_stream(path)
    before = path.read_bytes()
    exporter = _open(path)
    assert path.read_bytes() == before
    exporter.close()
    assert path.read_bytes().startswith(before)


def test_start_is_written_at_the_next_flush(tmp_path: Path) -> None:
    """A span that is open for weeks is in the file from the first flush on, as is what happens in it."""
    path = tmp_path / "records.jsonl"
    exporter = _open(path)
    span = Span("work")
    exporter.export_start(span)
    assert _read(path) == []
    exporter.flush()
    assert [record["type"] for record in _read(path)] == ["resource", "start"]
    exporter.export_error(ErrorEvent("failed"), span)
    exporter.flush()
    assert [record["type"] for record in _read(path)] == ["resource", "start", "error"]
    exporter.close()


def test_flush_without_records_writes_nothing(tmp_path: Path) -> None:
    """Flushing again leaves the file as it is."""
    path = tmp_path / "records.jsonl"
    exporter = _open(path)
    exporter.flush()
    before = path.read_bytes()
    exporter.flush()
    assert path.read_bytes() == before
    exporter.close()


@pytest.mark.parametrize("torn", [b"", b"{", b'{"v":1,"type":"sta', "…".encode()[:2], b"text"], ids=repr)
def test_torn_last_line_is_closed_off(torn: bytes, tmp_path: Path) -> None:
    """After a torn line, as a killed writer leaves it, a stream begins on a line of its own; nothing is removed."""
    path = tmp_path / "records.jsonl"
    first = _write_stream(path)
    before = path.read_bytes() + torn
    path.write_bytes(before)
    second = _write_stream(path)
    assert path.read_bytes().startswith(before)
    assert [(report.stream, report.whole) for report in _reports(path)] == [(first, True), (second, True)]
    lines = path.read_bytes()[len(before) :].splitlines()
    assert lines[0] == b"" if torn else lines[0].startswith(b'{"v":1')


def test_stream_of_a_killed_writer_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    """Of a stream that ends in the middle of a record, the records before are read; the one after it is whole."""
    path = tmp_path / "records.jsonl"
    first = _write_stream(path, events=4)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]) + lines[4][:40])
    second = _write_stream(path)
    killed, whole = _reports(path)
    assert (killed.stream, killed.closed, killed.records) == (first, False, 4)
    assert (whole.stream, whole.whole) == (second, True)


def test_two_exporters_share_a_file(tmp_path: Path) -> None:
    """Two exporters that write to one file in turn leave two whole streams."""
    path = tmp_path / "records.jsonl"
    exporters = [_open(path), _open(path)]
    for step in range(50):
        for exporter in exporters:
            exporter.export_event(Event("step", {"step": step}), Span("work"))
            exporter.flush()
    for exporter in exporters:
        exporter.close()
    assert [(report.whole, report.records) for report in _reports(path)] == [(True, 52), (True, 52)]


def test_handle_is_released(tmp_path: Path) -> None:
    """A closed exporter holds no file open."""
    path = tmp_path / "records.jsonl"
    probe = os.open(tmp_path, os.O_RDONLY)
    os.close(probe)
    _write_stream(path)
    after = os.open(tmp_path, os.O_RDONLY)
    os.close(after)
    assert after == probe


def test_directory_is_no_file(tmp_path: Path) -> None:
    """A path that is a directory makes `initialize` raise; it may be called again once that is mended."""
    path = tmp_path / "records.jsonl"
    path.mkdir()
    exporter = FileExporter(path)
    with pytest.raises(ExportError, match="cannot be opened for appending") as raised:
        exporter.initialize(Resource())
    assert raised.value.retriable
    assert str(path) in str(raised.value)
    path.rmdir()
    exporter.initialize(Resource())
    exporter.close()
    assert [report.whole for report in _reports(path)] == [True]


def test_file_is_no_directory(tmp_path: Path) -> None:
    """A path below a file makes `initialize` raise an `ExportError`."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError):
        FileExporter(tmp_path / "file" / "records.jsonl").initialize(Resource())


def test_path_that_no_system_has_is_an_error_of_the_exporter() -> None:
    """A path with a zero character is refused with an error of this project, at the latest by `initialize`."""
    with pytest.raises(OneLoggerError):
        FileExporter("a\0b").initialize(Resource())


def test_after_fork_forgets_the_parent(tmp_path: Path) -> None:
    """After `after_fork`, nothing of the stream before is written, and a new stream has another id."""
    path = tmp_path / "records.jsonl"
    exporter = _open(path)
    first = exporter.stream
    exporter.export_event(Event("of the parent"), Span("work"))
    exporter.after_fork()
    exporter.initialize(Resource())
    assert exporter.stream != first
    exporter.close()
    assert [record["type"] for record in _read(path)] == ["resource", "end"]


def test_file_that_was_removed_is_no_error(tmp_path: Path) -> None:
    """If the file is removed while it is written to, what comes then is in a new one."""
    path = tmp_path / "records.jsonl"
    exporter = _open(path)
    exporter.flush()
    path.unlink()
    exporter.close()
    assert [record["type"] for record in _read(path)] == ["end"]
