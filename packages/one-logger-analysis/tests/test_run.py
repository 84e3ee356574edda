"""A run as tables."""

import json
from pathlib import Path

from one_logger.analysis import Run
from one_logger.core import ErrorEvent, Event, RecordEncoder, Resource, Span


def _record(path: Path, *, end: bool = True, rank: int = 0) -> None:
    encoder = RecordEncoder(Resource.create("job", rank=rank, world_size=2))
    outer = Span("outer")
    lines = [encoder.resource(), encoder.start(outer)]
    for name in ("a/b", "c"):
        inner = Span(name, {"n": 1}, parent=outer)
        lines.append(encoder.event(Event("seen", {"x": 1.5}), inner))
        lines.append(encoder.error(ErrorEvent("broken"), inner))
        inner.stop()
        lines.append(encoder.start(inner))
    if end:
        outer.stop()
        lines += [encoder.stop(outer), encoder.end()]
    path.write_text("".join(lines))


def test_spans_have_paths(tmp_path: Path) -> None:
    """A span's path has the names of those above it; a slash in a name is written in a way of its own."""
    _record(tmp_path / "a.jsonl")
    with Run.open(tmp_path) as run:
        assert sorted(run.spans.project("path, depth, open").fetchall()) == [
            ("outer", 0, False),
            ("outer/a\\/b", 1, False),
            ("outer/c", 1, False),
        ]


def test_ranks_that_are_missing_are_named(tmp_path: Path) -> None:
    """A run of which a rank is missing isn't whole, though all that was read is."""
    _record(tmp_path / "a.jsonl")
    with Run.open(tmp_path) as run:
        verification = run.verify()
        assert verification.missing_ranks == (1,)
        assert all(stream.whole for stream in verification.streams)
        assert not verification.whole
        assert run.verify(expected_ranks=1).whole


def test_open_spans_are_there(tmp_path: Path) -> None:
    """A span that a killed process has left open has no end, and has taken the time until the last sign of life."""
    _record(tmp_path / "a.jsonl", end=False)
    with Run.open(tmp_path) as run:
        [(path, duration, elapsed)] = run.sql("SELECT path, duration_ns, elapsed_ns FROM spans WHERE open").fetchall()
        assert (path, duration) == ("outer", None)
        assert elapsed > 0
        assert run.ranks.project("state, open_spans, last_open_span").fetchall() == [("alive", 1, "outer")]
    with Run.open(tmp_path, now_unix_nano=2 * 10**18) as run:
        assert run.ranks.project("state").fetchall() == [("cut short",)]


def test_records_that_were_read_twice_count_once(tmp_path: Path) -> None:
    """A stream that was delivered twice has each record once."""
    _record(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").write_bytes((tmp_path / "a.jsonl").read_bytes())
    with Run.open(tmp_path) as run:
        assert [stream.records for stream in run.verify(1).streams] == [10]
        assert run.spans.shape[0] == 3
        assert run.records.shape[0] == 20


def test_a_view_may_be_asked_again(tmp_path: Path) -> None:
    """Each view may be used in many queries, whichever of them are there already."""
    _record(tmp_path / "a.jsonl")
    with Run.open(tmp_path) as run:
        for view in ("records", "streams", "gaps", "spans", "events", "errors", "ranks", "restarts") * 2:
            assert run.execute(f"SELECT count(*) >= 0 FROM {view}") == [(True,)]


def test_rows_come_in_batches_while_other_queries_run(tmp_path: Path) -> None:
    """A long answer is read some rows at a time, and the run answers others meanwhile."""
    _record(tmp_path / "a.jsonl")
    with Run.open(tmp_path) as run:
        sizes = []
        for rows in run.batches("SELECT r.seq FROM records AS r, range(1000) ORDER BY r.seq", 4096):
            sizes.append(len(rows))
            assert run.execute("SELECT count(*) FROM spans") == [(3,)]
        assert max(sizes) <= 4096
        assert sum(sizes) == 10_000


def test_attributes_are_objects_however_the_line_is_written(tmp_path: Path) -> None:
    """An attribute is found by its name, also in a record whose fields stand in another order than one-logger's."""
    _record(tmp_path / "a.jsonl")
    usual = (tmp_path / "a.jsonl").read_text()
    unusual = "".join(json.dumps(dict(reversed(json.loads(line).items()))) + "\n" for line in usual.splitlines())
    (tmp_path / "a.jsonl").write_text(unusual.replace("1.5", '"\\ud800"', 1))
    with Run.open(tmp_path) as run:
        assert run.execute("SELECT attributes ->> 'x' FROM events ORDER BY seq") == [("\ufffd",), ("1.5",)]
