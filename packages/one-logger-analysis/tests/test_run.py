"""A run as tables."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from analysis_streams import lines, write

from one_logger.analysis import ReadError, Run
from one_logger.analysis.duck import interruptible
from one_logger.analysis.overview import overview
from one_logger.core import Event, RecordEncoder, Resource, Span

LATER = 4 * 10**18 - 1
"""A time of the reader's clock at which nothing is alive."""


def test_spans_have_paths_and_depths(tmp_path: Path) -> None:
    """A span's path has the names of those above it; a slash in a name is written in a way of its own."""
    write(tmp_path / "a.jsonl", lines(name="a/b\\c"))
    with Run.open(tmp_path) as run:
        assert run.spans.project("path, depth, open").distinct().order("depth").fetchall() == [
            ("application", 0, False),
            ("application/a\\/b\\\\c", 1, False),
        ]


@pytest.mark.parametrize("depth", [1, 2, 3, 31, 32, 33, 700])
def test_path_of_a_deep_span_is_whole(tmp_path: Path, depth: int) -> None:
    """However deep spans are nested, their paths begin at the root."""
    encoder, spans = RecordEncoder(Resource.create("job")), [Span("0")]
    written = [encoder.resource(), encoder.start(spans[0])]
    for number in range(1, depth):
        spans.append(Span(str(number), parent=spans[-1]))
        written.append(encoder.start(spans[-1]))
    write(tmp_path / "a.jsonl", [line.encode() for line in written])
    with Run.open(tmp_path) as run:
        found = run.spans.project("depth, path, parent_missing").order("depth").fetchall()
        assert found == [(number, "/".join(map(str, range(number + 1))), False) for number in range(depth)]


def _nanoseconds(start: int, end: int) -> str:
    return f'"start_time_unix_nano":{start},"end_time_unix_nano":{end},"duration_ns":{end - start},"status":"UNSET"'


def _complete(seq: int, span: int, parent: int | None, start: int, end: int) -> bytes:
    above = "" if parent is None else f'"parent_span_id":"{parent:016x}",'
    return (
        f'{{"v":1,"type":"complete","stream":"s","seq":{seq},"trace_id":"{1:032x}","span_id":"{span:016x}",{above}'
        f'"name":"n{span}",{_nanoseconds(start, end)}}}\n'
    ).encode()


def test_self_time_counts_children_that_overlap_once(tmp_path: Path) -> None:
    """Self time is what the union of the children's intervals leaves, however they overlap and reach beyond."""
    written = [
        _complete(1, 3, 2, 150, 300),
        _complete(2, 4, 2, 200, 250),
        _complete(3, 5, 2, 290, 400),
        _complete(4, 6, 2, 500, 600),
        _complete(5, 7, 2, 990, 1200),
        _complete(6, 8, 2, 1300, 1400),
        _complete(7, 2, None, 100, 1100),
    ]
    write(tmp_path / "a.jsonl", written)
    with Run.open(tmp_path) as run:
        assert run.spans.filter("name = 'n2'").project("elapsed_ns, self_ns").fetchall() == [(1000, 540)]
        assert run.spans.filter("name = 'n4'").project("elapsed_ns, self_ns").fetchall() == [(50, 50)]


def test_span_whose_start_was_lost_is_there(tmp_path: Path) -> None:
    """A span of which only the stop was read has the start that its duration gives; its children have a path."""
    written = lines()
    write(tmp_path / "a.jsonl", [written[0], *written[2:]])
    with Run.open(tmp_path) as run:
        row = run.spans.filter("name = 'application'").project(
            "end_time_unix_nano - start_time_unix_nano = duration_ns"
        )
        assert row.fetchall() == [(True,)]
        assert run.spans.filter("name = 'step'").project("path").distinct().fetchall() == [("application/step",)]


def test_span_whose_parent_was_lost_says_so(tmp_path: Path) -> None:
    """A span whose parent wasn't read, or is another process's, is marked, and so are those below it."""
    outside = Span("elsewhere")
    encoder, top = RecordEncoder(Resource.create("job")), Span("top", parent=outside)
    below = Span("below", parent=top)
    write(
        tmp_path / "a.jsonl", [line.encode() for line in (encoder.resource(), encoder.start(top), encoder.start(below))]
    )
    with Run.open(tmp_path) as run:
        assert run.spans.project("path, parent_missing").order("path").fetchall() == [
            ("top", True),
            ("top/below", True),
        ]


