"""Where the file exporter writes: placeholders, and paths that others change under it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from one_logger.core import Event, ExportError, OneLoggerError, Resource, Span, read_records, verify
from one_logger.exporter.file import FileExporter


def _open(path: Path | str, resource: Resource | None = None) -> FileExporter:
    exporter = FileExporter(path)
    exporter.initialize(resource or Resource())
    return exporter


def _step(exporter: FileExporter, step: int) -> None:
    exporter.export_event(Event("step", {"step": step}), Span("work"))


def _steps(*paths: Path) -> list[int]:
    """The events in the files, one file after the other."""
    lines = [line for path in paths for line in path.read_bytes().splitlines()]
    return [record["attributes"]["step"] for record in read_records(lines) if record["type"] == "event"]


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{rank}.jsonl", "3.jsonl"),
        ("{rank:05}.jsonl", "00003.jsonl"),
        ("{host}-{pid}.jsonl", "node-7-4711.jsonl"),
        ("{session_tag}/{rank:x}.jsonl", "run-1/3.jsonl"),
        ("{job_id}-{local_rank}.jsonl", "4711_3.0-1.jsonl"),
        ("{host:>10}|{pid!r}", "    node-7|4711"),
        ("{{rank}}.jsonl", "{rank}.jsonl"),
    ],
)
def test_placeholders_are_filled_in(template: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank, process id, host and session tag may stand anywhere in the path, with a format."""
    monkeypatch.chdir(tmp_path)
    job = {"one_logger.job_id": "4711_3.0", "one_logger.local_rank": 1}
    resource = Resource.create(
        "job", session_tag="run-1", rank=3, attributes={"host.name": "node-7", "process.pid": 4711, **job}
    )
    _open(template, resource).close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / name]


def test_placeholders_without_a_value_have_one_all_the_same(tmp_path: Path) -> None:
    """A job without rank, session tag or id writes to rank 0, `untagged` and `unknown`."""
    _open(f"{tmp_path}/{{session_tag}}-{{rank}}-{{job_id}}-{{local_rank}}").close()
    assert [path.name for path in tmp_path.iterdir()] == ["untagged-0-unknown-0"]


@pytest.mark.parametrize(
    "template",
    [
        "{user}",
        "{}",
        "{0}",
        "{rank.real}",
        "{rank[0]}",
        "{rank",
        "rank}",
        "{rank:{user}}",
        "{rank!x}",
        "{host:d}",
        "{rank:q}",
    ],
)
def test_a_template_that_cannot_be_filled_in_is_refused(template: str) -> None:
    """What is no known placeholder, or has a format that can't be right, is an error when the exporter is made."""
    with pytest.raises(OneLoggerError, match="The file path"):
        FileExporter(template)


@pytest.mark.parametrize(
    "tag", ["a/b", "../../up", "..", ".", "...", "/etc/passwd", "a\\b", "a\0b", "\ud800", "é 東京"]
)
@pytest.mark.parametrize("name", ["session_tag", "job_id"])
def test_an_odd_session_tag_leads_nowhere_else(name: str, tag: str, tmp_path: Path) -> None:
    """Whatever the session tag or the job's id is, the file is in the folder that the path says, and is written."""
    folder = tmp_path / "logs" / "deep"
    _open(f"{folder}/{{{name}}}/records.jsonl", Resource({f"one_logger.{name}": tag})).close()
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert file.parent.parent == folder
    assert file.name == "records.jsonl"


@pytest.mark.parametrize("name", ["session_tag", "job_id"])
@pytest.mark.parametrize("text", ["t" * 300, "東" * 300, "a/" * 300], ids=["ASCII", "three bytes each", "slashes"])
def test_a_session_tag_that_is_too_long_is_cut(text: str, name: str, tmp_path: Path) -> None:
    """Two long tags that differ only at their end lead to two files, whose names fit in any file system."""
    for end in "12":
        _open(f"{tmp_path}/{{{name}}}-{{pid}}.jsonl", Resource({f"one_logger.{name}": text + end})).close()
    names = [path.name for path in tmp_path.iterdir()]
    assert len(names) == 2
    assert all(file.startswith(text[:3].replace("/", "_")) and len(file.encode()) < 130 for file in names)


