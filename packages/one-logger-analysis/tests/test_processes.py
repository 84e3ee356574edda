"""The command as a process: signals, pipes, terminals, full disks."""

from __future__ import annotations

import os
import pty
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from analysis_streams import lines, write

COMMAND = [sys.executable, "-m", "one_logger.analysis"]
ENDLESS = (
    "SELECT count(*) FROM range(100000) a, range(100000) b, range(1000) c WHERE hash(a.range, b.range, c.range) = 7"
)


def _environment(folder: Path, **changes: str) -> dict[str, str]:
    (folder / "tmp").mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(folder / "tmp"), **changes}


def _wait(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with a run."""
    return write(tmp_path / "run" / "a.jsonl", lines()).parent


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "terminated"]
)
def test_signal_ends_a_query_at_once(tmp_path: Path, run: Path, number: signal.Signals, code: int) -> None:
    """In the midst of a query a signal ends the command, without a traceback, and what it has written is removed."""
    process = subprocess.Popen(
        [*COMMAND, "sql", str(run), ENDLESS],
        cwd=run,
        env=_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _wait(process, lambda: any((tmp_path / "tmp").iterdir()))
    started = _cpu_seconds(process.pid)
    _wait(process, lambda: _cpu_seconds(process.pid) > started + 1)
    before = _cpu_seconds(process.pid)
    process.send_signal(number)
    # By the processor's time, as this machine may have other things to do.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert _cpu_seconds(process.pid) - before < 0.5
    out, err = process.communicate()
    assert (process.returncode, out, err) == (code, b"", b"")
    assert list((tmp_path / "tmp").iterdir()) == []
    assert sorted(path.name for path in run.iterdir()) == ["a.jsonl"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "terminated"]
)
def test_signal_while_the_database_is_imported_ends_the_command(run: Path, number: signal.Signals, code: int) -> None:
    """DuckDB would end the process by SIGABRT if something were raised while its import calls a function in Python."""
    script = f"""
import os, sys

def profile(frame, event, argument):
    if event == "call" and frame.f_globals.get("__name__") == "enum" and "duckdb" in sys.modules:
        sys.setprofile(None)
        os.kill(os.getpid(), {int(number)})

sys.setprofile(profile)
from one_logger.analysis.main import main

sys.exit(main(["verify", "--no-cache", {str(run)!r}]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_signal_ends_reading_at_once(tmp_path: Path) -> None:
    """While files are read, those that core has to read included, Ctrl-C ends the command."""
    written = lines(steps=20_000)
    for number in range(8):
        write(tmp_path / "run" / f"{number}.jsonl", [b"[", *written])  # nothing that DuckDB is trusted with
    process = subprocess.Popen(
        [*COMMAND, "verify", str(tmp_path / "run")],
        env=_environment(tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _wait(process, lambda: any(tmp_path.rglob("repaired.jsonl")))
    process.send_signal(signal.SIGINT)
    assert process.communicate() == (b"", b"")
    assert process.returncode == 130
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list((tmp_path / "cache" / "one-logger").iterdir()) == []


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("option", [[], ["--json"]], ids=["text", "json"])
def test_closed_pipe_ends_the_command(tmp_path: Path, run: Path, unbuffered: str, option: list[str]) -> None:
    """When the reader of stdout has gone, the command ends with 141 and without a word."""
    with subprocess.Popen(
        [*COMMAND, "sql", *option, str(run), "SELECT * FROM range(50000)"],
        env=_environment(tmp_path, PYTHONUNBUFFERED=unbuffered),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def _on_terminal(command: list[str], env: dict[str, str], streams: tuple[str, ...]) -> tuple[int, str]:
    """Run a command with some of its streams on a terminal: its exit code, and what the terminal got."""
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=slave if "stdout" in streams else subprocess.DEVNULL,
            stderr=slave if "stderr" in streams else subprocess.DEVNULL,
        )
    finally:
        os.close(slave)
    got = b""
    while True:
        try:
            piece = os.read(master, 65_536)
        except OSError:  # nobody has the other end any more
            break
        if not piece:
            break
        got += piece
    os.close(master)
    return process.wait(), got.decode()


def test_terminal_has_colours_unless_its_user_says_no(tmp_path: Path, run: Path) -> None:
    """On a terminal the verdict is coloured; not with NO_COLOR, and not on one that can't."""
    for changes, coloured in (
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ):
        env = _environment(tmp_path, **changes)
        env.pop("FORCE_COLOR", None)
        code, out = _on_terminal([*COMMAND, "verify", str(run)], env, ("stdout",))
        assert code == 0
        assert ("\x1b[" in out) == coloured
        assert "all whole" in out


def test_progress_is_shown_on_a_terminal_only(tmp_path: Path) -> None:
    """A bar on stderr says how far reading is; stdout has the answer alone."""
    for number in range(30):
        write(tmp_path / "run" / f"{number}.jsonl", [b"[", *lines(steps=100)])
    env = _environment(tmp_path, TERM="xterm-256color")
    code, err = _on_terminal([*COMMAND, "verify", str(tmp_path / "run")], env, ("stderr",))
    assert code == 0
    assert "reading" in err
    done = subprocess.run([*COMMAND, "verify", str(tmp_path / "run")], env=env, capture_output=True, check=False)
    assert done.stderr == b""


def test_narrow_terminal_without_a_size_works(tmp_path: Path, run: Path) -> None:
    """A terminal of 20 columns, or one that doesn't know its size, gets all that there is."""
    write(run / "a.jsonl", lines()[:-1])
    env = _environment(tmp_path, TERM="dumb", COLUMNS="20")
    code, out = _on_terminal([*COMMAND, "verify", str(run)], env, ("stdout",))
    assert code == 1
    assert "state: " in out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_of_the_terminal_works(tmp_path: Path, encoding: str) -> None:
    """What the terminal's encoding doesn't have is shown by its number."""
    write(tmp_path / "a.jsonl", lines(name="wörk\ud800 \u4e16", end=False))
    env = _environment(tmp_path, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    done = subprocess.run(
        [*COMMAND, "sql", str(tmp_path / "a.jsonl"), "SELECT DISTINCT path FROM spans"],
        env=env,
        capture_output=True,
        check=True,
    )
    text = done.stdout.decode(encoding)
    assert ("wörk" if encoding != "ascii" else "w\\xf6rk") in text
    assert ("\u4e16" if encoding == "utf-8" else "\\u4e16") in text
    assert done.stderr == b""


SPILLING = "SELECT count(*) FROM (SELECT DISTINCT hash(range) FROM range(12000000))"


@pytest.mark.parametrize(
    ("command", "steps", "most", "said"),
    [
        (["show"], 20_000, 50_000, "File too large"),
        (["export", "-o", "out"], 20_000, 50_000, "File too large"),
        (["export", "-o", "out", "--format", "jsonl"], 3_000, 500_000, "'out' cannot be written to: File too large."),
        (["sql", "--memory-limit", "100MB"], 3, 1_000_000, "File too large"),
    ],
    ids=["tables", "parquet", "lines", "spilling"],
)
def test_full_disk_is_said(tmp_path: Path, command: list[str], steps: int, most: int, said: str) -> None:
    """A disk that takes no more, in whatever is written, gives 2, a sentence, and leaves nothing behind."""
    path = write(tmp_path / "a.jsonl", lines(steps=steps))

    def limit() -> None:
        # Files may not grow beyond that: the system's answer differs from that of a full disk in the word only.
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    done = subprocess.run(
        [*COMMAND, *command, str(path), *([SPILLING] if command[0] == "sql" else [])],
        cwd=tmp_path,
        env=_environment(tmp_path),
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("one-logger: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [["show"], ["show", "--json"], ["sql"]], ids=["text", "json", "many rows"])
def test_answer_that_finds_no_room_is_said(tmp_path: Path, run: Path, command: list[str]) -> None:
    """Where stdout goes to a disk that is full, one sentence says so, with 2: the answer is not there."""
    query = ["SELECT * FROM range(50000)"] if command == ["sql"] else []
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *command, str(run), *query],
            env=_environment(tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.stderr == b"one-logger: The output cannot be written: No space left on device.\n"
    assert done.returncode == 2


def test_help_is_quick(run: Path) -> None:
    """What needs no database doesn't import it."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "one_logger.analysis", "--nonsense"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "click" in imported
    assert imported.isdisjoint({"duckdb", "pandas", "pyarrow"})