def test_open_spans_are_there(tmp_path: Path) -> None:
    """A span that a killed process has left open has no end, and has taken the time until the last sign of life."""
    write(tmp_path / "a.jsonl", lines(end=False))
    with Run.open(tmp_path) as run:
        [(path, duration, elapsed, last)] = run.sql(
            "SELECT path, duration_ns, elapsed_ns, last_time_unix_nano - start_time_unix_nano "
            "FROM spans JOIN streams USING (stream) WHERE open"
        ).fetchall()
        assert (path, duration) == ("application", None)
        assert elapsed == last > 0


def test_order_of_questions_does_not_matter(tmp_path: Path) -> None:
    """A short question may leave out what a later one needs: it is read then, and what was answered stays true."""
    write(tmp_path / "a.jsonl", lines(steps=5, end=False))
    views = ("spans", "events", "errors", "records", "streams", "gaps", "ranks", "restarts")
    queries = [f"SELECT * FROM {view} ORDER BY ALL" for view in views]
    with Run.open(tmp_path, now_unix_nano=1) as run:
        expected = [run.execute(query) for query in queries]
        stated, proved = run.overview().as_json(), run.verify()
    for first in (Run.verify, Run.overview, Run.state):
        with Run.open(tmp_path, now_unix_nano=1) as run:
            first(run)
            streams = run.streams
            assert run.overview().as_json() == stated
            assert run.verify() == proved
            assert [run.execute(query) for query in queries] == expected
            assert run.overview().as_json() == stated
            assert streams.fetchall() == expected[views.index("streams")]


def test_events_and_errors_know_their_span(tmp_path: Path) -> None:
    """An event and an error have the path of their span, and what they say."""
    write(tmp_path / "a.jsonl", lines(rank=3, world_size=4))
    with Run.open(tmp_path) as run:
        events = run.sql("SELECT path, rank, name, (attributes ->> 'loss')::DOUBLE FROM events ORDER BY seq").fetchall()
        assert events == [("application/step", 3, "seen", loss) for loss in (0.0, 0.5, 1.0)]
        errors = run.errors.project("path, message, exception_type, exception_message, stack_trace LIKE '%no%'")
        assert errors.fetchall() == [("application/step", "It failed.", "ValueError", "no", True)]


def test_nanoseconds_stay_whole_numbers(tmp_path: Path) -> None:
    """Times come as integers in every kind of answer, where there is a NULL, too."""
    write(tmp_path / "a.jsonl", lines(end=False))
    with Run.open(tmp_path) as run:
        [start] = {row[0] for row in run.spans.filter("open").project("start_time_unix_nano").fetchall()}
        durations = {row[0] for row in run.spans.filter("NOT open").project("duration_ns").fetchall()}
        frame = run.spans.df()
        assert int(frame.loc[frame["open"], "start_time_unix_nano"].iloc[0]) == start
        assert {int(value) for value in frame["duration_ns"].dropna()} == durations
        assert set(run.spans.pl()["duration_ns"].drop_nulls().to_list()) == durations
        assert {value for value in run.spans.to_arrow_table()["duration_ns"].to_pylist() if value} == durations


def test_ranks_that_are_missing_are_named(tmp_path: Path) -> None:
    """A run of which a rank is missing isn't whole, though all that was read is."""
    for rank in (0, 2):
        write(tmp_path / f"{rank}.jsonl", lines(rank=rank, world_size=4))
    with Run.open(tmp_path) as run:
        verification = run.verify()
        assert verification.missing_ranks == (1, 3)
        assert all(stream.whole for stream in verification.streams)
        assert not verification.whole
        assert run.verify(expected_ranks=1).whole
        assert run.verify(expected_ranks=3).missing_ranks == (1,)


def test_nothing_read_is_not_whole(tmp_path: Path) -> None:
    """A file in which nothing was written yet proves nothing, and all tables are there."""
    with Run.open(write(tmp_path / "a.jsonl", [])) as run:
        assert not run.verify().whole
        assert run.verify().streams == ()
        for table in (run.records, run.streams, run.gaps, run.spans, run.events, run.errors, run.ranks, run.restarts):
            assert table.fetchall() == []
            assert len(table.columns) > 3


def test_records_that_were_read_twice_count_once(tmp_path: Path) -> None:
    """A stream that was delivered twice has each record once in all tables but `records`."""
    written = lines()
    write(tmp_path / "a.jsonl", written)
    write(tmp_path / "b.jsonl", written[:-2])
    with Run.open(tmp_path) as run:
        assert [stream.records for stream in run.verify().streams] == [len(written)]
        assert run.verify().whole
        assert len(run.spans.fetchall()) == 4
        assert len(run.events.fetchall()) == 3
        assert len(run.records.fetchall()) == 2 * len(written) - 2


def test_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    """The same file, by two names, is one file."""
    path = write(tmp_path / "a.jsonl", lines())
    (tmp_path / "b.jsonl").symlink_to(path)
    with Run.open(path, tmp_path, tmp_path / "*.jsonl") as run:
        assert len(run.counts) == 1


