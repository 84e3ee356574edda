"""The job is interrupted at every instruction of the library: the exception reaches it, and nothing is spoilt."""

from __future__ import annotations

import ctypes
import gc
import inspect
import signal
import sys
import threading
import time
from collections.abc import Callable
from random import Random
from types import FrameType
from typing import Any

import pytest

from one_logger.api import OneLoggerConfig, get_recorder, record_event, timed_span
from one_logger.api.testing import configured
from one_logger.core import Event, verify
from one_logger.exporter.memory import InMemoryExporter
from one_logger.recorder import DefaultRecorder


class TimeLimitError(Exception):
    """What the job raises: an ordinary exception."""


def _interrupted_at(number: int, work: Callable[[], object], before_it: Callable[[], object] = lambda: None) -> bool:
    """Call `work`, and raise in the place of the instruction of that number in the library. Whether there was one."""
    left = number

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if not str(frame.f_globals.get("__name__")).startswith("one_logger."):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left < 0:
                sys.settrace(None)
                before_it()
                raise TimeLimitError
        return trace

    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # Python 3.12 looks at instructions if this was set before it traces
    sys.settrace(trace)
    try:
        work()
    except TimeLimitError:
        return True
    finally:
        sys.settrace(before)
    assert left >= 0, f"what was raised at instruction {number} has not reached the job"
    return False


def _consistent(records: list[dict[str, Any]]) -> None:
    """Each start has its stop, and no more, or else the stream says that something is missing."""
    (report,) = verify(records)
    assert report.closed
    begun = [record["span_id"] for record in records if record["type"] in ("start", "complete")]
    ended = [record["span_id"] for record in records if record["type"] in ("stop", "complete")]
    assert len(begun) == len(set(begun))
    assert len(ended) == len(set(ended))
    assert set(ended) == set(begun) or report.dropped


def _nested() -> None:
    with timed_span("work", {"a": 1}):
        record_event("event", {"b": [1, 2]})
        with timed_span("inner") as inner:
            inner.set_attribute("c", 3)


def _failing() -> None:
    try:
        with timed_span("failing"):
            raise ValueError("no")
    except ValueError:
        pass


def _by_hand() -> None:
    span = get_recorder().start("by hand")
    get_recorder().event(span, Event("event"))
    get_recorder().stop(span, {"a": 1})


@pytest.mark.parametrize(("work", "exporters"), [(_nested, 1), (_nested, 2), (_failing, 1), (_by_hand, 2)])
def test_an_interruption_at_any_instruction_spoils_nothing(work: Callable[[], None], exporters: int) -> None:
    """It reaches the job; what is current is right; each start has its stop, or its loss is counted."""
    for number in range(100_000):
        memories = [InMemoryExporter() for _ in range(exporters)]
        recorder = DefaultRecorder(memories)
        with configured(OneLoggerConfig("app"), recorder):
            with timed_span("before"):
                pass
            interrupted = _interrupted_at(number, work)
            with timed_span("around") as around:
                # Of a span that start() has just returned, nobody can know that it is nobody's.
                assert around.parent_span_id is None or work is _by_hand, number
                interrupted = _interrupted_at(number, work) and interrupted
                with timed_span("in it") as inner:
                    assert inner.parent_span_id == around.span_id or work is _by_hand, number
            with timed_span("after") as after:
                assert after.parent_span_id is None or work is _by_hand
            assert recorder.close(timeout=30) or any(each.dropped for each in recorder.stats().values())
        for memory in memories:
            _consistent(memory.records)
        if not interrupted:
            assert number > 100
            return


def test_a_stop_that_the_worker_has_taken_is_not_exported_again() -> None:
    """However much the worker has taken between an instruction and the interruption there, no span is stopped twice."""
    for number in range(100_000):
        memories = [InMemoryExporter(), InMemoryExporter()]
        recorder = DefaultRecorder(memories)
        with configured(OneLoggerConfig("app"), recorder):
            interrupted = _interrupted_at(number, _by_hand, recorder.flush)
            assert recorder.close(timeout=30) or any(each.dropped for each in recorder.stats().values())
        for memory in memories:
            _consistent(memory.records)
        if not interrupted:
            assert number > 100
            return


def test_a_time_limit_at_any_moment_reaches_the_job() -> None:
    """Signals come at random while the job records: what each raises is caught by the job, and nothing is spoilt."""
    raised = caught = 0

    def limit(number: int, frame: FrameType | None) -> None:
        nonlocal raised
        raised += 1
        raise TimeLimitError

    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter])
    previous, random = signal.signal(signal.SIGALRM, limit), Random(1)
    gc.collect()
    gc.disable()  # Python swallows what is raised while it collects what other tests have left
    try:
        with configured(OneLoggerConfig("app"), recorder):
            for _ in range(300):
                try:
                    signal.setitimer(signal.ITIMER_REAL, random.uniform(20e-6, 1e-3))
                    for _ in range(20_000):
                        _nested()
                except TimeLimitError:
                    caught += 1
                with timed_span("after") as after:
                    assert after.parent_span_id is None
            assert recorder.close(timeout=30) or any(each.dropped for each in recorder.stats().values())
    finally:
        gc.enable()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert raised == caught == 300
    _consistent(exporter.records)


def test_an_exception_from_another_thread_reaches_the_job() -> None:
    """So it is with what `PyThreadState_SetAsyncExc` raises, by which some libraries enforce time limits."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter])
    main = threading.get_ident()
    begun = threading.Lock()  # held by the job while it does not record

    def limit() -> None:
        begun.acquire()  # until the job records: starting a thread does not stand being interrupted
        time.sleep(0.002)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(main), ctypes.py_object(TimeLimitError))

    begun.acquire()
    gc.disable()  # what is raised in a callback of the collector goes nowhere
    try:
        with configured(OneLoggerConfig("app"), recorder):
            for _ in range(50):
                watchdog = threading.Thread(target=limit)
                watchdog.start()
                with pytest.raises(TimeLimitError):
                    begun.release()
                    for _ in range(20_000):
                        _nested()
                watchdog.join()
                with timed_span("after") as after:
                    assert after.parent_span_id is None
            assert recorder.close(timeout=30) or any(each.dropped for each in recorder.stats().values())
    finally:
        gc.enable()
    _consistent(exporter.records)


def test_a_job_that_uses_up_the_stack_spoils_nothing() -> None:
    """Wherever the stack ends in the library, the job may catch that, and its spans are right afterwards."""
    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter])

    def dive(levels: int) -> None:
        if levels:
            dive(levels - 1)
        else:
            _nested()

    with configured(OneLoggerConfig("app"), recorder):
        ended = 0
        deepest = sys.getrecursionlimit() - len(inspect.stack(0))
        for levels in range(deepest - 60, deepest):
            try:
                dive(levels)
            except RecursionError:
                ended += 1
            with timed_span("after") as after:
                assert after.parent_span_id is None, levels
        assert 0 < ended < 60
        assert recorder.close(timeout=30) or any(each.dropped for each in recorder.stats().values())
    _consistent(exporter.records)


def test_a_fault_of_the_job_s_objects_does_not_reach_it() -> None:
    """What an object raises when it is looked at for an attribute is no interruption, though it looks like one."""

    class Odd:
        def __repr__(self) -> str:
            raise TimeLimitError

    exporter = InMemoryExporter()
    recorder = DefaultRecorder([exporter])
    with configured(OneLoggerConfig("app"), recorder):
        with timed_span("work", {"odd": Odd()}):
            record_event("event", {"odd": [Odd()]})
        assert recorder.close(timeout=30)
