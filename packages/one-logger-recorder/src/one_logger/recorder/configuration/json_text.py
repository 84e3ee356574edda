"""Reads JSON, and the line of each value."""

from __future__ import annotations

import json
import re

from one_logger.recorder.configuration.problem import Path, UnusableError

_LEXEME = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s"\[\]{},:]+|\n')


def read_json(text: str) -> tuple[object, dict[Path, int]]:
    """The value in a JSON document, and the line of each value. Raises `UnusableError` if it is not valid."""
    try:
        return json.loads(text, object_pairs_hook=_object), _lines(text)
    except json.JSONDecodeError as error:
        raise UnusableError(f"{error.msg[:1].lower()}{error.msg[1:]} (column {error.colno})", error.lineno) from None
    except RecursionError:
        raise UnusableError("it is nested too deeply") from None
    except ValueError:  # an integer of more digits than Python reads
        raise UnusableError("a number in it is too long") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in pairs:
        if key in values:
            raise UnusableError(f"the key {key!r} stands in one object twice")
        values[key] = value
    return values


def _lines(text: str) -> dict[Path, int]:
    """The line of each value in a valid JSON text. For a member of an object it is the line of the key."""
    lines: dict[Path, int] = {}
    steps: list[str | int | None] = []  # the place in each array and object that is open; None: a key comes next
    line = 1
    for lexeme in _LEXEME.findall(text):
        if lexeme == "\n":
            line += 1
        elif lexeme == ",":
            last = steps[-1]
            steps[-1] = last + 1 if isinstance(last, int) else None
        elif lexeme in ("]", "}"):
            steps.pop()
        elif lexeme != ":":
            if is_key := steps[-1:] == [None]:
                steps[-1] = json.loads(lexeme)
            lines.setdefault(tuple(step for step in steps if step is not None), line)
            if not is_key and lexeme in ("[", "{"):
                steps.append(0 if lexeme == "[" else None)
    return lines