def test_a_session_tag_that_fits_is_not_cut(tmp_path: Path) -> None:
    """A hundred bytes are as they were given, one more is not."""
    for length in (100, 101):
        _open(f"{tmp_path}/{{session_tag}}", Resource({"one_logger.session_tag": "t" * length})).close()
    whole, cut = sorted((path.name for path in tmp_path.iterdir()), reverse=True)
    assert whole == "t" * 100
    assert len(cut) == 100


def test_a_relative_path_is_meant_where_the_exporter_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job may change its working directory before the file is opened, and while it is written."""
    first, *others = (tmp_path / "{first}", tmp_path / "b", tmp_path / "c")
    for folder in (first, *others):
        folder.mkdir()
    monkeypatch.chdir(first)
    exporter = FileExporter("out/{rank}.jsonl")
    monkeypatch.chdir(others[0])
    exporter.initialize(Resource())
    exporter.flush()
    monkeypatch.chdir(others[1])
    (first / "out" / "0.jsonl").rename(first / "moved")
    _step(exporter, 1)
    exporter.close()
    assert [path.relative_to(first).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [
        "moved",
        "out/0.jsonl",
    ]


def test_a_relative_path_without_a_working_directory_is_refused(run_script: Callable[..., str], tmp_path: Path) -> None:
    """A job whose folder was removed is told so when the exporter is made; an absolute path will do there."""
    script = f"""
import os, sys
from one_logger.exporter.file import FileExporter
os.mkdir({str(tmp_path / "gone")!r}); os.chdir({str(tmp_path / "gone")!r}); os.rmdir({str(tmp_path / "gone")!r})
FileExporter("/tmp/a.jsonl")
try:
    FileExporter("a.jsonl")
except Exception as error:
    print(type(error).__name__, error)
"""
    assert run_script(script) == (
        "OneLoggerError The file path 'a.jsonl' is relative, and the working directory is gone.\n"
    )


@pytest.mark.parametrize("path", ["~/out/{rank}.jsonl", b"~/out/0.jsonl", Path("~/out/0.jsonl")], ids=repr)
def test_a_tilde_is_the_home_folder(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a shell, also where the home folder has braces in its name."""
    monkeypatch.setenv("HOME", str(tmp_path / "{me}"))
    _open(path).close()
    assert (tmp_path / "{me}/out/0.jsonl").is_file()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "$SCRATCH/t.jsonl",
            r"has \$SCRATCH, which is not replaced here\. In a configuration file write \$\{SCRATCH\};",
        ),
        ("/data/run-${JOB_ID}.jsonl", r"has \$\{JOB_ID\}, which is not replaced here"),
        ("~nobody-is-called-so/t.jsonl", "begins with ~nobody-is-called-so, and nobody knows that home folder"),
    ],
)
def test_what_only_a_shell_replaces_is_refused(path: str, message: str) -> None:
    """A path with a variable of a shell is no folder called `$SCRATCH`: the error says how to write it."""
    with pytest.raises(OneLoggerError, match=message):
        FileExporter(path)


@pytest.mark.parametrize("name", ["cost$5.jsonl", "a$.jsonl", "$1"])
def test_a_dollar_sign_alone_is_a_character(name: str, tmp_path: Path) -> None:
    """What no shell would replace is a part of the name."""
    _open(tmp_path / name).close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_empty_session_tag_is_no_folder(tmp_path: Path) -> None:
    """An empty session tag takes no room in the path."""
    _open(f"{tmp_path}/a{{session_tag}}b", Resource({"one_logger.session_tag": ""})).close()
    assert [path.name for path in tmp_path.iterdir()] == ["ab"]


