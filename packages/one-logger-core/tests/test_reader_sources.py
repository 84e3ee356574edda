"""What records can be read from: paths, open files, content, compressed or not, also when it is damaged."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_lines import stream_lines

from one_logger.core import OneLoggerError, read_records, verify

LINES = stream_lines(60)
DATA = "".join(LINES).encode()
RECORDS = [json.loads(line) for line in LINES]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of the stream."""
    path = tmp_path / "telemetry.jsonl"
    path.write_bytes(DATA)
    return path


@pytest.mark.parametrize(
    "source",
    [
        lambda path: path,
        str,
        Path.read_bytes,
        lambda path: bytearray(path.read_bytes()),
        lambda path: memoryview(path.read_bytes()),
        Path.read_text,
        lambda path: io.StringIO(path.read_text()),
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: [memoryview(line) for line in path.read_bytes().split(b"\n")],
    ],
    ids=["path", "path-text", "bytes", "bytearray", "memoryview", "text", "stringio", "bytesio", "memoryviews"],
)
def test_records_are_read_from(source: Callable[[Path], Any], path: Path) -> None:
    """A path, the content of a file, an open file and lines give the same records."""
    assert list(read_records(source(path))) == RECORDS


@pytest.mark.parametrize("mode", ["r", "rb"])
@pytest.mark.parametrize("buffering", [-1, 100])
def test_an_open_file_is_read_from_where_it_is(mode: str, buffering: int, path: Path) -> None:
    """An open file is read from the line that comes next, in text and in binary mode."""
    with path.open(mode, buffering=buffering) as file:
        file.readline()
        file.readline()
        assert list(read_records(file)) == RECORDS[2:]


def test_a_text_file_whose_disk_was_full_inside_a_character_is_read(path: Path) -> None:
    """A line that ends inside a character costs that line, also in a file that is opened as text."""
    cut = LINES[1].encode()[: LINES[1].encode().index("ö".encode()) + 1]
    path.write_bytes(LINES[0].encode() + cut + b"\n" + "".join(LINES[2:]).encode())
    with path.open(encoding="utf-8") as file:
        records = read_records(file)
        assert list(records) == [RECORDS[0], *RECORDS[2:]]
        assert records.lines_passed_over == 1


def test_a_text_file_that_was_read_from_before_is_read_on(path: Path) -> None:
    """What is no UTF-8 is survived also where the caller has read lines of the text file before."""
    path.write_bytes(DATA * 3 + b"\xc3\n" + DATA)
    with path.open(encoding="utf-8") as file:
        file.readline()
        assert list(read_records(file)) == (RECORDS * 4)[1:]