def test_stream_in_several_files_is_one(tmp_path: Path) -> None:
    """A stream whose file was rotated is whole, and spans that begin in one file end in the other."""
    written = lines(steps=20)
    for number in range(5):
        write(tmp_path / f"a.jsonl.20261125T0000{number:02}.000000000Z-7", written[number * 9 : (number + 1) * 9])
    write(tmp_path / "a.jsonl", written[45:])
    with Run.open(tmp_path) as run:
        assert run.verify().whole
        assert run.spans.project("count(*), count(duration_ns)").fetchall() == [(21, 21)]


def test_records_of_an_unknown_version_are_counted(tmp_path: Path) -> None:
    """Records of another version are counted; what they mean isn't guessed, so they are missing."""
    written = lines()
    changed = [line.replace(b'{"v":1,', b'{"v":2,') if b'"complete"' in line else line for line in written]
    write(tmp_path / "a.jsonl", changed)
    with Run.open(tmp_path) as run:
        assert run.verify().unknown_versions == 3
        assert [stream.state for stream in run.verify().streams] == ["gaps"]
        assert [name for (name,) in run.spans.project("name").fetchall()] == ["application"]


def test_restarts_are_in_order(tmp_path: Path) -> None:
    """Each start of a job is an incarnation: by what the launcher says, or, where it says nothing, by time."""
    for number, restart in enumerate((None, None, 0, 1)):
        said = {} if restart is None else {"one_logger.restart": restart}
        for rank in (0, 1):
            encoder, span = (
                RecordEncoder(
                    Resource.create(
                        "job", rank=rank, world_size=2, session_tag="said" if said else "unsaid", attributes=said
                    )
                ),
                Span("s"),
            )
            start = 10**18 + number * 10**9
            texts = [encoder.resource(), encoder.event(Event("e"), span), encoder.end()]
            moved = [re.sub(r'("time_unix_nano":)\d+', rf"\g<1>{start}", text).encode() for text in texts]
            write(tmp_path / f"{number}-{rank}.jsonl", moved)
    with Run.open(tmp_path) as run:
        found = run.restarts.project("session_tag, incarnation, restart, ranks, first_time_unix_nano")
        assert found.order("session_tag, incarnation").fetchall() == [
            ("said", 1, 0, 2, 10**18 + 2 * 10**9),
            ("said", 2, 1, 2, 10**18 + 3 * 10**9),
            ("unsaid", 1, None, 2, 10**18),
            ("unsaid", 2, None, 2, 10**18 + 10**9),
        ]
        assert len(run.ranks.fetchall()) == 8


def test_query_that_needs_no_spans_makes_none(tmp_path: Path) -> None:
    """A question about streams is answered without the work that spans make."""
    write(tmp_path / "a.jsonl", lines())
    with Run.open(tmp_path) as run:
        run.sql("SELECT * FROM streams").fetchall()
        assert "spans" not in {name for (name,) in run.sql("SELECT view_name FROM duckdb_views()").fetchall()}


