"""The columns of a record in a table, and which lines DuckDB may read alone.

`read_records` of core says what a record is. DuckDB's reader of JSON is many times faster, but it takes some lines that
are no record (one with a trailing comma, or `"seq": 2.0`), and loses some that are one (after a torn line, say). So
what it has read is taken only from lines about which both agree: those that look as one-logger itself writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

# In the order in which an encoder writes them. Those of one type of record stand where no other has any.
COLUMNS = {
    "v": "BIGINT",
    "type": "VARCHAR",
    "stream": "VARCHAR",
    "seq": "BIGINT",
    "trace_id": "VARCHAR",
    "span_id": "VARCHAR",
    "parent_span_id": "VARCHAR",
    "name": "VARCHAR",
    "error_type": "VARCHAR",
    "message": "VARCHAR",
    "start_time_unix_nano": "BIGINT",
    "end_time_unix_nano": "BIGINT",
    "duration_ns": "BIGINT",
    "time_unix_nano": "BIGINT",
    "open_spans": "BIGINT",
    "status": "VARCHAR",
    "records": "BIGINT",
    "dropped": "BIGINT",
    "reason": "VARCHAR",
    "attributes": "JSON",
    "error": "JSON",
    "start_event": "JSON",
    "stop_event": "JSON",
    "thread": "BIGINT",
}

ALWAYS = ("v", "type", "stream", "seq")
"""The fields that each record has."""

HEAD = (
    *("v", "type", "stream", "seq", "trace_id", "span_id", "parent_span_id", "name"),
    *("start_time_unix_nano", "end_time_unix_nano", "duration_ns", "time_unix_nano", "status"),
)
"""The fields with which the record of a span or an event begins."""

TYPES_OF_SPANS = ("start", "stop", "complete", "event")
"""The types of records of which there are many."""

_IDS = ("span_id", "parent_span_id")
_OF_STREAMS = (
    *("type", "stream", "seq", "start_time_unix_nano", "end_time_unix_nano", "time_unix_nano"),
    *("dropped", "reason", "attributes"),
)
_OF_SPANS = (
    *_OF_STREAMS,
    *("v", "span_id", "parent_span_id", "name", "duration_ns", "thread", "message", "error"),
)


class Detail(IntEnum):
    """How much of each record is kept."""

    STREAMS = 1
    """What can be proved of its stream."""
    SPANS = 2
    """What there is to say of the times of spans, and of errors."""
    ALL = 3
    """All of it."""

    @property
    def columns(self) -> dict[str, str]:
        """The columns that are kept, and their types."""
        names = {Detail.STREAMS: _OF_STREAMS, Detail.SPANS: _OF_SPANS, Detail.ALL: tuple(COLUMNS)}[self]
        return {name: "UBIGINT" if self.is_number(name) else kind for name, kind in COLUMNS.items() if name in names}

    def is_number(self, name: str) -> bool:
        """Whether the id in this column is kept as a number, see `key`."""
        return self is not Detail.ALL and name in _IDS

    def kept(self, name: str, value: str) -> str:
        """SQL for what is kept in a column.

        Args:
            name: The column.
            value: SQL for what was read.
        """
        return key(value) if self.is_number(name) else value


def key(span_id: str) -> str:
    """SQL for the number of a span, which is written and compared faster than its id. NULL for NULL.

    An id is 16 hexadecimal digits. What is no such id gets a number, too.
    """
    return f"CASE WHEN {span_id} IS NOT NULL THEN coalesce(try_cast('0x' || {span_id} AS UBIGINT), hash({span_id})) END"


EXTRA = "extra"
"""The column for what no other one can hold: unknown fields, and values of another type. A JSON object, or NULL."""

_STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u00[0-9a-f]{2})*"'
# What a column holds: two of them can be added in 64 bits. As nanoseconds they reach from 1938 to 2096.
INTEGERS = range(-(10**18) + 1, 4 * 10**18)
_INTEGER = r"(?:0|-?[1-9][0-9]{0,17}|[1-3][0-9]{18})"
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_SCALAR = f"(?:{_STRING}|{_NUMBER}|true|false)"
_VALUE = rf"(?:{_SCALAR}|\[(?:{_SCALAR}(?:,{_SCALAR})*)?\])"
_OBJECT = rf"\{{(?:{_STRING}:{_VALUE}(?:,{_STRING}:{_VALUE})*)?\}}"
_PATTERNS = {"BIGINT": _INTEGER, "VARCHAR": _STRING, "JSON": _OBJECT}
_VERSION = "1"  # what another one is to be taken for, core says
_SEQ = r"(?:[1-9][0-9]{0,17}|[1-3][0-9]{18})"


def _pattern(names: Iterable[str]) -> str:
    parts = []
    for name in names:
        pattern = {"v": _VERSION, "seq": _SEQ}.get(name, _PATTERNS[COLUMNS[name]])
        field = f'{"" if name == "v" else ","}"{name}":{pattern}'
        parts.append(field if name in ALWAYS else f"(?:{field})?")
    return rf"{''.join(parts)}\}}"


LINE = r"\{" + _pattern(COLUMNS)
"""A regular expression, for RE2 and for Python, of the lines that all readers of JSON read alike.

Each field stands at most once, in the encoder's order, with a value of its type, and nothing is nested deeper than the
list in an attribute. A line that doesn't match is read by core: that costs time, not correctness. A key may still stand
twice among the attributes, see `single_keys`.
"""

AFTER_HEAD = _pattern(list(COLUMNS)[list(COLUMNS).index(HEAD[-1]) + 1 :])
"""A regular expression of what may follow in such a line after the fields of `HEAD`."""


def single_keys(value: str) -> str:
    """SQL for whether each key of a JSON object stands there once. DuckDB takes the first of several, Python the last.

    Args:
        value: SQL for the object, or for NULL.
    """
    keys = f"json_keys({value})"
    return f"({value} IS NULL OR len({keys}) = len(list_distinct({keys})))"
