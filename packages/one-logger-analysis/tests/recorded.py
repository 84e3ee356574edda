"""Records as one stream writes them, made by hand: with the times, ids and faults that a test wants."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

EPOCH = 1_764_100_000_000_000_000
"""The wall clock's time at which the streams of a test start, in nanoseconds."""
SECOND = 10**9

_streams = count(1)


class Recorded:
    """The records of one stream. Times are nanoseconds since `EPOCH`; the id of a span is made from a key."""

    def __init__(self, rank: int | None = None, host: str = "node-000", pid: int = 4711, **attributes: Any) -> None:
        self.stream = f"{next(_streams):016x}"
        self.records: list[dict[str, object]] = []
        resource: dict[str, object] = {"service.name": "train", "host.name": host, "process.pid": pid}
        if rank is not None:
            resource["one_logger.rank"] = rank
        self.add("resource", time_unix_nano=EPOCH, attributes=resource | attributes)

    def add(self, kind: str, **fields: object) -> Recorded:
        """Add a record of this type."""
        given = {name: value for name, value in fields.items() if value is not None}
        self.records.append({"v": 1, "type": kind, "stream": self.stream, "seq": len(self.records) + 1, **given})
        return self

    def span(
        self,
        key: str,
        start: int,
        end: int | None,
        parent: str | None = None,
        thread: int | None = None,
        *,
        name: str | None = None,
        **more: object,
    ) -> Recorded:
        """A span; it is open if `end` is None. Its id is made from `key`, its name, if it has no other."""
        ids = {
            "trace_id": "1" * 32,
            "span_id": _id(key),
            "parent_span_id": _id(parent),
            "name": key if name is None else name,
        }
        began = {"start_time_unix_nano": EPOCH + start, "thread": thread}
        if end is None:
            return self.add("start", **ids, **began, **more)
        took = {"end_time_unix_nano": EPOCH + end, "duration_ns": end - start, "status": "OK"}
        return self.add("complete", **ids, **began, **{**took, **more})

    def event(self, name: str, time: int, of: str, kind: str = "event", **more: object) -> Recorded:
        """An event of a span."""
        ids = {"trace_id": "1" * 32, "span_id": _id(of)}
        return self.add(kind, **ids, name=name, time_unix_nano=EPOCH + time, **more)

    def end(self, time: int, dropped: int = 0) -> Recorded:
        """The stream's end."""
        count = len(self.records) + 1
        return self.add("end", records=count, dropped=dropped, time_unix_nano=EPOCH + time, reason="exit")

    def write(self, folder: Path, lost: range = range(0)) -> Path:
        """Write the stream to a file of its own, but for the records with these numbers."""
        path = folder / f"{len(list(folder.iterdir())):04}.jsonl"
        lines = (json.dumps(record, separators=(",", ":")) for record in self.records if record["seq"] not in lost)
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return path


def _id(name: str | None) -> str | None:
    return None if name is None else f"{abs(hash(name)) % 2**60 + 1:016x}"
