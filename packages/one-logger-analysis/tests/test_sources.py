"""Which files are read, whatever their names and kinds."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
from analysis_streams import lines, write

from one_logger.analysis import ReadError, Run

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@pytest.mark.parametrize(
    "name",
    [
        "a[1].jsonl",
        "b*.jsonl",
        "c?.jsonl",
        "it's.jsonl",
        'quoted".jsonl',
        "with space.jsonl",
        "{rank}.jsonl",
        "wörk.jsonl",
        "new\nline.jsonl",
        "-o.jsonl",
        "s3:x.jsonl",
        os.fsdecode(b"\xff.jsonl"),
    ],
    ids=ascii,
)
def test_any_name_is_that_of_one_file(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a name that could be a pattern, or is no UTF-8, is read, and no other one is."""
    monkeypatch.chdir(tmp_path)
    for other in ("a1.jsonl", "b2.jsonl", "c3.jsonl"):
        write(tmp_path / other, lines(rank=7))
    write(tmp_path / name, lines(rank=1))
    for path in (name, tmp_path / name):
        with Run.open(path) as run:
            assert [stream.rank for stream in run.verify().streams] == [1]
            assert run.records.project("file").distinct().shape == (1, 1)


def test_pattern_names_files(tmp_path: Path) -> None:
    """A pattern names what it matches, folders and what is in them included."""
    for name in ("x/rank-0.jsonl", "x/rank-1.jsonl", "y/z/rank-2.jsonl", "y/other.jsonl"):
        write(tmp_path / name, lines(rank=int(name[-7]) if name[-7].isdigit() else 9))
    for pattern, ranks in (("x/rank-[01].jsonl", [0, 1]), ("**/rank-*.jsonl", [0, 1, 2]), ("?", [0, 1, 2, 9])):
        with Run.open(tmp_path / pattern) as run:
            assert [stream.rank for stream in run.verify().streams] == ranks


def test_folder_has_files_of_records_alone(tmp_path: Path) -> None:
    """In a folder, rotated and compressed files are read; hidden ones, and those of other kinds, aren't."""
    names = ["a.jsonl", "b.ndjson", "c.jsonl.20261125T195857.123456789Z-12", "d.jsonl.1", "sub/e.jsonl.gz", "f.json"]
    for rank, name in enumerate(names):
        write(tmp_path / name, lines(rank=rank))
    for name in (".hidden.jsonl", ".folder/g.jsonl", "log.txt", "jsonl", "picture.png"):
        write(tmp_path / name, lines(rank=99))
    with Run.open(tmp_path) as run:
        assert sorted(stream.rank or 0 for stream in run.verify().streams) == list(range(len(names)))


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.zst", "a"])
def test_compressed_file_is_known_by_its_content(tmp_path: Path, kind: str, name: str) -> None:
    """A compressed file is read whatever its name is, several members one after the other, too."""
    written = b"".join(lines(steps=30))
    compress = gzip.compress if kind == "gzip" else zstd.compress
    (tmp_path / name).write_bytes(compress(written[:1000]) + compress(written[1000:]))
    with Run.open(tmp_path / name) as run:
        assert run.verify().whole


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_compressed_file_that_was_cut_off_gives_what_it_has(tmp_path: Path, kind: str) -> None:
    """Of a compressed file whose writer was killed, what came before is read, and its stream is cut short."""
    written = b"".join(lines(steps=3000))
    compress = gzip.compress if kind == "gzip" else zstd.compress
    packed = compress(written)
    for data in (packed[: len(packed) // 2], packed[: len(packed) // 2] + b"\0" * 100, packed[:20]):
        (tmp_path / "a").write_bytes(data)
        with Run.open(tmp_path / "a", now_unix_nano=4 * 10**18 - 1) as run:
            assert all(stream.state == "cut short" for stream in run.verify().streams)
    (tmp_path / "a").write_bytes(packed + b"\0" * 1000)
    with Run.open(tmp_path / "a") as run:
        assert run.verify().whole == (kind == "gzip" or run.verify().whole)
        assert run.verify().streams[0].closed


def test_thousands_of_files_are_read_with_few_descriptors(tmp_path: Path) -> None:
    """A run of 3,000 files is read by a process that may have 64 open."""
    one = lines()
    for number in range(3_000):
        write(tmp_path / f"{number:04}.jsonl", one)
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); "
        "from one_logger.analysis import Run; run = Run.open(sys.argv[1]); print(len(run.counts)); run.close()"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "3000\n"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nope.jsonl", "no file 'nope.jsonl'"),
        ("no*.jsonl", "No file matches the pattern"),
        ("empty", "has no file of records"),
        ("pipe", "is no file and no folder"),
        ("a.jsonl/b", "cannot be read"),
    ],
)
def test_path_without_a_file_is_refused(tmp_path: Path, path: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that names nothing to read is refused by a sentence that has the path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    write(tmp_path / "a.jsonl", lines())
    with pytest.raises(ReadError, match=said):
        Run.open(path)


def test_no_path_is_refused() -> None:
    """Nothing to read is a mistake."""
    with pytest.raises(ReadError, match="No path"):
        Run.open()


def test_parquet_of_others_is_no_run(tmp_path: Path) -> None:
    """A Parquet file without records is known for what it is."""
    write(tmp_path / "a.jsonl", lines())
    with Run.open(tmp_path / "a.jsonl") as run:
        run.sql("SELECT 1 AS x").to_parquet(str(tmp_path / "b.parquet"))
        run.records.to_parquet(str(tmp_path / "c.parquet"))
    with Run.open(tmp_path / "b.parquet") as run:
        assert [count.is_foreign for count in run.counts] == [True]
    with Run.open(tmp_path / "c.parquet") as run:
        assert run.verify().whole
        assert run.spans.shape[0] == 4
