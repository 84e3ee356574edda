"""How the current span crosses the borders of threads, pools, tasks and processes."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from one_logger.api import carry_context, child_environment, current_span, timed_span
from one_logger.core import NOOP_SPAN, Span, SpanContext

Configure = Callable[..., Any]


def test_threads_start_without_a_current_span(configure: Configure) -> None:
    """A new thread does not see the span of the thread that started it."""
    configure()
    with timed_span("outer"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(current_span).result() is NOOP_SPAN


def test_carry_context_takes_the_span_along(configure: Configure) -> None:
    """A carried function sees the span that was current when it was carried, and leaves no trace in its thread."""
    configure()
    with ThreadPoolExecutor(1) as pool:
        with timed_span("outer") as outer:
            carried = carry_context(current_span)
        assert outer.is_recording() is False
        with timed_span("outer") as outer:
            assert pool.submit(carry_context(current_span)).result() is outer
        assert pool.submit(current_span).result() is NOOP_SPAN
        assert pool.submit(carried).result() is NOOP_SPAN, "its span has ended"


def test_carried_function_may_run_many_times_at_once(configure: Configure) -> None:
    """One carried function runs in several threads at the same time, each with spans of its own."""
    configure()
    together = threading.Barrier(4)

    def work(number: int) -> Span:
        """Work."""
        with timed_span(f"work {number}") as span:
            together.wait(timeout=30)
            assert current_span() is span
        return span

    with timed_span("outer") as outer, ThreadPoolExecutor(4) as pool:
        carried = carry_context(work)
        assert carried.__doc__ == "Work."
        spans = list(pool.map(carried, range(4)))
    assert {span.parent_span_id for span in spans} == {outer.span_id}


def test_carried_coroutine_function(configure: Configure) -> None:
    """A coroutine function keeps the carried span while it waits, in a loop of another thread."""
    configure()

    async def work() -> Span:
        await asyncio.sleep(0)
        return current_span()

    with timed_span("outer") as outer, ThreadPoolExecutor(1) as pool:
        carried = carry_context(work)
        assert pool.submit(lambda: asyncio.run(carried())).result() is outer


def test_exception_of_a_carried_function_goes_through(configure: Configure) -> None:
    """The caller's current span is back after a carried function has raised."""
    configure()

    def fail() -> None:
        raise ValueError("no")

    with timed_span("carried"):
        carried = carry_context(fail)
    with timed_span("caller") as caller:
        with pytest.raises(ValueError, match="no"):
            carried()
        assert current_span() is caller


def test_span_stopped_in_another_thread_is_not_current_any_more(configure: Configure) -> None:
    """If another thread stops the current span, the nearest open span around it is the current one."""
    recorder = configure()
    with timed_span("outer") as outer:
        span = recorder.start("inner")
        thread = threading.Thread(target=recorder.stop, args=(span,))
        thread.start()
        thread.join()
        assert current_span() is outer


def test_child_environment_names_the_current_span(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy has the current span as `TRACEPARENT`; the environment of the process is not changed."""
    configure()
    monkeypatch.setenv("OTHER", "1")
    monkeypatch.delenv("TRACEPARENT", raising=False)
    with timed_span("outer") as outer:
        environment = child_environment()
    assert SpanContext.from_traceparent(environment["TRACEPARENT"]) == outer.context
    assert environment["OTHER"] == "1"
    assert "TRACEPARENT" not in os.environ


def test_child_environment_copies_what_is_given(configure: Configure) -> None:
    """A given environment is copied, not changed, and replaces that of the process."""
    configure()
    given = {"A": "1"}
    with timed_span("outer"):
        environment = child_environment(given)
    assert set(environment) == {"A", "TRACEPARENT"}
    assert given == {"A": "1"}


def test_child_environment_without_a_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a current span the trace of the parent process is handed on as it is."""
    monkeypatch.setenv("TRACEPARENT", "as it was")
    assert child_environment() == dict(os.environ)
