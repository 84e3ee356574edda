"""What records say of their stream that another version, or another program, has written."""

from __future__ import annotations

from typing import Any

import pytest

from one_logger.core import RecordEncoder, Resource, Span, StreamReport, read_records, verify


def _report(*records: dict[str, Any]) -> StreamReport:
    numbered = [{"v": 1, "stream": "s", "seq": seq, **record} for seq, record in enumerate(records, 1)]
    (report,) = verify(numbered)
    return report


@pytest.mark.parametrize("dropped", [-1, -7, None, "many", 2.5, True], ids=repr)
def test_count_that_is_none_stands_for_one_record(dropped: object) -> None:
    """A count of dropped records that cannot be one says that some were dropped: at least one."""
    assert _report({"type": "end", "dropped": dropped}).dropped == 1
    assert _report({"type": "telemetry_data_error", "dropped": dropped}).dropped == 1


def test_end_without_a_count_says_that_nothing_was_dropped() -> None:
    """An `end` that names no dropped records closes a whole stream."""
    report = _report({"type": "resource"}, {"type": "end"})
    assert (report.whole, report.dropped) == (True, 0)


def test_stream_is_closed_by_its_end_alone() -> None:
    """No other record closes a stream, not even that of a span that has ended."""
    encoder, span = RecordEncoder(Resource()), Span("work")
    span.stop()
    (report,) = verify(read_records([encoder.resource(), encoder.start(span)]))
    assert (report.records, report.closed, report.whole) == (2, False, False)


@pytest.mark.parametrize("kind", ["a-new-kind", "telemetry", "zebra"])
def test_record_of_a_kind_that_is_not_known_is_a_record(kind: str) -> None:
    """A record of a later version counts as one, and says nothing else of the stream."""
    report = _report({"type": kind, "dropped": 3, "attributes": {"one_logger.rank": 7}})
    assert (report.records, report.gaps, report.resource, report.rank) == (1, [], None, None)
    assert (report.closed, report.dropped, report.telemetry_data_errors) == (False, 0, 0)
