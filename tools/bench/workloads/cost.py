"""The time that spans, events and errors take their caller, in bursts with a pause after each."""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Iterable

from tools.bench.contenders.contender import Shapes, Spans
from tools.bench.workloads.workload import Figures, Workload, scaled

BURST = 100
"""How many are made without a pause. OpenTelemetry keeps no more than 128 events in a span."""

PAUSE = 0.005
"""Seconds after a burst: the worker threads are not what is measured here."""

TASKS = 20
"""How many tasks share a burst with asyncio."""

THREADS = (1, 4, 16)
SPANS_IN_THREADS = 4_000
"""Spans that all threads together make."""


def measure(contender: Spans, arguments: argparse.Namespace) -> Figures:
    """Microseconds per span, event or error."""
    contender.configure()
    bursts = scaled(arguments.bursts, arguments, 5)

    def cost(record: Callable[[Iterable[int]], None], each: int = 1) -> float:
        return _cost(record, bursts) / BURST / each * 1e6

    figures: Figures = {"span": cost(contender.spans)}
    if isinstance(contender, Shapes) and not arguments.only_spans:
        error = _raised()
        figures |= {
            "span_without_attributes": cost(contender.spans_without_attributes),
            "span_with_10_attributes": cost(contender.spans_with_10_attributes),
            "nested_span": cost(contender.nested_spans, 4),
            "event": cost(contender.events),
            "error": cost(lambda steps: contender.errors(steps, error)),
            "asyncio": cost(_in_tasks(contender.async_spans)) - cost(_in_tasks(_only_switch)),
        }
        for threads in THREADS:
            figures[f"threads_{threads}"] = _in_threads(contender, threads, scaled(SPANS_IN_THREADS, arguments, 100))
    contender.close(2)  # one that fails takes all the time that it gets
    return figures


def _cost(record: Callable[[Iterable[int]], None], bursts: int) -> float:
    """Seconds for a burst, the median of all of them."""
    record(range(BURST))
    taken = []
    for number in range(bursts):
        time.sleep(PAUSE)
        begin = time.perf_counter()
        record(range(number * BURST, (number + 1) * BURST))
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def _raised() -> Exception:
    """An exception that has a traceback of a few frames."""

    def fail(depth: int) -> None:
        if not depth:
            raise ValueError("The batch has missing pixels.")
        fail(depth - 1)

    try:
        fail(3)
    except ValueError as error:
        return error
    raise AssertionError


Task = Callable[[Iterable[int], Callable[[], Awaitable[None]]], Awaitable[None]]


def _in_tasks(task: Task) -> Callable[[Iterable[int]], None]:
    """What has a number of tasks do a burst."""

    async def switch() -> None:
        await asyncio.sleep(0)

    async def tasks() -> None:
        await asyncio.gather(*(task(range(BURST // TASKS), switch) for _ in range(TASKS)))

    return lambda _: asyncio.run(tasks())


async def _only_switch(steps: Iterable[int], switch: Callable[[], Awaitable[None]]) -> None:
    for _ in steps:
        await switch()


def _in_threads(contender: Spans, threads: int, spans: int) -> float:
    """Microseconds per span from when all threads are let go until the last one is done."""
    gc.collect()
    contender.flush()
    barrier = threading.Barrier(threads + 1)
    each = range(spans // threads)

    def work() -> None:
        barrier.wait()
        contender.spans(each)
        barrier.wait()

    for _ in range(threads):
        threading.Thread(target=work, daemon=True).start()
    barrier.wait()
    begin = time.perf_counter()
    barrier.wait()
    return (time.perf_counter() - begin) / (len(each) * threads) * 1e6


def main() -> None:
    """Run from the command line."""
    workload = Workload(__doc__)
    workload.add_argument("--bursts", type=int, default=60, help="how many bursts of each (default: 60)")
    workload.add_argument("--only-spans", action="store_true", help="only spans with two attributes")
    workload.run(Spans, measure)


if __name__ == "__main__":
    main()
