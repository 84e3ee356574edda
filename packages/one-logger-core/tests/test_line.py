import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from one_logger.exporter.logger import format_line, parse_line

_GROUPS = ("attributes", "start_event", "stop_event", "error")
_TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from(" =|\"'\\\n\r{}.,"))
_SCALAR = _TEXT | st.booleans() | st.integers() | st.floats(allow_nan=False)
_FIELD = st.text(string.ascii_letters + "_", min_size=1).filter(lambda name: name not in _GROUPS)
_GROUP = st.dictionaries(_TEXT, _SCALAR | st.lists(_SCALAR), min_size=1)


@given(st.dictionaries(_FIELD, _SCALAR), st.dictionaries(st.sampled_from(_GROUPS), _GROUP))
def test_any_record_is_parsed_back(fields: dict[str, object], groups: dict[str, object]) -> None:
    """The line of any record is one line of ASCII, and parses back to the record."""
    record = {**fields, **groups}
    line = format_line(record)
    assert line.isascii()
    assert line.isprintable()
    assert parse_line(line) == record


def test_line_reads_well() -> None:
    """Names that need no quotes have none, and values are JSON."""
    record = {"v": 1, "type": "event", "name": "epoch", "attributes": {"loss": 0.25, "exception.type": "E", "ok": True}}
    line = 'v=1 type="event" name="epoch" attributes.loss=0.25 attributes.exception.type="E" attributes.ok=true'
    assert format_line(record) == line


@pytest.mark.parametrize(
    "name",
    [
        "exception.type",
        "a=b",
        "a|b",
        "a b",
        'a"b',
        "a'b",
        "a\nb",
        "",
        ".",
        "..",
        "attributes",
        "error.message",
        "東京",
        "-a",
    ],
)
def test_any_name_of_an_attribute_is_parsed_back(name: str) -> None:
    """Names with dots, as OpenTelemetry has them, and names that are syntax, survive."""
    record = {"type": "event", "attributes": {name: "value"}}
    assert parse_line(format_line(record)) == record


@pytest.mark.parametrize(
    "text", ["a=b", "a|b", 'say "a"=1', "two\nlines", "\r\u2028\x85", "東京 🎉", "\ud800", "\\", " ", ""]
)
def test_any_text_is_parsed_back(text: str) -> None:
    """Texts with quotes, line ends and signs that are syntax survive."""
    record = {"type": "event", "name": text, "attributes": {"text": text, "texts": [text, text]}}
    assert parse_line(format_line(record)) == record


def test_empty_line_is_an_empty_record() -> None:
    """A record without fields is an empty line, and back."""
    assert format_line({}) == ""
    assert parse_line("") == {}


@pytest.mark.parametrize(
    ("line", "position"),
    [
        ("=1", 0),
        ("a", 1),
        ("a 1", 1),
        ("a=1  b=2", 4),
        ("a=1,b=2", 3),
        ('a=1 5="x"', 4),
        ('"key" =1', 5),
    ],
)
def test_error_says_where_a_line_stops_being_one(line: str, position: int) -> None:
    """A line that is something else raises `ValueError` with the position."""
    with pytest.raises(ValueError, match=rf"position {position}\b"):
        parse_line(line)


@pytest.mark.parametrize("line", ["a=", "a=x", 'a="cut', "a={", '"cut', "Epoch 7 took 5 s", "INFO: a=1"])
def test_other_lines_are_refused(line: str) -> None:
    """A line of the log that is no record raises `ValueError`."""
    with pytest.raises(ValueError):  # noqa: PT011 - the class is what is promised
        parse_line(line)


@given(st.text())
def test_any_line_is_parsed_or_refused(line: str) -> None:
    """No line raises anything but `ValueError`."""
    try:
        record: dict[str, Any] = parse_line(line)
    except ValueError:
        return
    json.dumps(record)