def test_a_pipe_is_read_as_it_is_written(tmp_path: Path) -> None:
    """Records come out of a pipe when their lines go in, not when it is full or closed."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    done = threading.Event()

    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            for line in LINES[:2]:
                pipe.write(line.encode())
            done.wait(30)

    writer = threading.Thread(target=write)
    writer.start()
    records = read_records(path)
    assert next(records) == RECORDS[0]
    assert next(records) == RECORDS[1]
    done.set()
    writer.join()
    assert list(records) == []


@pytest.mark.parametrize("mode", ["", ".buffer"])
def test_standard_input_is_read(mode: str) -> None:
    """A program may read what another one writes to it, whatever bytes that is, and after a line of its own."""
    script = f"import sys\nfrom one_logger.core import read_records\nsys.stdin{mode}.readline()\n"
    script += f"print(len(list(read_records(sys.stdin{mode}))))"
    data = b"hello\n" + DATA.replace("ö".encode(), b"\xc3") if mode else b"hello\n" + DATA
    done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=True, timeout=60)
    assert int(done.stdout) == len(RECORDS)


@pytest.mark.parametrize("text", ["telemetri.jsonl", "{rank}.jsonl", "some text\nand more", "5", '{"a": 1}'])
def test_a_text_without_records_says_what_was_expected(text: str, tmp_path: Path) -> None:
    """A text that is neither a file nor holds a record is refused at once."""
    with pytest.raises(OneLoggerError, match=r"is neither a file nor a text that holds a record\. Give the path"):
        read_records(text)


def test_a_blank_text_gives_nothing() -> None:
    """The content of an empty file, as a text, gives no records."""
    assert list(read_records("")) == list(read_records("\n")) == []


def test_a_text_of_unknown_versions_is_counted() -> None:
    """A text with records of an unknown version is no mistake of the caller."""
    records = read_records(LINES[0].replace('"v":1', '"v":2'))
    assert list(records) == []
    assert records.unknown_versions == {2: 1}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (5, "Records can't be read from an object of type int. Give the path"),
        (None, "object of type NoneType"),
        ({"v": 1}, "object of type dict"),
        (Path("missing.jsonl"), "'missing.jsonl' can't be read: No such file or directory"),
        (Path("/"), "'/' is a folder. Give the path of each file"),
        (Path("a\0b"), "can't be read"),
    ],
)
def test_what_cannot_be_read_is_said_at_once(source: Any, message: str) -> None:
    """Another object, a path that is not there, and a folder are refused when reading is asked for, with a sentence."""
    with pytest.raises(OneLoggerError) as caught:
        read_records(source)
    assert message in str(caught.value)


def test_an_item_that_is_no_line_is_refused() -> None:
    """Lines are text or UTF-8; something else among them is a mistake of the caller."""
    with pytest.raises(OneLoggerError, match="A line is an object of type int; expected text or UTF-8"):
        list(read_records([LINES[0], 5]))  # type: ignore[list-item]


def test_a_file_that_goes_away_before_it_is_read_is_said(path: Path) -> None:
    """A path is opened when the first record is asked for; if it is gone by then, that is said the same way."""
    records = read_records(path)
    path.unlink()
    with pytest.raises(OneLoggerError, match="No such file"):
        next(records)


def test_only_a_line_feed_ends_a_line(path: Path) -> None:
    """Other characters that end a line for some programs may stand in a text."""
    record = {**RECORDS[0], "attributes": {"text": "a\u2028b\x85c\u000b"}}
    line = json.dumps(record, ensure_ascii=False).replace("\\u000b", "\x0b") + "\n"
    path.write_text(line.replace("\x0b", " "), encoding="utf-8")
    (read,) = read_records(path)
    assert read["attributes"]["text"] == "a\u2028b\x85c "


def test_memory_is_flat(tmp_path: Path) -> None:
    """Reading a large file takes no more memory than a small one."""
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        for _ in range(600):
            file.write(DATA)
    assert path.stat().st_size > 5_000_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_records(path)) == 600 * len(RECORDS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000


def test_a_line_without_end_is_survived(tmp_path: Path) -> None:
    """Zeros that a crash has left, however many, are passed over in pieces."""
    path = tmp_path / "sparse.jsonl"
    with path.open("wb") as file:
        file.write(DATA[:-1])
        file.seek(300_000_000, os.SEEK_CUR)
        file.write(DATA)
    tracemalloc.start()
    try:
        assert list(read_records(path)) == RECORDS * 2
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 300_000_000  # some copies of a piece; the line has as many bytes


@pytest.mark.parametrize("name", ["telemetry.jsonl.gz", "telemetry.jsonl"])
@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
def test_compressed_files_are_read(compress: Callable[[bytes], bytes], name: str, tmp_path: Path) -> None:
    """A file that is compressed is read whatever its name, also if it has many parts, and from bytes as well."""
    path = tmp_path / name
    path.write_bytes(b"".join(compress(line.encode()) for line in LINES))
    assert list(read_records(path)) == list(read_records(path.read_bytes())) == RECORDS
    with path.open("rb") as file:
        assert list(read_records(file)) == RECORDS


def _members(*lines: str) -> list[bytes]:
    """Members as they are written by one flush each."""
    return [gzip.compress("".join(lines[start : start + 6]).encode()) for start in range(0, len(lines), 6)]


@settings(max_examples=200)
@given(st.data())
def test_a_torn_member_costs_itself_alone(data: st.DataObject) -> None:
    """Where a process was killed while it wrote a gzip member, those before and after it are read."""
    members = _members(*LINES)
    torn = data.draw(st.integers(0, len(members) - 1))
    cut = data.draw(st.integers(0, len(members[torn]) - 1))
    content = b"".join([*members[:torn], members[torn][:cut], *members[torn + 1 :]])
    records = list(read_records(content))
    assert all(record in RECORDS for record in records)
    others = RECORDS[: torn * 6] + RECORDS[torn * 6 + 6 :]
    assert [record for record in records if record in others] == others


@given(st.binary(max_size=40), st.integers(0), st.booleans())
def test_damage_inside_a_member_is_survived(damage: bytes, where: int, inserted: bool) -> None:
    """Any bytes inside a gzip file leave the members readable that they don't touch."""
    members = _members(*LINES)
    middle = members[4]
    position = where % len(middle)
    members[4] = middle[:position] + damage + middle[position + (0 if inserted else len(damage)) :]
    records = [record["seq"] for record in read_records(b"".join(members))]
    assert set(range(1, 25)) | set(range(31, 61)) <= set(records)


