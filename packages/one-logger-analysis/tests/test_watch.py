"""`watch`: what `show` says, of files that are being written."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from analysis_streams import lines, write
from synthetic_plan import Hang, Killed, Plan, planted_runs
from synthetic_run import last_time, write_run

from one_logger.analysis import Run
from one_logger.analysis.live import LiveRun, Tail
from one_logger.analysis.schemas import command_schema


def _same(folder: Path) -> None:
    run = LiveRun()
    run.read(Tail([str(folder)]).lines())
    now = last_time(folder) + 10**9
    with Run.open(folder, cache=False, now_unix_nano=now) as opened:
        live, exact = run.overview(now).as_json(), opened.overview().as_json()
    if not exact["trust"]["whole"]:  # where a span's end was lost, what its parent did itself is a guess
        for overview in (live, exact):
            for span in overview["spans"]:
                del span["self_ns"]
    assert live == exact


@pytest.mark.parametrize("number", range(10))
def test_it_says_what_show_says(number: int, tmp_path: Path) -> None:
    """Read line by line, a run has the same state, findings, times, errors and open spans as in the database."""
    plan = [plan for plan in planted_runs(seed=12, count=40) if plan.ranks <= 8 and not plan.threads][number]
    write_run(plan, tmp_path)
    _same(tmp_path)


def test_errors_and_open_spans_are_as_in_the_database(tmp_path: Path) -> None:
    """Errors by kind and spans that are open are those of the views."""
    for rank in (0, 1, 2):
        write(tmp_path / f"{rank}.jsonl", lines(rank=rank, world_size=4, end=rank != 2, dropped=rank))
    _same(tmp_path)


def test_lines_come_as_they_are_written(tmp_path: Path) -> None:
    """Only what was added is given, and a last line that is torn waits for its rest: it is no damage."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\ntw")
    tail = Tail([str(path)])
    assert list(tail.lines()) == [b"one"]
    with path.open("ab") as file:
        file.write(b"o\nthree")
    assert list(tail.lines()) == [b"two"]
    assert list(tail.lines()) == []
    with path.open("ab") as file:
        file.write(b"\n")
    assert list(tail.lines()) == [b"three"]


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_may_not_be_read_is_said_at_once(tmp_path: Path, what: str) -> None:
    """A folder may be empty yet; one that this user may not read, or a file in it, will never be followed."""
    write(tmp_path / "run" / "a.jsonl", lines())
    (tmp_path / "run" if what == "folder" else tmp_path / "run" / "a.jsonl").chmod(0)
    # Nothing is forbidden to root, unless it gives that up.
    forgo = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*forgo, sys.executable, "-m", "one_logger.analysis", "watch", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    (tmp_path / "run").chmod(0o700)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(" may not be read by this user: permission denied.\n")


def test_rotated_file_is_finished_and_the_new_one_begun(tmp_path: Path) -> None:
    """What was written before a file got another name is read, and then what the new file of its name has."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"1\n")
    tail = Tail([str(tmp_path)])
    read = list(tail.lines())
    with path.open("ab") as file:
        file.write(b"2\n")
    path.rename(tmp_path / "a.jsonl.1")
    path.write_bytes(b"3\n")
    for _ in range(3):
        read += tail.lines()
    assert read == [b"1", b"2", b"3"]


def test_file_that_was_cut_is_read_anew(tmp_path: Path) -> None:
    """A file that is smaller than what was read of it was copied and cut by a rotation."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"1\n2\n")
    tail = Tail([str(path)])
    assert list(tail.lines()) == [b"1", b"2"]
    path.write_bytes(b"3\n")
    assert list(tail.lines()) == [b"3"]


def test_compressed_copy_of_what_was_read_counts_once(tmp_path: Path) -> None:
    """A rotated file that is then compressed brings nothing new."""
    written = lines()
    write(tmp_path / "a.jsonl", written)
    run, tail = LiveRun(), Tail([str(tmp_path)])
    assert run.read(tail.lines()) == len(written)
    (tmp_path / "a.jsonl").unlink()
    (tmp_path / "a.jsonl.1.gz").write_bytes(gzip.compress(b"".join(written)))
    assert [run.read(tail.lines()) for _ in range(3)] == [0, 0, 0]
    assert run.overview().trust["whole"]