def test_library_writes_no_progress_bar_to_stdout(tmp_path: Path) -> None:
    """Where a program has no file, as in a notebook, DuckDB shows a bar on stdout: here none does."""
    write(tmp_path / "a.jsonl", lines())
    program = (
        "import sys; from one_logger.analysis import Run\n"
        "asked = \"SELECT current_setting('enable_progress_bar')\"\n"
        "with Run.open(sys.argv[1]) as run, run.questions('streams') as ask:\n"
        "    print(run.sql(asked).fetchall(), run.execute(asked), ask.rows(asked), list(run.batches(asked, 1)))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[(False,)] [(False,)] [[False]] [[(False,)]]\n"


def test_run_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run writes is in the system's folder for temporary files, and gone when it is closed."""
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    path = write(tmp_path / "a.jsonl", lines())
    with Run.open(path) as run:
        assert run.spans.fetchall()
        assert list(temporary.iterdir())
    assert list(temporary.iterdir()) == []
    assert list(work.iterdir()) == []


def test_notebook_shows_a_table(tmp_path: Path) -> None:
    """What a notebook shows has the state, and no markup out of names."""
    write(tmp_path / "a.jsonl", lines(end=False))
    with Run.open(tmp_path, now_unix_nano=LATER) as run:
        assert "killed" in run._repr_html_()
        assert "in application" in run._repr_html_()
    (tmp_path / "a.jsonl").write_bytes((tmp_path / "a.jsonl").read_bytes().replace(b"application", b"<script>"))
    with Run.open(tmp_path, now_unix_nano=LATER) as run:
        assert "&lt;script&gt;" in run._repr_html_()
        assert "<script>" not in run._repr_html_()


def test_empty_query_is_said(tmp_path: Path) -> None:
    """A query without a word is refused by a sentence."""
    write(tmp_path / "a.jsonl", lines())
    with Run.open(tmp_path) as run, pytest.raises(ReadError, match="empty"):
        run.execute(" ; ")


def test_view_may_be_asked_again(tmp_path: Path) -> None:
    """Each view may be used in many queries, whichever of them are there already."""
    write(tmp_path / "a.jsonl", lines())
    with Run.open(tmp_path) as run:
        for view in ("records", "streams", "gaps", "spans", "events", "errors", "ranks", "restarts") * 2:
            assert run.execute(f"SELECT count(*) >= 0 FROM {view}") == [(True,)]


def test_rows_come_in_batches_while_other_queries_run(tmp_path: Path) -> None:
    """A long answer is read some rows at a time, and the run answers others meanwhile."""
    write(tmp_path / "a.jsonl", lines(steps=8))
    with Run.open(tmp_path) as run:
        sizes = []
        for rows in run.batches("SELECT r.seq FROM records AS r, range(1000) ORDER BY r.seq", 4096):
            sizes.append(len(rows))
            assert run.execute("SELECT count(*) FROM spans") == [(9,)]
        assert max(sizes) <= 4096
        assert sum(sizes) == 1000 * len(lines(steps=8))


def test_attributes_are_objects_however_the_line_is_written(tmp_path: Path) -> None:
    """An attribute is found by its name, also in a record whose fields stand in another order than one-logger's."""
    unusual = [json.dumps(dict(reversed(json.loads(line).items()))).encode() + b"\n" for line in lines()]
    unusual[2] = unusual[2].replace(b"0.0", b'"\\ud800"')
    write(tmp_path / "a.jsonl", unusual)
    with Run.open(tmp_path) as run:
        assert run.execute("SELECT attributes ->> 'loss' FROM events ORDER BY seq") == [("\ufffd",), ("0.5",), ("1.0",)]


@pytest.mark.parametrize(
    ("given", "rank"),
    [(3, 3), ("3", 3), (10**18, 10**18), (3.7, None), ("1e3", None), (-1, None), (True, None)],
    ids=repr,
)
def test_rank_is_a_whole_number(given: object, rank: int | None, tmp_path: Path) -> None:
    """A rank that a resource gives as something else than a whole number is none, rather than rounded to one."""
    line = lines()[0].replace(b'"one_logger.rank":0', b'"one_logger.rank":' + json.dumps(given).encode())
    write(tmp_path / "a.jsonl", [line])
    with Run.open(tmp_path) as run:
        assert run.streams.project("rank").fetchall() == [(rank,)]


def _overview(run: Run) -> object:
    return overview(run).as_json()


def _spans(run: Run) -> object:
    return run.execute("SELECT rank, path, count(*), sum(self_ns) FROM spans GROUP BY ALL ORDER BY ALL")


@pytest.mark.parametrize("question", [_overview, _spans])
def test_a_run_can_be_asked_again_after_an_interruption(question: Callable[[Run], object], tmp_path: Path) -> None:
    """Whenever Ctrl-C comes while files are read and spans are put together, the next question has the whole answer."""
    for rank in range(3):
        write(tmp_path / f"{rank}.jsonl", lines(rank=rank, world_size=3))
    with Run.open(tmp_path, cache=False) as run:
        expected = question(run)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        delay, interrupted, ended = 0.002, 0, False
        while not ended:
            with Run.open(tmp_path, cache=False) as run:
                try:
                    signal.setitimer(signal.ITIMER_REAL, delay)
                    question(run)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    ended = True
                except KeyboardInterrupt:
                    interrupted += 1
                    assert question(run) == expected
            delay *= 1.5
        assert interrupted
    finally:
        signal.signal(signal.SIGALRM, before)


class _StopError(BaseException):
    pass


def test_nothing_is_under_way_any_more_when_an_interruption_goes_on() -> None:
    """Though a second signal comes, and whatever its handler raises: the connection is free when that is raised."""
    called, ended = [], []

    def stop(*_: object) -> None:
        called.append(True)
        raise _StopError

    def work() -> None:
        for number in (1, 2):
            os.kill(os.getpid(), signal.SIGALRM)
            while len(called) < number:
                time.sleep(0.01)
            time.sleep(0.3)  # the other thread has to come to wait for this one
        ended.append(True)

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with duckdb.connect() as connection, pytest.raises(_StopError):
            interruptible(connection, work)
        assert (len(called), len(ended)) == (2, 1)
    finally:
        signal.signal(signal.SIGALRM, before)
