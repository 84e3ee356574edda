"""Reading a file of records: one-logger, and the least that a program does without it."""

from __future__ import annotations

import json

from one_logger.core import read_records
from tools.bench.contenders.contender import Reader


class ReadRecords(Reader):
    """`read_records` of the path."""

    def read(self) -> int:
        """Read each record."""
        count = 0
        for _ in read_records(self.file):
            count += 1
        return count


class JsonLoads(Reader):
    """`json.loads` of each line, which neither checks nor survives anything."""

    def read(self) -> int:
        """Decode each line."""
        count = 0
        with self.file.open(encoding="utf-8") as file:
            for line in file:
                json.loads(line)
                count += 1
        return count
