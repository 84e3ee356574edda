"""The least that it takes to write a span to a file from Python: no ids, no parents, no thread, nothing counted."""

from __future__ import annotations

from collections.abc import Iterable
from time import time_ns

import orjson

from tools.bench.contenders.contender import KIND, ToFile


class ReadClocksAndWrite(ToFile):
    """Two readings of the clock, one `orjson.dumps` and one `write` to a buffered file, on the thread that records."""

    def configure(self) -> None:
        """Open the file."""
        self._output = self.file.open("wb")

    def flush(self) -> None:
        """Write what is buffered."""
        self._output.flush()

    def close(self, timeout: float) -> bool:
        """Close the file."""
        self._output.close()
        return True

    def spans_on_disk(self) -> int:
        """How many lines the file has."""
        return self.file.read_bytes().count(b"\n")

    def spans(self, steps: Iterable[int]) -> None:
        """A line for each step."""
        write, dumps = self._output.write, orjson.dumps
        for step in steps:
            start = time_ns()
            write(dumps({"name": "work", "start": start, "end": time_ns(), "attributes": {"step": step, "kind": KIND}}))
            write(b"\n")
