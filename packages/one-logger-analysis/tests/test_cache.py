"""Tables that are kept for the next time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from analysis_streams import lines, write

from one_logger.analysis import Run
from one_logger.analysis.cache import Cache
from one_logger.analysis.sources import find_sources


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is large enough to be kept, and was changed a minute ago."""
    path = tmp_path_factory.mktemp("large") / "a.jsonl"
    write(path, lines(steps=70_000))
    _age(path)
    return path


def _age(path: Path) -> None:
    then = time.time() - 60
    os.utime(path, (then, then))


def _kept() -> list[Path]:
    return sorted(Path(os.environ["XDG_CACHE_HOME"], "one-logger").glob("*"))


def _facts(path: Path, *, cache: bool = True) -> list[object]:
    with Run.open(path, cache=cache) as run:
        return [
            run.verify(),
            run.counts,
            run.sql(
                "SELECT path, count(*), sum(self_ns), count(attributes) FROM spans GROUP BY path ORDER BY path"
            ).fetchall(),
            run.sql("SELECT type, count(*), max(seq) FROM records GROUP BY type ORDER BY type").fetchall(),
            run.errors.fetchall(),
        ]


def test_second_time_gives_the_same_without_reading(large: Path) -> None:
    """What is kept says the same as the files, and the files aren't opened again."""
    first = _facts(large, cache=False)
    assert _kept() == []
    assert _facts(large) == first
    [entry] = _kept()
    content = large.read_bytes()
    status = large.stat()
    try:
        large.write_bytes(b"x" * len(content))  # of the same size and time: only who reads it sees that
        os.utime(large, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert _facts(large) == first
    finally:
        large.write_bytes(content)
        _age(large)
    assert _kept() == [entry]


def test_file_that_has_changed_is_read_again(large: Path, tmp_path: Path) -> None:
    """Another size or time of change makes what is kept useless."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(large.read_bytes())
    _age(path)
    before = _facts(path)
    with path.open("ab") as file:
        file.writelines(lines(rank=1))
    assert len(_facts(path)[0].streams) == len(before[0].streams) + 1  # type: ignore[attr-defined]


def test_spans_that_are_made_later_are_kept_too(large: Path) -> None:
    """A run that was verified first and looked at later has all in what is kept."""
    with Run.open(large) as run:
        run.verify()
    [entry] = _kept()
    assert not (entry / "spans").exists()
    with Run.open(large) as run:
        assert run.spans.shape[0] == 70_001
    assert (entry / "spans").is_dir()


def test_what_a_short_question_has_kept_is_not_taken_for_all(large: Path) -> None:
    """After `verify` and `show` the next one still gets all of each record, and what is kept has it from then on."""
    expected = _facts(large, cache=False)
    with Run.open(large) as run:
        run.verify()
    [entry] = _kept()
    size = sum(file.stat().st_size for file in entry.rglob("*") if file.is_file())
    with Run.open(large) as run:
        shown = run.overview().as_json()
    assert _facts(large) == expected
    assert sum(file.stat().st_size for file in entry.rglob("*") if file.is_file()) > size
    with Run.open(large) as run:
        read: list[int] = []
        run.progress = lambda done, total: read.append(done)
        assert run.overview().as_json() == shown
        assert run.records.shape[0] == 140_005
        assert read == []


def test_small_run_and_one_that_was_just_written_are_not_kept(large: Path, tmp_path: Path) -> None:
    """What costs nothing to read, and what may still change unseen, is read each time."""
    small = write(tmp_path / "small.jsonl", lines())
    _age(small)
    _facts(small)
    fresh = tmp_path / "fresh.jsonl"
    fresh.write_bytes(large.read_bytes())
    soon = time.time() + 3600  # the time of change doesn't get old while the test runs
    os.utime(fresh, (soon, soon))
    _facts(fresh)
    assert _kept() == []


def test_what_is_kept_is_bounded(large: Path, tmp_path: Path) -> None:
    """Beyond the limit, what was used longest ago goes; so does what a killed process has left."""
    folder = tmp_path / "kept"
    sources = find_sources([large])
    first = Cache(str(folder), limit=1_000_000)
    for number in range(4):
        working = first.work([source._replace(size=source.size + number) for source in sources])
        assert working is not None
        Path(working, "data").write_bytes(b"x" * 400_000)
        entry = first._entry([source._replace(size=source.size + number) for source in sources])
        Path(working).rename(entry)
        os.utime(entry, (number, number))
    (folder / "working-dead").mkdir()
    os.utime(folder / "working-dead", (0, 0))
    working = first.work(sources)
    assert working is not None
    first.keep(working, sources)
    assert len(list(folder.iterdir())) == 2
    assert Path(first._entry(sources)).is_dir()


def test_cache_that_cannot_be_written_is_done_without(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder for caches that can't be made doesn't matter."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert _facts(large)


def test_run_goes_on_when_what_it_uses_is_removed(large: Path) -> None:
    """What is kept may be removed while a run uses it."""
    first = _facts(large)
    with Run.open(large) as run:
        run.verify()
        for entry in _kept():
            for file in entry.rglob("*"):
                if file.is_file() and not entry.name.startswith("working-"):
                    file.unlink()
        assert run.errors.fetchall() == first[-1]
