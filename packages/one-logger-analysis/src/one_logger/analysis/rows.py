"""SQL that makes rows of lines, and says of each line whether its row is what core reads in it.

Most lines are proved without the regular expression `LINE`, which looks at each byte for as long as all the rest takes
together: the line is what an encoder would write for the values that were read in it. So the line begins as `LINE` has
it, whatever the reader of JSON did to find these values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from one_logger.analysis.columns import (
    AFTER_HEAD,
    ALWAYS,
    COLUMNS,
    HEAD,
    INTEGERS,
    LINE,
    TYPES_OF_SPANS,
    Detail,
    single_keys,
)
from one_logger.analysis.duck import quoted

_TIMES = {
    "complete": ("start_time_unix_nano", "end_time_unix_nano", "duration_ns", "status"),
    "start": ("start_time_unix_nano",),
    "stop": ("end_time_unix_nano", "duration_ns", "status"),
    "event": ("time_unix_nano",),
}
"""What the records of spans and events have behind their name."""

_LONGEST_LINE = 4 << 20  # in bytes; a file with a longer one is read by core


def rows(files: Sequence[str], detail: Detail) -> str:
    """SQL for a row for each line of files.

    Its columns are those of `detail`, `file_`, `bytes` (of the line, with its line feed) and `usual`: whether core
    reads the same in this line. If that is false, the other columns mean nothing. At a lower detail than `ALL` spans
    and events have NULL for what none of them has, or is not kept of them.

    Lines that DuckDB's reader of CSV doesn't give as they are have no row: those that are too long, not in UTF-8, or
    hold the delimiter.

    Args:
        files: The files, by names that DuckDB can open and takes for no pattern.
        detail: How much of each record is wanted.
    """
    often = [name for name in (COLUMNS if detail is Detail.ALL else (*HEAD, "thread")) if name != "v"]
    seldom = [name for name in detail.columns if name not in often and name != "v"]
    # What a filter says of a column, DuckDB looks for in what the column is made of: each line would be read again for
    # each mention. So there is no filter, and `usual` is a column.
    read = f"SELECT file_, line, unnest({_fields('line', often)}) FROM {_lines(files)}"
    if seldom:
        kinds = ", ".join(map(quoted, TYPES_OF_SPANS))
        read = f"SELECT *, unnest(CASE WHEN type NOT IN ({kinds}) THEN {_fields('line', seldom)} END) FROM ({read})"
    compared = f"SELECT *, {_head()} AS head FROM ({read})"
    single = [single_keys(name) for name, kind in detail.columns.items() if kind == "JSON"]
    in_range = [
        f"coalesce({name} BETWEEN {INTEGERS[0]} AND {INTEGERS[-1]}, true)"
        for name in HEAD
        if COLUMNS[name] == "BIGINT" and name not in ALWAYS
    ]
    usual = " AND ".join([_is_usual(), f"seq BETWEEN 1 AND {INTEGERS[-1]}", *in_range, *single])
    columns = ", ".join(
        f"{'1::BIGINT' if name == 'v' else detail.kept(name, name)} AS {name}" for name in detail.columns
    )
    # A line of which DuckDB's reader of CSV says nothing, such as a lone carriage return, is NULL.
    return f"SELECT {columns}, file_, strlen(line) + 1 AS bytes, coalesce({usual}, false) AS usual FROM ({compared})"


def _lines(files: Iterable[str]) -> str:
    """The lines as they are: none holds the delimiter."""
    return (
        f"read_csv([{', '.join(map(quoted, files))}], columns = {{line: 'VARCHAR'}}, auto_detect = false, "
        f"header = false, delim = '\x01', quote = '', escape = '', new_line = '\\n', max_line_size = {_LONGEST_LINE}, "
        "ignore_errors = true, filename = 'file_', compression = 'none')"
    )


def _fields(line: str, names: Iterable[str]) -> str:
    """The values of these fields as a struct; NULL for a line that is no JSON."""
    return f"TRY(json_transform({line}, {quoted(json.dumps({name: COLUMNS[name] for name in names}))}))"


def _head() -> str:
    """What the line of a span or an event begins with, up to its attributes, if these are its values. Else NULL."""
    cases = " ".join(
        f"WHEN type = {quoted(kind)} AND {parent} THEN {_beginning(kind, fields)}"
        for kind, times in _TIMES.items()
        for parent, fields in (
            ("parent_span_id IS NULL", ("trace_id", "span_id", "name", *times)),
            ("parent_span_id IS NOT NULL", ("trace_id", "span_id", "parent_span_id", "name", *times)),
        )
    )
    return f"CASE {cases} END"


def _beginning(kind: str, fields: Iterable[str]) -> str:
    """What a line of this type begins with. If a field is NULL, so that it is left out, its key isn't."""
    text = f'{{"v":1,"type":"{kind}","stream":"'
    pieces = [quoted(text), "stream"]
    end = '"'
    for name in ("seq", *fields):
        quote = '"' if COLUMNS[name] == "VARCHAR" else ""
        pieces += [quoted(f'{end},"{name}":{quote}'), name]
        end = quote
    return f"concat({', '.join([*pieces, quoted(end)] if end else pieces)})"


def _is_usual() -> str:
    """Whether a line is as `LINE` has it.

    If the line begins with `head`, the texts in it have no escapes. For an escape is longer than what it stands for:
    where `head` has the quotation mark that ends the first text with an escape, the line still has a part of this text,
    and so an escaped mark. What that stands for is further to the left in `head`, and so in the line: again an escaped
    mark, and so on, but the text has a beginning.

    If the line is longer by one byte, that ends the object, as the line is JSON.
    """
    begins_otherwise = "head IS NULL OR NOT starts_with(line, head)"
    # From the end, as `substring` counts characters. Where these are not bytes, it is too long, and matches nothing.
    tail = "substring(line, strlen(head) - strlen(line))"
    return (
        f"CASE WHEN {begins_otherwise} THEN regexp_full_match(line, {quoted(LINE)}) "
        "WHEN strlen(line) = strlen(head) + 1 THEN true "
        f"WHEN regexp_full_match({tail}, {quoted(AFTER_HEAD)}) THEN true "
        f"ELSE regexp_full_match(line, {quoted(LINE)}) END"
    )
