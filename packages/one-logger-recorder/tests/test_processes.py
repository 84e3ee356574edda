"""Jobs of several processes: every span of every process arrives, as a child of the span that it belongs to."""

from __future__ import annotations

import ast
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from one_logger.core import SpanData, read_records, read_spans, verify

SETUP = """
import multiprocessing, os, signal, subprocess, sys, time
from concurrent.futures import ProcessPoolExecutor
from one_logger.api import *
from one_logger.recorder import configure

FOLDER, METHOD = sys.argv[1:3]

def set_up():
    configure("app", exporters=[{"type": "file", "config": {"file_path": FOLDER + "/{pid}.jsonl"}}])

def work(number):
    with timed_span("task", {"number": number}):
        with timed_span("inner"):
            pass
    return number

if __name__ == "__main__":
    set_up()
    processes = multiprocessing.get_context(METHOD)
    # A forked process has inherited the configuration.
    initializer = None if METHOD == "fork" else set_up
"""

METHODS = ["fork", "spawn", "forkserver"]


class Job:
    """A script that runs in processes of its own, and what it has recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "telemetry"
        self.folder.mkdir()
        self.script = folder / "job.py"

    def start(self, code: str, method: str = "fork", setup: str = SETUP) -> subprocess.Popen[str]:
        """Start the script."""
        self.script.write_text(setup + code)
        command = [sys.executable, "-W", "ignore", str(self.script), str(self.folder), method]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, code: str, method: str = "fork", setup: str = SETUP) -> str:
        """Run the script to its end. What it has printed."""
        process = self.start(code, method, setup)
        output, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
        return output

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of all processes."""
        return [record for file in self.folder.iterdir() for record in read_records(file)]

    def spans(self, name: str) -> list[SpanData]:
        """The spans of this name. Every stream has to be whole."""
        records = self.records
        assert all(report.whole for report in verify(records))
        return [span for span in read_spans(records) if span.name == name]

    def check_tasks(self, count: int) -> None:
        """Check that each task is there once, with what is in it, as a child of the span `main`."""
        (main,) = self.spans("main")
        tasks = self.spans("task")
        assert sorted(task.attributes["number"] for task in tasks) == list(range(count))
        assert {task.parent_span_id for task in tasks} == {main.span_id}
        assert {task.trace_id for task in tasks} == {main.trace_id}
        assert len({task.stream for task in tasks} - {main.stream}) >= 1, "tasks ran in other processes"
        assert {inner.parent_span_id for inner in self.spans("inner")} == {task.span_id for task in tasks}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job in a folder of its own."""
    return Job(tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_a_pool_of_multiprocessing(job: Job, method: str) -> None:
    """Of a pool that is left by `with`, which terminates its workers, all that they have recorded arrives."""
    job.run(
        """
    with timed_span("main"), processes.Pool(2, initializer) as pool:
        assert pool.map(carry_context(work), range(20), chunksize=3) == list(range(20))
""",
        method,
    )
    job.check_tasks(20)


@pytest.mark.parametrize("method", METHODS)
def test_a_process_pool_executor(job: Job, method: str) -> None:
    """Of the workers of `concurrent.futures`, too, with `map` and with `submit`."""
    job.run(
        """
    with timed_span("main"):
        with ProcessPoolExecutor(2, mp_context=processes, initializer=initializer) as pool:
            assert list(pool.map(carry_context(work), range(10))) == list(range(10))
            assert pool.submit(carry_context(work), 10).result() == 10
""",
        method,
    )
    job.check_tasks(11)


@pytest.mark.parametrize("method", METHODS)
def test_single_processes(job: Job, method: str) -> None:
    """A `Process` that ends by itself delivers; where it does not inherit the configuration, it configures."""
    job.run(
        """
    with timed_span("main"):
        all = [processes.Process(target=carry_context(set_up_and_work), args=(number,)) for number in range(3)]
        for process in all:
            process.start()
        for process in all:
            process.join()
            assert process.exitcode == 0
