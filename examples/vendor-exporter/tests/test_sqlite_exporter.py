"""The exporter, held to the contract of all exporters, and what is its own."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from acme_telemetry import SQLiteExporter
from one_logger.core import ErrorEvent, Event, Exporter, ExportError, Resource, Span, read_records, verify
from one_logger.core.testing import Exported, ExporterContract


def lines_of(database: Path) -> list[str]:
    """The records of a database, as lines."""
    with closing(sqlite3.connect(database)) as connection:
        return [line for (line,) in connection.execute("SELECT record FROM records ORDER BY rowid")]


class TestContract(ExporterContract):
    """What every exporter has to do."""

    @pytest.fixture(autouse=True)
    def _in_a_folder_of_its_own(self, tmp_path: Path) -> None:
        self.database = tmp_path / "telemetry.sqlite"

    def make_exporter(self) -> Exporter:
        """An exporter to the test's database."""
        return SQLiteExporter(self.database)

    def exported(self, exporter: Exporter) -> list[Exported]:
        """What is in the test's database."""
        found: list[Exported] = []
        for record in read_records(lines_of(self.database)):
            if record["type"] in ("stop", "complete"):
                found.append(("span", record["name"]))
            elif record["type"] == "event":
                found.append(("event", record["name"]))
            elif record["type"] == "error":
                found.append(("error", record["error"]["message"]))
            elif record["type"] == "telemetry_data_error":
                found.append(("telemetry_data_error", record["message"]))
        return found

    def program(self) -> str:
        """A program that makes an exporter to the test's database."""
        return f"from acme_telemetry import SQLiteExporter; exporter = SQLiteExporter({str(self.database)!r})"


def test_rows_are_records(tmp_path: Path) -> None:
    """Type and name can be asked for in SQL, and a stream proves itself whole."""
    exporter = SQLiteExporter(tmp_path / "telemetry.sqlite")
    exporter.initialize(Resource.create("shop"))
    span = Span("order")
    exporter.export_start(span)
    exporter.export_event(Event("paid", {"amount": 12}), span)
    exporter.export_error(ErrorEvent("not delivered"), span)
    span.stop()
    exporter.export_stop(span)
    exporter.close()
    with closing(sqlite3.connect(tmp_path / "telemetry.sqlite")) as connection:
        rows = connection.execute("SELECT seq, type, name, record FROM records ORDER BY seq").fetchall()
    assert [row[:3] for row in rows][:3] == [(1, "resource", None), (2, "start", "order"), (3, "event", "paid")]
    assert json.loads(rows[2][3])["attributes"] == {"amount": 12}
    (stream,) = verify(json.loads(row[3]) for row in rows)
    assert stream.whole


def test_a_locked_database_is_waited_out(tmp_path: Path) -> None:
    """While another process holds the lock nothing is lost; what was buffered arrives when it lets go."""
    database = tmp_path / "telemetry.sqlite"
    exporter = SQLiteExporter(database, lock_timeout=0.01)
    exporter.initialize(Resource.create("shop"))
    with closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ExportError, match="locked") as raised:
            exporter.flush()
        assert raised.value.retriable
    exporter.close()
    (stream,) = verify(read_records(lines_of(database)))
    assert stream.whole


def test_a_database_that_cannot_be_opened_is_an_export_error(tmp_path: Path) -> None:
    """A missing folder is a failure of the backend: it may be there the next time."""
    exporter = SQLiteExporter(tmp_path / "missing" / "telemetry.sqlite")
    with pytest.raises(ExportError, match="cannot be opened") as raised:
        exporter.initialize(Resource.create("shop"))
    assert raised.value.retriable
    (tmp_path / "missing").mkdir()
    exporter.initialize(Resource.create("shop"))
    exporter.close()
