"""The columns of a record in a table, and which lines DuckDB may read alone.

`read_records` of core says what a record is. DuckDB's reader of JSON is many times faster, but it takes some lines that
are no record (one with a trailing comma, or `"seq": 2.0`), and loses some that are one (after a torn line, say). So
what it has read is taken only from lines about which both agree: those that look as one-logger itself writes them.
"""

from __future__ import annotations

# In the order in which an encoder writes them. Those of one type of record stand where no other has any.
COLUMNS = {
    "v": "BIGINT",
    "type": "VARCHAR",
    "stream": "VARCHAR",
    "seq": "BIGINT",
    "trace_id": "VARCHAR",
    "span_id": "VARCHAR",
    "parent_span_id": "VARCHAR",
    "thread": "BIGINT",
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
}

ALWAYS = ("v", "type", "stream", "seq")
"""The fields that each record has."""

EXTRA = "extra"
"""The column for what no other one can hold: unknown fields, and values of another type. A JSON object, or NULL."""

_STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u00[0-9a-f]{2})*"'
_INTEGER = r"(?:0|-?[1-9][0-9]{0,17}|-?[1-8][0-9]{18})"  # of 64 bits, whatever its digits are
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_SCALAR = f"(?:{_STRING}|{_NUMBER}|true|false)"
_VALUE = rf"(?:{_SCALAR}|\[(?:{_SCALAR}(?:,{_SCALAR})*)?\])"
_OBJECT = rf"\{{(?:{_STRING}:{_VALUE}(?:,{_STRING}:{_VALUE})*)?\}}"
_PATTERNS = {"BIGINT": _INTEGER, "VARCHAR": _STRING, "JSON": _OBJECT}


def _line_pattern() -> str:
    parts = []
    for name, kind in COLUMNS.items():
        field = f'{"" if name == "v" else ","}"{name}":{_PATTERNS[kind]}'
        parts.append(field if name in ALWAYS else f"(?:{field})?")
    return rf"\{{{''.join(parts)}\}}"


LINE = _line_pattern()
"""A regular expression, for RE2 and for Python, of the lines that all readers of JSON read alike.

Each field stands at most once, in the encoder's order, with a value of its type, and nothing is nested deeper than the
list in an attribute. A line that doesn't match is read by core: that costs time, not correctness.
"""


def written_again(struct: str) -> str:
    """SQL for the line that an encoder would write for the fields in `struct`.

    Where it equals the line that was read, that line matches `LINE`, but for the depth of attributes. To compare the
    two costs half of what the regular expression does. It is shorter where a text has an escape, so it doesn't equal.
    """
    parts = []
    for name, kind in COLUMNS.items():
        quote = '"' if kind == "VARCHAR" else ""
        key = f'{"{" if name == "v" else ","}"{name}":{quote}'
        # Where the field is NULL, `||` is, and `concat` leaves it out.
        parts.append(f"'{key}' || {struct}.{name}" + (f" || '{quote}'" if quote else ""))
    return f"concat({', '.join(parts)}, '}}')"