def test_garbage_is_passed_over(tmp_path: Path) -> None:
    """Lines that are no record, records without their fields, and unknown types end nothing."""
    run = LiveRun()
    odd = [
        b"garbage",
        b'{"v":1,"type":"stop","stream":"s","seq":1}',
        b'{"v":1,"type":"start","stream":"s","seq":2,"span_id":7,"name":null,"start_time_unix_nano":"x"}',
        b'{"v":1,"type":"new","stream":"s","seq":3,"time_unix_nano":5}',
        b'{"v":9,"type":"start","stream":"s","seq":4}',
        b'{"v":1,"type":"error","stream":"s","seq":5,"name":"e","time_unix_nano":5,"error":"text"}',
        b'{"v":1,"type":"telemetry_data_error","stream":"s","seq":6,"dropped":"many"}',
        b'{"v":1,"type":"resource","stream":"s","seq":7,"attributes":[1]}',
    ]
    run.read([*odd, *lines()])
    jsonschema.validate(run.overview().as_json(), command_schema("show"))


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `one-logger watch`."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "one_logger.analysis", "watch", *arguments]
        pipe = subprocess.PIPE
        started.append(
            subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, "COLUMNS": "80"})
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _next(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def test_it_follows_a_run_until_ctrl_c(watching: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    """It waits for a run to begin, says what comes in the shape of `show`, and Ctrl-C ends it with 130."""
    process = watching("--json", "--interval", "0.1", str(tmp_path))
    assert _next(process)["state"] == "empty"
    written = lines(end=True)
    write(tmp_path / "a.jsonl", [*written[:3], written[3][:20]])
    while (answer := _next(process))["state"] == "empty":
        pass
    assert answer["state"] == "running"
    assert answer["trust"]["missing_records"] == 0
    assert answer["open_spans"][0]["path"] == "application"
    jsonschema.validate(answer, command_schema("show"))
    with (tmp_path / "a.jsonl").open("ab") as file:
        file.write(b"".join([written[3][20:], *written[4:]]))
    while (answer := _next(process))["state"] == "running":
        pass
    assert (answer["state"], answer["trust"]["whole"]) == ("finished", True)
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=30)
    assert (process.returncode, complaints) == (130, "")


def test_it_says_a_hang_while_it_lasts(tmp_path: Path) -> None:
    """While a run hangs, and is alive, that is said with the rank that the others wait for."""
    write_run(Plan(ranks=4, steps=60, barriers="recorded", causes=[Hang(2, 40)]), tmp_path)
    run = LiveRun()
    run.read(Tail([str(tmp_path)]).lines())
    verdict = run.overview(last_time(tmp_path)).verdict
    assert (verdict.state, verdict.findings[0].kind, verdict.findings[0].evidence["ranks"]) == ("hanging", "hang", [2])


def test_pages_in_a_pipe_are_text(watching: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    """In a pipe the pages stand one after the other, without a control character."""
    write_run(Plan(ranks=2, steps=60, causes=[Killed(1, 30)]), tmp_path)
    process = watching("--interval", "0.1", str(tmp_path))
    assert process.stdout is not None
    page = [process.stdout.readline() for _ in range(8)]
    assert page[0].startswith("Not all there: ")
    assert not any("\x1b" in line for line in page)


def test_page_stays_in_its_place_on_a_terminal(tmp_path: Path) -> None:
    """On a terminal each page replaces the one before, is no higher than the terminal, and has colours."""
    write_run(Plan(ranks=2, steps=60, causes=[Killed(1, 30)]), tmp_path)
    terminal, inside = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 80, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "one_logger.analysis", "watch", "--interval", "0.1", str(tmp_path)],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env={**environment, "TERM": "xterm"},
    )
    os.close(inside)
    written = b""
    while written.count(b"\x1b[H\x1b[J") < 2 or written.count(b"\n") < 12:
        written += os.read(terminal, 65_536)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # what a terminal of Linux says when nobody has it open any more
        while data := os.read(terminal, 65_536):
            written += data
    os.close(terminal)
    assert process.wait(30) == 130
    page = written.split(b"\x1b[H\x1b[J")[1]
    assert page.count(b"\n") == 11
    assert b"\x1b[1;31mNot all there:" in page


def test_a_path_that_is_not_there_is_said(watching: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    """A file that cannot come by itself gives 2 and a sentence."""
    process = watching(str(tmp_path / "none.jsonl"))
    out, complaints = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert "There is no file" in complaints


def test_memory_does_not_grow_with_records(tmp_path: Path) -> None:
    """A run of many spans is kept as a bounded number of samples, of which the medians are still right."""
    write_run(Plan(ranks=1, steps=6000), tmp_path)
    run = LiveRun()
    run.read(Tail([str(tmp_path)]).lines())
    with Run.open(tmp_path) as opened:
        exact = {path.path: path for path in opened.overview().paths}
    for path in run.overview().paths:
        assert path.spans == exact[path.path].spans
        assert path.total_ns == exact[path.path].total_ns
        assert path.p50_ns == pytest.approx(exact[path.path].p50_ns, rel=0.05)
    assert max(len(state.work.values) for stream in run.streams for state in stream.paths.values()) <= 2048