@pytest.mark.parametrize("remove", [os.remove, lambda path: path.rename(f"{path}.moved")], ids=["deleted", "moved"])
def test_a_file_that_somebody_takes_away_is_made_anew(remove: Callable[[Path], None], tmp_path: Path) -> None:
    """After the file was moved or deleted, what is flushed next is in a new file, and nothing else is lost."""
    path, moved = tmp_path / "records.jsonl", tmp_path / "records.jsonl.moved"
    exporter = _open(path)
    _step(exporter, 1)
    exporter.flush()
    remove(path)
    _step(exporter, 2)
    exporter.flush()
    _step(exporter, 3)
    exporter.close()
    assert _steps(path) == [2, 3]
    if moved.exists():
        (report,) = verify(read_records(moved.read_bytes().splitlines() + path.read_bytes().splitlines()))
        assert report.whole


def test_a_torn_line_stays_where_it_was_torn(tmp_path: Path) -> None:
    """A new file that takes the place of one with a torn line does not begin with an empty line."""
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"v":1,"torn')
    exporter = _open(path)
    path.rename(f"{path}.moved")
    _step(exporter, 1)
    exporter.close()
    assert path.read_bytes().startswith(b'{"v":1,"type":"resource"')


def test_a_removed_folder_is_made_anew(tmp_path: Path) -> None:
    """After the folder was removed with all that was in it, what is flushed next is there again."""
    path = tmp_path / "a" / "b" / "records.jsonl"
    exporter = _open(path)
    _step(exporter, 1)
    exporter.flush()
    path.unlink()
    path.parent.rmdir()
    path.parent.parent.rmdir()
    _step(exporter, 2)
    exporter.close()
    assert _steps(path) == [2]


@pytest.mark.parametrize("obstacle", ["directory", "file in place of the folder"])
def test_what_stands_in_the_way_may_go_again(obstacle: str, tmp_path: Path) -> None:
    """While the path leads to a directory, or through a file, flushing fails retriably; after that nothing is lost."""
    path = tmp_path / "folder" / "records.jsonl"
    exporter = _open(path)
    _step(exporter, 1)
    exporter.flush()
    path.rename(tmp_path / "first")
    if obstacle == "directory":
        path.mkdir()
    else:
        path.parent.rmdir()
        path.parent.write_text("in the way")
    _step(exporter, 2)
    for _ in range(2):
        with pytest.raises(ExportError) as raised:
            exporter.flush()
        assert raised.value.retriable
    if obstacle == "directory":
        path.rmdir()
    else:
        path.parent.unlink()
    _step(exporter, 3)
    exporter.close()
    assert _steps(tmp_path / "first", path) == [1, 2, 3]


_NO_PERMISSION = """
import os, sys, tempfile
from one_logger.core import Event, ExportError, Resource, Span, read_records, record_schema
from one_logger.exporter.file import FileExporter

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "records.jsonl")
    os.chmod(folder, 0o777)
    exporter = FileExporter(path)
    if os.geteuid() == 0:
        os.seteuid(65534)  # nobody may lose permissions, root cannot
    exporter.initialize(Resource())
    exporter.flush()
    moved = os.path.join(folder, "moved")
    os.rename(path, moved)
    os.seteuid(os.getuid())
    os.chmod(folder, 0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)
    exporter.export_event(Event("step"), Span("work"))
    for _ in range(2):
        try:
            exporter.flush()
        except ExportError as error:
            print(error.retriable, "Permission denied" in str(error))
    os.seteuid(os.getuid())
    os.chmod(folder, 0o777)
    if os.geteuid() == 0:
        os.seteuid(65534)
    exporter.close()
    os.seteuid(os.getuid())
    print([record["type"] for record in read_records(open(path))])
"""


def test_permission_that_comes_back(run_script: Callable[..., str]) -> None:
    """A folder that may not be written to any more is a retriable error; nothing is lost once it may be again."""
    script = _NO_PERMISSION.replace("read_records(open(path))", "read_records(open(path).readlines())")
    assert run_script("import warnings; warnings.simplefilter('ignore', ResourceWarning)\n" + script) == (
        "True True\nTrue True\n['event', 'end']\n"
    )
