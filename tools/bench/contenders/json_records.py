"""Records as an application would write them itself, one JSON object each, with the fields that one-logger's have."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.bench.contenders.contender import KIND, Events


class JsonRecords(Events):
    """A contender that sends each record by itself."""

    def __init__(self, folder: Path, endpoint: str) -> None:
        super().__init__(folder, endpoint)
        self.stream = uuid.uuid4().hex
        self._context = {"v": 1, "type": "event", "stream": self.stream}
        self._ids = {"trace_id": uuid.uuid4().hex, "span_id": uuid.uuid4().hex[:16]}

    def values(self, steps: Iterable[int]) -> Iterator[bytes]:
        """The record for each step."""
        for step in steps:
            record = {
                **self._context,
                "seq": step,
                **self._ids,
                "name": "step",
                "time_unix_nano": time.time_ns(),
                "attributes": {"step": step, "kind": KIND},
            }
            yield json.dumps(record, separators=(",", ":")).encode()