def test_a_cut_gzip_file_gives_what_it_has(tmp_path: Path) -> None:
    """Of a gzip file that was cut off, all lines before the cut are read."""
    path = tmp_path / "telemetry.gz"
    whole = gzip.compress(DATA * 50)
    path.write_bytes(whole[: len(whole) // 2])
    records = list(read_records(path))
    assert len(records) > 500
    assert records == (RECORDS * 50)[: len(records)]


def test_a_damaged_gzip_file_gives_what_comes_before(tmp_path: Path) -> None:
    """Of a gzip file with a damaged block, all lines before the damage are read."""
    whole = gzip.compress("".join(stream_lines(5_000)).encode())
    damaged = whole[: len(whole) // 2] + b"\xff" * 64 + whole[len(whole) // 2 + 64 :]
    records = list(read_records(damaged))
    assert len(records) > 1_000
    assert [record["seq"] for record in records[:1_000]] == list(range(1, 1_001))


def test_zeros_after_a_gzip_file_are_passed_over() -> None:
    """Padding after the last member, as tapes and block devices leave it, is no record and no error."""
    assert list(read_records(gzip.compress(DATA) + b"\0" * 1_000)) == RECORDS


@pytest.mark.parametrize("kept", [0.5, 0.01])
def test_a_cut_zstandard_file_gives_what_it_has(kept: float) -> None:
    """Of a Zstandard file that was cut off, what its whole blocks hold is read."""
    first, second = (zstandard.ZstdCompressor().compress(DATA) for _ in range(2))
    records = list(read_records(first + second[: int(len(second) * kept)]))
    assert records[: len(RECORDS)] == RECORDS


def test_what_can_read_zstandard_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can decompress Zstandard, what to install is said."""
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    with pytest.raises(OneLoggerError, match="pip install zstandard"):
        list(read_records(zstandard.ZstdCompressor().compress(DATA)))


def test_a_member_that_seems_to_begin_inside_another_one_does_not_end_it() -> None:
    """Content in which the first bytes of a gzip file stand by chance is read as it is."""
    stored = gzip.compress(b"\x1f\x8b\x08\n" * 10 + DATA, compresslevel=0)
    assert stored.count(b"\x1f\x8b\x08") == 11
    assert list(read_records(stored + gzip.compress(DATA))) == RECORDS * 2


def test_verify_takes_whatever_is_read(path: Path) -> None:
    """A path goes to `verify` as well."""
    assert verify(path).whole