""",
        method,
        SETUP.replace(
            'if __name__ == "__main__":',
            """def set_up_and_work(number):
    if METHOD != "fork":
        set_up()
    work(number)

if __name__ == "__main__":""",
        ),
    )
    job.check_tasks(3)


LOADER = SETUP.replace(
    'if __name__ == "__main__":',
    """def load(numbers, batches, span):
    # As torch.utils.data does: the worker is a daemon that waits for the next index until its process is ended.
    if METHOD != "fork":
        set_up()
    batches.put("ready")
    for number in iter(numbers.get, None):
        batches.put(span(number))

if __name__ == "__main__":""",
)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ending", ["terminated", "stopped"])
def test_workers_of_a_data_loader(job: Job, method: str, ending: str) -> None:
    """Daemons that wait for work, and are ended by SIGTERM when the job exits, or by a message, deliver all spans."""
    job.run(
        f"""
    with timed_span("main"):
        numbers, batches = processes.Queue(), processes.Queue()
        loaders = [
            processes.Process(target=load, args=(numbers, batches, carry_context(work)), daemon=True) for _ in range(2)
        ]
        for loader in loaders:
            loader.start()
        for _ in loaders:  # one that still starts when the job ends does not find the queues any more
            assert batches.get() == "ready"
        for number in range(10):
            numbers.put(number)
        assert sorted(batches.get() for _ in range(10)) == list(range(10))
    if {ending == "stopped"}:
        for loader in loaders:
            numbers.put(None)
        for loader in loaders:
            loader.join()
""",
        method,
        LOADER,
    )
    job.check_tasks(10)


def test_a_subprocess(job: Job) -> None:
    """A program that is started with `child_environment()` has its root spans in the span that has started it."""
    job.run(
        """
    if METHOD == "child":
        work(0)
        work(1)
    else:
        with timed_span("main"):
            environment = child_environment()
            subprocess.run([sys.executable, sys.argv[0], FOLDER, "child"], check=True, env=environment)
        assert "TRACEPARENT" not in os.environ
""",
        setup=SETUP.replace("    processes =", '    processes = None if METHOD == "child" else'),
    )
    job.check_tasks(2)


def test_a_subprocess_of_a_pool_s_worker(job: Job) -> None:
    """What `carry_context` has brought to a worker goes on to the programs and pools that it starts."""
    job.run(
        """
    with timed_span("main") as main, ProcessPoolExecutor(1, mp_context=processes, initializer=initializer) as pool:
        parent = main.context.traceparent
        assert pool.submit(carry_context(start)).result() == parent
        assert pool.submit(start).result() is None
        assert pool.submit(carry_context(carry)).result() == [parent, parent, None]
""",
        "spawn",
        SETUP.replace(
            'if __name__ == "__main__":',
            """def start():
    return child_environment().get("TRACEPARENT")

def carry():
    import pickle
    with timed_span("root") as root:
        pass
    again = pickle.loads(pickle.dumps(carry_context(start)))
    return [f"00-{root.trace_id:032x}-{root.parent_span_id:016x}-01", again(), os.environ.get("TRACEPARENT")]

if __name__ == "__main__":""",
        ),
    )


@pytest.mark.parametrize(
    "others", ["", "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))"], ids=["alone", "handled"]
)
def test_configure_delivers_on_sigterm(job: Job, others: str) -> None:
    """A job that is preempted delivers, and dies by the signal; one that handles it does what it says, and delivers."""
    process = job.start(
        f"""
    {others}
    with timed_span("main"):
        work(0)
        print("ready", flush=True)
        while True:
            time.sleep(1)
