"""An exporter that keeps records in memory."""

from __future__ import annotations

import json

from one_logger.core import RecordExporter

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Any


class InMemoryExporter(RecordExporter):
    """Keeps records in a list, for the tests of an instrumented application.

    They are encoded and decoded again, so they are what a file would give back.

    Attributes:
        records: The records so far; after a `flush` of the recorder, all of them. May be cleared.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: list[dict[str, Any]] = []

    def write(self, lines: list[str]) -> None:
        """Decode `lines` and keep them."""
        self.records.extend(map(json.loads, lines))
        lines.clear()

    def forget(self) -> None:
        """Drop the records: they are the parent's."""
        self.records = []
