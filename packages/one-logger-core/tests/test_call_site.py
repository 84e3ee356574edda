"""Where a mistake was made: the log has file, line and function of the job's call."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from inspect import currentframe

import pytest

from one_logger.core import Span, diagnostics


def _line() -> int:
    frame = currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log, without what was reported before."""
    diagnostics.write_reports()
    caplog.clear()
    return caplog


def test_a_report_says_where_the_call_stands(written: pytest.LogCaptureFixture) -> None:
    """A mistake is logged with file and line of the call, also where only the standard library is in between."""
    with ExitStack() as stack:
        stack.callback(Span, "work", {"an odd attribute of this test": object()})
        line = _line() - 2  # where the block begins: it is left there
    diagnostics.write_reports()
    (message,) = written.messages
    assert message.endswith(f" Called at {__file__}:{line}, in test_a_report_says_where_the_call_stands.")


def test_a_report_of_a_thread_of_ours_has_no_place(written: pytest.LogCaptureFixture) -> None:
    """Where none of the job's calls has led to, nothing is said of a place."""
    thread = threading.Thread(target=diagnostics.report, args=("ours alone", "It failed."))
    thread.start()
    thread.join()
    diagnostics.write_reports()
    assert written.messages == ["It failed."]