"""
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (3 if others else -signal.SIGTERM, "")
    assert [span.attributes["number"] for span in job.spans("task")] == [0]
    (main,) = job.spans("main")
    assert main.attributes == ({} if others else {"one_logger.unfinished": True})


@pytest.mark.parametrize(
    "code",
    [
        'configure("app", exporters=[], recorder={"flush_on_signals": []})',
        'signal.signal(signal.SIGTERM, signal.SIG_IGN); configure("app", exporters=[])',
        'thread = threading.Thread(target=lambda: configure("app", exporters=[])); thread.start(); thread.join()',
        'configure("app", exporters=[], enable_for_current_rank=False)',
    ],
    ids=["switched off", "ignored", "on another thread", "disabled"],
)
def test_configure_leaves_the_signal_alone(code: str) -> None:
    """Where it is told so, where the signal is handled, and where Python allows no handlers, nothing changes."""
    script = f"""
import signal, threading
from one_logger.api import get_recorder
from one_logger.recorder import configure
before = signal.getsignal(signal.SIGTERM)
{code}
kinds = [before, signal.SIG_IGN]
assert signal.getsignal(signal.SIGTERM) in kinds, signal.getsignal(signal.SIGTERM)
get_recorder().close()
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_children_that_are_killed_lose_what_was_not_flushed(
    job: Job, until: Callable[[Callable[[], object]], None]
) -> None:
    """SIGKILL takes what no exporter has yet; that the stream was cut short can be seen."""
    process = job.start(
        """
    with timed_span("main"):
        child = processes.Process(target=work_for_ever)
        child.start()
        child.join()
        print(child.exitcode)
""",
        setup=SETUP.replace(
            'if __name__ == "__main__":',
            """def work_for_ever():
    work(0)
    get_recorder().flush()
    print(os.getpid(), flush=True)
    time.sleep(60)

if __name__ == "__main__":""",
        ),
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    subprocess.run(["kill", "-KILL", str(child)], check=True)  # noqa: S607 - wherever it is
    output, _ = process.communicate(timeout=60)
    assert output == "-9\n"
    reports = {report.closed: report for report in verify(job.records)}
    assert reports[True].whole
    assert not reports[False].whole
    assert "task" in [record.get("name") for record in job.records]


def test_a_forked_worker_may_be_configured_anew(job: Job) -> None:
    """With `replace=True` the initializer of a forked worker configures it anew, without an error."""
    job.run(
        """
    with timed_span("main"), ProcessPoolExecutor(2, mp_context=processes, initializer=set_up) as pool:
        assert list(pool.map(carry_context(work), range(10))) == list(range(10))
""",
        setup=SETUP.replace('configure("app", ', 'configure("app", replace=True, '),
    )
    job.check_tasks(10)
    assert "telemetry_data_error" not in [record["type"] for record in job.records]


def test_the_page_s_example_runs(job: Job) -> None:
    """The example of the page prints what the page says, and its spans are in one trace."""
    code, printed = re.findall(r"```(?:python|text)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[:2]
    code = code.replace('"telemetry/{pid}.jsonl"', f'"{job.folder}/{{pid}}.jsonl"')
    code = code.replace("import ProcessPoolExecutor", "import ProcessPoolExecutor\nimport multiprocessing as mp")
    code = code.replace("ProcessPoolExecutor(2, ", 'ProcessPoolExecutor(2, mp_context=mp.get_context("spawn"), ')
    assert job.run(code, setup="") == printed
    (main,) = job.spans("main")
    assert [span.parent_span_id for span in job.spans("resize")] == [main.span_id] * 3


PAGE = Path(__file__).parents[2] / "one-logger-api/docs/processes.md"


def test_each_claim_of_the_page_names_a_test() -> None:
    """Every row of the page's table names a test of this file."""
    rows = [row for row in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| (?!what|---)", row)]
    tests = {node.name for node in ast.parse(Path(__file__).read_text()).body if isinstance(node, ast.FunctionDef)}
    named = [re.findall(r"`(test_\w+)`", row) for row in rows]
    assert len(rows) > 8
    assert all(names and tests.issuperset(names) for names in named), named
