"""A record as a line of `key=value`, and back."""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from typing import Any

_GROUPS = ("attributes", "start_event", "stop_event", "error")
_BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]*")
_decode = json.JSONDecoder().raw_decode


def format_line(record: dict[str, Any]) -> str:
    """The record as one line of ASCII: `type="event" name="epoch" attributes.loss=0.25`.

    A value is JSON without spaces. A key with anything but letters, digits and `_ . : / -` is written as a JSON string.
    The keys of a nested group begin with the group's name and a dot.
    """
    parts: list[str] = []
    for key, value in record.items():
        if key in _GROUPS:
            parts.extend(f"{_key(f'{key}.{name}')}={_value(nested)}" for name, nested in value.items())
        else:
            parts.append(f"{_key(key)}={_value(value)}")
    return " ".join(parts)


def parse_line(line: str) -> dict[str, Any]:
    """The record from which `format_line` made `line`. A group without members is not restored.

    Raises:
        ValueError: The line is not made of `key=value` pairs. The message says where.
    """
    record: dict[str, Any] = {}
    position = 0
    while position < len(line):
        if line[position] == '"':
            key, position = _decode(line, position)
        elif match := _BARE_KEY.match(line, position):
            key, position = match[0], match.end()
        else:
            raise _unexpected("A key", line, position)
        if line[position : position + 1] != "=":
            raise _unexpected("'='", line, position)
        value, position = _decode(line, position + 1)
        if line[position : position + 1] not in ("", " "):
            raise _unexpected("' '", line, position)
        position += 1
        group, dot, name = key.partition(".")
        if dot and group in _GROUPS:
            record.setdefault(group, {})[name] = value
        else:
            record[key] = value
    return record


def _unexpected(expected: str, line: str, position: int) -> ValueError:
    found = line[position : position + 20]
    return ValueError(f"{expected} was expected at position {position}, but there is {found!r}.")


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key)


def _value(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
