"""VizTracer, which keeps events in memory, in C, until they are saved: what its decorator `log_sparse` does."""

from __future__ import annotations

import re
from collections.abc import Iterable

from viztracer import VizTracer

from tools.bench.contenders.contender import KIND, ToFile

EVERYTHING_FITS = 2**20
"""How many events it keeps: more than any benchmark makes, so that none is overwritten."""


class AddRaw(ToFile):
    """An event for each span, made as `log_sparse` makes it, with two arguments."""

    def configure(self) -> None:
        """Make a tracer, which is not started: `log_sparse` needs that no function call is traced."""
        self._tracer = VizTracer(tracer_entries=EVERYTHING_FITS, log_sparse=True, verbose=0)

    def close(self, timeout: float) -> bool:
        """Write what is in memory to the file, for which it wants the name of a JSON file."""
        saved = self.file.with_suffix(".json")
        self._tracer.save(str(saved), file_info=False, verbose=0)
        saved.rename(self.file)
        return True

    def spans_on_disk(self) -> int:
        """How many spans the file has."""
        return len(re.findall(rb'"ph": ?"X"', self.file.read_bytes()))

    def spans(self, steps: Iterable[int]) -> None:
        """Two readings of the clock and a dictionary for each step."""
        tracer = self._tracer
        for step in steps:
            start = tracer.getts()
            tracer.add_raw(
                {
                    "ph": "X",
                    "name": "work",
                    "ts": start,
                    "dur": tracer.getts() - start,
                    "cat": "FEE",
                    "args": {"step": step, "kind": KIND},
                }
            )
