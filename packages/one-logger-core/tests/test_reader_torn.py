"""Reading on behind a line that was torn."""

from __future__ import annotations

import json

import pytest

from one_logger.core import Event, RecordEncoder, Resource, Span, read_records

ENCODER = RecordEncoder(Resource())
LINE = ENCODER.event(Event("step", {"step": 1}), Span("work"))
# An event with attributes that look like a record.
LOOK_ALIKE = ENCODER.event(Event("step", {"v": 1, "type": "end", "stream": "s", "seq": 1}), Span("work"))


@pytest.mark.parametrize("torn", [LINE, LOOK_ALIKE, LINE.replace('{"v":', '{"u":')], ids=["record", "look", "foreign"])
def test_record_behind_a_fragment_in_the_same_line_is_read(torn: str) -> None:
    """Wherever a line was torn, the record that another process has written behind it is read, and nothing else.

    Behind a colon nobody can tell it from a part of the torn record.
    """
    for end in range(len(torn) - 2):
        if torn[end - 1] != ":":
            assert list(read_records([torn[:end] + LINE])) == [json.loads(LINE)]


def test_records_behind_several_fragments_are_read() -> None:
    """Each whole record in a line of whole and torn ones is read."""
    torn = LINE[:20]
    line = torn + LINE.strip() + torn + torn + LINE.strip() + LOOK_ALIKE[:-2] + LINE
    assert list(read_records([line])) == [json.loads(LINE)] * 3


def test_record_that_another_object_follows_is_read() -> None:
    """An object that is no record does not hide the record behind it in the same line."""
    assert list(read_records(['{"a":1}' + LINE, "{}" + LINE, '{"v":1}{"v":2}' + LINE])) == [json.loads(LINE)] * 3


def test_the_rest_of_a_torn_line_is_no_record() -> None:
    """Of a line whose beginning is lost, attributes that look like a record are not taken for one."""
    attributes = LOOK_ALIKE.index('{"v":', 1)
    for begin in range(1, attributes):
        assert list(read_records([LOOK_ALIKE[begin:]])) == []
